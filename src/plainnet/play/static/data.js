// The data: a data set of plainnet with its options, or the reader's own table; and beside the map what it shows.

import { formOf, shape } from "./controls.js";
import { make, renew } from "./dom.js";
import { field, place } from "./fields.js";
import { fold } from "./layers.js";
import { uploadForm } from "./upload.js";
import { thumbnail } from "./thumbnail.js";

export function dataPanel(app, element) {
  const form = formOf(
    app,
    "data",
    () => app.scene.setup,
    (path, value) => app.change(path, value),
  );
  const sets = make("div", { class: "sets", role: "radiogroup", "aria-label": app.text("data.sets") });
  const options = make("div", { class: "controls" });
  const about = make("p", { class: "quiet" });
  const notes = make("ul", { class: "notes note" }); // what the reader of the table found that people may not expect
  element.append(sets, about, notes, options, uploadForm(app, element));
  let built = "";
  app.on("scene", ({ setup, data, problems }) => {
    if (!sets.childElementCount) sets.append(...app.choices.datasets.map((entry) => choice(app, entry)), own(app));
    const chosen = { dataset: setup.data.name, points: OWN }[setup.data.kind];
    for (const box of sets.querySelectorAll("input")) box.checked = box.value === chosen;
    about.textContent = described(app, setup, data);
    notes.replaceChildren(...(data.notes ?? []).map((note) => make("li", {}, note)));
    const wanted = JSON.stringify(shape({ kind: setup.data.kind, name: setup.data.name, options: setup.data.options }));
    if (wanted + setup.data.kind === built) for (const one of form.fields.values()) one.show();
    else {
      built = wanted + setup.data.kind;
      form.fields.clear();
      renew(options, fieldsOf(form, setup.data));
    }
    place(form.fields, problems);
  });
  planeTools(app, document.querySelector("#plane .tools"));
}

const OWN = "own points";
const TWO = [[-1, -1, 0], [1, 1, 1]]; // the start of own points: x, y and class

// A data set of plainnet.
function choice(app, { name, help, preview }) {
  const data = { kind: "dataset", name, options: {} };
  return tile(app, name, name, preview?.length ? thumbnail(preview) : null, data, help);
}

// The reader's own points: two to begin with, the others are drawn on the map.
function own(app) {
  const data = { kind: "points", task: "classification", classes: ["0", "1"], X: TWO.map(([x, y]) => [x, y]), y: [0, 1], validation: 0, test: 0 };
  return tile(app, OWN, app.text("data.draw"), thumbnail(TWO), data, app.text("data.drawHelp"));
}

function tile(app, value, name, picture, data, help) {
  const box = make("input", { type: "radio", name: "data-set", id: `data-set-${value.replace(" ", "-")}`, value });
  box.addEventListener("change", () => {
    const { validation, test, seed } = app.scene.setup.data;
    app.change(["data"], { validation, test, seed: seed ?? 0, ...data });
  });
  return make("label", { for: box.id, title: help ?? null }, box, picture, make("span", {}, name));
}

// Say what the data are: rows and parts, what is predicted, and where an uploaded table stays.
function described(app, { data: setting }, data) {
  const { training, validation, test } = data.parts;
  const parts = [app.text("data.rows", { count: data.rows, columns: data.columns.length })];
  if (validation || test) parts.push(app.text("data.parts", { training, validation, test }));
  if (data.target) parts.push(app.text(`data.${data.task}`, { target: data.target, count: data.classes?.length ?? 0 }));
  if (setting.kind === "table" || setting.kind === "given") parts.push(app.text("data.stays"));
  return parts.join(" ");
}

function fieldsOf(form, data) {
  const entry = data.kind === "dataset" && form.app.choices.datasets.find(({ name }) => name === data.name);
  const own = (entry?.arguments ?? []).map((one) => field(form, one, ["data", "options", one.name]).element);
  const [validation, ...others] = form.app.choices.data;
  const first = field(form, validation, ["data", validation.name]).element;
  return [...own, first, fold(form, ["data"], others, form.app.text("data.more"))];
}

// Beside the map: its axes, where the other columns stand, and the label of a new point.
function planeTools(app, element) {
  let built = "";
  app.on("scene", ({ data }) => {
    const wanted = JSON.stringify([data.columns, data.classes, data.editable, data.rows]);
    if (wanted === built) return show();
    built = wanted;
    app.chosen.brush = data.classes ? 1 : 0;
    renew(element, axesTools(app, data), needsBrush(data) ? brush(app, data) : []);
    show();
  });
  const show = () => {
    const { axes, at } = app.chosen;
    for (const select of element.querySelectorAll("select[data-axis]")) select.value = axes[select.dataset.axis];
    const row = element.querySelector("#plane-at");
    if (row && document.activeElement !== row) row.value = at ?? "";
  };
  app.on("chosen", show);
}

function axesTools(app, { columns, rows }) {
  const varied = columns.filter(({ range }) => !range || range[0] !== range[1]);
  if (varied.length <= 2) return [];
  const option = ({ name }, i) => make("option", { value: i }, name);
  const axis = (place) => {
    const select = make("select", { id: `plane-axis-${place}`, "data-axis": place }, columns.map(option));
    select.addEventListener("change", () => {
      const axes = [...app.chosen.axes];
      const wanted = Number(select.value);
      if (axes[1 - place] === wanted) axes[1 - place] = axes[place]; // the two axes change places
      axes[place] = wanted;
      app.choose({ axes, column: axes[0] });
    });
    return make("label", {}, make("span", {}, app.text(`data.axis.${place}`)), select);
  };
  const row = make("input", { type: "number", id: "plane-at", min: 0, max: rows - 1, step: 1, placeholder: app.text("data.median") });
  row.addEventListener("change", () => app.choose({ at: row.value === "" ? null : Math.min(rows - 1, Math.max(0, Math.round(row.value))) }));
  return [axis(0), axis(1), make("label", {}, make("span", {}, app.text("data.at")), row)];
}

// Over one column of numbers the height of a click is the value already.
const needsBrush = ({ editable, classes, columns }) => editable && (classes || columns.length > 1);

// Which class, or which value, a new point gets.
function brush(app, { classes }) {
  if (!classes) {
    const value = make("input", { type: "number", id: "plane-brush", step: "any", value: app.chosen.brush });
    value.addEventListener("change", () => app.choose({ brush: Number(value.value) || 0 }));
    return [make("label", {}, make("span", {}, app.text("data.brushValue")), value)];
  }
  const box = (name, place) => {
    const input = make("input", { type: "radio", name: "brush", id: `plane-brush-${place}`, value: place });
    input.checked = place === app.chosen.brush;
    input.addEventListener("change", () => app.choose({ brush: place }));
    return make("label", { class: `chip class-${place % 8}`, for: input.id }, input, make("span", {}, name));
  };
  return [make("fieldset", { class: "brush" }, make("legend", {}, app.text("data.brush")), classes.map(box))];
}
