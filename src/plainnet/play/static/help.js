// The keys of the page, and the dialog that lists them and says what the colours and shapes mean.

import { make } from "./dom.js";

const KEYS = { " ": "toggle", s: "step", e: "epoch", r: "restart", n: "seed", "?": "help" };
const SETTING = "plainnet-keys"; // one-letter keys can be switched off: they disturb speech input

const keysAreOn = () => localStorage.getItem(SETTING) !== "off";

// Keys do nothing while somebody types, or where the focused element takes them itself.
export function watchKeys(app, acts) {
  let isWaiting = false;
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (!keysAreOn() || document.querySelector("dialog[open]")) return;
    const { target } = event;
    if (target.closest("input:not([type=range], [type=checkbox], [type=radio]), select, textarea, [contenteditable]")) return;
    if (event.key === " " && target.closest("button, a, summary, input, label, [role=button], [tabindex]")) return;
    const act = acts[KEYS[event.key]];
    if (!act) return;
    event.preventDefault();
    if (event.repeat && isWaiting) return; // a key that is held down asks again once the answer has come
    isWaiting = true;
    Promise.resolve(act()).finally(() => (isWaiting = false));
  });
}

export function openHelp(app) {
  const dialog = document.getElementById("help");
  if (!dialog.childElementCount) dialog.append(...content(app, dialog));
  if (!dialog.open) dialog.showModal();
}

function content(app, dialog) {
  const box = make("input", { type: "checkbox", id: "help-keys", onchange: () => localStorage.setItem(SETTING, box.checked ? "on" : "off") });
  box.checked = keysAreOn();
  const named = { " ": app.text("help.space") };
  return [
    make("h2", { id: "help-title" }, app.text("help.title")),
    ...["page", "colours", "shapes"].map((name) => make("p", {}, app.text(`help.${name}`))),
    make("h3", {}, app.text("help.keys")),
    make(
      "dl",
      { class: "keys" },
      Object.entries(KEYS).map(([key, act]) => [make("dt", {}, make("kbd", {}, named[key] ?? key)), make("dd", {}, app.text(`help.key.${act}`))]).flat(),
    ),
    make("p", {}, make("label", {}, box, ` ${app.text("help.letters")}`)),
    make("button", { type: "button", class: "main", onclick: () => dialog.close() }, app.text("help.close")),
  ];
}
