// Looking at a concealed picture. The real frame is fetched when somebody looks and leaves the page when they stop: on
// release of the key, when the window loses the focus, when the page is left. Every look is reported with its seconds.

import { newId, sendJson } from "./api.js";

const REPORT_MS = 4000;
const FRAME_MS = 120;

/** All stages below `root`, of which one (or, with `together`, all) is looked at. */
export class Looking {
  #root;
  #facts;
  #together;
  #armed = false;
  #views = [];
  #frame = 0;
  #timer = 0;
  #player = 0;
  #ender = 0;
  #onCount;

  constructor(root, facts, { together = false, onCount = () => {} } = {}) {
    this.#root = root;
    this.#facts = facts;
    this.#together = together;
    this.#onCount = onCount;
    this.#armed = !facts.warn;
    for (const stage of root.querySelectorAll("[data-stage]")) {
      stage.style.setProperty("--veil-blur", `${Math.max(8, facts.blur)}px`);
      stage.style.setProperty("--look-size", `${facts.size}%`);
    }
    this.#hint();
  }

  /** Whether something is shown. */
  get on() {
    return this.#views.length > 0;
  }

  /** Whether a look lasts from one press to the next, not while a key is held. */
  get toggles() {
    return this.#facts.mode === "toggle";
  }

  /** The stage that is not hidden. */
  get stage() {
    return this.#root.querySelector("[data-stage]:not([hidden])");
  }

  /** Show the picture; the first time in a job that calls for it, warn instead and do nothing. */
  start({ full = false } = {}) {
    if (this.on) return;
    if (!this.#armed) {
      this.#armed = true;
      this.#hint(true);
      return;
    }
    const stages = this.#together ? [...this.#root.querySelectorAll("[data-stage]")] : [this.stage];
    this.#views = stages.filter((stage) => Number(stage?.dataset.frames) > 0).map((stage) => this.#show(stage));
    if (!this.on) return;
    this.full(full);
    this.#timer = setInterval(() => this.#report(false), REPORT_MS);
    if (this.#facts.motion === "play" && this.#frames > 1) this.#player = setInterval(() => this.step(1), FRAME_MS);
    if (this.#facts.mode === "toggle") this.#ender = setTimeout(() => this.stop(), this.#facts.toggleSeconds * 1000);
  }

  /** Conceal at once. */
  stop() {
    clearInterval(this.#timer);
    clearInterval(this.#player);
    clearTimeout(this.#ender);
    if (!this.on) return;
    this.#report(true);
    for (const view of this.#views) {
      view.image.removeAttribute("src");
      view.image.remove();
      view.stage.classList.remove("looking", "full");
      view.stage.querySelector(".wait")?.remove();
    }
    this.#views = [];
    this.#hint();
  }

  /** In full colour and size, or as the preferences have it. */
  full(on) {
    for (const view of this.#views) view.stage.classList.toggle("full", on);
  }

  /** To another frame of an animation. */
  step(by) {
    const frames = this.#frames;
    if (frames < 2) return;
    this.#frame = (this.#frame + by + frames) % frames;
    for (const view of this.#views) this.#source(view);
    this.#onCount(this.#frame, frames);
  }

  /** To the first frame, when another picture is on the stage. */
  rewind() {
    this.stop();
    this.#frame = 0;
    this.#onCount(0, this.#frames);
  }

  get #frames() {
    return Math.min(64, Number(this.stage?.dataset.frames ?? 0));
  }

  #show(stage) {
    const image = new Image();
    image.className = this.#facts.grey ? "real grey" : "real";
    image.alt = "The picture";
    image.draggable = false;
    const view = { id: newId(), stage, image, post: stage.dataset.post, since: 0, seconds: 0 };
    const wait = document.createElement("span");
    wait.className = "wait";
    wait.textContent = "loading";
    stage.append(wait, image);
    image.addEventListener("load", () => {
      wait.remove();
      stage.classList.add("looking");
      if (!view.since) view.since = performance.now();
    });
    image.addEventListener("error", () => {
      wait.textContent = "cannot be shown";
      image.remove();
    });
    this.#source(view);
    return view;
  }

  #source(view) {
    const number = Math.min(this.#frame, Number(view.stage.dataset.frames) - 1);
    view.image.src = `/console/media/${view.post}/frames/${number}?view=${view.id}`;
  }

  #report(done) {
    for (const view of this.#views) {
      const seconds = view.since ? (performance.now() - view.since) / 1000 : 0;
      const told = { id: view.id, job: this.#facts.job ?? "", post: view.post, seconds, done };
      sendJson("/console/exposure", told, { keepalive: true }).catch(() => {});
    }
  }

  #hint(warned = false) {
    for (const stage of this.#root.querySelectorAll("[data-stage]")) {
      stage.classList.toggle("armed", warned);
      const hint = stage.querySelector("[data-hint]");
      if (hint && warned) hint.textContent = `Warning: ${this.#facts.warning.toLowerCase()}. Press again to look.`;
    }
  }
}

/** Let a pointer hold the button below `root` that is marked for it, and conceal whenever the window is left. */
export function watchPointer(root, looking) {
  const button = root.querySelector("[data-look]");
  const toggle = () => (looking.on ? looking.stop() : looking.start());
  if (button && looking.toggles) button.addEventListener("click", toggle);
  else if (button) {
    button.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      button.setPointerCapture(event.pointerId);
      looking.start({ full: event.shiftKey });
    });
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
      button.addEventListener(name, () => looking.stop());
    }
  }
}

/** Conceal when the window loses the focus, is hidden or left; `current()` gives the `Looking` of the moment. */
export function concealOnLeaving(current) {
  const stop = () => current()?.stop();
  addEventListener("blur", stop);
  addEventListener("pagehide", stop);
  document.addEventListener("visibilitychange", () => document.hidden && stop());
  document.addEventListener("freeze", stop);
}
