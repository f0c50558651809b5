// Search: days are meant in the reader's zone; a file can be dropped anywhere on the form.

for (const field of document.querySelectorAll("[data-zone]")) {
  field.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const first = document.querySelector("[data-first]");
  first?.focus();
  first?.select();
});

for (const input of document.querySelectorAll("input[data-drop]")) {
  const form = input.form;
  const over = (on) => form.classList.toggle("dropping", on);
  form.addEventListener("dragover", (event) => {
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    over(true);
  });
  form.addEventListener("dragleave", () => over(false));
  form.addEventListener("drop", (event) => {
    over(false);
    if (event.dataTransfer.files.length !== 1) return;
    event.preventDefault();
    input.files = event.dataTransfer.files;
  });
}
