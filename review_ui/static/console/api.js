// Talking to the server: every request carries the session's token, and says what went wrong in words.

export const csrf = document.body.dataset.csrf ?? "";

/** A refusal by the server (`status` above 0), or no answer at all (0). */
export class Refusal extends Error {
  constructor(status, message, hint = "", code = "") {
    super(message);
    this.status = status;
    this.hint = hint;
    this.code = code;
  }

  /** Whether sending the same again may well succeed. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

async function refusal(response) {
  try {
    const problem = await response.json();
    return new Refusal(response.status, problem.detail ?? response.statusText, problem.hint ?? "", problem.code ?? "");
  } catch {
    return new Refusal(response.status, response.statusText || `The server answered ${response.status}.`);
  }
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", redirect: "error", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0, "The server does not answer.");
  }
  if (!response.ok) throw await refusal(response);
  return response.status === 204 ? null : response.json();
}

const headers = { Accept: "application/json", "X-CSRF-Token": csrf };

/** Send `fields` (pairs, or an object) as a form. */
export function postForm(path, fields = {}, { keepalive = false } = {}) {
  return ask(path, { method: "POST", body: new URLSearchParams(fields), headers, keepalive });
}

/** Send `value` as JSON. */
export function sendJson(path, value, { method = "POST", keepalive = false } = {}) {
  const body = JSON.stringify(value);
  return ask(path, { method, body, headers: { ...headers, "Content-Type": "application/json" }, keepalive });
}

/** The text of a page. */
export async function page(path, signal) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", signal, headers: { Accept: "text/html" } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0, "The server does not answer.");
  }
  if (!response.ok) throw new Refusal(response.status, response.statusText);
  return { text: await response.text(), url: response.url };
}

/** A random id; also where `crypto.randomUUID` is missing, as on plain HTTP to another host. */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
