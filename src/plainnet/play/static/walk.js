// One scene of an explained step as text: each quantity with its formula, its factors in numbers, and the numerical
// check beside it.

import { formula, labelText, unitName } from "./mathml.js";
import { make } from "./dom.js";

// Return what a scene is called.
export function sceneTitle(app, scene) {
  const values = { unit: scene.unit ? unitName(app, scene.unit) : "", layer: scene.layer ?? "", stage: scene.stage ?? "" };
  return app.text(`insight.scene.${scene.kind}`, values);
}

// Return the elements below the title of a scene; `several` is true where the step has more than one example.
export function sceneBody(app, scene, several) {
  const notes = [...(scene.notes ?? [])];
  if (several && scene.section !== "update") notes.push(app.text("insight.several"));
  return [
    scene.stage && scene.kind !== "stage" && make("p", { class: "quiet stage-name" }, scene.stage),
    (scene.formulas ?? []).map((one) => formula(one.formula, one.text)),
    scene.parts.map((part) => make("div", { class: "part" }, partBody(app, part, scene))),
    notes.map((note) => make("p", { class: "note" }, note)),
  ];
}

function partBody(app, part, scene) {
  const named = part.text.startsWith(part.name);
  const [first, ...others] = part.lines;
  const isSingle = first && !others.length && !part.more;
  return [
    !named && part.name && !isSingle && make("p", { class: "quantity" }, part.name),
    part.text && formula(part.formula, part.text),
    isSingle && singleLine(app, part, first, named),
    part.note && make("p", { class: "note" }, part.note),
    part.lines.length > 0 && !isSingle && linesTable(app, part, scene),
    part.table && updateTable(app, part.table),
    part.check && verdict(app, part.check),
  ];
}

// One number stands in one line: "δ = 0.5 × (−1.2) = −0.6 (numerical −0.6)".
function singleLine(app, part, line, named) {
  const numerical = line.numerical === undefined ? "" : ` ${app.text("insight.beside", { value: line.numerical })}`;
  const start = line.terms ? `= ${terms(app, line)} = ` : "= ";
  return make("p", { class: "single" }, !named && make("b", {}, `${part.name} `), start, make("b", {}, app.number(line.value)), numerical);
}

// Screen readers hear the caption first: what these numbers are.
function linesTable(app, part, scene) {
  const isLong = part.lines.some((line) => line.terms?.length > 1); // sums over examples stand in a row of their own
  const calculated = !isLong && part.lines.some((line) => line.terms);
  const checked = part.lines.some(({ numerical }) => numerical !== undefined);
  const head = ["", calculated && app.text("insight.calculation"), app.text("insight.value"), checked && app.text("insight.numerical")];
  const row = (line) => [
    make(
      "tr",
      { class: line.total && part.lines.length > 1 ? "total" : null },
      make("th", { scope: "row" }, labelText(app, line.label)),
      calculated && make("td", { class: "terms" }, terms(app, line)),
      make("td", {}, app.number(line.value)),
      checked && make("td", { class: "quiet" }, line.numerical === undefined ? "" : app.number(line.numerical)),
    ),
    isLong && make("tr", {}, make("td", { class: "terms", colspan: checked ? 3 : 2 }, `= ${terms(app, line)}`)),
  ];
  return stepsTable(app, `${part.name}: ${sceneTitle(app, scene)}`, head, part.lines.map(row), { more: part.more });
}

// "0.5 × −1.2 + 0.3 × 2 + … 3 more"
function terms(app, { terms: found, left_out: left }) {
  if (!found) return "";
  const one = (factors) => factors.map((factor, i) => bracketed(app, factor, i > 0)).join(" × ");
  const sum = found.map((factors, i) => (i ? bracketed(app, one(factors), true) : one(factors))).join(" + ");
  return left ? `${sum} + ${app.text("insight.rest", { count: left })}` : sum;
}

function bracketed(app, value, inside) {
  const shown = typeof value === "number" ? app.number(value) : value;
  return inside && shown.startsWith("−") ? `(${shown})` : shown;
}

function updateTable(app, { columns, rows, more }) {
  const head = ["", ...columns.map((name) => (["before", "after"].includes(name) ? app.text(`insight.${name}`) : name))];
  const last = columns.length - 1;
  const row = ({ label, values }) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, labelText(app, label)),
      values.map((value, i) => make("td", { class: i === 0 || i === last ? "strong" : null }, app.number(value, 5))),
    );
  return stepsTable(app, app.text("insight.update"), head, rows.map(row), { more });
}

// Return a table in a box that scrolls; `more` of its rows are left out. In `head` false is no column, "" one without a name.
export function stepsTable(app, caption, head, rows, { more = 0, isTitled = false } = {}) {
  const cells = head.filter((name) => name !== false).map((name) => (name ? make("th", { scope: "col" }, name) : make("td")));
  const title = make("caption", { class: isTitled ? null : "unseen" }, caption);
  return [
    make(
      "div",
      { class: "scroll", tabindex: 0, role: "group", "aria-label": caption },
      make("table", { class: "steps" }, title, make("thead", {}, make("tr", {}, cells)), make("tbody", {}, rows)),
    ),
    more > 0 && make("p", { class: "note" }, app.text("insight.more", { count: more })),
  ];
}

function verdict(app, { passed, error, entries, of, verdict: words }) {
  const some = entries < of ? ` ${app.text("insight.places", { entries, of })}` : "";
  const shown = passed ? app.text("insight.agrees", { error: error.toExponential(1) }) : app.text("insight.differs", { verdict: words });
  return make("p", { class: passed ? "agrees" : "differs" }, shown + some);
}
