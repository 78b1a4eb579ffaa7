// The learned table: for data of a few rows, such as XOR, each row with its target and what is predicted.

import { valueText } from "./chart.js";
import { palette, classColor } from "./colors.js";
import { make } from "./dom.js";
import { classOf } from "./plane_view.js";
import { draw, set, setText } from "./svg.js";

export function tablePanel(app, element) {
  const section = element.closest("section") ?? element;
  const isHidden = section.hidden; // the address may hide it
  const place = make("div", { class: "truth-scroll" });
  element.append(place);
  let lines = [];
  let asked = "";
  const isShown = () => Boolean(app.scene?.data.truth);

  app.on("scene", async ({ setup, data, runs }) => {
    section.hidden = isHidden || !isShown();
    if (!isShown()) return;
    const key = JSON.stringify([setup.data, data, runs]);
    if (key === asked) return;
    asked = key;
    // A refusal is told unless the data have changed meanwhile: then it was about those before.
    const rows = await cellsOf(app, data).catch((error) => key === asked && app.tell("refusal", error));
    if (!rows || key !== asked) return;
    lines = rows.map((cells, row) => line(app, cells, row));
    place.replaceChildren(make("table", { class: "truth" }, head(app, data), make("tbody", {}, lines.map(({ rows: own }) => own))));
    if (app.frame) show(app.frame);
  });
  app.on("frame", show);
  app.on("chosen", (part) => "row" in part && mark());

  function show(frame) {
    if (!isShown()) return;
    for (const one of lines) one.show(frame);
    mark();
  }

  function mark() {
    lines.forEach(({ rows }, row) => rows.forEach((own) => own.setAttribute("aria-selected", String(row === app.chosen.row))));
  }
}

// Return for each row the numbers of all columns and the label. The session gives two columns at a time.
async function cellsOf(app, { columns }) {
  const pairs = [];
  for (let first = 0; first < columns.length; first += 2) pairs.push(columns.slice(first, first + 2).map((_, i) => first + i));
  const replies = await Promise.all(pairs.map((axes) => app.ask("examples", { axes, most: 100 })));
  const count = replies[0].arrays.labels.length;
  return Array.from({ length: count }, (_, row) => ({
    label: replies[0].arrays.labels[row],
    inputs: replies.flatMap(({ arrays: { points } }) => Array.from(points.subarray(row * points.shape[1], (row + 1) * points.shape[1]))),
  }));
}

function head(app, { columns, target }) {
  const names = [...columns.map(({ name }) => name), target, app.text("drawing.truth.prediction")];
  const cell = (name) => make("th", { scope: "col" }, name);
  return make("thead", {}, make("tr", {}, app.scene.runs > 1 && cell(app.text("drawing.truth.run")), names.map(cell), make("td"), make("th", { scope: "col", class: "verdict" }, app.text("drawing.truth.verdict"))));
}

// One row of the data: a table row for each run.
function line(app, { inputs, label }, row) {
  const { data, runs } = app.scene;
  const choose = () => app.choose({ row: app.chosen.row === row ? null : row });
  const shown = Array.from({ length: runs }, (_, run) => {
    const prediction = make("td", {});
    const bar = draw("rect", { y: 3, height: 8, rx: 2, x: 0, width: 0 });
    const goal = draw("path", { d: "", stroke: "currentColor", "stroke-width": 2 });
    const picture = draw("svg", { viewBox: "0 0 100 14", preserveAspectRatio: "none", "aria-hidden": "true" }, draw("path", { class: "grid", d: "M0 13H100" }), bar, goal);
    const verdict = make("td", { class: "verdict" });
    const level = (value, i) => valueText(data.columns[i], value, app.number, 4);
    const first = make("button", { type: "button", class: "plain", onclick: (event) => (event.stopPropagation(), choose()), "aria-label": app.text("drawing.truth.choose", { row }) }, level(inputs[0], 0));
    const cells = inputs.map((value, i) => make("td", {}, i || run ? level(value, i) : first));
    const answer = data.classes ? data.classes[label] : app.number(label);
    const own = make("tr", { onclick: choose }, runs > 1 && make("td", {}, run + 1), cells, make("td", {}, answer), prediction, make("td", { class: "bar" }, picture), verdict);
    return { own, show: (frame) => showRow(app, { row, label, prediction, bar, goal, verdict }, frame.arrays[`${run}.truth`]) };
  });
  return { rows: shown.map(({ own }) => own), show: (frame) => shown.forEach((one) => one.show(frame)) };
}

function showRow(app, { row, label, prediction, bar, goal, verdict }, truth) {
  if (!truth || row >= truth.shape[0]) return; // a frame from before the data changed
  const { data } = app.scene;
  const count = truth.shape[1] ?? 1;
  if (data.task !== "classification") {
    const value = truth[row * count];
    const [low, high] = app.shown?.targetEnds ?? [0, 1];
    const share = (number) => 100 * Math.min(1, Math.max(0, (number - low) / (high - low)));
    setText(prediction, app.number(value));
    fill(bar, share(value), palette().blue);
    set(goal, "d", `M${share(label)} 0V14`);
    return setText(verdict, app.text("drawing.truth.error", { value: app.number(value - label) }));
  }
  const winner = classOf(truth, row);
  const share = count === 1 ? truth[row] : truth[row * count + winner];
  setText(prediction, count === 1 ? app.number(share) : `${data.classes[winner]} · ${app.number(share, 3)}`);
  fill(bar, 100 * Math.min(1, Math.max(0, share)), classColor(winner));
  if (count === 1) set(goal, "d", `M${Math.min(99, Math.max(1, 100 * label))} 0V14`);
  const isRight = winner === label;
  verdict.classList.toggle("right", isRight);
  verdict.classList.toggle("false", !isRight);
  return setText(verdict, `${isRight ? "✓" : "✗"} ${app.text(isRight ? "drawing.truth.right" : "drawing.truth.wrong")}`);
}

function fill(bar, width, color) {
  set(bar, "width", Math.max(0.5, width || 0).toFixed(1));
  set(bar, "fill", color);
}
