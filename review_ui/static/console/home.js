// My work: Enter starts, from anywhere on the page.

import { isTyping } from "./dialogs.js";

addEventListener("keydown", (event) => {
  const free = !isTyping(event.target) && !event.target.closest("a, button, summary, dialog");
  if (event.key === "Enter" && free) document.querySelector("[data-start] button:not([disabled])")?.click();
});
