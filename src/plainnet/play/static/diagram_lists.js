// What stands below the drawing: the units that do not fit, and all weights as tables of numbers.

import { make } from "./dom.js";

const MOST_CELLS = 4_500; // of a table; the rest is in the exported files

// Return a list for each column that has more units than are drawn: a click brings a unit into the drawing.
export function moreUnits(drawing) {
  const { app } = drawing;
  return drawing.columns.filter(({ hidden }) => hidden).map((column) => {
    const last = column.first + column.nodes.length;
    const label = column.layer?.label ?? app.text("drawing.inputs");
    const item = (unit) => {
      const name = drawing.nameOf({ column, unit, name: column.names?.[unit] ?? unit });
      return make("li", {}, make("button", { type: "button", class: "plain", onclick: () => bring(drawing, column, unit) }, name));
    };
    const units = Array.from({ length: column.units }, (_, unit) => unit).filter((unit) => unit < column.first || unit >= last);
    const list = make("ul", { class: "units", tabindex: 0, "aria-label": label }, units.map(item));
    return make("details", { id: `more-${drawing.run}-${column.place}` }, make("summary", {}, app.text("drawing.others", { count: column.hidden, label })), list);
  });
}

function bring(drawing, column, unit) {
  drawing.firsts.set(column.place, Math.max(0, unit - Math.floor(column.nodes.length / 2)));
  drawing.refresh();
  const node = drawing.nodes.find((one) => one.column.place === column.place && one.unit === unit);
  drawing.pointing.rove({ kind: "unit", node });
  drawing.app.refresh();
}

// Return a fold with the weights of each layer as a table; it is filled when it is opened, and follows slowly.
export function weightTables(drawing) {
  const { app, run } = drawing;
  const body = make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": app.text("drawing.numbers") });
  const fold = make("details", { id: `weights-${run}` }, make("summary", {}, app.text("drawing.numbers")), body);
  const fill = () => {
    if (!fold.isConnected) return clearInterval(timer);
    if (fold.open && drawing.parameters && !(body.contains(document.activeElement) && body.childElementCount)) {
      body.replaceChildren(...drawing.network.layers.flatMap((layer) => tablesOf(drawing, layer)));
    }
  };
  let timer = 0;
  fold.addEventListener("toggle", () => {
    clearInterval(timer);
    if (!fold.open) return;
    fill();
    timer = setInterval(() => app.playing && fill(), 1000);
  });
  return fold;
}

// Return a table for each array of a layer's parameters that has one or two axes.
function tablesOf({ app, parameters }, layer) {
  return Object.entries(layer.parameters).map(([name, { start, shape }]) => {
    const columns = shape.length > 1 ? shape.at(-1) : shape[0] ?? 1;
    const all = shape.reduce((product, size) => product * size, 1);
    const rows = Math.min(all / columns, Math.ceil(MOST_CELLS / columns));
    const caption = app.text("drawing.table", { layer: layer.place, label: layer.label, name, shape: shape.join(" × ") });
    const numbers = (i) => Array.from({ length: columns }, (_, j) => make("td", {}, app.number(parameters[start + i * columns + j])));
    const head = make("tr", {}, make("td"), Array.from({ length: columns }, (_, j) => make("th", { scope: "col" }, j)));
    const body = Array.from({ length: rows }, (_, i) => make("tr", {}, make("th", { scope: "row" }, i), numbers(i)));
    return make("table", { class: "numbers" }, make("caption", {}, caption), head, body);
  });
}
