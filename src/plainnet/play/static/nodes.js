// The units of the drawing: a square that shows the unit's output over the input plane, with its bias and its name.

import { Raster, css, palette, shades } from "./colors.js";
import { BAND, biasOf } from "./diagram_layout.js";
import { draw, set, shortened } from "./svg.js";

const ROUND = 6; // radius of a square's corners

// Make the elements of one node.
export function makeNode(node, { width, pitch }, label) {
  const { x, y, size, column } = node;
  const half = size / 2;
  const isInput = column.place === -1;
  node.bias = biasOf(node);
  node.raster = new Raster();
  const parts = [draw("rect", { class: "frame", x: x - half, y: y - half, width: size, height: size, rx: ROUND })];
  if (node.name !== null) {
    const end = isInput ? x - half - 8 : x + half + 8 + column.after.length * BAND;
    const room = (isInput ? end : width - end) / 7.7;
    parts.push(draw("text", { class: "name", x: end, y: y + 4, "text-anchor": isInput ? "end" : "start" }, shortened(node.name, room), draw("title", {}, String(node.name))));
  }
  if (node.bias !== null) {
    node.mark = draw("rect", { class: "bias" });
    parts.push(node.mark);
    if (size >= 34 && pitch - size >= 12) node.number = draw("text", { x: x + 4, y: y + half + 12, "text-anchor": "middle" });
  }
  node.element = draw("g", { class: "node", tabindex: -1, role: "button", "aria-label": label }, parts, node.number);
  node.element.target = { kind: "unit", node };
  return node.element;
}

// Show a bias: a square at the lower left corner, filled blue or hollow orange, larger for a larger number.
export function showBias({ mark, x, y, size }, value) {
  if (!mark) return;
  const side = 5 + 6 * (1 - Math.exp(-Math.abs(value) / 2));
  set(mark, "class", value < 0 ? "bias minus" : "bias plus");
  set(mark, "x", (x - size / 2 - side / 2).toFixed(1));
  set(mark, "y", (y + size / 2 - side / 2).toFixed(1));
  set(mark, "width", side.toFixed(1));
  set(mark, "height", side.toFixed(1));
}

// Colour a node's map: by sign, or with `table` the share of a class.
export function colorMap(node, table) {
  const { bytes, low, high, points, isLine } = node.map;
  if (isLine) return;
  const [from, to] = table ? [0, 1] : shades(node.column.layer.activation, low, high);
  const slope = (high - low) / (to - from);
  const start = ((low - from) * 255) / (to - from) + 0.5;
  const colors = table ?? palette().signs;
  node.raster.write(bytes, points, (byte) => colors[Math.min(255, Math.max(0, (start + slope * byte) | 0))]);
}

// Colour an input's own map: the value itself along its axis, plain where it is not an axis.
export function colorInput(node, axis) {
  const { signs, gray } = palette();
  if (axis < 0) return (node.plain = css(gray[24]));
  node.plain = null;
  node.raster.write(RAMP[axis], 32, (value) => signs[value]);
}

const RAMP = [0, 1].map((axis) => Uint8Array.from({ length: 1024 }, (_, i) => Math.round(((axis ? i >> 5 : i & 31) / 31) * 255)));

// Paint a node's map on the canvas behind the drawing.
export function paintNode(context, node) {
  const { x, y, size } = node;
  const half = size / 2;
  context.save();
  context.beginPath();
  context.roundRect(x - half, y - half, size, size, ROUND);
  context.clip();
  if (node.map?.isLine) paintLine(context, node);
  else if (node.raster.points && !node.plain) context.drawImage(node.raster.canvas, x - half, y - half, size, size);
  else {
    context.fillStyle = node.plain ?? palette().card;
    context.fillRect(x - half, y - half, size, size);
  }
  context.restore();
}

// Paint a unit's output over one input as a line.
function paintLine(context, { x, y, size, map, column }) {
  const { bytes, low, high } = map;
  const colors = palette();
  const half = size / 2;
  const [from, to] = shades(column.layer.activation, low, high);
  const place = (value) => y + half - 4 - ((value - from) / (to - from)) * (size - 8);
  context.fillStyle = colors.card;
  context.fillRect(x - half, y - half, size, size);
  context.fillStyle = colors.line;
  context.fillRect(x - half, place(0), size, 1);
  context.strokeStyle = colors.blue;
  context.lineWidth = 2;
  context.beginPath();
  bytes.forEach((byte, i) => context.lineTo(x - half + (i / (bytes.length - 1)) * size, place(low + (byte / 255) * (high - low))));
  context.stroke();
}
