// The next jobs, fetched before they are needed: their pages and coarse previews, never their pictures.

import { page, sendJson } from "./api.js";

const KEPT = 4;

export class Prefetch {
  #pages = new Map();

  /** Leases of the jobs fetched so far, for the heartbeat. */
  get refs() {
    return [...this.#pages].map(([job, { token }]) => ({ job, token }));
  }

  /** Ask for the jobs after `current` and fetch their pages. Says whether there are any. */
  async fill(current) {
    const { jobs } = await sendJson("/console/ahead", { current });
    const wanted = new Set(jobs.map((one) => one.job));
    for (const job of this.#pages.keys()) if (!wanted.has(job)) this.drop(job);
    for (const one of jobs.slice(0, KEPT)) if (!this.#pages.has(one.job)) await this.#fetch(one);
    return this.#pages.size > 0;
  }

  /** The next page that is ready, as a parsed document, and no longer kept. Undefined when there is none. */
  take() {
    for (const [job, kept] of this.#pages) {
      this.#pages.delete(job);
      if (kept.document) return { job, ...kept };
    }
    return undefined;
  }

  /** Forget a job: it is somebody else's. */
  drop(job) {
    this.#pages.delete(job);
  }

  async #fetch({ job, token, url }) {
    const found = await page(url);
    const parsed = new DOMParser().parseFromString(found.text, "text/html");
    if (!parsed.querySelector("[data-job]")) return;
    this.#pages.set(job, { token, url, document: parsed });
    for (const veil of parsed.querySelectorAll("img.veil")) new Image().src = veil.getAttribute("src");
  }
}
