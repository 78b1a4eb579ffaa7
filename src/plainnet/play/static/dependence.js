// The partial dependence on one column: the mean prediction over some examples, while this column varies.

import { axesOf, linePath, valueText } from "./chart.js";
import { classColor, onColors, palette } from "./colors.js";
import { make } from "./dom.js";
import { draw, setText, shortened } from "./svg.js";

const POINTS = 40;
const HEIGHT = 170;
const MOST_NAMES = 6; // more would cover each other

export function dependenceChart(app) {
  const svg = draw("svg", { class: "chart", role: "img" });
  const title = make("h3", {});
  const element = make("details", { hidden: true, class: "facts", ontoggle: () => app.refresh() }, make("summary", {}, title), svg);
  let known = "";
  let width = 0;
  app.on("scene", ({ setup, data }) => {
    element.hidden = data.columns.length <= 2;
    if (known !== data.name) element.open = setup.data.kind === "table" || setup.data.kind === "given"; // few look for it elsewhere
    known = data.name;
  });
  app.wants((request) => {
    if (!element.hidden && element.open) request.dependence = { column: app.chosen.column, points: POINTS };
  });
  const paint = () => {
    const values = app.frame?.arrays["0.dependence"];
    const column = app.scene?.data.columns[app.chosen.column];
    if (column) setText(title, app.text("drawing.dependence.title", { name: column.name }));
    if (element.hidden || !element.open || !column || !values || width < 60) return;
    const { data } = app.scene;
    const all = [values, app.frame.arrays["1.dependence"]].filter(Boolean);
    const isClass = data.task === "classification";
    const [low, high] = isClass ? [0, 1] : span(all);
    const [from, to] = column.range;
    const box = { left: 50, top: 8, width: width - 58, height: HEIGHT - 50 };
    const { group, x, y } = axesOf(box, { low: from, high: to, name: column.name, levels: column.levels, kind: column.kind }, { low, high, lines: true, name: isClass ? app.text("drawing.plane.probability") : data.target }, app.number);
    const lines = all.flatMap((array, run) => linesOf(array, run, { column, x, y, isClass, classes: data.classes }));
    svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    svg.setAttribute("height", HEIGHT);
    svg.replaceChildren(group, ...lines);
    svg.setAttribute("aria-label", inWords(app, values, column, isClass));
  };
  app.on("frame", paint);
  app.on("scene", paint);
  new ResizeObserver(([{ contentRect }]) => {
    width = Math.floor(contentRect.width); // to ask for it in each frame would lay out the page anew
    paint();
  }).observe(element);
  onColors(paint);
  return element;
}

function span(all) {
  let [low, high] = [Infinity, -Infinity];
  for (const array of all) for (const value of array) if (Number.isFinite(value)) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return Number.isFinite(low) ? [low - 0.05 * (high - low || 1), high + 0.05 * (high - low || 1)] : [0, 1];
}

// One line for each output; of two classes only the second, as the first says the same.
function linesOf(array, run, { column, x, y, isClass, classes }) {
  const [points, outputs] = array.shape;
  const wanted = Array.from({ length: outputs }, (_, k) => k).filter((k) => !(isClass && outputs === 2 && k === 0));
  const [from, to] = column.range;
  const xs = Array.from({ length: points }, (_, i) => (column.levels?.length ? i : from + ((to - from) * i) / (points - 1)));
  return wanted.flatMap((k) => {
    const color = isClass && classes.length > 1 ? classColor(outputs === 1 ? 1 : k) : palette().blue;
    // Nothing lies between two levels: each has a point of its own.
    if (column.levels?.length) return xs.filter((at) => Number.isFinite(array[at * outputs + k])).map((at) => draw("circle", { cx: x(at), cy: y(array[at * outputs + k]), r: 5, fill: run ? "none" : color, stroke: color, "stroke-width": 2 }));
    const values = xs.map((_, i) => array[i * outputs + k]);
    const line = draw("path", { class: "line", stroke: color, "stroke-dasharray": run ? "2 3" : null, d: linePath(xs, values, x, y) });
    return !run && isClass && outputs > 2 && outputs <= MOST_NAMES ? [line, nameAt(classes[k], xs, values, x, y)] : [line];
  });
}

// The name of a class where its line is highest, so that nobody has to tell the lines apart by colour.
function nameAt(name, xs, values, x, y) {
  const top = values.indexOf(Math.max(...values));
  const share = top / (xs.length - 1);
  const anchor = share < 0.2 ? "start" : share > 0.8 ? "end" : "middle";
  return draw("text", { x: x(xs[top]), y: y(values[top]) + (values[top] > 0.85 ? 14 : -5), "text-anchor": anchor, class: "halo" }, shortened(name, 16));
}

// Return the chart as a sentence: the prediction at both ends.
function inWords(app, values, column, isClass) {
  const [points, outputs] = values.shape;
  const k = isClass && outputs === 2 ? 1 : 0;
  const ends = column.levels?.length ? [0, column.levels.length - 1] : column.range;
  const names = ends.map((end) => valueText(column, end, app.number));
  return app.text("drawing.dependence.words", { name: column.name, from: names[0], to: names[1], first: app.number(values[k], 3), last: app.number(values[(points - 1) * outputs + k], 3) });
}
