// My work: Enter starts, from anywhere on the page, and `u` takes the last decision back while that is possible.

import { isTyping } from "./dialogs.js";

if (location.search) history.replaceState(null, "", location.pathname); // What was said once is not said again.

addEventListener("keydown", (event) => {
  const free = !isTyping(event.target) && !event.target.closest("a, button, summary, dialog");
  if (event.key === "u" && !isTyping(event.target)) document.querySelector('form[action^="/console/undo/"] button')?.click();
  if (event.key === "Enter" && free) document.querySelector("[data-start] button:not([disabled])")?.click();
});
