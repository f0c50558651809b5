// On every page of the console: times in the reader's zone, live counts, notices of what was assigned, the key map.

import { isTyping, open, watchDialogs } from "./dialogs.js";
import "./times.js";
import { say } from "./toasts.js";

watchDialogs();

for (const button of document.querySelectorAll('[data-act="keys"]')) {
  if (!document.querySelector('[data-dialog="keys"]')) continue;
  button.hidden = false;
  button.addEventListener("click", () => open(document, "keys"));
}

addEventListener("keydown", (event) => {
  if (event.key !== "?" || isTyping(event.target) || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const shown = document.querySelector('[data-dialog="keys"]');
  if (shown?.open) shown.close();
  else if (!document.querySelector("dialog[open]")) open(document, "keys");
});

addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});

let before;

function show(found) {
  for (const count of document.querySelectorAll('[data-live="open"]')) {
    count.textContent = found.open.toLocaleString();
    count.hidden = false;
    count.classList.toggle("alarm", found.overdue > 0);
  }
  for (const [queue, [waiting, overdue]] of Object.entries(found.queues)) {
    const row = document.querySelector(`[data-queue="${CSS.escape(queue)}"]`);
    if (!row) continue;
    row.querySelector('[data-live-queue="open"]').textContent = waiting.toLocaleString();
    row.querySelector('[data-live-queue="overdue"]').textContent = overdue ? overdue.toLocaleString() : "";
  }
  if (before) announce(found);
  before = found;
}

function announce(found) {
  const fresh = found.handed.filter((job) => !before.handed.includes(job));
  if (fresh.length) {
    const text = fresh.length === 1 ? "A colleague handed a job to you." : `${fresh.length} jobs were handed to you.`;
    say(text, { seconds: 20, act: () => location.assign(`/console/jobs/${fresh[0]}`), title: "Open", name: "handed" });
  }
  if (found.overdue > before.overdue) say(`${found.overdue} past the deadline.`, { bad: true, seconds: 8, name: "overdue" });
}

if (document.querySelector('.top nav [data-live="open"]') && document.body.dataset.live !== undefined) {
  const source = new EventSource("/console/events");
  source.addEventListener("waiting", (event) => show(JSON.parse(event.data)));
  addEventListener("pagehide", () => source.close());
}
