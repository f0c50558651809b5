// Decisions on their way. Each is kept in the browser until the server has answered it, and sent again under the same
// id when it did not: a restart of the server or a closed window neither loses a decision nor takes it twice.

import { Refusal, postForm } from "./api.js";

const STORE = "console.outbox";
const WAITS_MS = [700, 1500, 3000, 6000, 10000, 15000];

function stored() {
  try {
    return JSON.parse(localStorage.getItem(STORE) ?? "[]");
  } catch {
    return [];
  }
}

function store(items) {
  try {
    localStorage.setItem(STORE, JSON.stringify(items));
  } catch {
    // Without storage the decision still is in this window, and is sent from here.
  }
}

function forget(batch) {
  store(stored().filter((item) => item.batch !== batch));
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export class Outbox {
  #person;
  #tell;
  #sending = new Map();

  /** `tell(waiting)` hears how many decisions wait because the server does not answer. */
  constructor(person, tell) {
    this.#person = person;
    this.#tell = tell;
  }

  /** How many decisions the server has not answered yet. */
  get size() {
    return this.#sending.size;
  }

  /** Send a decision: its path, and its form's fields as pairs, `batch` among them. Resolves with the answer. */
  send(path, fields) {
    const batch = fields.find(([name]) => name === "batch")[1];
    const item = { batch, path, fields, person: this.#person, at: Date.now() };
    store([...stored().filter((other) => other.batch !== batch), item]);
    return this.#start(item);
  }

  /** Send what an earlier page of the same person left behind. Returns what resolves with the answers. */
  resume() {
    const left = stored().filter((item) => item.person === this.#person && !this.#sending.has(item.batch));
    return left.map((item) => this.#start(item));
  }

  /** Until the server has answered the decision. */
  async settled(batch) {
    await this.#sending.get(batch)?.catch(() => {});
  }

  #start(item) {
    const sending = this.#deliver(item).finally(() => {
      this.#sending.delete(item.batch);
      if (this.#sending.size === 0) this.#tell(0);
    });
    this.#sending.set(item.batch, sending);
    return sending;
  }

  async #deliver(item) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        const answer = await postForm(item.path, item.fields, { keepalive: true });
        forget(item.batch);
        return answer;
      } catch (error) {
        if (!(error instanceof Refusal) || !error.passing) {
          if (error.status !== 401) forget(item.batch);
          throw error;
        }
        this.#tell(this.#sending.size || 1);
        await pause(WAITS_MS[Math.min(attempt, WAITS_MS.length - 1)]);
      }
    }
  }
}
