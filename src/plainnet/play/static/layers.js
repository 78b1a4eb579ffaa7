// The list of layers in the setup: add, remove, move, another kind, and each layer's arguments.

import { icon, make } from "./dom.js";
import { defaults, field, identity, key, title } from "./fields.js";

const FIRST = ["units", "activation", "rate", "width"]; // arguments in the first line; the others lie behind "more"

// Return the elements of the list for the setup's layers.
export function layerList(form) {
  const layers = form.value(["layers"]) ?? [];
  const { app } = form;
  const items = layers.map((layer, place) => make("li", {}, item(form, layer, place)));
  const add = make(
    "button",
    { type: "button", id: identity(form, ["layers"], "-add"), onclick: () => insert(form) },
    icon("add"),
    app.text("controls.layers.add"),
  );
  return [make("ol", { class: "layers" }, items), add];
}

function item(form, layer, place) {
  const { app } = form;
  const path = ["layers", place];
  const entry = app.choices.layers.find(({ name }) => name === layer.name);
  const called = app.text("controls.layers.called", { place, kind: layer.name });
  const known = entry?.arguments ?? [];
  const front = known.filter(({ name }) => FIRST.includes(name));
  const back = known.filter(({ name }) => !FIRST.includes(name));
  const note = make("p", { class: "note" });
  const element = make(
    "div",
    { role: "group", "aria-label": called },
    make("div", { class: "head" }, kind(form, layer, path), buttons(form, place, called)),
    make("div", { class: "front" }, front.map((one) => field(form, one, [...path, one.name]).element)),
    back.length > 0 && fold(form, path, back, app.text("controls.layers.more", { called })),
    note,
  );
  const problem = (sentence) => (note.textContent = sentence);
  form.fields.set(key(path), { element, show: () => problem(""), problem });
  return element;
}

// A fold with the arguments that few people change.
export function fold(form, path, list, label) {
  return make(
    "details",
    { id: identity(form, path, "-more"), class: "more" },
    make("summary", { "aria-label": label }, form.app.text("controls.more")),
    list.map((one) => field(form, one, [...path, one.name], { hint: true }).element),
  );
}

// Another kind of layer keeps the settings that both have.
function kind(form, layer, path) {
  const { app } = form;
  const select = make("select", {
    id: identity(form, path, "-kind"),
    "aria-label": app.text("controls.layers.kind", { place: path[1] }),
    onchange: () => {
      const fresh = defaults(app.choices.layers.find(({ name }) => name === select.value));
      const before = form.value(path);
      for (const name of Object.keys(fresh)) if (name !== "name" && name in before) fresh[name] = before[name];
      form.change(path, fresh);
    },
  });
  const names = app.choices.layers.map(({ name }) => name);
  if (!names.includes(layer.name)) names.unshift(layer.name);
  select.append(...names.map((name) => make("option", { value: name }, title(app, name))));
  select.value = layer.name;
  return select;
}

function buttons(form, place, called) {
  const { app } = form;
  const last = form.value(["layers"]).length - 1;
  const remove = () => write(form, form.value(["layers"]).toSpliced(place, 1), "removed", { called });
  const button = (name, disabled, act) =>
    make(
      "button",
      {
        type: "button",
        class: "bare",
        id: identity(form, ["layers", place], `-${name}`),
        "aria-label": app.text(`controls.layers.${name}`, { called }),
        "aria-disabled": disabled ? "true" : null,
        onclick: () => disabled || act(),
      },
      icon(name),
    );
  return make(
    "span",
    { class: "buttons" },
    button("up", place === 0, () => move(form, place, place - 1)),
    button("down", place === last, () => move(form, place, place + 1)),
    button("remove", last === 0, remove),
  );
}

// The new layer is like the last hidden one, and stands before the output.
function insert(form) {
  const layers = form.value(["layers"]);
  const { choices } = form.app;
  const hidden = layers.slice(0, -1).findLast(({ name }) => name === "Dense");
  const fresh = hidden ?? { ...defaults(choices.layers.find(({ name }) => name === "Dense")), units: 4, activation: "tanh" };
  const place = Math.max(0, layers.length - 1);
  write(form, layers.toSpliced(place, 0, structuredClone(fresh)), "added", { place });
}

function move(form, from, to) {
  const layers = form.value(["layers"]);
  const moved = layers[from];
  write(form, layers.toSpliced(from, 1).toSpliced(to, 0, moved), "moved", { place: to });
  const side = to < from ? "up" : "down";
  document.getElementById(identity(form, ["layers", to], `-${side}`))?.focus();
}

function write(form, layers, said, values) {
  form.change(["layers"], layers);
  form.app.say(form.app.text(`controls.layers.${said}`, values));
}
