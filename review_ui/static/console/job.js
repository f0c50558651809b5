// The job screen: keys, decisions, the way to the next job. Without this script every form still works.

import { Refusal, newId, postForm, sendJson, page } from "./api.js";
import { dialog, isTyping, open } from "./dialogs.js";
import { keepDraft } from "./drafts.js";
import { Looking, concealOnLeaving, watchPointer } from "./look.js";
import { Outbox } from "./outbox.js";
import { Prefetch } from "./prefetch.js";
import { localise } from "./times.js";
import { say } from "./toasts.js";

const IDLE_MS = 10 * 60 * 1000;
const SETTLE_S = 0.35; // A key meant for the job before never decides the one that just came.
const LETTERS = "abcdefghijklmnopqrstuvwxyz";

let screen;
let last;
let rejected; // The job of the newest rejection here: its picture can be banked.
let busy = false;
let active = Date.now();
const prefetch = new Prefetch();
const outbox = new Outbox(readFacts(document).person, (waiting) => {
  if (waiting) {
    const what = waiting === 1 ? "1 decision is" : `${waiting} decisions are`;
    say(`The server does not answer. ${what} kept and sent again.`, { bad: true, seconds: 0, name: "offline" });
  } else document.querySelector('[data-name="offline"]')?.remove();
});

function readFacts(root) {
  return JSON.parse(root.querySelector("[data-facts]").textContent);
}

let hidden = 0;
let hiddenSince = document.hidden ? performance.now() : 0;

/** Milliseconds for which this window was hidden so far. */
function hiddenMs() {
  return hidden + (hiddenSince ? performance.now() - hiddenSince : 0);
}

function visibilityChanged() {
  if (document.hidden) hiddenSince = performance.now();
  else {
    hidden = hiddenMs();
    hiddenSince = 0;
    beat();
  }
}

/** One job on the screen. */
class Screen {
  constructor(root) {
    this.root = root;
    this.facts = readFacts(root);
    this.form = root.querySelector("[data-decide]");
    this.note = root.querySelector("[data-note]");
    this.noteBox = root.querySelector("[data-note-box]");
    this.shownAt = performance.now();
    this.hiddenBefore = hiddenMs();
    this.member = 0;
    this.closed = false;
    this.count = root.querySelector("[data-frame-count]");
    this.looking = new Looking(root.querySelector(".look"), this.facts, {
      onCount: (frame, frames) => (this.count.textContent = `${frame + 1} / ${frames}`),
    });
    this.forgetDraft = keepDraft(this.note, this.facts);
    if (this.note.value) this.noteBox.hidden = false;
    watchPointer(root, this.looking);
    this.#label();
    this.showMember(0);
    this.form.addEventListener("submit", (event) => this.#submitted(event));
    for (const box of root.querySelectorAll("dialog form")) box.addEventListener("submit", (event) => this.#leave(event));
    root.querySelector(".job-acts form").addEventListener("submit", (event) => this.#leave(event));
    root.addEventListener("click", (event) => this.#clicked(event));
    root.addEventListener("change", () => this.countExceptions());
  }

  /** How long the job was on the screen, without the time in which the window was hidden. */
  get seconds() {
    return (performance.now() - this.shownAt - (hiddenMs() - this.hiddenBefore)) / 1000;
  }

  get members() {
    return [...this.root.querySelectorAll("[data-stage][data-post]")].filter((stage) => stage.closest(".look"));
  }

  showMember(index) {
    const stages = this.members;
    this.member = (index + stages.length) % stages.length;
    const post = stages[this.member].dataset.post;
    this.looking.stop();
    stages.forEach((stage, at) => (stage.hidden = at !== this.member));
    for (const texts of this.root.querySelectorAll("[data-texts]")) texts.hidden = texts.dataset.texts !== post;
    for (const tile of this.root.querySelectorAll("[data-member]")) tile.classList.toggle("on", tile.dataset.member === post);
    this.looking.rewind();
    const bar = this.root.querySelector("[data-frames-bar]");
    bar.hidden = Number(stages[this.member].dataset.frames) < 2;
  }

  toggleException() {
    const post = this.members[this.member].dataset.post;
    const box = this.root.querySelector(`[name="exception"][value="${CSS.escape(post)}"]`);
    if (box) box.checked = !box.checked;
    this.countExceptions();
  }

  /** Say on the way to approval how many pictures it is for. */
  countExceptions() {
    const told = this.root.querySelector("[data-total]");
    if (!told) return;
    const total = Number(told.dataset.total);
    const left = total - this.root.querySelectorAll('[name="exception"]:checked').length;
    told.textContent = left === total ? `all ${total}` : `${left} of ${total}`;
  }

  focus() {
    this.looking.stage?.focus({ preventScroll: true });
  }

  /** Decide: at once where nothing more has to be said. */
  choose(choice) {
    if (this.closed || busy || this.seconds < SETTLE_S) return;
    const [action, category] = choice.split(":");
    if (this.facts.unreadable && ["approve", "overturn"].includes(action)) open(this.root, "unreadable");
    else if (action === "reject") {
      const found = this.facts.categories.find((one) => one.name === category);
      if (found.reasons.length > 1) this.#askReasons(found);
      else this.decide(choice, found.reasons.map((reason) => ["reason", reason.code]));
    } else if (action === "escalate" && this.facts.targets.length > 1) open(this.root, "escalate");
    else if (action === "escalate") this.decide(choice, [["queue", this.facts.targets[0] ?? ""]]);
    else this.decide(choice, []);
  }

  decide(choice, more) {
    if (this.closed || busy) return;
    const exceptions = [...this.root.querySelectorAll('[name="exception"]:checked')].map((box) => ["exception", box.value]);
    const batch = newId();
    const fields = [
      ["batch", batch], ["token", this.facts.token], ["choice", choice], ["note", this.note.value],
      ["seconds", this.seconds.toFixed(1)], ...exceptions, ...more,
    ];
    this.looking.stop();
    this.closed = true;
    for (const shown of this.root.querySelectorAll("dialog[open]")) shown.close();
    last = { batch, facts: this.facts, said: this.#said(choice) };
    this.rejects = /^(reject|uphold)/.test(choice);
    const sending = outbox.send(`/console/jobs/${this.facts.job}/decide`, fields);
    sending.then((answer) => decided(this, batch, answer), (error) => refused(this, batch, error));
    advance(sending);
  }

  #said(choice) {
    const [action, category] = choice.split(":");
    const found = this.facts.categories.find((one) => one.name === category);
    const rejected = `Rejected: ${found?.title ?? ""}${found?.double ? ". A second person decides too" : ""}`;
    return { approve: "Approved", reject: rejected, escalate: "Escalated", uphold: "Upheld", overturn: "Overturned" }[action];
  }

  #askReasons(category) {
    this.root.querySelector("[data-reasons-title]").textContent = `Reject: ${category.title}`;
    this.root.querySelector("[data-reasons-policy]").textContent = category.text;
    const list = this.root.querySelector("[data-reasons-list]");
    const chosen = new Set();
    list.replaceChildren(...category.reasons.map((reason, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "choice";
      button.dataset.letter = LETTERS[index];
      const words = document.createElement("span");
      words.textContent = reason.title;
      const key = document.createElement("kbd");
      key.textContent = LETTERS[index];
      button.append(words, key);
      button.setAttribute("aria-pressed", "false");
      button.addEventListener("click", (event) => {
        if (event.shiftKey) {
          if (!chosen.delete(reason.code)) chosen.add(reason.code);
          button.setAttribute("aria-pressed", String(chosen.has(reason.code)));
        } else finish(new Set([...chosen, reason.code]));
      });
      return button;
    }));
    const finish = (codes) => this.decide(`reject:${category.name}`, [...codes].map((code) => ["reason", code]));
    const box = dialog(this.root, "reasons");
    box.onkeydown = (event) => {
      if (event.key !== "Enter" || chosen.size === 0) return;
      event.preventDefault();
      finish(chosen);
    };
    open(this.root, "reasons");
  }

  #submitted(event) {
    event.preventDefault();
    const choice = event.submitter?.value;
    if (choice) this.choose(choice);
  }

  async #leave(event) {
    event.preventDefault();
    const form = event.target;
    const fields = [...new FormData(form, event.submitter)];
    for (const shown of this.root.querySelectorAll("dialog[open]")) shown.close();
    this.looking.stop();
    try {
      await postForm(form.action, fields);
    } catch (error) {
      say(error.message, { bad: true });
      return;
    }
    const done = { skip: "Skipped", hold: "On hold", "hand-over": "Handed over", release: "Given back" };
    say(done[new URL(form.action).pathname.split("/").pop()] ?? "Done", { seconds: 3, name: "done" });
    this.closed = true;
    if (form.action.endsWith("/release")) location.assign("/console");
    else advance(Promise.resolve());
  }

  #clicked(event) {
    const target = event.target.closest("[data-target]");
    if (target) this.decide("escalate", [["queue", target.dataset.target]]);
    const unseen = event.target.closest("[data-unseen]");
    if (unseen) this.decide(unseen.dataset.unseen, []);
    const go = event.target.closest("[data-go]");
    if (go) this.showMember(Number(go.dataset.go));
    const compare = event.target.closest("[data-compare-link]");
    if (compare && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      this.compare(compare.getAttribute("href"));
    }
    const act = event.target.closest("[data-act]");
    if (act && act.type === "button") perform(act.dataset.act);
  }

  async compare(path) {
    const box = dialog(this.root, "compare");
    const place = box.querySelector("[data-compare]");
    try {
      const found = new DOMParser().parseFromString((await page(path)).text, "text/html");
      const pair = found.querySelector("[data-pair]");
      if (!pair) return;
      place.replaceChildren(document.adoptNode(pair));
    } catch (error) {
      say(error.message, { bad: true });
      return;
    }
    localise(place);
    this.pair = new Looking(place, this.facts, { together: true });
    watchPointer(place, this.pair);
    box.addEventListener("close", () => {
      this.pair?.stop();
      this.pair = null;
    }, { once: true });
    box.showModal();
    place.querySelector("[data-stage]").focus();
  }

  compareFirst() {
    const link = this.root.querySelector("[data-compare-link]");
    const [first, second] = this.members.map((stage) => stage.dataset.post);
    const other = this.member > 0 ? this.members[this.member].dataset.post : second;
    if (link) this.compare(link.getAttribute("href"));
    else if (other) this.compare(`/console/compare/${first}/${other}`);
    else say("Nothing to compare with.", { seconds: 3 });
  }

  async extend() {
    try {
      const { seconds } = await postForm(`/console/jobs/${this.facts.job}/extend`, { token: this.facts.token });
      say(`Yours for ${Math.round(seconds / 60)} minutes more.`, { seconds: 3 });
    } catch (error) {
      say(error.message, { bad: true });
    }
  }

  lose() {
    if (this.closed) return;
    this.closed = true;
    this.looking.stop();
    this.root.classList.add("closed");
    const box = this.root.querySelector("[data-lost]");
    box.textContent = "This job went to somebody else, because nothing was heard from here. What you typed is kept. ";
    const button = document.createElement("button");
    button.className = "button compact";
    button.type = "button";
    button.textContent = "Next job";
    button.addEventListener("click", () => advance(Promise.resolve()));
    box.append(button);
    box.hidden = false;
    button.focus();
  }

  #label() {
    for (const key of this.root.querySelectorAll("[data-key]")) {
      const wanted = this.facts.keys[key.dataset.key];
      if (wanted) key.textContent = wanted;
    }
  }
}

function decided(done, batch, answer) {
  done.forgetDraft();
  if (last?.batch === batch && answer.undoSeconds > 0) {
    const many = answer.posts > 1 ? ` (${answer.posts} pictures)` : "";
    const options = { seconds: answer.undoSeconds, act: undo, title: "Undo", key: screen.facts.keys.undo, name: "undo" };
    say(`${last.said}${many}`, options);
  }
  if (done.rejects) rejected = done.facts.job;
}

function refused(done, batch, error) {
  if (last?.batch === batch) last = undefined;
  if (error.status === 401) {
    say("You were signed out. The decision is kept and sent once you have signed in again.", {
      bad: true, seconds: 0, name: "session", act: () => location.reload(), title: "Sign in",
    });
    return;
  }
  say(`Not decided: ${error.message} ${error.hint}`, { bad: true, seconds: 12 });
  if (screen === done) {
    done.closed = false;
    done.root.classList.remove("leaving");
  }
}

async function undo() {
  if (!last || busy) {
    if (!last) say("There is nothing to undo.", { seconds: 3 });
    return;
  }
  const { batch } = last;
  document.querySelector('[data-name="undo"]')?.remove();
  await outbox.settled(batch);
  try {
    const { url } = await postForm(`/console/undo/${batch}`);
    last = undefined;
    rejected = undefined;
    await openPage(url);
    say("Undone.", { seconds: 3 });
  } catch (error) {
    say(error.message, { bad: true });
  }
}

/** Show the next job: at once when its page is here, else when `ready` and the server has one. */
async function advance(ready) {
  screen.looking.stop();
  const next = prefetch.take();
  if (next) {
    show(next.document, next.url);
    ready.catch(() => {}).finally(refill);
    return;
  }
  busy = true;
  screen.root.classList.add("leaving");
  const before = screen;
  try {
    await ready;
    const { url } = await postForm("/console/next");
    await openPage(url);
  } catch (error) {
    before.root.classList.remove("leaving");
    if (error instanceof Refusal && (error.code === "on_break" || error.status === 401)) location.assign("/console");
    else if (error.status !== 409) say(error.message, { bad: true });
  } finally {
    busy = false;
  }
}

async function openPage(url) {
  const found = await page(url);
  const parsed = new DOMParser().parseFromString(found.text, "text/html");
  if (parsed.querySelector("[data-job]")) {
    show(parsed, new URL(found.url).pathname);
    refill();
  } else location.assign(found.url);
}

function show(parsed, url) {
  const root = document.adoptNode(parsed.querySelector("[data-job]"));
  screen.root.replaceWith(root);
  document.title = parsed.title;
  history.pushState(null, "", url);
  begin(root);
}

function begin(root) {
  screen = new Screen(root);
  localise(root);
  screen.focus();
  scrollTo(0, 0);
}

let refilling = false;
async function refill() {
  if (refilling) return;
  refilling = true;
  try {
    await prefetch.fill(screen.facts.job);
  } catch {
    // Without it the next page is simply fetched when it is wanted.
  } finally {
    refilling = false;
  }
}

async function beat() {
  if (Date.now() - active > IDLE_MS || screen.closed) return;
  const { job, token } = screen.facts;
  try {
    const { mine } = await sendJson("/console/heartbeat", { refs: [{ job, token }, ...prefetch.refs] });
    for (const ref of prefetch.refs) if (!mine.includes(ref.job)) prefetch.drop(ref.job);
    if (screen.facts.job === job && !mine.includes(job)) screen.lose();
  } catch {
    // The next one will tell; the lease outlives several.
  }
}

const ACTS = {
  approve: () => !screen.facts.appeal && screen.choose("approve"),
  escalate: () => screen.facts.targets.length && screen.choose("escalate"),
  uphold: () => screen.facts.appeal && screen.choose("uphold"),
  overturn: () => screen.facts.appeal && screen.choose("overturn"),
  undo,
  bank: () => {
    if (rejected) location.assign(`/console/jobs/${rejected}/bank`);
    else say("Nothing was rejected here yet.", { seconds: 3 });
  },
  note: () => {
    screen.noteBox.hidden = false;
    screen.note.focus();
  },
  "frame-back": () => (screen.pair ?? screen.looking).step(-1),
  "frame-on": () => (screen.pair ?? screen.looking).step(1),
  "member-back": () => {
    screen.showMember(screen.member - 1);
    screen.focus();
  },
  "member-on": () => {
    screen.showMember(screen.member + 1);
    screen.focus();
  },
  except: () => screen.toggleException(),
  matches: () => screen.compareFirst(),
  policy: () => open(screen.root, "policy"),
  skip: () => open(screen.root, "skip"),
  hold: () => open(screen.root, "hold"),
  "hand-over": () => open(screen.root, "hand-over"),
  extend: () => screen.extend(),
};

function perform(act) {
  if (busy) return;
  ACTS[act]?.();
}

const keyOf = (event) => (event.code === "Space" ? "Space" : event.key.length === 1 ? event.key.toLowerCase() : event.key);

function actOf(event) {
  const pressed = keyOf(event);
  return Object.entries(screen.facts.keys).find(([, key]) => key === pressed || key === event.key)?.[0];
}

function isControl(target) {
  return target instanceof Element && target.matches("button, a, summary, select, [role=button], input") && !target.closest("[data-stage]");
}

function keyDown(event) {
  const away = Date.now() - active > IDLE_MS;
  active = Date.now();
  if (away) beat();
  if (event.defaultPrevented) return;
  const typing = isTyping(event.target);
  if (typing && event.key === "Escape" && !event.target.closest("dialog")) {
    event.preventDefault();
    screen.focus();
  }
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const act = actOf(event);
  const looking = screen.pair ?? screen.looking;
  if (act === "reveal" && !(isControl(event.target) && !event.target.matches("[data-look]"))) {
    event.preventDefault();
    if (event.repeat) return;
    if (looking.toggles && looking.on) looking.stop();
    else looking.start({ full: event.shiftKey });
    return;
  }
  if (event.key === "Shift" && looking.on) looking.full(true);
  if (event.repeat || document.querySelector("dialog[open]")) return;
  if (/^[1-9]$/.test(event.key) && !screen.facts.appeal) {
    const category = screen.facts.categories[Number(event.key) - 1];
    if (category) screen.choose(`reject:${category.name}`);
  } else if (act === "keys") {
    if (event.key !== "?") open(document, "keys"); // every page of the console answers to the question mark by itself
  } else if (act) {
    event.preventDefault();
    perform(act);
  }
}

function keyUp(event) {
  const looking = screen.pair ?? screen.looking;
  if (event.key === "Shift") looking.full(false);
  if (actOf(event) === "reveal" && !looking.toggles) looking.stop();
}

function start() {
  begin(document.querySelector("[data-job]"));
  document.addEventListener("keydown", keyDown);
  document.addEventListener("keyup", keyUp);
  for (const name of ["pointermove", "pointerdown", "wheel"]) {
    addEventListener(name, () => (active = Date.now()), { passive: true });
  }
  document.addEventListener("visibilitychange", visibilityChanged);
  addEventListener("popstate", () => location.reload());
  concealOnLeaving(() => screen.pair ?? screen.looking);
  setInterval(beat, screen.facts.heartbeatSeconds * 1000);
  for (const sending of outbox.resume()) sending.catch((error) => say(`Not decided: ${error.message}`, { bad: true, seconds: 12 }));
  refill();
}

start();
