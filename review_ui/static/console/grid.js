// The grid: look at pictures one by one, choose those that were seen, decide them together in two steps. The server
// asks the same again: it decides nothing whose picture it did not send to this person, and nothing it did not show for
// confirmation before.

import { Refusal, postForm, sendJson } from "./api.js";
import { Looking, concealOnLeaving } from "./look.js";
import { localise } from "./times.js";
import { say } from "./toasts.js";

const SEEN_MS = 400;
const POLL_MS = 50;
const PAUSE_MS = 600;

const facts = JSON.parse(document.querySelector("script[data-facts]").textContent);
const keys = facts.keys;
const form = document.querySelector("[data-batch]");
const bricks = [...document.querySelectorAll("[data-brick]")];
const dialog = document.querySelector("[data-confirm-dialog]");
const opened = Date.now();

let looking = null;
let anchor = null;
let poll = 0;
const warned = new Set();

for (const kbd of document.querySelectorAll("kbd[data-key]")) kbd.textContent = keys[kbd.dataset.key] ?? kbd.textContent;

const box = (brick) => brick.querySelector('input[name="job"]');
const isSeen = (brick) => brick.classList.contains("seen");
const chosen = () => bricks.filter((brick) => box(brick)?.checked);
const current = () => document.activeElement?.closest?.("[data-brick]");

function pressed(event, act) {
  const wanted = keys[act];
  return wanted === "Space" ? event.code === "Space" : event.key.toLowerCase() === wanted?.toLowerCase();
}

/* Which are seen, which are chosen */

function count() {
  document.querySelector("[data-chosen]").textContent = chosen().length;
  document.querySelector("[data-seen-count]").textContent = bricks.filter(isSeen).length;
  for (const brick of bricks) brick.classList.toggle("chosen", Boolean(box(brick)?.checked));
  for (const button of form.querySelectorAll(".choice")) button.disabled = chosen().length === 0;
}

function seen(brick) {
  if (isSeen(brick)) return;
  brick.classList.add("seen");
  box(brick).disabled = false;
  brick.querySelector("[data-state]").textContent = "seen";
  count();
}

function choose(brick, on = !box(brick)?.checked) {
  if (!box(brick)) return say("This one is decided on its own page.", { seconds: 3, name: "grid" });
  if (!isSeen(brick)) return say("Look at it first: hold the key.", { seconds: 3, name: "grid" });
  box(brick).checked = on;
  anchor = brick;
  count();
}

function chooseTo(brick) {
  const [from, to] = [bricks.indexOf(anchor ?? brick), bricks.indexOf(brick)].sort((a, b) => a - b);
  for (const one of bricks.slice(from, to + 1)) if (isSeen(one) && box(one)) box(one).checked = true;
  count();
}

/* Looking */

function look(brick, full) {
  if (looking?.on || !box(brick)) return;
  const name = brick.dataset.category;
  const own = facts.looks[name];
  looking = new Looking(brick, { ...own, job: brick.dataset.brick, warn: own.warn && !warned.has(name) });
  if (own.warn && !warned.has(name)) warned.add(name);
  looking.start({ full });
  if (!looking.on) return;
  brick.classList.add("open");
  let since = 0;
  poll = setInterval(() => {
    if (!brick.querySelector(".stage").classList.contains("looking")) return;
    since ||= performance.now();
    if (performance.now() - since >= SEEN_MS) seen(brick);
    if (!looking?.on) conceal();
  }, POLL_MS);
}

function conceal() {
  clearInterval(poll);
  looking?.stop();
  for (const brick of bricks) brick.classList.remove("open");
}

/* Moving */

function go(brick) {
  if (!brick) return;
  conceal();
  for (const one of bricks) one.tabIndex = one === brick ? 0 : -1;
  brick.focus({ preventScroll: true });
  brick.scrollIntoView({ block: "nearest" });
}

function columns() {
  const top = bricks[0].offsetTop;
  const next = bricks.findIndex((brick) => brick.offsetTop > top);
  return next < 0 ? bricks.length : next;
}

function move(event, brick) {
  const at = bricks.indexOf(brick);
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(), ArrowDown: columns() };
  const to = { Home: 0, End: bricks.length - 1 }[event.key] ?? (event.key in steps ? at + steps[event.key] : null);
  if (to === null) return false;
  const target = bricks[to];
  if (target && event.shiftKey) {
    anchor ??= brick;
    chooseTo(target);
  } else if (target) anchor = null;
  go(target);
  return true;
}

function nextUnseen(brick, back) {
  const order = back ? [...bricks].reverse() : bricks;
  const at = order.indexOf(brick);
  return order.slice(at + 1).find((one) => box(one) && !isSeen(one));
}

/* Two steps */

const fail = (error) => {
  if (!(error instanceof Refusal)) throw error;
  say(`${error.message} ${error.hint}`.trim(), { bad: true, seconds: 9, name: "grid" });
};

async function ask(fields) {
  const body = new URLSearchParams(fields);
  const response = await fetch(`${facts.path}/confirm`, {
    method: "POST",
    body,
    credentials: "same-origin",
    headers: { Accept: "text/html", "X-CSRF-Token": document.body.dataset.csrf },
  });
  const shown = new DOMParser().parseFromString(await response.text(), "text/html");
  if (!response.ok) {
    const told = shown.querySelector("main")?.innerText.trim().split("\n").filter(Boolean).slice(0, 2).join(". ");
    say(told || "The server refused this.", { bad: true, seconds: 9, name: "grid" });
    return;
  }
  show(shown.querySelector("[data-confirm]"));
}

function show(step) {
  dialog.replaceChildren(document.importNode(step, true));
  localise(dialog);
  if (!dialog.open) dialog.showModal();
  const asked = dialog.querySelector("[data-confirm]");
  asked.querySelector("[data-cancel]").addEventListener("click", (event) => {
    event.preventDefault();
    dialog.close();
  });
  const yes = asked.querySelector("[data-yes]");
  if (yes) {
    yes.disabled = true;
    setTimeout(() => {
      yes.disabled = false;
      yes.focus();
    }, PAUSE_MS);
  } else asked.querySelector("button[name=reason]")?.focus();
  asked.addEventListener("submit", (event) => {
    event.preventDefault();
    const fields = new FormData(asked, event.submitter);
    if ("asks" in asked.dataset) ask(fields);
    else decide(fields, yes);
  });
}

async function decide(fields, yes) {
  yes.disabled = true;
  try {
    const told = await postForm(`${facts.path}/decide`, fields);
    if (told.kept.length) sessionStorage.setItem("grid.kept", JSON.stringify(told.kept.map((one) => one.why)));
    sessionStorage.setItem("grid.done", String(told.posts));
    location.reload();
  } catch (error) {
    yes.disabled = false;
    fail(error);
  }
}

function submit(value) {
  if (!chosen().length) return say("Nothing is chosen.", { seconds: 3, name: "grid" });
  conceal();
  form.elements.seconds.value = ((Date.now() - opened) / 1000).toFixed(1);
  const fields = new FormData(form);
  fields.set("choice", value);
  return ask(fields);
}

/* Keys */

function onKey(event) {
  if (dialog?.open) return onDialogKey(event);
  if (event.ctrlKey || event.metaKey) {
    if (event.key.toLowerCase() !== "a" || event.target.closest("input:not([type=checkbox]), textarea")) return;
    event.preventDefault();
    for (const brick of bricks) if (isSeen(brick) && box(brick)) box(brick).checked = true;
    count();
    return;
  }
  if (event.altKey || event.target.closest("input:not([type=checkbox]), textarea, select, summary")) return;
  const brick = current();
  if (event.key === "Escape") {
    for (const one of chosen()) box(one).checked = false;
    anchor = null;
    count();
    return;
  }
  if (pressed(event, "undo") && !event.repeat) {
    document.querySelector("[data-undo]")?.requestSubmit();
    return;
  }
  if (pressed(event, "approve") && !event.repeat) {
    submit("approve");
    return;
  }
  if (/^[1-9]$/.test(event.key) && !event.repeat && facts.categories[event.key - 1]) {
    submit(`reject:${facts.categories[event.key - 1]}`);
    return;
  }
  if (brick) onBrickKey(event, brick);
  else if (event.key.startsWith("Arrow") && !event.target.closest("a, button")) {
    event.preventDefault();
    go(bricks.find((one) => one.tabIndex === 0) ?? bricks[0]);
  }
}

function onBrickKey(event, brick) {
  if (pressed(event, "reveal")) {
    event.preventDefault();
    if (!event.repeat && looking?.on && facts.looks[brick.dataset.category]?.mode === "toggle") conceal();
    else if (!event.repeat) look(brick, event.shiftKey);
    return;
  }
  if (event.target.closest("a")) return;
  if (event.key === "Enter") {
    event.preventDefault();
    if (!event.repeat) choose(brick);
    return;
  }
  if (pressed(event, "member-on") || pressed(event, "member-back")) {
    event.preventDefault();
    go(nextUnseen(brick, pressed(event, "member-back")));
    return;
  }
  if (move(event, brick)) event.preventDefault();
}

function onDialogKey(event) {
  const letter = "abcdefghijklmnop".indexOf(event.key.toLowerCase());
  const reasons = dialog.querySelectorAll("button[name=reason]");
  if (event.repeat && (event.key === "Enter" || event.key === " ")) event.preventDefault();
  else if (letter >= 0 && reasons[letter] && !event.repeat && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    reasons[letter].click();
  }
}

/* Leases */

async function beat() {
  try {
    const told = await sendJson("/console/heartbeat", { refs: facts.refs });
    const mine = new Set(told.mine);
    for (const brick of bricks) if (!mine.has(brick.dataset.brick)) lost(brick);
    facts.refs = facts.refs.filter((one) => mine.has(one.job));
  } catch (error) {
    if (error instanceof Refusal && error.status === 401) location.reload();
  }
}

function lost(brick) {
  if (brick.classList.contains("lost")) return;
  brick.classList.add("lost", "alone");
  box(brick)?.closest("label").remove();
  brick.querySelector(".brick-foot").replaceChildren("Somebody else has it now");
  count();
}

function tell() {
  const done = sessionStorage.getItem("grid.done");
  const kept = JSON.parse(sessionStorage.getItem("grid.kept") ?? "[]");
  sessionStorage.removeItem("grid.done");
  sessionStorage.removeItem("grid.kept");
  if (done !== null) say(done === "1" ? "1 post decided." : `${done} posts decided.`, { seconds: 6, name: "done" });
  for (const why of [...new Set(kept)]) say(`Left out: ${why}`, { bad: true, seconds: 10 });
}

tell();
if (form) {
  for (const brick of bricks) {
    const input = box(brick);
    if (!input) continue;
    input.disabled = !isSeen(brick);
    input.addEventListener("change", () => {
      anchor = brick;
      count();
    });
    const stage = brick.querySelector(".stage");
    stage.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || event.target.closest("label")) return;
      event.preventDefault();
      go(brick);
      stage.setPointerCapture(event.pointerId);
      look(brick, event.shiftKey);
    });
    for (const name of ["pointerup", "pointercancel"]) {
      stage.addEventListener(name, () => facts.looks[brick.dataset.category].mode !== "toggle" && conceal());
    }
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (event.submitter?.name === "choice") submit(event.submitter.value);
  });
  document.addEventListener("keydown", onKey);
  document.addEventListener("keyup", (event) => {
    if (pressed(event, "reveal") && facts.looks[current()?.dataset.category]?.mode !== "toggle") conceal();
  });
  concealOnLeaving(() => ({ stop: conceal }));
  beat();
  setInterval(beat, facts.heartbeatSeconds * 1000);
  count();
  bricks[0].focus({ preventScroll: true });
}
