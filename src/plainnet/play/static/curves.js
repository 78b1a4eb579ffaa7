// How it learns: loss, validation loss and a metric over the epochs, of both runs, with the run before as a gray line.

import { axesOf, linePath } from "./chart.js";
import { onColors, palette } from "./colors.js";
import { make } from "./dom.js";
import { draw } from "./svg.js";

const PAUSE = 100; // milliseconds between two drawings
const HEIGHT = 210;
const LOW_HEIGHT = 110; // of the metric's chart
const COLUMNS = { epoch: 0, loss: 1, validation: 2, metric: 3 };
const WIDTH = 4; // numbers of a row
const DASHES = { loss: null, validation: "7 4", metric: null };

// The rows of one run's curve, and those of the run before.
class Track {
  rows = [];
  ghost = [];

  // Take what is new: the rows from `from` on replace what was there.
  take(array, from) {
    const fresh = array.length ? array[0] : 0;
    if (from === 0 && this.rows.length > 2 && fresh < this.last && array.length <= 2 * WIDTH) this.ghost = this.rows;
    this.rows.length = Math.min(this.rows.length, from);
    for (let i = 0; i < array.length; i += WIDTH) this.rows.push(array.slice(i, i + WIDTH));
  }

  get last() {
    return this.rows.at(-1)?.[0] ?? 0;
  }

  has(name) {
    return this.rows.some((row) => Number.isFinite(row[COLUMNS[name]]));
  }

  // Return the row nearest to an epoch.
  at(epoch) {
    let [low, high] = [0, this.rows.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.rows[middle][0] < epoch) low = middle + 1;
      else high = middle;
    }
    const before = this.rows[low - 1];
    return before && epoch - before[0] < this.rows[low][0] - epoch ? before : this.rows[low];
  }
}

export function curvesPanel(app, element) {
  const tracks = [new Track(), new Track()];
  const keyline = make("div", {});
  const box = make("input", { type: "checkbox", id: "curves-log" });
  const log = make("label", { for: "curves-log" }, box, app.text("drawing.curves.log"));
  const svg = draw("svg", { class: "chart", tabindex: 0, role: "slider", "aria-label": app.text("drawing.curves.slider"), "aria-describedby": "curves-words" });
  const words = make("p", { class: "unseen", id: "curves-words" });
  element.append(keyline, svg, words);
  let isLog = null; // null until the reader decides
  let marks = []; // epochs at which the setup was changed in the middle of a run
  let pointer = null;
  let painted = 0;
  let known = "";
  let data = "";
  const shown = () => tracks.slice(0, app.scene?.runs ?? 1);

  box.addEventListener("change", () => {
    isLog = box.checked;
    paint();
  });
  app.wants((request) => {
    request.curve = app.scene?.runs > 1 ? tracks.map(({ rows }) => rows.length) : tracks[0].rows.length;
  });
  app.on("scene", (scene) => {
    const own = JSON.stringify(scene.setup.data);
    const all = JSON.stringify(scene.setup);
    const epoch = app.frame?.runs[0]?.epoch;
    if (own !== data) tracks.forEach((track) => (track.ghost = []));
    if (own !== data || scene.restarted) marks = [];
    else if (all !== known && epoch > 0 && scene.problems.length === 0) marks.push(epoch);
    if (scene.runs < 2) tracks[1] = new Track();
    [data, known] = [own, all];
  });
  app.on("frame", (frame) => {
    shown().forEach((track, run) => {
      const array = frame.arrays[`${run}.curve`];
      if (array) track.take(array, frame.runs[run].curve_from);
    });
    if (own(tracks[0]) === 0) marks = [];
    if (!frame.playing || performance.now() - painted > PAUSE) paint();
  });
  const own = (track) => track.last;

  // Lines of one chart: {name, run, rows}.
  function series(names) {
    return shown().flatMap((track, run) => names.filter((name) => track.has(name)).map((name) => ({ name, run, rows: track.rows })));
  }

  function paint() {
    painted = performance.now();
    const width = Math.floor(svg.clientWidth);
    if (!app.scene || width < 60) return;
    const losses = series(["loss", "validation"]);
    const metrics = series(["metric"]);
    const ghosts = shown().filter(({ ghost }) => ghost.length).map(({ ghost }, run) => ({ name: "loss", run, rows: ghost, isGhost: true }));
    const [low, high, least] = range([...losses, ...ghosts]);
    const useLog = (isLog ?? high / least > 50) && least < Infinity;
    box.checked = useLog;
    const end = Math.max(1, ...shown().map(({ last }) => last));
    const plot = { left: 58, top: 6, width: width - 70, height: HEIGHT - 46 };
    const x = { low: 0, high: end, name: metrics.length ? "" : app.text("drawing.curves.epoch") };
    const margin = useLog ? 0 : 0.04 * (high - low || 1);
    const upper = chart([...ghosts, ...losses], plot, x, { low: useLog ? least : Math.min(0, low) || low - margin, high: high + margin, log: useLog, lines: true, name: app.text("drawing.curves.loss") });
    const parts = [upper.group];
    let height = HEIGHT;
    if (metrics.length) {
      const [first, last] = range(metrics);
      const isShare = first >= 0 && last <= 1;
      const under = { ...plot, top: HEIGHT - 12, height: LOW_HEIGHT - 44 };
      parts.push(chart(metrics, under, { low: 0, high: end, name: app.text("drawing.curves.epoch") }, { low: isShare ? 0 : first, high: isShare ? 1 : last, lines: true, name: metricName() }).group);
      height += LOW_HEIGHT;
    }
    const at = pointer === null ? null : upper.x(Math.min(pointer, end));
    if (at !== null) parts.push(draw("path", { class: "pointer", d: `M${at} ${plot.top}V${height - 50}` }));
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("height", height);
    svg.replaceChildren(...parts);
    svg.place = upper.x;
    tell(end);
  }

  function chart(lines, plot, x, y) {
    const axes = axesOf(plot, x, y, app.number);
    const paths = lines.map(({ name, run, rows, isGhost }) => {
      const ys = rows.map((row) => (y.log && !(row[COLUMNS[name]] > 0) ? NaN : row[COLUMNS[name]]));
      return draw("path", { class: `line${isGhost ? " ghost" : ""}${rows.length > 500 ? " dense" : ""}`, stroke: isGhost ? null : colorOf(name, run), "stroke-dasharray": isGhost ? null : DASHES[name], d: linePath(rows.map((row) => row[0]), ys, axes.x, axes.y) });
    });
    const lastX = plot.left + plot.width;
    const changes = marks.map((epoch) => draw("path", { class: "pointer", "stroke-dasharray": "1 3", d: `M${Math.min(lastX, axes.x(epoch))} ${plot.top}v${plot.height}` }, draw("title", {}, app.text("drawing.curves.changed", { epoch }))));
    const numbers = app.scene.runs > 1 ? lines.filter(({ isGhost }) => !isGhost).map((line) => endNumber(line, axes, y.log)) : [];
    return { group: draw("g", {}, axes.group, changes, paths, numbers), x: axes.x };
  }

  const metricName = () => Object.keys(app.frame?.runs[0]?.metrics ?? {})[0]?.replaceAll("_", " ") ?? app.text("drawing.curves.metric");

  // The numbers at the pointer, or the latest, beside what each line is.
  function tell(end) {
    const read = pointer === null ? null : Math.min(pointer, end);
    const rows = shown().map((track, run) => {
      const row = read === null ? track.rows.at(-1) : track.at(read);
      const part = (name, title) => track.has(name) && make("span", {}, sample(name, run), title, make("b", {}, app.number(row?.[COLUMNS[name]])));
      const test = read === null && run < 2 ? app.frame?.runs[run]?.test_loss : null;
      const line = make("p", { class: "keyline" });
      const parts = [
        app.scene.runs > 1 && make("span", {}, app.text("drawing.run", { run: run + 1 })),
        read !== null && row && make("span", {}, app.text("drawing.curves.at", { epoch: row[0] })),
        part("loss", app.text("drawing.curves.training")),
        part("validation", app.text("drawing.curves.validation")),
        part("metric", metricName()),
        typeof test === "number" && make("span", {}, app.text("drawing.curves.test"), make("b", {}, app.number(test))),
        track.ghost.length > 0 && make("span", {}, sample("ghost", run), app.text("drawing.curves.before")),
      ];
      line.append(...parts.filter(Boolean));
      if (run === 0) line.append(log);
      return line;
    });
    if (!keyline.contains(document.activeElement)) keyline.replaceChildren(...rows);
    const row = shown()[0].at(read ?? end);
    for (const [name, value] of [["min", 0], ["max", end], ["now", row?.[0] ?? 0], ["text", sentence(row)]]) svg.setAttribute(`aria-value${name}`, value);
    if (!app.playing) words.textContent = summary();
  }

  function sentence(row) {
    if (!row) return "";
    const values = { epoch: row[0], loss: app.number(row[1]), validation: app.number(row[2]) };
    return app.text(Number.isFinite(row[2]) ? "drawing.curves.both" : "drawing.curves.one", values);
  }

  // Return the curves in words, for those who do not see them.
  function summary() {
    return shown().map(({ rows }) => {
      if (!rows.length) return "";
      const best = (column) => rows.reduce((least, row) => (row[column] < least[column] || !Number.isFinite(least[column]) ? row : least));
      const [first, last] = [rows[0], rows.at(-1)];
      const parts = [app.text("drawing.curves.words", { first: app.number(first[1]), last: app.number(last[1]), epochs: last[0] })];
      if (rows.some((row) => Number.isFinite(row[2]))) parts.push(app.text("drawing.curves.lowest", { epoch: best(2)[0], value: app.number(best(2)[2]) }));
      return parts.join(" ");
    }).join(" ");
  }

  function point(epoch) {
    pointer = epoch;
    paint();
  }
  svg.addEventListener("pointermove", (event) => svg.place && point(Math.max(0, svg.place.invert(event.clientX - svg.getBoundingClientRect().left))));
  svg.addEventListener("pointerleave", () => point(null));
  svg.addEventListener("blur", () => point(null));
  svg.addEventListener("keydown", (event) => {
    const end = Math.max(1, ...shown().map(({ last }) => last));
    const step = { ArrowRight: 0.02, ArrowUp: 0.02, ArrowLeft: -0.02, ArrowDown: -0.02, PageUp: 0.1, PageDown: -0.1, Home: -1, End: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    point(Math.min(end, Math.max(0, (pointer ?? end) + step * end)));
  });
  new ResizeObserver(paint).observe(svg);
  onColors(paint);
}

// The second run has colours of its own; with two runs, a number stands at the end of each line too.
const colorOf = (name, run) => ({ loss: [1, 3], validation: [0, 4], metric: [2, 5] })[name].map((k) => palette().classes[k])[run];

function sample(name, run) {
  const line = draw("path", { class: `line${name === "ghost" ? " ghost" : ""}`, stroke: name === "ghost" ? null : colorOf(name, run), "stroke-dasharray": DASHES[name], d: "M1 5H25" });
  return draw("svg", { width: 26, height: 10, "aria-hidden": "true" }, line);
}

function endNumber({ name, run, rows }, { x, y }, isLog) {
  const row = rows.findLast((one) => (isLog ? one[COLUMNS[name]] > 0 : Number.isFinite(one[COLUMNS[name]])));
  return row ? draw("text", { x: x(row[0]) + 3, y: y(row[COLUMNS[name]]) + 4, class: "strong" }, String(run + 1)) : null;
}

// Return the lowest and the highest number of lines, and the lowest above zero.
function range(lines) {
  let [low, high, least] = [Infinity, -Infinity, Infinity];
  for (const { name, rows } of lines) {
    for (const row of rows) {
      const value = row[COLUMNS[name]];
      if (!Number.isFinite(value)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
      if (value > 0 && value < least) least = value;
    }
  }
  return low <= high ? [low, high, Math.max(least, high * 1e-12)] : [0, 1, Infinity];
}
