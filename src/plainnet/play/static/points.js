// The examples as points: asked once for each data set and pair of axes, drawn with a shape and a fill that tell the
// class and the part without colour, and found again under the pointer.

import { classColor, css, palette } from "./colors.js";

const MOST = 2000;
const WHOLE = 2 * Math.PI;
const EDGES = [0, 3, 4, 4, 5, 3, 6, 8]; // corners of a class's shape; 0 is a circle
const TURNS = [0, -90, 45, 0, -90, 90, 0, 22.5]; // degrees

// The examples that the page shows: `points` (n, axes) in own units, `labels`, `parts`, `rows`, and their `ranges`.
export class ShownExamples {
  count = 0;
  ranges = null;
  key = "";

  constructor(app) {
    this.app = app;
    app.on("scene", () => this.renew());
    app.on("chosen", (part) => "axes" in part && this.renew());
  }

  // Ask again where the data or the axes have changed; tells "examples" when they have come.
  async renew() {
    const { app } = this;
    const { axes } = app.chosen;
    const key = JSON.stringify([app.scene.setup.data, app.scene.data, axes]);
    if (key === this.key) return;
    this.key = key;
    const columns = JSON.stringify(app.scene.data.columns.map(({ name, kind }) => [name, kind]));
    if (columns !== this.columns) {
      Object.assign(this, { columns, count: 0, ranges: null, axes: [] }); // nothing of the old data fits
      if (this.preferNumbers()) return;
    }
    // A refusal is told unless a change of the data has come in between: then it was about those before.
    const reply = await app.ask("examples", { axes, most: MOST }).catch((error) => key === this.key && app.tell("refusal", error));
    if (!reply || key !== this.key) return;
    const { points, labels, parts, rows } = reply.arrays;
    Object.assign(this, { points, labels, parts, rows, ranges: reply.ranges, of: reply.of ?? rows.length, count: rows.length, axes });
    this.targetEnds = app.scene.data.task === "regression" ? ends(labels) : null;
    app.tell("examples", this);
  }

  // Begin with columns of numbers, as maps of them show more; return whether that has changed the axes.
  preferNumbers() {
    const { columns } = this.app.scene.data;
    const numbers = columns.map((_, i) => i).filter((i) => columns[i].kind !== "category");
    const axes = numbers.slice(0, 2);
    if (axes.length < 2 || this.app.chosen.axes.every((axis) => numbers.includes(axis))) return false;
    this.key = "";
    this.app.choose({ axes, column: axes[0] });
    return true;
  }

  // Ask anew: what was moved here has been refused.
  forget() {
    this.key = "";
    this.renew();
  }

  at(i) {
    const width = this.axes.length;
    return Array.from(this.points.subarray(i * width, (i + 1) * width));
  }

  // Return the place here of a row of the data, or -1.
  placeOf(row) {
    return row === null || !this.count ? -1 : this.rows.indexOf(row);
  }
}

// The ends of the colour scale of a target: a little beyond its numbers, and the same on both sides of zero.
function ends(labels) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of labels) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (!Number.isFinite(low)) return [-1, 1];
  const margin = 0.1 * (high - low) || 1;
  if (low < 0 && high > 0) return [-Math.max(-low, high) - margin, Math.max(-low, high) + margin];
  return [low - margin, high + margin];
}

// Return the radius of the points, smaller where there are many.
export const radiusOf = (count) => (count <= 20 ? 7.5 : count <= 250 ? 4.6 : count <= 700 ? 3.6 : 2.8);

function outline(context, x, y, radius, kind) {
  const corners = EDGES[kind % EDGES.length];
  context.beginPath();
  if (!corners) return context.arc(x, y, radius, 0, WHOLE);
  const turn = (TURNS[kind % EDGES.length] / 360) * WHOLE;
  const reach = radius * (corners === 3 ? 1.35 : 1.2);
  for (let i = 0; i < corners; i += 1) {
    const angle = turn + (i / corners) * WHOLE;
    context.lineTo(x + reach * Math.cos(angle), y + reach * Math.sin(angle));
  }
  return context.closePath();
}

// Draw one point: filled for training, hollow for validation, hollow with a dot for test.
export function drawPoint(context, { x, y, radius, kind, color, part = 0, wrong = false, chosen = false }) {
  const colors = palette();
  outline(context, x, y, radius, kind);
  context.fillStyle = part === 0 ? color : colors.ground;
  context.lineWidth = part === 0 ? 1.2 : 1.8;
  context.strokeStyle = part === 0 ? colors.ground : color;
  context.fill();
  context.stroke();
  if (part === 2) {
    context.beginPath();
    context.arc(x, y, Math.max(1, radius / 3), 0, WHOLE);
    context.fillStyle = color;
    context.fill();
  }
  if (wrong) ring(context, x, y, radius + 3.2, 1.6, colors.text);
  if (chosen) {
    ring(context, x, y, radius + 6, 3.5, colors.ground);
    ring(context, x, y, radius + 6, 2, colors.text);
  }
}

function ring(context, x, y, radius, width, color) {
  context.beginPath();
  context.arc(x, y, radius, 0, WHOLE);
  context.lineWidth = width;
  context.strokeStyle = color;
  context.stroke();
}

// Return the colour of a label: that of its class, or of its number between the ends.
export function labelColor(label, targetEnds) {
  if (!targetEnds) return classColor(label);
  const share = (label - targetEnds[0]) / (targetEnds[1] - targetEnds[0]);
  return css(palette().signs[Math.round(255 * Math.min(1, Math.max(0, share)))]);
}
