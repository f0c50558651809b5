// Dialogs by name, with letters for their choices.

/** The dialog of that name below `root`. */
export function dialog(root, name) {
  return root.querySelector(`[data-dialog="${name}"]`);
}

/** Open it; resolves when it is closed. */
export function open(root, name) {
  const found = dialog(root, name);
  if (!found || found.open) return;
  found.showModal();
  const first = found.querySelector("[autofocus], .reason-list .choice, select, input:not([type=hidden]), textarea, [data-close]");
  first?.focus();
}

/** Let buttons marked for it close dialogs, and letters press the choices of the one that is open. */
export function watchDialogs() {
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]")) event.target.closest("dialog")?.close();
    else if (event.target.tagName === "DIALOG") event.target.close();
  });
  document.addEventListener("keydown", (event) => {
    const shown = document.querySelector("dialog[open]");
    if (!shown || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const choice = shown.querySelector(`[data-letter="${CSS.escape(event.key.toLowerCase())}"]`);
    if (!choice) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // the choice closes the dialog: no other listener may take the key for its own
    choice.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, shiftKey: event.shiftKey }));
  });
}

/** Whether keys go into a field. */
export function isTyping(target) {
  return target instanceof Element && target.matches("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");
}
