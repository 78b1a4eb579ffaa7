// The units of the drawing: a square that shows the unit's output over the input plane, with its bias and its name.

import { Raster, css, palette, shades } from "./colors.js";
import { biasOf } from "./diagram_layout.js";
import { draw, set, setText, shortened } from "./svg.js";

const ROUND = 6; // radius of a square's corners

// Make the elements of one node.
export function makeNode(node, { title }) {
  const { x, y, size, column } = node;
  const half = size / 2;
  node.bias = biasOf(node);
  node.raster = new Raster();
  node.frame = draw("rect", { class: "frame", x: x - half, y: y - half, width: size, height: size, rx: ROUND });
  const parts = [node.frame];
  if (node.name !== null) {
    const outer = column.place === -1 ? -1 : 1;
    const after = outer > 0 ? column.after.length * 30 : 0;
    const room = Math.max(3, Math.floor((node.room - 8) / 6.6));
    const name = draw("text", { class: "name", x: x + outer * (half + 8) + after, y: y + 4, "text-anchor": outer < 0 ? "end" : "start" });
    name.textContent = shortened(node.name, room);
    if (name.textContent !== String(node.name)) name.append(draw("title", {}, String(node.name)));
    parts.push(name);
  }
  if (node.bias !== null) {
    node.mark = draw("rect", { class: "bias", width: 9, height: 9 });
    node.markAt = [x - half, y + half];
    parts.push(node.mark);
    if (size >= 34 && node.roomBelow >= 12) {
      node.number = draw("text", { class: "number", x: x + 4, y: y + half + 12, "text-anchor": "middle" });
      parts.push(node.number);
    }
  }
  node.element = draw("g", { class: "node", tabindex: -1, role: "button", "aria-label": title }, parts);
  node.element.target = { kind: "unit", node };
  return node.element;
}

// Show a bias: a square at the lower left corner, filled blue or hollow orange, larger for a larger number.
export function showBias(node, value, text) {
  if (!node.mark) return;
  const side = 5 + 6 * (1 - Math.exp(-Math.abs(value) / 2));
  set(node.mark, "class", value < 0 ? "bias minus" : "bias plus");
  set(node.mark, "x", (node.markAt[0] - side / 2).toFixed(1));
  set(node.mark, "y", (node.markAt[1] - side / 2).toFixed(1));
  set(node.mark, "width", side.toFixed(1));
  set(node.mark, "height", side.toFixed(1));
  if (node.number && text) setText(node.number, text);
}

// Colour a node's map. `map` is {bytes, low, high, points}; `classes` the number of classes of an output, else 0.
export function colorMap(node, { bytes, low, high, points }, ends, tableOf) {
  const [from, to] = ends ?? shades(node.column.layer?.activation, low, high);
  const span = to - from || 1;
  const slope = (((high - low) / 255) * 255) / span;
  const start = ((low - from) * 255) / span + 0.5;
  const table = tableOf ?? palette().signs;
  node.raster.write(bytes, points, (byte) => table[Math.min(255, Math.max(0, (start + slope * byte) | 0))]);
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
  if (node.line) paintLine(context, node);
  else if (node.raster.points && !node.plain) context.drawImage(node.raster.canvas, x - half, y - half, size, size);
  else {
    context.fillStyle = node.plain ?? palette().card;
    context.fillRect(x - half, y - half, size, size);
  }
  context.restore();
}

// Paint a unit's output over one input as a line: {bytes, low, high}, the numbers as whole parts of 255.
function paintLine(context, { x, y, size, line }) {
  const colors = palette();
  const half = size / 2;
  context.fillStyle = colors.card;
  context.fillRect(x - half, y - half, size, size);
  const { bytes, ends, low, high } = line;
  const place = (value) => y + half - 4 - ((value - ends[0]) / (ends[1] - ends[0] || 1)) * (size - 8);
  context.strokeStyle = colors.line;
  context.lineWidth = 1;
  context.beginPath();
  const zero = Math.min(y + half, Math.max(y - half, place(0)));
  context.moveTo(x - half, zero);
  context.lineTo(x + half, zero);
  context.stroke();
  context.strokeStyle = colors.blue;
  context.lineWidth = 2;
  context.beginPath();
  bytes.forEach((byte, i) => {
    context.lineTo(x - half + (i / (bytes.length - 1)) * size, place(low + (byte / 255) * (high - low)));
  });
  context.stroke();
}
