// The setup: every control is made from the catalogue of choices, so that a new part of plainnet appears by itself.

import { make, renew } from "./dom.js";
import { defaults, field, identity, key, nameOf, place, title } from "./fields.js";
import { fold, layerList } from "./layers.js";

const SHOWN = ["batch_size", "epochs"]; // options that stand open; the others lie in a fold

// Return what a set of controls works on: the setup of a run, changed through the session.
export function formOf(app, prefix, read, write) {
  const value = (path) => path.reduce((part, name) => part?.[name], read());
  return { app, prefix, value, change: latest(write), fields: new Map() };
}

// Return a function that sends one change at a time, and of many to the same path only the last.
function latest(write) {
  const waiting = new Map();
  let busy = false;
  return async (path, value) => {
    waiting.set(key(path), [path, value]);
    if (busy) return;
    busy = true;
    try {
      while (waiting.size) {
        const [name, change] = waiting.entries().next().value;
        waiting.delete(name);
        await write(...change);
      }
    } finally {
      busy = false;
    }
  };
}

// Return what of a setup decides which controls there are: its names and its nesting, and not its numbers.
export function shape(value, name = "") {
  if (Array.isArray(value)) return value.map((part) => shape(part, name));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([part, inner]) => [part, shape(inner, part)]));
  }
  return name === "name" || name === "metrics" ? value : undefined;
}

export function setupPanel(app, element) {
  const form = formOf(
    app,
    "setup",
    () => app.scene.setup,
    (path, value) => app.change(path, value),
  );
  const rest = make("ul", { class: "problems", hidden: true });
  const body = make("div", { class: "controls" });
  element.append(rest, body);
  let refused = [];
  let built = "";
  const problems = () => {
    const own = app.scene.problems.filter(({ run }) => !run); // the others are of the second run: see compare.js
    const left = place(form.fields, [...own, ...refused]);
    rest.hidden = left.length === 0;
    rest.replaceChildren(...left.map((sentence) => make("li", {}, sentence)));
  };
  app.on("scene", ({ setup }) => {
    refused = [];
    const wanted = JSON.stringify(shape({ ...setup, data: null, optimizer: wholeOptimizer(setup) }));
    if (wanted === built) for (const one of form.fields.values()) one.show();
    else {
      built = wanted;
      form.fields.clear();
      renew(body, groups(form));
    }
    problems();
  });
  app.on("refusal", ({ at, message, run }) => {
    if (!app.scene || !at || run) return;
    refused = [{ at, message }];
    problems();
  });
}

const wholeOptimizer = ({ optimizer }) => (typeof optimizer === "string" ? { name: optimizer } : optimizer);

function groups(form) {
  const { app } = form;
  const group = (name, ...children) =>
    make("section", { class: "group" }, make("h3", {}, app.text(`controls.groups.${name}`)), children);
  const folded = (name, ...children) =>
    make(
      "details",
      { id: identity(form, [name], "-more"), class: "group" },
      make("summary", {}, make("h3", {}, app.text(`controls.groups.${name}`))),
      children,
    );
  const options = app.choices.options;
  return [
    group("layers", layerList(form)),
    group("learning", learning(form), options.filter(({ name }) => SHOWN.includes(name)).map((one) => option(form, one))),
    group("overfitting", penalties(form), dropout(form), stopping(form)),
    folded("metrics", metrics(form)),
    folded("machine", options.filter(({ name }) => !SHOWN.includes(name)).map((one) => option(form, one))),
  ];
}

const option = (form, argument) => field(form, argument, [argument.name], { hint: !SHOWN.includes(argument.name) }).element;

// Loss and optimizer, with the optimizer's rate; its other settings lie in a fold.
function learning(form) {
  const { app } = form;
  const entries = app.choices.optimizers;
  const name = nameOf(form.value(["optimizer"]));
  const entry = entries.find((one) => one.name === name);
  const choose = { ...form, change: (path, chosen) => form.change(path, defaults(entries.find((one) => one.name === chosen))) };
  const rate = entry?.arguments.find((one) => one.name === "learning_rate");
  const others = entry?.arguments.filter((one) => one !== rate) ?? [];
  return [
    field(form, { name: "loss", kind: "choice", of: "losses" }, ["loss"]).element,
    field(choose, { name: "optimizer", kind: "choice", of: "optimizers", alone: true }, ["optimizer"]).element,
    rate && field(form, rate, ["optimizer", "learning_rate"]).element,
    others.length > 0 && fold(form, ["optimizer"], others, app.text("controls.optimizer")),
  ];
}

// One control that sets an argument of all layers that have it; each layer has its own behind "more".
function penalties(form) {
  const { app } = form;
  const argument = (name) => app.choices.layers.flatMap((entry) => entry.arguments).find((one) => one.name === name);
  const having = (layer, name) =>
    app.choices.layers.find((entry) => entry.name === layer.name)?.arguments.some((one) => one.name === name);
  return ["l2", "l1"].filter(argument).map((name) => {
    const values = () => form.value(["layers"]).filter((layer) => having(layer, name)).map((layer) => layer[name] ?? 0);
    const all = {
      ...form,
      value: () => (new Set(values()).size > 1 ? NaN : values()[0]),
      change: (path, value) =>
        form.change(["layers"], form.value(["layers"]).map((layer) => (having(layer, name) ? { ...layer, [name]: value } : layer))),
    };
    return field(all, { ...argument(name), log: true }, ["all", name], { label: app.text(`controls.all.${name}`) }).element;
  });
}

// One control for Dropout after every hidden layer: its rate, and 0 takes the layers out.
export function dropout(form, label = form.app.text("controls.all.dropout")) {
  const layers = () => form.value(["layers"]);
  const isDropout = ({ name }) => name === "Dropout";
  const change = (path, rate) => {
    const others = layers().filter((layer) => !isDropout(layer));
    const last = others.length - 1;
    const after = (layer, i) => (rate > 0 && i < last && layer.units ? [layer, { name: "Dropout", rate }] : [layer]);
    form.change(["layers"], others.flatMap(after));
  };
  const rate = () => {
    const found = layers().find(isDropout)?.rate ?? 0;
    return typeof found === "number" ? found : (found.learning_rate ?? 0);
  };
  const argument = { name: "dropout", kind: "number", least: 0, below: 1, default: 0, rebuilds: true };
  return field({ ...form, value: rate, change }, argument, ["all", "dropout"], { label }).element;
}

function stopping(form) {
  const { app } = form;
  const list = app.choices.early_stopping;
  const on = form.value(["early_stopping"]) !== null && form.value(["early_stopping"]) !== undefined;
  const fresh = () => Object.fromEntries(list.map((one) => [one.name, one.default ?? null]));
  const toggle = { ...form, value: () => on, change: (path, chosen) => form.change(path, chosen ? fresh() : null) };
  return [
    field(toggle, { name: "early_stopping", kind: "flag" }, ["early_stopping"]).element,
    on && make("div", { class: "inner" }, list.map((one) => field(form, one, ["early_stopping", one.name], { hint: true }).element)),
  ];
}

function metrics(form) {
  const { app } = form;
  const chosen = () => (form.value(["metrics"]) ?? []).map(nameOf);
  const id = identity(form, ["metrics"]);
  const boxes = app.choices.metrics.map(({ name }) => {
    const box = make("input", { type: "checkbox", id: `${id}-${name}` });
    box.checked = chosen().includes(name);
    box.addEventListener("change", () => {
      const others = chosen().filter((one) => one !== name);
      form.change(["metrics"], box.checked ? [...others, name] : others);
    });
    return make("label", { for: box.id, class: "chip" }, box, make("span", {}, title(app, name)));
  });
  const note = make("p", { class: "note" });
  const problem = (sentence) => (note.textContent = sentence);
  form.fields.set("metrics", { show() {}, problem });
  return make("div", { role: "group", "aria-label": app.text("controls.names.metrics") }, make("div", { class: "chips" }, boxes), note);
}
