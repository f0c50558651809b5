// A restricted picture on its record's page: two steps to look, concealed whenever the page is left, and nothing that
// was typed into the report lost by leaving.
import { Looking, concealOnLeaving, watchPointer } from "./look.js";
import { isTyping } from "./dialogs.js";

const root = document.querySelector("[data-case]");
const facts = JSON.parse(root.querySelector("[data-facts]").textContent);
const looking = new Looking(root, facts);
const wanted = facts.keys?.reveal ?? "Space";
const isLook = (event) => (wanted === "Space" ? event.code === "Space" : event.key.toLowerCase() === wanted.toLowerCase());

watchPointer(root, looking);
concealOnLeaving(() => looking);
addEventListener("keydown", (event) => {
  if (!isLook(event) || event.repeat || isTyping(event.target)) return;
  if (event.target.closest("button, summary, label, a, input")) return;
  event.preventDefault();
  if (looking.toggles && looking.on) looking.stop();
  else looking.start({ full: event.shiftKey });
});
addEventListener("keyup", (event) => {
  if (isLook(event) && !looking.toggles) looking.stop();
});

const report = root.querySelector("[data-report]");
let changed = false;
report.addEventListener("input", () => { changed = true; });
for (const form of root.querySelectorAll("form")) form.addEventListener("submit", () => { changed = false; });
addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });
