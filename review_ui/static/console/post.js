// A post's page: its picture is concealed, and shown while a key or a button is held.

import { Looking, concealOnLeaving, watchPointer } from "./look.js";

const facts = JSON.parse(document.querySelector("script[data-facts]").textContent);
const root = document.querySelector("[data-look-root]");
const looking = new Looking(root, facts);
const toggles = facts.mode === "toggle";

const typing = (event) => event.target.closest("input, textarea, select, summary, a, button:not([data-look])");
const pressed = (event, act) => {
  const wanted = facts.keys[act];
  return wanted === "Space" ? event.code === "Space" : event.key.toLowerCase() === wanted?.toLowerCase();
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event)) return;
  if (pressed(event, "reveal")) {
    event.preventDefault();
    if (event.repeat) return;
    if (toggles && looking.on) looking.stop();
    else looking.start({ full: event.shiftKey });
  } else if (pressed(event, "frame-on")) looking.step(1);
  else if (pressed(event, "frame-back")) looking.step(-1);
});
document.addEventListener("keyup", (event) => {
  if (!toggles && pressed(event, "reveal")) looking.stop();
});
watchPointer(root, looking);
concealOnLeaving(() => looking);
