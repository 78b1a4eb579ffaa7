// Two runs side by side: the second begins from the same start, with one thing changed.

import { dropout, formOf, shape } from "./controls.js";
import { make, renew } from "./dom.js";
import { defaults, field, key, nameOf, place, title } from "./fields.js";

// What can be changed for the second run: a name, its path, and the argument that makes its control, or a maker of it.
function changes(app, setup) {
  const { layers, optimizer } = setup;
  const entry = app.choices.optimizers.find(({ name }) => name === nameOf(optimizer));
  const rate = entry?.arguments.find(({ name }) => name === "learning_rate");
  const argument = (layer, name) => app.choices.layers.find((one) => one.name === layer.name)?.arguments.find((one) => one.name === name);
  const list = [
    rate && { name: "learning_rate", path: ["optimizer", "learning_rate"], argument: rate },
    { name: "dropout", path: ["all", "dropout"], make: dropout },
    { name: "optimizer", path: ["optimizer"], argument: { name: "optimizer", kind: "choice", of: "optimizers", alone: true } },
    { name: "loss", path: ["loss"], argument: { name: "loss", kind: "choice", of: "losses" } },
    ...app.choices.options.filter(({ name }) => name === "batch_size" || name === "seed").map((one) => ({ name: one.name, path: [one.name], argument: one })),
  ];
  layers.forEach((layer, place) => {
    for (const name of ["units", "activation", "rate", "l2"]) {
      const found = argument(layer, name);
      if (!found || (name === "units" && place === layers.length - 1)) continue;
      list.push({ name, layer: place, kind: layer.name, path: ["layers", place, name], argument: found });
    }
  });
  return list.filter(Boolean);
}

export function comparePanel(app, element) {
  const panel = new ComparePanel(app, element);
  app.on("scene", () => panel.scene());
  app.on("refusal", (refusal) => panel.refuse(refusal));
}

class ComparePanel {
  draft = null; // the setup of the second run before it begins
  which = ""; // the path of what is changed
  built = "";
  refused = [];

  constructor(app, element) {
    Object.assign(this, { app, element });
    this.form = formOf(
      app,
      "compare",
      () => (this.isTwo ? app.scene.setups[1] : this.draft),
      (path, value) => this.change(path, whole(app, path, value)),
    );
  }

  get isTwo() {
    return this.app.scene.runs > 1;
  }

  scene() {
    this.refused = [];
    this.begin();
  }

  // The second run begins as the first, and one thing is changed.
  begin() {
    this.draft = this.isTwo ? null : structuredClone(this.app.scene.setup);
    this.show();
  }

  async change(path, value) {
    if (this.isTwo) return this.app.change(path, value, 1);
    this.draft = changed(this.draft, path, value);
    return this.show();
  }

  refuse({ at, message, run }) {
    if (run !== 1 || !at) return;
    this.refused = [{ at, message }];
    this.show();
  }

  show() {
    const { app, form, isTwo } = this;
    const list = changes(app, form.value([]));
    this.which = list.some((one) => key(one.path) === this.which) ? this.which : key(list[0].path);
    const wanted = JSON.stringify([isTwo, this.which, list.map(({ path }) => path), shape(form.value([]))]);
    if (wanted !== this.built) this.build(list);
    else for (const one of form.fields.values()) one.show();
    this.built = wanted;
    this.element.querySelector(".what").replaceChildren(isTwo ? differences(app) : make("p", {}, app.text("compare.lead")));
    place(form.fields, [...app.scene.problems.filter(({ run }) => run === 1), ...this.refused]);
  }

  build(list) {
    const { app, isTwo } = this;
    this.form.fields.clear();
    const name = isTwo ? "end" : "begin";
    const act = () => app.act("twin", { setup: this.draft }); // none ends the second run
    const button = make("button", { type: "button", class: isTwo ? null : "main", id: `compare-${name}`, onclick: act }, app.text(`compare.${name}`));
    renew(this.element, make("div", { class: "what" }), make("div", { class: "controls" }, this.chooser(list)), isTwo ? looking(app) : null, button);
  }

  // What is changed, and the control that changes it.
  chooser(list) {
    const { app, form } = this;
    const option = (one) => make("option", { value: key(one.path) }, called(app, one));
    const choose = () => {
      this.which = select.value;
      if (this.isTwo) this.show();
      else this.begin(); // one thing at a time
    };
    const select = make("select", { id: "compare-what", onchange: choose }, list.map(option));
    select.value = this.which;
    const one = list.find((other) => key(other.path) === this.which);
    const label = app.text("compare.second");
    return [
      make("div", { class: "field" }, make("label", { for: "compare-what" }, app.text("compare.what")), select),
      one.make?.(form, label) ?? field(form, one.argument, one.path, { label }).element,
    ];
  }
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
  layer !== undefined ? app.text("compare.inLayer", { name: title(app, name), layer, kind }) : title(app, name);

// A table of what differs between the two setups; lists of unlike layers stand there as a whole.
function differences(app) {
  const [first, second] = app.scene.setups;
  const kinds = ({ layers }) => layers.map(({ name }) => name).join();
  const alike = kinds(first) === kinds(second);
  const whole = app.scene.networks.map(({ layers }) => layers.map(({ label }) => label).join(" → "));
  const rows = unlike(alike ? first : { ...first, layers: whole[0] }, alike ? second : { ...second, layers: whole[1] });
  if (rows.length === 0) return make("p", {}, app.text("compare.same"));
  const part = (name, i, path) => {
    if (typeof name === "number") return name + 1;
    return title(app, name === "layers" && path.length > 1 ? "layer" : name);
  };
  const row = ([path, one, two]) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, path.map(part).join(" ")),
      [one, two].map((value) => make("td", {}, written(app, value))),
    );
  const heads = [1, 2].map((run) => make("th", { scope: "col" }, app.text("compare.run", { run })));
  return make("table", { class: "differences" }, make("thead", {}, make("tr", {}, make("td"), heads)), make("tbody", {}, rows.map(row)));
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
