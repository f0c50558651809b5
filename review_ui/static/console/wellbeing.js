// Wellbeing: countdowns, trying out how pictures are shown, choosing keys by pressing them. Everything works without.

import { countdown, span } from "./times.js";

const NAMES = { " ": "Space" };
const NAMED = new Set(["Enter", "Backspace", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]);

function tick() {
  for (const element of document.querySelectorAll("[data-until]")) {
    const left = (new Date(element.dataset.until) - Date.now()) / 1000;
    if (left > 0) element.textContent = "words" in element.dataset ? span(left) : countdown(left);
    else if (element.dataset.go) location.assign(element.dataset.go);
    else element.textContent = "now";
  }
  for (const element of document.querySelectorAll("progress[data-from]")) {
    element.value = Math.min(element.max, (Date.now() - new Date(element.dataset.from)) / 1000);
  }
}

function trySettings(form) {
  const figure = form.querySelector("[data-sample]");
  const image = figure.querySelector("img");
  const button = figure.querySelector("[data-sample-look]");
  const field = (name) => form.querySelector(`[data-preview="${name}"]`);
  const number = (name, otherwise) => (field(name).value === "" ? otherwise : Number(field(name).value));
  let looking = false;
  const show = () => {
    const grey = field("grey").value !== "colour";
    const filters = looking ? [] : [`blur(${Math.min(100, number("blur", 40)) / 4}px)`];
    if (grey) filters.push("grayscale(1)");
    image.style.filter = filters.join(" ") || "none";
    image.style.transform = `scale(${looking ? number("size", 60) / 100 : 1})`;
    button.setAttribute("aria-pressed", String(looking));
    button.textContent = looking ? "Conceal" : "Look";
  };
  button.addEventListener("click", () => {
    looking = !looking;
    show();
  });
  form.addEventListener("input", show);
  figure.hidden = false;
  show();
}

function chooseKeys(form) {
  const fields = [...form.querySelectorAll("input[data-default]")];
  const mark = () => {
    const pressed = fields.map((field) => field.value.toLowerCase());
    fields.forEach((field, index) => {
      const twice = pressed.indexOf(pressed[index]) !== pressed.lastIndexOf(pressed[index]);
      const taken = /^[1-9]$/.test(field.value);
      field.setAttribute("aria-invalid", String(twice || taken));
      field.title = taken ? "A category has this key." : twice ? "Two things have this key." : "";
      field.classList.toggle("changed", field.value !== field.dataset.default);
    });
  };
  for (const field of fields) {
    field.addEventListener("focus", () => field.select());
    field.addEventListener("keydown", (event) => {
      if (event.key === "Tab" || event.key === "Escape" || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key.length > 1 && !NAMED.has(event.key)) return;
      event.preventDefault();
      field.value = NAMES[event.key] ?? event.key;
      mark();
      field.select();
    });
    field.addEventListener("input", mark);
  }
  mark();
}

const pictures = document.querySelector("[data-pictures]");
if (pictures) trySettings(pictures);
const keys = document.querySelector("[data-keys]");
if (keys) chooseKeys(keys);
tick();
setInterval(tick, 1000);
