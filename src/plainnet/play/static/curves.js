// How it learns: loss, validation loss and a metric over the epochs, of both runs, with the run before as a gray line.

import { axesOf, linePath } from "./chart.js";
import { onColors, palette } from "./colors.js";
import { make } from "./dom.js";
import { draw } from "./svg.js";

const PAUSE = 100; // milliseconds between two drawings
const HEIGHT = 210;
const LOW_HEIGHT = 110; // of the metric's chart
const WIDTH = 4; // numbers of a row: epoch, loss, validation loss, metric
const LOSS = 1;
const VALIDATION = 2;
const METRIC = 3;
const COLORS = { [LOSS]: [1, 3], [VALIDATION]: [0, 4], [METRIC]: [2, 5] }; // of the classes', for each run
const MANY = 500; // rows whose line is thin
const STEPS = { ArrowRight: 0.02, ArrowUp: 0.02, ArrowLeft: -0.02, ArrowDown: -0.02, PageUp: 0.1, PageDown: -0.1, Home: -1, End: 1 };

// The rows of one run's curve, and those of the run before.
class Track {
  rows = [];
  ghost = [];

  // Take what is new: the rows from `from` on replace what was there.
  take(array, from) {
    if (from === 0 && this.rows.length > 2 && array[0] < this.last && array.length <= 2 * WIDTH) this.ghost = this.rows;
    this.rows.length = Math.min(this.rows.length, from);
    for (let i = 0; i < array.length; i += WIDTH) this.rows.push(array.slice(i, i + WIDTH));
  }

  get last() {
    return this.rows.at(-1)?.[0] ?? 0;
  }

  has(column) {
    return this.rows.some((row) => Number.isFinite(row[column]));
  }

  // Return the row nearest to an epoch.
  at(epoch) {
    const next = this.rows.findIndex((row) => row[0] >= epoch);
    if (next < 1) return this.rows.at(next);
    return epoch - this.rows[next - 1][0] < this.rows[next][0] - epoch ? this.rows[next - 1] : this.rows[next];
  }
}

export function curvesPanel(app, element) {
  const panel = new CurvesPanel(app, element);
  app.wants((request) => {
    request.curve = panel.shown.map(({ rows }) => rows.length);
  });
  app.on("scene", (scene) => panel.scene(scene));
  app.on("frame", (frame) => panel.frame(frame));
  listenTo(panel);
  new ResizeObserver(([{ contentRect }]) => {
    panel.width = Math.floor(contentRect.width); // to ask for it in each frame would lay out the page anew
    panel.paint();
  }).observe(panel.svg);
  onColors(() => panel.paint());
}

// The pointer and the keyboard choose the epoch that is read.
function listenTo(panel) {
  const { svg } = panel;
  svg.addEventListener("pointermove", (event) => panel.toX && panel.read(Math.max(0, panel.toX.invert(event.clientX - svg.getBoundingClientRect().left))));
  svg.addEventListener("pointerleave", () => panel.read(null));
  svg.addEventListener("blur", () => panel.read(null));
  svg.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    panel.read(Math.min(panel.end, Math.max(0, (panel.pointer ?? panel.end) + step * panel.end)));
  });
}

class CurvesPanel {
  tracks = [new Track(), new Track()];
  isLog = null; // null until the reader decides
  marks = []; // epochs at which the setup was changed in the middle of a run
  pointer = null; // the epoch that is read
  toX = null; // the scale of the epochs, as drawn
  painted = 0;
  width = 0;
  known = {};

  constructor(app, element) {
    this.app = app;
    this.keyline = make("div");
    this.box = make("input", { type: "checkbox", id: "curves-log", onchange: () => ((this.isLog = this.box.checked), this.paint()) });
    this.log = make("label", { for: "curves-log" }, this.box, this.words("log"));
    this.svg = draw("svg", { class: "chart", tabindex: 0, role: "slider", "aria-label": this.words("slider"), "aria-describedby": "curves-words" });
    this.summary = make("p", { class: "unseen", id: "curves-words" });
    element.append(this.keyline, this.svg, this.summary);
  }

  words(key, values) {
    return this.app.text(`drawing.curves.${key}`, values);
  }

  get shown() {
    return this.tracks.slice(0, this.app.scene?.runs ?? 1);
  }

  get end() {
    return Math.max(1, ...this.shown.map(({ last }) => last));
  }

  get metricName() {
    return Object.keys(this.app.frame?.runs[0]?.metrics ?? {})[0]?.replaceAll("_", " ") ?? this.words("metric");
  }

  // Other data end what was before; a change of the setup in the middle of a run leaves a mark.
  scene({ setup, restarted, runs, problems }) {
    const epoch = this.app.frame?.runs[0].epoch;
    const now = { data: JSON.stringify(setup.data), all: JSON.stringify(setup) };
    if (now.data !== this.known.data) for (const track of this.tracks) track.ghost = [];
    if (now.data !== this.known.data || restarted) this.marks = [];
    else if (now.all !== this.known.all && epoch > 0 && !problems.length) this.marks.push(epoch);
    if (runs < 2) this.tracks[1] = new Track();
    this.known = now;
  }

  frame(frame) {
    this.shown.forEach((track, run) => {
      const array = frame.arrays[`${run}.curve`];
      if (array) track.take(array, frame.runs[run].curve_from);
    });
    if (this.tracks[0].last === 0) this.marks = [];
    if (!frame.playing || performance.now() - this.painted > PAUSE) this.paint();
  }

  read(epoch) {
    this.pointer = epoch;
    this.paint();
  }

  // The lines of one chart.
  lines(...columns) {
    return this.shown.flatMap((track, run) => columns.filter((column) => track.has(column)).map((column) => ({ column, run, rows: track.rows })));
  }

  paint() {
    this.painted = performance.now();
    const { width } = this;
    if (!this.app.scene || width < 60) return;
    const metrics = this.lines(METRIC);
    const plot = { left: 58, top: 6, width: width - 70, height: HEIGHT - 46 };
    const upper = this.lossChart(plot, metrics.length ? "" : this.words("epoch"));
    const parts = [upper.group];
    if (metrics.length) parts.push(this.metricChart(metrics, plot));
    const height = HEIGHT + (metrics.length && LOW_HEIGHT);
    if (this.pointer !== null) parts.push(draw("path", { class: "pointer", d: `M${upper.x(Math.min(this.pointer, this.end))} ${plot.top}V${height - 50}` }));
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("height", height);
    this.svg.replaceChildren(...parts);
    this.toX = upper.x;
    this.tell();
  }

  // The losses: on a logarithmic axis where they fall far, unless the reader has decided.
  lossChart(plot, name) {
    const ghosts = this.shown.filter(({ ghost }) => ghost.length).map(({ ghost }) => ({ column: LOSS, rows: ghost, isGhost: true }));
    const all = [...ghosts, ...this.lines(LOSS, VALIDATION)];
    const [low, high, least] = range(all);
    const log = (this.isLog ?? high / least > 50) && least < Infinity;
    this.box.checked = log;
    const margin = log ? 0 : 0.04 * (high - low || 1);
    return this.chart(all, plot, name, { low: log ? least : Math.min(0, low - margin), high: high + margin, log, name: this.words("loss") });
  }

  metricChart(metrics, plot) {
    const [low, high] = range(metrics);
    const ends = low >= 0 && high <= 1 ? { low: 0, high: 1 } : { low, high };
    return this.chart(metrics, { ...plot, top: HEIGHT - 4, height: LOW_HEIGHT - 52 }, this.words("epoch"), { ...ends, name: this.metricName }).group;
  }

  // Return lines over the epochs in a box: {group, x}.
  chart(all, plot, name, y) {
    const axes = axesOf(plot, { low: 0, high: this.end, name }, { ...y, lines: true }, this.app.number);
    const paths = all.map((line) => {
      const ys = line.rows.map((row) => (y.log && !(row[line.column] > 0) ? NaN : row[line.column]));
      return draw("path", { ...styleOf(line), d: linePath(line.rows.map((row) => row[0]), ys, axes.x, axes.y) });
    });
    const changed = (epoch) => draw("title", {}, this.words("changed", { epoch }));
    const changes = this.marks.map((epoch) => draw("path", { class: "pointer", "stroke-dasharray": "1 3", d: `M${axes.x(epoch)} ${plot.top}v${plot.height}` }, changed(epoch)));
    const numbers = this.app.scene.runs > 1 ? all.filter(({ isGhost }) => !isGhost).map((line) => endNumber(line, axes, y.log)) : [];
    return { group: draw("g", {}, axes.group, changes, paths, numbers), x: axes.x };
  }

  // The numbers at the pointer, or the latest: beside what each line is, and as the slider's value.
  tell() {
    const epoch = Math.min(this.pointer ?? Infinity, this.end);
    if (!this.keyline.contains(document.activeElement)) this.keyline.replaceChildren(...this.shown.map((track, run) => this.keyOf(track, run, epoch)));
    const row = this.tracks[0].at(epoch) ?? [0];
    const sentence = this.words(Number.isFinite(row[VALIDATION]) ? "both" : "one", { epoch: row[0], loss: row[LOSS], validation: row[VALIDATION] });
    for (const [name, value] of Object.entries({ min: 0, max: this.end, now: row[0], text: sentence })) this.svg.setAttribute(`aria-value${name}`, value);
    if (!this.app.playing) this.summary.textContent = this.shown.map((track) => this.inWords(track)).join(" ");
  }

  // What each line of one run is, with its number at an epoch.
  keyOf(track, run, epoch) {
    const { app } = this;
    const row = track.at(epoch);
    const isRead = this.pointer !== null;
    const part = (column, title) => track.has(column) && make("span", {}, sample({ column, run, rows: [] }), title, make("b", {}, app.number(row[column])));
    const test = app.frame?.runs[run]?.test_loss;
    return make(
      "p",
      { class: "keyline" },
      app.scene.runs > 1 && make("span", {}, app.text("drawing.run", { run: run + 1 })),
      isRead && row && make("span", {}, this.words("at", { epoch: row[0] })),
      part(LOSS, this.words("training")),
      part(VALIDATION, this.words("validation")),
      part(METRIC, this.metricName),
      !isRead && Number.isFinite(test) && make("span", {}, this.words("test"), make("b", {}, app.number(test))),
      track.ghost.length > 0 && make("span", {}, sample({ isGhost: true, rows: [] }), this.words("before")),
      run === 0 && this.log,
    );
  }

  // Return a curve in words, for those who do not see it.
  inWords({ rows }) {
    if (!rows.length) return "";
    const told = this.words("words", { first: rows[0][LOSS], last: rows.at(-1)[LOSS], epochs: rows.at(-1)[0] });
    const known = rows.filter((row) => Number.isFinite(row[VALIDATION]));
    if (!known.length) return told;
    const best = known.reduce((least, row) => (row[VALIDATION] < least[VALIDATION] ? row : least));
    return `${told} ${this.words("lowest", { epoch: best[0], value: best[VALIDATION] })}`;
  }
}

// The second run has colours of its own; with two runs, a number stands at the end of each line too.
function styleOf({ column, run, rows, isGhost }) {
  if (isGhost) return { class: "line ghost" };
  return { class: rows.length > MANY ? "line dense" : "line", stroke: palette().classes[COLORS[column][run]], "stroke-dasharray": column === VALIDATION ? "7 4" : null };
}

const sample = (line) => draw("svg", { width: 26, height: 10, "aria-hidden": "true" }, draw("path", { ...styleOf(line), d: "M1 5H25" }));

function endNumber({ column, run, rows }, { x, y }, isLog) {
  const row = rows.findLast((one) => (isLog ? one[column] > 0 : Number.isFinite(one[column])));
  return row && draw("text", { x: x(row[0]) + 3, y: y(row[column]) + 4, class: "strong" }, String(run + 1));
}

// Return the lowest and the highest number of lines, and the lowest above zero.
function range(lines) {
  const values = lines.flatMap(({ column, rows }) => rows.map((row) => row[column])).filter(Number.isFinite);
  const [low, high] = [values.reduce((a, b) => Math.min(a, b), Infinity), values.reduce((a, b) => Math.max(a, b), -Infinity)];
  const least = values.reduce((a, b) => (b > 0 && b < a ? b : a), Infinity);
  return values.length ? [low, high, Math.max(least, high * 1e-12)] : [0, 1, Infinity];
}
