// What is typed into the note, kept in the browser at every key and at the server a moment later.

import { sendJson } from "./api.js";

const DELAY_MS = 700;
const name = (person, job) => `console.draft.${person}.${job}`;

/** Keep the note `field` of a job; restores what an earlier page kept. Returns what forgets it once it was sent. */
export function keepDraft(field, { person, job }) {
  const key = name(person, job);
  let timer = 0;
  let sent = field.value;
  const local = localStorage.getItem(key);
  if (local !== null && local !== field.value) field.value = local;
  const push = () => {
    clearTimeout(timer);
    if (field.value === sent) return;
    const note = field.value;
    sendJson(`/console/jobs/${job}/draft`, { note }, { method: "PUT", keepalive: true })
      .then(() => (sent = note))
      .catch(() => {});
  };
  field.addEventListener("input", () => {
    localStorage.setItem(key, field.value);
    clearTimeout(timer);
    timer = setTimeout(push, DELAY_MS);
  });
  field.addEventListener("blur", push);
  return () => {
    clearTimeout(timer);
    sent = field.value;
    localStorage.removeItem(key);
  };
}
