// Times that the server sends in UTC, shown in the reader's own zone and language.

const STYLES = {
  short: { day: "numeric", month: "short", hour: "numeric", minute: "2-digit" },
  time: { hour: "numeric", minute: "2-digit" },
  day: { day: "numeric", month: "short", year: "numeric" },
};
const FULL = { dateStyle: "full", timeStyle: "long" };

/** Seconds in words, as the server's `span` filter says them. */
export function span(seconds) {
  const whole = Math.abs(seconds);
  if (whole < 60) return `${Math.round(whole)} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min`;
  if (whole < 86400) {
    const minutes = Math.floor((whole % 3600) / 60);
    return `${Math.floor(whole / 3600)} h${minutes ? ` ${String(minutes).padStart(2, "0")} min` : ""}`;
  }
  return `${Math.floor(whole / 86400)} d`;
}

/** A countdown: "4:09", "1 h 05 min", and "12 min late" once it has passed. */
export function countdown(seconds) {
  if (seconds < 0) return `${span(seconds)} late`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
  return span(seconds);
}

/** Show every time below `root` in the reader's zone. */
export function localise(root = document) {
  for (const element of root.querySelectorAll("time[data-style]")) {
    const at = new Date(element.dateTime);
    element.title = at.toLocaleString(undefined, FULL);
    element.textContent =
      element.dataset.style === "ago"
        ? `${span((Date.now() - at) / 1000)} ago`
        : at.toLocaleString(undefined, STYLES[element.dataset.style] ?? STYLES.short);
  }
  tick();
}

function tick() {
  for (const element of document.querySelectorAll('time[data-style="ago"]')) {
    element.textContent = `${span((Date.now() - new Date(element.dateTime)) / 1000)} ago`;
  }
  for (const element of document.querySelectorAll("[data-due]")) {
    const left = (new Date(element.dataset.due) - Date.now()) / 1000;
    const told = left < 0 && element.dataset.over ? element.dataset.over : countdown(left);
    element.textContent = "brief" in element.dataset ? told.replace(/( h) \d\d min/, "$1") : told;
    const label = element.parentElement.querySelector("[data-due-label]");
    if (label) {
      label.textContent = "due in";
      label.hidden = left < 0;
    }
    element.classList.toggle("bad", left < 0);
    element.classList.toggle("warn", left >= 0 && left < Number(element.dataset.soon ?? 300));
  }
}

localise();
setInterval(tick, 1000);
