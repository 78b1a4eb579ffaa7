// The valley on a canvas: a map in colours with contour lines, or a curve; axes with numbers, the path, the tangent.
// Each function returns what finds the place and the loss under the pointer.

import { logTicks, scale, shortened, ticks } from "./svg.js";
import { mixed, palette } from "./colors.js";

const LEFT = 56;
const RIGHT = 66; // room for the scale of colours
const TOP = 12;
const BOTTOM = 46;
const LINES = 14;
const SHADES = 64;
const TALLEST = 430;

// Make the canvas as wide as its place, and return what draws on it, in CSS pixels.
function begin(canvas, share) {
  const width = canvas.parentElement.clientWidth;
  const height = Math.min(TALLEST, Math.round(width * share));
  const ratio = window.devicePixelRatio || 1;
  Object.assign(canvas, { width: width * ratio, height: height * ratio });
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.font = "12px system-ui, sans-serif";
  return { pen, width, height };
}

// Write the numbers and names of both axes, and a frame.
function axes(pen, x, y, box, names, app) {
  const { text, quiet, edge } = palette();
  pen.strokeStyle = edge;
  pen.lineWidth = 1;
  pen.strokeRect(box.left, box.top, box.width, box.height);
  pen.fillStyle = quiet;
  pen.textAlign = "center";
  pen.textBaseline = "top";
  for (const tick of ticks(x.low, x.high, box.width / 80)) pen.fillText(app.number(tick, 3), x(tick), box.top + box.height + 6);
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (const tick of y.ticks ?? ticks(y.low, y.high, box.height / 50)) pen.fillText(app.number(tick, 3), box.left - 6, y(tick));
  pen.fillStyle = text;
  pen.textAlign = "center";
  pen.textBaseline = "bottom";
  pen.fillText(shortened(names[0], box.width / 6.5), box.left + box.width / 2, box.top + box.height + BOTTOM - 4);
  pen.save();
  pen.translate(12, box.top + box.height / 2);
  pen.rotate(-Math.PI / 2);
  pen.textBaseline = "middle";
  pen.fillText(shortened(names[1], box.height / 6.5), 0, 0);
  pen.restore();
}

function along(low, high, from, to, log = false) {
  return Object.assign(scale(low, high, from, to, log), { low, high });
}

// ---- a map ----

export function map(canvas, reply, names, app) {
  const { pen, width, height } = begin(canvas, 0.8);
  const { valley, axis0, axis1, path } = reply.arrays;
  const box = { left: LEFT, top: TOP, width: width - LEFT - RIGHT, height: height - TOP - BOTTOM };
  const x = along(axis0[0], axis0.at(-1), box.left, box.left + box.width);
  const y = along(axis1[0], axis1.at(-1), box.top + box.height, box.top);
  const shade = shades(valley);
  fill(pen, valley, axis0.length, axis1.length, box, shade);
  pen.save();
  pen.beginPath();
  pen.rect(box.left, box.top, box.width, box.height);
  pen.clip();
  contours(pen, valley, axis0.length, axis1.length, shade.levels, (i) => x(axis0[0] + (i * (axis0.at(-1) - axis0[0])) / (axis0.length - 1)), (k) => y(axis1[0] + (k * (axis1.at(-1) - axis1[0])) / (axis1.length - 1)));
  drawPath(pen, path, x, y);
  tangent(pen, reply, x, y, box);
  pen.restore();
  axes(pen, x, y, box, names, app);
  colorScale(pen, shade, box, app);
  const cell = (value, axis) => Math.round(((value - axis[0]) / (axis.at(-1) - axis[0])) * (axis.length - 1));
  return (left, top) => {
    const place = [x.invert(left), y.invert(top)];
    const [i, k] = [cell(place[0], axis0), cell(place[1], axis1)];
    return i >= 0 && k >= 0 && i < axis0.length && k < axis1.length ? { place, value: valley[k * axis0.length + i] } : null;
  };
}

// Return the colour of a loss and the levels of the contours: logarithmic where the loss differs more than twentyfold,
// otherwise closer at the floor. The floor is blue; the heights are as the page.
function shades(valley) {
  const finite = valley.filter(Number.isFinite);
  const low = finite.reduce((least, value) => Math.min(least, value), Infinity);
  const top = finite.reduce((most, value) => Math.max(most, value), -Infinity);
  const high = top > low ? top : low + 1;
  const log = low > 0 && high > 20 * low;
  const share = log
    ? (value) => Math.log(value / low) / Math.log(high / low)
    : (value) => Math.sqrt(Math.max(0, value - low) / (high - low));
  const value = log ? (part) => low * (high / low) ** part : (part) => low + (high - low) * part ** 2;
  const { blue, ground } = palette();
  const colors = Array.from({ length: SHADES }, (_, i) => mixed(blue, ground, (0.96 * i) / (SHADES - 1)));
  const color = (loss) => colors[Number.isFinite(loss) ? Math.round(Math.min(1, Math.max(0, share(loss))) * (SHADES - 1)) : SHADES - 1];
  const levels = Array.from({ length: LINES }, (_, i) => value((i + 1) / (LINES + 1)));
  return { low, high, log, color, levels, share };
}

// Each cell is as large as the distance of two points; those at the border lie half outside.
function fill(pen, valley, columns, rows, box, shade) {
  const small = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
  const brush = small.getContext("2d");
  valley.forEach((loss, place) => {
    brush.fillStyle = shade.color(loss);
    brush.fillRect(place % columns, rows - 1 - Math.floor(place / columns), 1, 1);
  });
  pen.imageSmoothingEnabled = true;
  pen.drawImage(small, 0.5, 0.5, columns - 1, rows - 1, box.left, box.top, box.width, box.height);
}

// Marching squares: in each square of four points the level's line goes from edge to edge, straight.
function contours(pen, valley, columns, rows, levels, x, y) {
  pen.strokeStyle = palette().text;
  pen.globalAlpha = 0.28;
  pen.lineWidth = 1;
  pen.beginPath();
  for (const level of levels) {
    for (let k = 0; k < rows - 1; k += 1) {
      for (let i = 0; i < columns - 1; i += 1) square(pen, valley, columns, level, i, k, x, y);
    }
  }
  pen.stroke();
  pen.globalAlpha = 1;
}

function square(pen, valley, columns, level, i, k, x, y) {
  const corners = [[i, k], [i + 1, k], [i + 1, k + 1], [i, k + 1]];
  const values = corners.map(([column, row]) => valley[row * columns + column] - level);
  if (!values.every(Number.isFinite)) return;
  const crossed = [];
  for (let edge = 0; edge < 4; edge += 1) {
    const [from, to] = [values[edge], values[(edge + 1) % 4]];
    if (from < 0 === to < 0) continue;
    const part = from / (from - to);
    const [a, b] = [corners[edge], corners[(edge + 1) % 4]];
    crossed.push([x(a[0] + part * (b[0] - a[0])), y(a[1] + part * (b[1] - a[1]))]);
  }
  for (let pair = 0; pair + 1 < crossed.length; pair += 2) {
    pen.moveTo(...crossed[pair]);
    pen.lineTo(...crossed[pair + 1]);
  }
}

function drawPath(pen, path, x, y) {
  const { ground, orange } = palette();
  pen.lineJoin = "round";
  for (const [color, thickness] of [[ground, 5], [orange, 2.5]]) {
    pen.strokeStyle = color;
    pen.lineWidth = thickness;
    pen.beginPath();
    for (let i = 0; i < path.shape[0]; i += 1) pen.lineTo(x(path[3 * i]), y(path[3 * i + 1]));
    pen.stroke();
  }
  pen.fillStyle = ground;
  pen.strokeStyle = orange;
  pen.lineWidth = 2;
  pen.beginPath();
  pen.rect(x(path[0]) - 4, y(path[1]) - 4, 8, 8); // where it began
  pen.fill();
  pen.stroke();
}

// The tangent plane at the present point: its level line (dashed), and its steepest descent (the arrow).
function tangent(pen, { point, slope }, x, y, box) {
  const { ground, text } = palette();
  const [left, top] = [x(point[0]), y(point[1])];
  const perX = box.width / (x.high - x.low);
  const perY = box.height / (y.high - y.low);
  const steepness = Math.hypot(...slope);
  if (steepness > 0) {
    const down = [-slope[0] * perX, slope[1] * perY];
    const length = Math.hypot(...down);
    const [dx, dy] = down.map((part) => part / length);
    const level = [-slope[1] * perX, -slope[0] * perY]; // at right angles to the slope, in the units of the axes
    const size = Math.hypot(...level);
    const [lx, ly] = level.map((part) => (part / size) * 0.16 * box.width);
    const reach = Math.min(60, 0.18 * box.width);
    pen.setLineDash([5, 4]);
    line(pen, [left - lx, top - ly], [left + lx, top + ly], [[ground, 4], [text, 1.5]]);
    pen.setLineDash([]);
    const end = [left + dx * reach, top + dy * reach];
    line(pen, [left, top], end, [[ground, 5], [text, 2.5]]);
    pen.fillStyle = text;
    pen.beginPath();
    pen.moveTo(end[0] + dx * 9, end[1] + dy * 9);
    pen.lineTo(end[0] - dy * 5, end[1] + dx * 5);
    pen.lineTo(end[0] + dy * 5, end[1] - dx * 5);
    pen.fill();
  }
  dot(pen, left, top);
}

function line(pen, from, to, strokes) {
  for (const [color, thickness] of strokes) {
    pen.strokeStyle = color;
    pen.lineWidth = thickness;
    pen.beginPath();
    pen.moveTo(...from);
    pen.lineTo(...to);
    pen.stroke();
  }
}

function dot(pen, left, top) {
  const { ground, text } = palette();
  pen.fillStyle = ground;
  pen.strokeStyle = text;
  pen.lineWidth = 2;
  pen.beginPath();
  pen.arc(left, top, 5, 0, 2 * Math.PI);
  pen.fill();
  pen.stroke();
}

function colorScale(pen, shade, box, app) {
  const left = box.left + box.width + 12;
  const place = (loss) => box.top + box.height * (1 - shade.share(loss));
  for (let i = 0; i < SHADES; i += 1) {
    const part = i / (SHADES - 1);
    pen.fillStyle = shade.color(shade.log ? shade.low * (shade.high / shade.low) ** part : shade.low + (shade.high - shade.low) * part ** 2);
    pen.fillRect(left, box.top + box.height * (1 - (i + 1) / SHADES), 10, box.height / SHADES + 1);
  }
  pen.fillStyle = palette().quiet;
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  const marks = shade.log ? logTicks(shade.low, shade.high, 6) : ticks(shade.low, shade.high, 5);
  let above = Infinity;
  for (const mark of marks) {
    const top = place(mark);
    if (top > above - 15) continue;
    above = top;
    pen.fillText(app.number(mark, 2), left + 15, top);
  }
}

// ---- a curve ----

export function curve(canvas, reply, names, app) {
  const { pen, width, height } = begin(canvas, 0.62);
  const { valley, axis0 } = reply.arrays;
  const box = { left: LEFT, top: TOP, width: width - LEFT - 14, height: height - TOP - BOTTOM };
  const finite = valley.filter(Number.isFinite);
  const low = Math.min(...finite);
  const high = Math.max(...finite);
  const room = 0.06 * (high - low || 1);
  const x = along(axis0[0], axis0.at(-1), box.left, box.left + box.width);
  const y = along(low - room, high + room, box.top + box.height, box.top);
  const { blue, orange, line: grid } = palette();
  pen.strokeStyle = grid;
  for (const tick of ticks(y.low, y.high, box.height / 50)) line(pen, [box.left, y(tick)], [box.left + box.width, y(tick)], [[grid, 1]]);
  pen.save();
  pen.beginPath();
  pen.rect(box.left, box.top, box.width, box.height);
  pen.clip();
  pen.strokeStyle = blue;
  pen.lineWidth = 2.5;
  pen.beginPath();
  valley.forEach((loss, i) => Number.isFinite(loss) && pen.lineTo(x(axis0[i]), y(loss)));
  pen.stroke();
  const [here] = reply.point;
  const reach = 0.16 * (x.high - x.low);
  const height1 = (place) => reply.value + reply.slope[0] * (place - here);
  pen.setLineDash([7, 4]);
  line(pen, [x(here - reach), y(height1(here - reach))], [x(here + reach), y(height1(here + reach))], [[orange, 2.5]]);
  pen.setLineDash([]);
  dot(pen, x(here), y(reply.value));
  pen.restore();
  axes(pen, x, y, box, [names[0], app.text("insight.loss")], app);
  return (left) => {
    const place = x.invert(left);
    const i = Math.round(((place - axis0[0]) / (axis0.at(-1) - axis0[0])) * (axis0.length - 1));
    return i >= 0 && i < axis0.length ? { place: [axis0[i]], value: valley[i] } : null;
  };
}
