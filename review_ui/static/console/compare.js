// The page with two pictures side by side.

import { Looking, concealOnLeaving, watchPointer } from "./look.js";

const root = document.querySelector("[data-pair]");
const looking = new Looking(root, { blur: 40, grey: true, size: 100, warn: false, mode: "hold" }, { together: true });
watchPointer(root, looking);
concealOnLeaving(() => looking);
addEventListener("keydown", (event) => {
  if (event.code !== "Space" || event.repeat || event.target.matches("a, summary, input")) return;
  event.preventDefault();
  looking.start({ full: event.shiftKey });
});
addEventListener("keyup", (event) => event.code === "Space" && looking.stop());
