// Two runs side by side: the second begins from the same start, with one thing changed.

import { formOf } from "./controls.js";
import { make, renew } from "./dom.js";
import { defaults, field, nameOf, title } from "./fields.js";

// What can be changed for the second run: a name, its path, and the argument that makes its control.
function changes(app, setup) {
  const { layers, optimizer } = setup;
  const entry = app.choices.optimizers.find(({ name }) => name === nameOf(optimizer));
  const rate = entry?.arguments.find(({ name }) => name === "learning_rate");
  const argument = (layer, name) => app.choices.layers.find((one) => one.name === layer.name)?.arguments.find((one) => one.name === name);
  const list = [
    rate && { name: "learning_rate", path: ["optimizer", "learning_rate"], argument: rate },
    { name: "optimizer", path: ["optimizer"], argument: { name: "optimizer", kind: "choice", of: "optimizers", alone: true } },
    { name: "loss", path: ["loss"], argument: { name: "loss", kind: "choice", of: "losses" } },
    ...app.choices.options.filter(({ name }) => name === "batch_size" || name === "seed").map((one) => ({ name: one.name, path: [one.name], argument: one })),
  ];
  layers.forEach((layer, place) => {
    for (const name of ["units", "activation", "rate", "l2"]) {
      const found = argument(layer, name);
      if (!found || (name === "units" && place === layers.length - 1)) continue;
      list.push({ name, layer: place + 1, kind: layer.name, path: ["layers", place, name], argument: found });
    }
  });
  return list.filter(Boolean);
}

export function comparePanel(app, element) {
  let draft = null; // the setup of the second run before it begins
  let which = "";
  const form = formOf(
    app,
    "compare",
    () => draft ?? app.scene.setups?.[1] ?? app.scene.setup,
    async (path, value) => {
      if (app.scene.runs > 1) return app.change(path, whole(app, path, value), 1);
      draft = changed(draft, path, whole(app, path, value));
      show();
    },
  );
  const show = () => {
    form.fields.clear();
    if (app.scene.runs > 1) draft = null;
    else draft ??= structuredClone(app.scene.setup);
    const list = changes(app, form.value([]));
    which = list.some(({ path }) => path.join("/") === which) ? which : list[0].path.join("/");
    renew(element, app.scene.runs > 1 ? besides(app, form, list) : before(app, form, list));
  };
  const chooser = (list) => {
    const option = (one) => make("option", { value: one.path.join("/") }, called(app, one));
    const select = make("select", { id: "compare-what" }, list.map(option));
    select.value = which;
    select.addEventListener("change", () => {
      which = select.value;
      if (app.scene.runs === 1) draft = null; // one thing at a time
      show();
    });
    const one = list.find(({ path }) => path.join("/") === which);
    return [
      make("div", { class: "field" }, make("label", { for: "compare-what" }, app.text("compare.what")), select),
      field(form, one.argument, one.path, { label: app.text("compare.second") }).element,
    ];
  };
  const before = (app, form, list) => [
    make("p", {}, app.text("compare.lead")),
    make("div", { class: "controls" }, chooser(list)),
    make("button", { type: "button", class: "main", id: "compare-begin", onclick: () => app.act("twin", { setup: draft }) }, app.text("compare.begin")),
  ];
  const besides = (app, form, list) => [
    differences(app),
    make("div", { class: "controls" }, chooser(list)),
    looking(app),
    make("button", { type: "button", id: "compare-end", onclick: () => app.act("twin", { setup: null }) }, app.text("compare.end")),
  ];
  app.on("scene", () => {
    if (app.scene.runs === 1) draft = null;
    show();
  });
}

// Another optimizer comes with its own defaults.
function whole(app, path, value) {
  const isOptimizer = path.length === 1 && path[0] === "optimizer";
  return isOptimizer ? defaults(app.choices.optimizers.find(({ name }) => name === value)) : value;
}

function changed(setup, path, value) {
  const copy = structuredClone(setup);
  let part = copy;
  for (const name of path.slice(0, -1)) part = part[name];
  part[path.at(-1)] = value;
  return copy;
}

const called = (app, { name, layer, kind }) =>
  layer ? app.text("compare.inLayer", { name: title(app, name), layer, kind }) : title(app, name);

// A table of what differs between the two setups.
function differences(app) {
  const [first, second] = app.scene.setups ?? [app.scene.setup, app.scene.setup];
  const rows = unlike(first, second);
  if (rows.length === 0) return make("p", {}, app.text("compare.same"));
  const cells = (tag, texts) => make("tr", {}, texts.map((text, i) => make(i ? tag : "th", i ? {} : { scope: "row" }, text)));
  return make(
    "table",
    { class: "differences" },
    make("thead", {}, make("tr", {}, make("td"), [1, 2].map((run) => make("th", { scope: "col" }, app.text("compare.run", { run }))))),
    make("tbody", {}, rows.map(([path, one, two]) => cells("td", [path.map((part) => (typeof part === "number" ? part + 1 : title(app, part === "layers" ? "layer" : part))).join(" "), written(app, one), written(app, two)]))),
  );
}

function unlike(one, two, path = []) {
  const isTree = (value) => value && typeof value === "object";
  if (!isTree(one) || !isTree(two)) return JSON.stringify(one) === JSON.stringify(two) ? [] : [[path, one, two]];
  const names = [...new Set([...Object.keys(one), ...Object.keys(two)])];
  const part = (name) => (Array.isArray(one) ? Number(name) : name);
  return names.flatMap((name) => unlike(one[name], two[name], [...path, part(name)]));
}

function written(app, value) {
  if (value === null || value === undefined) return app.text("controls.none");
  if (typeof value === "number") return app.number(value);
  return typeof value === "object" ? (value.name ?? JSON.stringify(value)) : title(app, value);
}

// Which of the two runs the panels that show one network look at.
function looking(app) {
  const choice = (run) => {
    const box = make("input", { type: "radio", name: "compare-run", id: `compare-run-${run}`, onchange: () => app.choose({ run }) });
    box.checked = app.chosen.run === run;
    return make("label", { class: "chip", for: box.id }, box, make("span", {}, app.text("compare.run", { run: run + 1 })));
  };
  return make("fieldset", { class: "brush" }, make("legend", {}, app.text("compare.look")), [0, 1].map(choice));
}
