// Short messages at the bottom: what was done, with a way back while there is one.

const place = () => document.querySelector("[data-toasts]");

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

/** Say something. With `seconds` it goes by itself; with `act` it has a button. Returns what takes it away. */
export function say(text, { bad = false, seconds = 6, act = null, title = "", key = "", name = "" } = {}) {
  const same = name ? place().querySelector(`[data-name="${name}"]`) : null;
  if (same && !act && !seconds && same.textContent === text) return () => same.remove();
  same?.remove();
  const toast = element("div", bad ? "toast bad" : "toast");
  if (name) toast.dataset.name = name;
  toast.append(element("span", "", text));
  const left = element("span", "left");
  let timer = 0;
  const gone = () => {
    clearInterval(timer);
    toast.remove();
  };
  if (act) {
    const button = element("button", "button", title);
    button.type = "button";
    if (key) button.append(" ", element("kbd", "", key));
    button.addEventListener("click", () => {
      gone();
      act();
    });
    toast.append(left, button);
  }
  place().append(toast);
  if (seconds) {
    const end = Date.now() + seconds * 1000;
    const tick = () => {
      const rest = (end - Date.now()) / 1000;
      if (rest <= 0) gone();
      else if (act) left.textContent = `${Math.ceil(rest)}`;
    };
    tick();
    timer = setInterval(tick, 200);
  }
  return gone;
}
