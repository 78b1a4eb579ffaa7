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
  const words = (key, values) => app.text(`drawing.curves.${key}`, values);
  const tracks = [new Track(), new Track()];
  const keyline = make("div");
  const box = make("input", { type: "checkbox", id: "curves-log", onchange: () => ((isLog = box.checked), paint()) });
  const log = make("label", { for: "curves-log" }, box, words("log"));
  const svg = draw("svg", { class: "chart", tabindex: 0, role: "slider", "aria-label": words("slider"), "aria-describedby": "curves-words" });
  const summary = make("p", { class: "unseen", id: "curves-words" });
  element.append(keyline, svg, summary);
  let isLog = null; // null until the reader decides
  let marks = []; // epochs at which the setup was changed in the middle of a run
  let pointer = null; // the epoch that is read
  let painted = 0;
  let width = 0;
  let known = {};
  const shown = () => tracks.slice(0, app.scene?.runs ?? 1);
  const end = () => Math.max(1, ...shown().map(({ last }) => last));

  app.wants((request) => {
    request.curve = shown().map(({ rows }) => rows.length);
  });
  app.on("scene", ({ setup, restarted, runs, problems }) => {
    const now = { data: JSON.stringify(setup.data), all: JSON.stringify(setup) };
    if (now.data !== known.data) for (const track of tracks) track.ghost = [];
    if (now.data !== known.data || restarted) marks = [];
    else if (now.all !== known.all && app.frame?.runs[0].epoch > 0 && !problems.length) marks.push(app.frame.runs[0].epoch);
    if (runs < 2) tracks[1] = new Track();
    known = now;
  });
  app.on("frame", (frame) => {
    shown().forEach((track, run) => {
      const array = frame.arrays[`${run}.curve`];
      if (array) track.take(array, frame.runs[run].curve_from);
    });
    if (tracks[0].last === 0) marks = [];
    if (!frame.playing || performance.now() - painted > PAUSE) paint();
  });

  // The lines of one chart.
  const lines = (...columns) => shown().flatMap((track, run) => columns.filter((column) => track.has(column)).map((column) => ({ column, run, rows: track.rows })));

  function paint() {
    painted = performance.now();
    if (!app.scene || width < 60) return;
    const losses = lines(LOSS, VALIDATION);
    const metrics = lines(METRIC);
    const ghosts = shown().filter(({ ghost }) => ghost.length).map(({ ghost }) => ({ column: LOSS, rows: ghost, isGhost: true }));
    const [low, high, least] = range([...ghosts, ...losses]);
    const useLog = (isLog ?? high / least > 50) && least < Infinity;
    box.checked = useLog;
    const plot = { left: 58, top: 6, width: width - 70, height: HEIGHT - 46 };
    const x = { low: 0, high: end(), name: metrics.length ? "" : words("epoch") };
    const margin = useLog ? 0 : 0.04 * (high - low || 1);
    const upper = chart([...ghosts, ...losses], plot, x, { low: useLog ? least : Math.min(0, low - margin), high: high + margin, log: useLog, name: words("loss") });
    const parts = [upper.group];
    if (metrics.length) {
      const [first, last] = range(metrics);
      const y = first >= 0 && last <= 1 ? { low: 0, high: 1 } : { low: first, high: last };
      parts.push(chart(metrics, { ...plot, top: HEIGHT - 4, height: LOW_HEIGHT - 52 }, { ...x, name: words("epoch") }, { ...y, name: metricName() }).group);
    }
    const height = HEIGHT + (metrics.length && LOW_HEIGHT);
    if (pointer !== null) parts.push(draw("path", { class: "pointer", d: `M${upper.x(Math.min(pointer, end()))} ${plot.top}V${height - 50}` }));
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("height", height);
    svg.replaceChildren(...parts);
    svg.place = upper.x;
    tell();
  }

  function chart(all, plot, x, y) {
    const axes = axesOf(plot, x, { ...y, lines: true }, app.number);
    const paths = all.map((line) => {
      const ys = line.rows.map((row) => (y.log && !(row[line.column] > 0) ? NaN : row[line.column]));
      return draw("path", { ...styleOf(line), d: linePath(line.rows.map((row) => row[0]), ys, axes.x, axes.y) });
    });
    const changes = marks.map((epoch) => draw("path", { class: "pointer", "stroke-dasharray": "1 3", d: `M${axes.x(epoch)} ${plot.top}v${plot.height}` }, draw("title", {}, words("changed", { epoch }))));
    const numbers = app.scene.runs > 1 ? all.filter(({ isGhost }) => !isGhost).map((line) => endNumber(line, axes, y.log)) : [];
    return { group: draw("g", {}, axes.group, changes, paths, numbers), x: axes.x };
  }

  const metricName = () => Object.keys(app.frame?.runs[0]?.metrics ?? {})[0]?.replaceAll("_", " ") ?? words("metric");

  // The numbers at the pointer, or the latest, beside what each line is.
  function tell() {
    const epoch = Math.min(pointer ?? Infinity, end());
    const lineOf = (track, run) => {
      const row = track.at(epoch);
      const part = (column, title) => track.has(column) && make("span", {}, sample({ column, run, rows: [] }), title, make("b", {}, app.number(row[column])));
      const test = app.frame?.runs[run]?.test_loss;
      return make(
        "p",
        { class: "keyline" },
        app.scene.runs > 1 && make("span", {}, app.text("drawing.run", { run: run + 1 })),
        pointer !== null && row && make("span", {}, words("at", { epoch: row[0] })),
        part(LOSS, words("training")),
        part(VALIDATION, words("validation")),
        part(METRIC, metricName()),
        pointer === null && Number.isFinite(test) && make("span", {}, words("test"), make("b", {}, app.number(test))),
        track.ghost.length > 0 && make("span", {}, sample({ isGhost: true, rows: [] }), words("before")),
        run === 0 && log,
      );
    };
    if (!keyline.contains(document.activeElement)) keyline.replaceChildren(...shown().map(lineOf));
    const row = tracks[0].at(epoch) ?? [0];
    const sentence = words(Number.isFinite(row[VALIDATION]) ? "both" : "one", { epoch: row[0], loss: row[LOSS], validation: row[VALIDATION] });
    for (const [name, value] of Object.entries({ min: 0, max: end(), now: row[0], text: sentence })) svg.setAttribute(`aria-value${name}`, value);
    if (!app.playing) summary.textContent = shown().map(inWords).join(" ");
  }

  // Return a curve in words, for those who do not see it.
  function inWords({ rows }) {
    if (!rows.length) return "";
    const told = words("words", { first: rows[0][LOSS], last: rows.at(-1)[LOSS], epochs: rows.at(-1)[0] });
    const known = rows.filter((row) => Number.isFinite(row[VALIDATION]));
    if (!known.length) return told;
    const best = known.reduce((least, row) => (row[VALIDATION] < least[VALIDATION] ? row : least));
    return `${told} ${words("lowest", { epoch: best[0], value: best[VALIDATION] })}`;
  }

  function read(epoch) {
    pointer = epoch;
    paint();
  }
  svg.addEventListener("pointermove", (event) => svg.place && read(Math.max(0, svg.place.invert(event.clientX - svg.getBoundingClientRect().left))));
  svg.addEventListener("pointerleave", () => read(null));
  svg.addEventListener("blur", () => read(null));
  svg.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    read(Math.min(end(), Math.max(0, (pointer ?? end()) + step * end())));
  });
  new ResizeObserver(([{ contentRect }]) => {
    width = Math.floor(contentRect.width); // to ask for it in each frame would lay out the page anew
    paint();
  }).observe(svg);
  onColors(paint);
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
