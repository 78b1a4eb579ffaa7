// Small helpers to make elements. Text goes in as text nodes, never as HTML: column names and cells are not trusted.

import { draw } from "./svg.js";

// Return an element with attributes, listeners ("onclick") and children; what is null, undefined or false is left out.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// A decimal comma counts as a point: browsers in other languages drop it, and 1,5 would silently become 15.
export function takeCommas(root) {
  root.addEventListener("beforeinput", (event) => {
    if (event.target.type !== "number" || !event.data?.includes(",")) return;
    event.preventDefault();
    document.execCommand("insertText", false, event.data.replaceAll(",", "."));
  });
}

const ICONS = {
  play: "M5 3l9 6-9 6z",
  pause: "M5 3h3v12H5zM10 3h3v12h-3z",
  step: "M4 3l7 6-7 6zM12 3h2v12h-2z",
  epoch: "M2 3l6 6-6 6zM8 3l6 6-6 6zM14.5 3H16v12h-1.5z",
  restart: "M9 3a6 6 0 1 1-5.7 4.2l1.6.5A4.3 4.3 0 1 0 9 4.7V7L5 3.8 9 .6z",
  seed: "M3 3h12v12H3zm1.6 1.6v8.8h8.8V4.6zM6.5 5.6a1 1 0 1 1 0 2 1 1 0 0 1 0-2zm5 5a1 1 0 1 1 0 2 1 1 0 0 1 0-2zM9 8a1 1 0 1 1 0 2 1 1 0 0 1 0-2z",
  up: "M9 4l5.5 6-1.2 1.2L9 6.6l-4.3 4.6L3.5 10z",
  down: "M9 14L3.5 8l1.2-1.2L9 11.4l4.3-4.6L14.5 8z",
  remove: "M4.7 3.5L9 7.8l4.3-4.3 1.2 1.2L10.2 9l4.3 4.3-1.2 1.2L9 10.2l-4.3 4.3-1.2-1.2L7.8 9 3.5 4.7z",
  add: "M8.2 3h1.6v5.2H15v1.6H9.8V15H8.2V9.8H3V8.2h5.2z",
};

// Return a picture of 18 × 18 units that has no name of its own: the button that holds it has one.
export function icon(name) {
  const path = draw("path", { d: ICONS[name], "fill-rule": "evenodd" });
  return draw("svg", { viewBox: "0 0 18 18", class: "icon", "aria-hidden": "true" }, path);
}

// Put new children into `root`, and give the focus back to the element of the same id; folds stay open.
export function renew(root, ...children) {
  const focused = root.contains(document.activeElement) ? document.activeElement.id : "";
  const open = new Set(Array.from(root.querySelectorAll("details[open][id]"), (fold) => fold.id));
  root.replaceChildren(...children.flat(Infinity).filter(Boolean));
  for (const fold of root.querySelectorAll("details[id]")) if (open.has(fold.id)) fold.open = true;
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}
