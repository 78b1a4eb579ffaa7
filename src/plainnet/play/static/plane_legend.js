// What the colours and the shapes of the map mean, with numbers.

import { classColor, css, palette } from "./colors.js";
import { make } from "./dom.js";
import { drawPoint } from "./points.js";
import { draw, ticks } from "./svg.js";

const MOST_CLASSES = 12;
const WIDTH = 220;

// Return the elements of the legend of a map.
export function legendOf(app, view) {
  const { data } = app.scene;
  const parts = [];
  if (view.isPlane && view.kind !== "winner") parts.push(ramp(app, view));
  const line = make("p", { class: "keyline" });
  const item = (spec, text) => line.append(make("span", {}, sample(spec), text));
  if (data.classes) data.classes.slice(0, MOST_CLASSES).forEach((name, kind) => item({ kind, color: classColor(kind) }, name));
  if (data.classes?.length > MOST_CLASSES) line.append(make("span", {}, app.text("drawing.hidden", { count: data.classes.length - MOST_CLASSES })));
  const gray = palette().quiet;
  if (data.parts.validation) item({ kind: 0, color: gray, part: 1 }, app.text("drawing.plane.validation"));
  if (data.parts.test) item({ kind: 0, color: gray, part: 2 }, app.text("drawing.plane.test"));
  if (data.classes) item({ kind: 0, color: gray, wrong: true, radius: 3.2 }, app.text("drawing.plane.ringed"));
  if (line.childElementCount) parts.push(line);
  return parts;
}

function sample(spec) {
  const canvas = make("canvas", { width: 40, height: 40, "aria-hidden": "true" });
  canvas.style.width = canvas.style.height = "20px";
  const context = canvas.getContext("2d");
  context.scale(2, 2);
  drawPoint(context, { x: 10, y: 10, radius: 5, ...spec });
  return canvas;
}

// A strip of all colours with numbers below.
function ramp(app, view) {
  const { table, ends } = view.colors();
  const { data, network } = app.scene;
  const marks = view.kind === "number" ? ticks(ends[0], ends[1], 4) : [0, 0.5, 1];
  const place = (value) => 14 + ((value - ends[0]) / (ends[1] - ends[0])) * WIDTH;
  const shown = view.kind === "number" ? (network.outputs[app.chosen.output ?? 0] ?? data.target) : data.classes.length === 2 ? data.classes[1] : data.classes[app.chosen.output ?? 0];
  const name = view.kind === "number" ? shown : app.text("drawing.plane.share", { name: shown });
  const steps = 44;
  const strip = Array.from({ length: steps }, (_, i) => draw("rect", { x: 14 + (i * WIDTH) / steps, y: 2, width: WIDTH / steps + 0.5, height: 10, fill: css(table[Math.round((i / (steps - 1)) * 255)]) }));
  const numbers = marks.map((value) => draw("text", { x: place(value), y: 25, "text-anchor": "middle" }, app.number(value, 3)));
  const svg = draw("svg", { class: "chart", viewBox: `0 0 ${WIDTH + 28} 28`, width: WIDTH + 28, height: 28, "aria-hidden": "true" }, strip, numbers);
  svg.style.width = `${WIDTH + 28}px`;
  return make("p", { class: "keyline" }, make("span", {}, name), svg);
}
