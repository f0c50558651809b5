// The plan's text: where the cursor is (problems name lines), and no edited text lost by leaving the page.
const form = document.querySelector("[data-plan]");
const text = form?.querySelector("textarea");
const position = form?.querySelector("[data-position]");

function place() {
  const before = text.value.slice(0, text.selectionStart).split("\n");
  position.textContent = `line ${before.length}, column ${before.at(-1).length + 1}`;
  position.hidden = false;
}

if (text) {
  const start = text.value;
  let leaving = false;
  for (const event of ["keyup", "click", "input", "focus"]) text.addEventListener(event, place);
  for (const one of document.querySelectorAll("form")) one.addEventListener("submit", () => { leaving = true; });
  window.addEventListener("beforeunload", (event) => {
    if (!leaving && text.value !== start) event.preventDefault();
  });
}
