// The pointer and the keyboard on the map: read, choose, add, move and delete examples.

import { deletePoint, predictionOf, whereOf } from "./plane.js";

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const DRAG = 4; // pixels that a pointer moves before it drags

export function listenToMap(panel, view) {
  const { element } = view;
  const pointer = new MapPointer(panel, view);
  element.addEventListener("touchstart", (event) => pointer.touch(event), { passive: false });
  element.addEventListener("pointerdown", (event) => pointer.down(event));
  element.addEventListener("pointermove", (event) => pointer.move(event));
  element.addEventListener("pointerup", (event) => pointer.up(event));
  element.addEventListener("pointercancel", () => (pointer.held = null));
  element.addEventListener("pointerleave", () => pointer.held || panel.read(null));
  element.addEventListener("blur", () => panel.read(null));
  element.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || !panel.shown.ranges) return;
    if (!press(panel, view, event)) return;
    event.preventDefault();
    event.stopPropagation();
  });
}

// The pointer on one map: it chooses, drags or adds an example.
class MapPointer {
  held = null; // {i, x, y, moved, columns}: the example, or the empty place (i = -1), that the pointer went down on

  constructor(panel, view) {
    Object.assign(this, { panel, view });
  }

  pixel({ clientX, clientY }) {
    const box = this.view.element.getBoundingClientRect();
    return [clientX - box.left, clientY - box.top];
  }

  // A finger that goes down on an example moves it; anywhere else it scrolls the page.
  touch(event) {
    const [x, y] = this.pixel(event.touches[0]);
    if (this.panel.app.scene?.data.editable && this.view.hit(x, y, true) >= 0) event.preventDefault();
  }

  down(event) {
    if (event.button !== 0) return;
    const { view } = this;
    const [x, y] = this.pixel(event);
    if (!view.pointAt(x, y)) return;
    this.held = { i: view.hit(x, y, event.pointerType === "touch"), x, y, moved: false, columns: this.panel.shown.columns };
    if (this.held.i >= 0) view.element.setPointerCapture(event.pointerId);
  }

  move(event) {
    const { panel, view } = this;
    const [x, y] = this.pixel(event);
    if (this.held?.columns !== panel.shown.columns) this.held = null; // the data have changed meanwhile
    const { held } = this;
    if (held && Math.hypot(x - held.x, y - held.y) > DRAG) held.moved = true;
    const point = view.pointAt(x, y);
    if (held?.moved && held.i >= 0 && panel.app.scene.data.editable) {
      view.element.classList.add("dragging");
      if (point) carry(panel, view, held.i, point, y);
    } else view.element.classList.toggle("over", view.hit(x, y) >= 0);
    panel.read(point);
  }

  up(event) {
    const { panel, view, held } = this;
    const [x, y] = this.pixel(event);
    const point = view.pointAt(x, y);
    this.held = null;
    view.element.classList.remove("dragging");
    if (!held || held.i >= panel.shown.count) return;
    if (held.moved && held.i >= 0) drop(panel, view, held.i);
    else if (held.i >= 0) panel.app.choose({ row: panel.shown.rows[held.i], run: view.run });
    else if (!held.moved && point) add(panel, view, point, y);
  }
}

// Do what a key says; return whether it says anything here.
function press(panel, view, event) {
  const { app, shown } = panel;
  const { key } = event;
  const cross = panel.cross ?? shown.ranges.map(([low, high]) => (low + high) / 2);
  const chosen = shown.placeOf(app.chosen.row);
  if (key in STEPS) {
    const size = event.shiftKey ? 0.1 : 0.02;
    const point = cross.map((value, k) => {
      const [low, high] = shown.ranges[k];
      return Math.min(high, Math.max(low, value + STEPS[key][k] * size * (high - low)));
    });
    if (panel.carried >= 0) carry(panel, view, panel.carried, point, null);
    panel.read(point, { aloud: true });
  } else if (key === "PageDown" || key === "PageUp") {
    const next = (chosen + (key === "PageDown" ? 1 : -1) + shown.count) % shown.count;
    choose(panel, view, chosen < 0 && key === "PageUp" ? shown.count - 1 : next);
  } else if (key === "Enter" && panel.carried >= 0) release(panel, view);
  else if (key === "Enter") {
    const near = view.hit(...pixelOf(view, cross));
    if (near >= 0 && shown.rows[near] !== app.chosen.row) choose(panel, view, near);
    else add(panel, view, cross, null);
  } else if (key === "m" && chosen >= 0 && app.scene.data.editable) {
    if (panel.carried >= 0) return release(panel, view);
    panel.carried = chosen;
    app.say(app.text("drawing.plane.carried"));
  } else if (key === "Delete" || key === "Backspace") deletePoint(panel);
  else if (key === "Escape" && (panel.carried >= 0 || app.chosen.row !== null)) {
    if (panel.carried >= 0) release(panel, view);
    else app.choose({ row: null });
  } else return false;
  return true;
}

function release(panel, view) {
  drop(panel, view, panel.carried);
  panel.carried = -1;
  return true;
}

function pixelOf({ axes, isPlane }, point) {
  return [axes.x(point[0]), isPlane ? axes.y(point[1]) : axes.box.top + axes.box.height / 2];
}

function choose(panel, view, i) {
  const { app, shown } = panel;
  panel.read(shown.at(i));
  app.choose({ row: shown.rows[i], run: view.run });
  const { classes } = app.scene.data;
  const label = classes ? classes[shown.labels[i]] : app.number(shown.labels[i]);
  app.say(app.text("drawing.plane.example", { row: shown.rows[i], where: whereOf(app, shown, shown.at(i)), label, prediction: predictionOf(app, view, shown.at(i)) }));
}

// Over one column, the height of a new point is its number.
function labelAt(app, view, y) {
  const { data } = app.scene;
  if (view.isPlane || data.task === "classification" || y === null) return app.chosen.brush ?? (data.classes ? 1 : 0);
  return view.axes.y.invert(y);
}

async function add({ app, shown }, view, point, y) {
  if (!app.scene.data.editable) return;
  const label = labelAt(app, view, y);
  const { classes } = app.scene.data;
  const reply = await app.act("point", { action: "add", x: point, axes: shown.axes, label });
  if (reply) app.say(app.text("drawing.plane.added", { label: classes?.[label] ?? app.number(label) }));
}

// Move an example here at once; the session hears of it when it is dropped.
function carry({ app, shown }, view, i, point, y) {
  const width = shown.axes.length;
  point.forEach((value, k) => (shown.points[i * width + k] = value));
  if (!view.isPlane && shown.targetEnds && y !== null) shown.labels[i] = view.axes.y.invert(y);
  if (app.chosen.row !== shown.rows[i]) app.choose({ row: shown.rows[i] });
  view.paintPoints();
}

async function drop({ app, shown }, view, i) {
  if (!app.scene.data.editable) return;
  const index = shown.rows[i];
  const reply = await app.act("point", { action: "move", index, x: shown.at(i), axes: shown.axes, label: shown.labels[i] });
  if (!reply) return shown.forget();
  app.say(app.text("drawing.plane.moved", { row: index, where: whereOf(app, shown, shown.at(i)) }));
}
