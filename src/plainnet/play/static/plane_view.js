// One run's map of what it predicts: colours over two columns, or lines over one, with axes and the examples.

import { axesOf } from "./chart.js";
import { Raster, classColor, palette } from "./colors.js";
import { make } from "./dom.js";
import { drawPoint, labelColor, radiusOf } from "./points.js";
import { draw, sharp, ticks } from "./svg.js";

const HIT = 12; // pixels
const MOST_SIDE = 640;

export class MapView {
  raster = new Raster();
  wrong = null;

  constructor(app, run, shown) {
    Object.assign(this, { app, run, shown });
    this.ground = make("canvas", { "aria-hidden": "true" });
    this.over = make("canvas", { "aria-hidden": "true" });
    this.svg = draw("svg", { "aria-hidden": "true" });
    this.element = make("div", { class: "map", tabindex: 0, role: "application" }, this.ground, this.over, this.svg);
    this.title = make("p", { class: "run-title" });
    this.whole = make("div", {}, this.title, this.element);
  }

  get isPlane() {
    return this.shown.ranges?.length === 2;
  }

  // What the map shows: "number", "share" (of the second of two classes, or of one class), or "winner".
  get kind() {
    const { data, networks, network } = this.app.scene;
    if (data.task !== "classification") return "number";
    const outputs = (networks?.[this.run] ?? network).outputs.length;
    return outputs > 2 && this.app.chosen.output === null ? "winner" : "share";
  }

  // Make the axes anew, for other ranges or another width.
  build() {
    const { app, shown } = this;
    const width = Math.floor(this.element.clientWidth);
    if (!shown.ranges) this.axes = this.map = null; // those of the new data are on their way
    if (!shown.ranges || width < 60) return;
    const columns = shown.axes.map((axis) => app.scene.data.columns[axis]);
    const longest = Math.max(0, ...((this.isPlane && columns[1].levels) || []).map((level) => Math.min(12, String(level).length)));
    const left = Math.max(this.isPlane && columns[1].kind === "date" ? 92 : 50, 26 + 7 * longest);
    const side = Math.min(width - left - 8, MOST_SIDE);
    const box = { left, top: 8, width: side, height: this.isPlane ? side : Math.round(0.72 * side) };
    const axis = (i) => ({ low: shown.ranges[i][0], high: shown.ranges[i][1], name: columns[i].name, levels: columns[i].levels, kind: columns[i].kind });
    this.levels = columns.map(({ levels }) => levels);
    const { task, target } = app.scene.data;
    const upright = { low: -0.08, high: 1.08, name: app.text("drawing.plane.probability"), lines: true };
    if (task === "regression") Object.assign(upright, { low: shown.targetEnds[0], high: shown.targetEnds[1], name: target });
    this.axes = axesOf(box, axis(0), this.isPlane ? axis(1) : upright, app.number);
    const height = box.top + box.height + 40;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("height", height);
    this.border = draw("rect", { class: "border", x: box.left, y: box.top, width: box.width, height: box.height, rx: 4 });
    this.cross = draw("path", { class: "pointer", d: "" });
    this.svg.replaceChildren(this.axes.group, this.border, this.cross);
    sharp(this.ground, box);
    sharp(this.over, box);
    this.element.setAttribute("aria-label", app.text(app.scene.data.editable ? "drawing.plane.editable" : "drawing.plane.label", { columns: columns.map(({ name }) => name).join(", ") }));
    this.title.textContent = app.scene.runs > 1 ? app.text("drawing.run", { run: this.run + 1 }) : "";
    this.paint();
    this.paintPoints();
  }

  // Show a frame's map.
  update(frame) {
    const wrong = frame.arrays[`${this.run}.wrong`];
    if (wrong) Object.assign(this, { judged: wrong, judgedFor: this.shown.key });
    const map = frame.arrays[`${this.run}.map`];
    if (!map || !this.axes || !this.shown.ranges || (map.shape[1] === map.shape[0]) !== this.isPlane) return;
    this.map = map;
    this.winner = frame.arrays[`${this.run}.winner`] ?? null;
    this.paint();
  }

  // Return the table of colours and the ends of its scale, for all but the winner.
  colors() {
    const { chosen, scene } = this.app;
    const colors = palette();
    if (this.kind === "number") return { table: colors.signs, ends: this.shown.targetEnds ?? [-1, 1] };
    const isOne = scene.data.classes?.length > 2;
    return { table: isOne ? colors.winners[(chosen.output ?? 0) % colors.winners.length] : colors.signs, ends: [0, 1] };
  }

  paint() {
    const { map, axes } = this;
    if (!map || !axes) return;
    const context = this.ground.getContext("2d");
    const { box } = axes;
    context.clearRect(box.left, box.top, box.width, box.height);
    if (this.isPlane) this.paintMap(context, box);
    else this.paintLines(context);
  }

  paintMap(context, box) {
    const { map } = this;
    const points = map.shape[0];
    if (this.winner) {
      const { winners } = palette();
      const least = 1 / this.app.scene.data.classes.length;
      this.raster.write(map, points, (share, i) => winners[this.winner[i] % winners.length][Math.max(0, Math.min(255, ((share - least) / (1 - least)) * 255)) | 0]);
    } else {
      const { table, ends } = this.colors();
      const slope = 255 / (ends[1] - ends[0]);
      this.raster.write(map, points, (value) => table[Math.max(0, Math.min(255, (value - ends[0]) * slope)) | 0]);
    }
    context.drawImage(this.raster.canvas, box.left, box.top, box.width, box.height);
    if (!this.winner) this.paintLevels(context, points);
  }

  // Lines of equal prediction: where it is undecided, or at round numbers.
  paintLevels(context, points) {
    const { box } = this.axes;
    const { ends } = this.colors();
    const levels = this.kind === "number" ? ticks(ends[0], ends[1], 6) : [0.5];
    context.strokeStyle = palette().text;
    context.lineWidth = this.kind === "number" ? 0.75 : 1.75;
    context.globalAlpha = this.kind === "number" ? 0.45 : 0.8;
    const step = [box.width / (points - 1), box.height / (points - 1)];
    context.beginPath();
    for (const level of levels) contour(context, this.map, points, level, box.left, box.top + box.height, step);
    context.stroke();
    context.globalAlpha = 1;
  }

  // Over one column: a line for each output.
  paintLines(context) {
    const { map, axes, shown } = this;
    const [count, outputs] = map.shape;
    const [low, high] = shown.ranges[0];
    const classes = this.app.scene.data.classes;
    context.lineWidth = 2.5;
    for (let output = 0; output < outputs; output += 1) {
      context.strokeStyle = classes && outputs > 1 ? classColor(output) : palette().blue;
      context.beginPath();
      for (let i = 0; i < count; i += 1) context.lineTo(axes.x(low + ((high - low) * i) / (count - 1)), axes.y(map[i * outputs + output]));
      context.stroke();
    }
  }

  // Return where an example stands, in pixels.
  place(i) {
    const { axes, shown, app } = this;
    const point = shown.at(i);
    if (this.isPlane) {
      // Examples of one level would hide each other: each has its own small distance from it.
      const apart = (k) => (this.levels[k]?.length ? (((shown.rows[i] * (k ? 0.7548 : 0.5698)) % 1) - 0.5) * 0.5 : 0);
      return [axes.x(point[0] + apart(0)), axes.y(point[1] + apart(1))];
    }
    const classes = app.scene.data.classes;
    return [axes.x(point[0]), axes.y(!classes ? shown.labels[i] : classes.length === 2 ? shown.labels[i] : 0)];
  }

  paintPoints() {
    const { shown, axes, app } = this;
    if (!axes || !shown.count) return;
    const context = this.over.getContext("2d");
    const { box } = axes;
    context.clearRect(box.left, box.top, box.width, box.height);
    const radius = radiusOf(shown.count) * (box.width < 260 ? 0.7 : 1);
    const chosen = shown.placeOf(app.chosen.row);
    this.judge();
    const one = (i) => {
      const [x, y] = this.place(i);
      const label = shown.labels[i];
      const kind = shown.targetEnds ? 0 : label;
      drawPoint(context, { x, y, radius, kind, color: this.isPlane || !shown.targetEnds ? labelColor(label, shown.targetEnds) : palette().orange, part: shown.parts[i], wrong: this.wrong?.[i], chosen: i === chosen });
    };
    for (let i = 0; i < shown.count; i += 1) if (i !== chosen) one(i);
    if (chosen >= 0) one(chosen);
  }

  // Mark the examples that are predicted wrong: "wrong" has a number for each row of the data.
  judge() {
    const { judged, shown } = this;
    this.wrong = judged && this.judgedFor === shown.key ? Uint8Array.from(shown.rows, (row) => judged[row] ?? 0) : null;
  }

  // Return what the map says at a point: {values, winner}, or null outside.
  predict(point) {
    const { map, shown } = this;
    if (!map || !shown.ranges) return null;
    const count = map.shape[0];
    const places = point.map((value, k) => ((value - shown.ranges[k][0]) / (shown.ranges[k][1] - shown.ranges[k][0] || 1)) * (count - 1));
    if (places.some((place) => !(place >= -0.5 && place <= count - 0.5))) return null;
    if (!this.isPlane) {
      const outputs = map.shape[1];
      const start = Math.round(places[0]) * outputs;
      const values = Array.from(map.subarray(start, start + outputs));
      return { values, winner: outputs > 1 ? values.indexOf(Math.max(...values)) : Number(values[0] >= 0.5) };
    }
    const value = between(map, count, places[0], places[1]);
    const winner = this.winner ? this.winner[Math.round(places[1]) * count + Math.round(places[0])] : Number(value >= 0.5);
    return { values: [value], winner };
  }

  // Return the place here of the nearest example to a pixel, or -1.
  hit(x, y, touch = false) {
    let best = -1;
    let least = (touch ? 2 : 1) * HIT;
    if (!this.axes) return best; // nothing is drawn yet
    for (let i = 0; i < this.shown.count; i += 1) {
      const [px, py] = this.place(i);
      const distance = Math.hypot(px - x, py - y);
      if (distance < least) [least, best] = [distance, i];
    }
    return best;
  }

  // Return the point of the plane under a pixel, in own units, or null.
  pointAt(x, y) {
    const { axes } = this;
    if (!axes) return null;
    const { left, top, width, height } = axes.box;
    if (x < left || x > left + width || y < top || y > top + height) return null;
    return this.isPlane ? [axes.x.invert(x), axes.y.invert(y)] : [axes.x.invert(x)];
  }

  // Show the crosshair at a point, or nowhere.
  pointAtCross(point) {
    if (!this.axes) return;
    if (point && point.length !== 1 + this.isPlane) point = null; // one of the data before
    const { left, top, width, height } = this.axes.box;
    const x = point && this.axes.x(point[0]);
    const y = point && this.isPlane ? this.axes.y(point[1]) : null;
    this.cross.setAttribute("d", point ? `M${x} ${top}v${height}${y === null ? "" : `M${left} ${y}h${width}`}` : "");
  }
}

// Return the class that the outputs of a row say: (rows,) for one output, else (rows, outputs).
export function classOf(outputs, row) {
  const count = outputs.shape[1] ?? 1;
  if (count === 1) return Number(outputs[row] >= 0.5);
  const own = outputs.subarray(row * count, (row + 1) * count);
  return own.indexOf(Math.max(...own));
}

// Return the value between the four nearest numbers of a grid.
function between(map, count, x, y) {
  const at = (value) => Math.min(count - 2, Math.max(0, Math.floor(value)));
  const [i, j] = [at(x), at(y)];
  const [u, v] = [Math.min(1, Math.max(0, x - i)), Math.min(1, Math.max(0, y - j))];
  const row = (k) => map[k * count + i] * (1 - u) + map[k * count + i + 1] * u;
  return row(j) * (1 - v) + row(j + 1) * v;
}

// Add to a path the lines on which a grid of numbers has a value ("marching squares").
export function contour(context, map, points, level, left, bottom, [dx, dy]) {
  for (let j = 0; j + 1 < points; j += 1) {
    for (let i = 0; i + 1 < points; i += 1) {
      const k = j * points + i;
      const a = map[k] - level;
      const b = map[k + 1] - level;
      const c = map[k + points + 1] - level;
      const d = map[k + points] - level;
      const signs = (a > 0) + (b > 0) + (c > 0) + (d > 0);
      if (signs === 0 || signs === 4) continue;
      const crossings = [];
      if (a > 0 !== b > 0) crossings.push([i + a / (a - b), j]);
      if (b > 0 !== c > 0) crossings.push([i + 1, j + b / (b - c)]);
      if (d > 0 !== c > 0) crossings.push([i + d / (d - c), j + 1]);
      if (a > 0 !== d > 0) crossings.push([i, j + a / (a - d)]);
      crossings.forEach(([x, y], n) => context[n % 2 ? "lineTo" : "moveTo"](left + x * dx, bottom - y * dy));
    }
  }
}
