// What the network predicts: a map of one or two columns for each run, with the examples, which can be added, moved and
// deleted; below it the reading at the pointer, the legend, and for tables the dependence on one column.

import { valueText } from "./chart.js";
import { dependenceChart } from "./dependence.js";
import { make } from "./dom.js";
import { listenToMap } from "./plane_keys.js";
import { legendOf } from "./plane_legend.js";
import { MapView } from "./plane_view.js";
import { ShownExamples } from "./points.js";
import { onColors } from "./colors.js";

const TEXT_PAUSE = 200; // milliseconds

export function planePanel(app, element) {
  const panel = new PlanePanel(app, element);
  app.on("examples", () => panel.build());
  app.on("scene", () => panel.scene());
  app.on("frame", (frame) => panel.frame(frame));
  app.on("chosen", (part) => panel.choice(part));
  app.wants((request) => panel.wish(request));
  new ResizeObserver(() => app.scene && panel.build()).observe(panel.maps);
  onColors(() => app.scene && panel.build());
}

class PlanePanel {
  cross = null; // the point that is read
  carried = -1; // the example that the arrow keys move
  texted = 0;

  constructor(app, element) {
    this.app = app;
    this.shown = app.shown ??= new ShownExamples(app);
    this.views = [0, 1].map((run) => new MapView(app, run, this.shown));
    this.maps = make("div", { class: "maps" }, this.views[0].whole);
    this.reading = make("p", { class: "plane-reading" });
    this.legend = make("div", {});
    this.outputs = make("div", { class: "plane-tools" });
    this.actions = make("div", { class: "plane-tools" });
    this.summary = make("p", { class: "quiet" });
    element.append(this.outputs, this.maps, this.reading, this.legend, this.summary, this.actions, dependenceChart(app));
    for (const view of this.views) listenToMap(this, view);
  }

  // The map of each run.
  get seen() {
    return this.views.slice(0, this.app.scene?.runs ?? 1);
  }

  // Say what is predicted at a point; `aloud` for those who cannot see the pointer.
  read(point, { aloud = false } = {}) {
    this.cross = point;
    for (const view of this.seen) view.pointAtCross(point);
    this.app.choose({ hover: point ? { point } : null });
    this.write();
    if (aloud) this.app.say(this.reading.textContent);
  }

  write() {
    const { app, shown } = this;
    const point = app.chosen.hover?.point;
    const hint = app.scene?.data.editable ? "drawing.plane.hint" : "drawing.plane.choose";
    this.reading.textContent = point ? `${whereOf(app, shown, point)}: ${this.seen.map((view) => predictionOf(app, view, point)).join(" · ")}` : app.text(hint);
  }

  build() {
    const { app, shown, views, maps } = this;
    if (this.cross?.length !== shown.ranges?.length) Object.assign(this, { cross: null, carried: -1 });
    maps.classList.toggle("two", app.scene.runs > 1);
    if (app.scene.runs > 1) maps.append(views[1].whole);
    else views[1].whole.remove();
    for (const view of this.seen) view.build();
    this.explain();
    this.write();
  }

  explain() {
    if (this.shown.ranges) this.legend.replaceChildren(...legendOf(this.app, this.views[0]));
  }

  scene() {
    outputChoice(this.app, this.outputs);
    actionButtons(this, this.actions);
    this.build();
  }

  frame(frame) {
    const { app } = this;
    for (const view of this.seen) view.update(frame);
    if (frame.playing && performance.now() - this.texted < TEXT_PAUSE) return;
    this.texted = performance.now();
    for (const view of this.seen) view.paintPoints();
    const nameOf = (run) => (app.scene.runs > 1 ? `${app.text("drawing.run", { run: run + 1 })}: ` : "");
    this.summary.textContent = this.seen.map((view, run) => nameOf(run) + summaryOf(app, view)).join(" ");
    if (app.chosen.hover) this.write();
  }

  choice(part) {
    if ("row" in part || "run" in part) {
      for (const view of this.seen) view.paintPoints();
      actionButtons(this, this.actions);
    }
    if ("output" in part) this.explain();
  }

  wish(request) {
    const { app } = this;
    const { axes, at } = app.chosen;
    request.map = { points: axes.length > 1 ? 100 : 200, axes, at, output: outputWanted(app) };
    request.wrong = app.scene.data.task === "classification" && (!app.playing || performance.now() - this.texted > TEXT_PAUSE);
  }
}

// The output that the map shows: for two classes the second, for more the chosen one or the winner (null).
function outputWanted({ scene, chosen }) {
  const { data, network } = scene;
  if (data.task === "classification" && network.outputs.length <= 2) return network.outputs.length - 1;
  return chosen.output;
}

// Let the reader choose which of several outputs the map shows.
function outputChoice(app, element) {
  const { data, network } = app.scene;
  const isClass = data.task === "classification";
  const isOne = isClass ? network.outputs.length <= 2 : network.outputs.length < 2;
  const key = JSON.stringify([data.name, network.outputs, isOne]);
  if (element.dataset.key === key) return;
  element.dataset.key = key;
  app.chosen.output = isClass && !isOne ? null : 0;
  element.hidden = isOne;
  const option = (name, place) => make("option", { value: place }, isClass ? app.text("drawing.plane.share", { name }) : name);
  const select = make("select", { id: "plane-output" }, isClass && make("option", { value: "" }, app.text("drawing.plane.winner")), network.outputs.map(option));
  select.addEventListener("change", () => app.choose({ output: select.value === "" ? null : Number(select.value) }));
  element.replaceChildren(make("label", { for: "plane-output" }, app.text("drawing.plane.shows")), select);
}

// What can be done with the chosen example.
function actionButtons(panel, element) {
  const { app } = panel;
  const { row } = app.chosen;
  const isChosen = row !== null;
  element.hidden = !isChosen;
  if (!isChosen) return element.replaceChildren();
  const button = (key, act) => make("button", { type: "button", class: "plain", onclick: act }, app.text(`drawing.plane.${key}`));
  const parts = [make("span", {}, app.text("drawing.plane.chosen", { row }))];
  if (app.scene.data.editable) parts.push(button("delete", () => deletePoint(panel)));
  parts.push(button("forget", () => app.choose({ row: null })));
  return element.replaceChildren(...parts);
}

export async function deletePoint({ app }) {
  const { row } = app.chosen;
  if (row === null || !app.scene.data.editable) return;
  app.choose({ row: null });
  await app.act("point", { action: "delete", index: row });
  app.say(app.text("drawing.plane.deleted", { row }));
}

// Return a point in words: each column with its number or its level.
export function whereOf(app, { axes }, point) {
  const { columns } = app.scene.data;
  const part = (axis, i) => `${columns[axis].name} ${valueText(columns[axis], point[i], app.number)}`;
  return axes.filter((axis) => axis in columns).map(part).join(", "); // those of the data before, while the new ones come
}

// Return what a run predicts at a point, in words.
export function predictionOf(app, view, point) {
  const found = view.predict(point);
  if (!found) return "–";
  const { data } = app.scene;
  const [value] = found.values;
  if (data.task !== "classification") return app.text("drawing.plane.number", { target: data.target, value: app.number(value, 4) });
  const name = data.classes[found.winner];
  if (found.values.length > 1) return app.text("drawing.plane.class", { name, share: app.number(found.values[found.winner], 3) });
  if (view.winner) return app.text("drawing.plane.class", { name, share: app.number(value, 3) });
  if (data.classes.length === 2) return app.text("drawing.plane.class", { name, share: app.number(found.winner ? value : 1 - value, 3) });
  return app.text("drawing.plane.one", { name: data.classes[app.chosen.output ?? 0], share: app.number(value, 3) });
}

// Return the map in a sentence or two, for those who do not see it.
function summaryOf(app, view) {
  const { data } = app.scene;
  const { map, shown } = view;
  if (!map) return "";
  const parts = [];
  if (shown.of > shown.count) parts.push(app.text("drawing.plane.some", { count: shown.count, of: shown.of }));
  if (view.wrong) parts.push(app.text("drawing.plane.wrong", { count: view.wrong.reduce((sum, one) => sum + one, 0), of: shown.count }));
  if (data.task === "classification" && view.isPlane) {
    const counts = data.classes.map(() => 0);
    if (view.winner) for (const winner of view.winner) counts[winner] += 1;
    else if (data.classes.length === 2) for (const share of map) counts[Number(share >= 0.5)] += 1;
    if (view.winner || data.classes.length === 2) {
      const shares = data.classes.map((name, k) => app.text("drawing.plane.area", { name, share: Math.round((100 * counts[k]) / map.length) }));
      parts.push(app.text("drawing.plane.areas", { shares: shares.join(", ") }));
    }
  } else if (data.task !== "classification") {
    let [low, high] = [Infinity, -Infinity];
    for (const value of map) [low, high] = [Math.min(low, value), Math.max(high, value)];
    parts.push(app.text("drawing.plane.span", { low: app.number(low, 3), high: app.number(high, 3) }));
  }
  return parts.join(" ");
}
