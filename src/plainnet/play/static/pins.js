// The pinned weights and units: their numbers, which can be changed by hand. The list stands still below the drawing,
// so that nothing has to be caught with the pointer.

import { signColor } from "./colors.js";
import { make, renew } from "./dom.js";

// Two pins are the same: a weight or bias by its place among the parameters, a unit as [layer, unit].
export const samePin = (first, second) => JSON.stringify(first) === JSON.stringify(second);

const TEXT_PAUSE = 150; // milliseconds

export function pinsPanel(app, drawings) {
  const list = make("ul", { class: "pins" });
  const hint = make("p", { class: "quiet" }, app.text("drawing.pin.hint"));
  const element = make("div", { class: "pins-body", role: "group", "aria-label": app.text("drawing.pin.title") }, hint, list);
  let rows = [];
  let made = "";
  let texted = 0;
  const build = () => {
    const { pinned, run } = app.chosen;
    const drawing = drawings[run];
    const key = JSON.stringify([pinned, run, app.scene?.networks]);
    if (made === key || !drawing.layout) return;
    made = key;
    hint.hidden = pinned.length > 0;
    rows = pinned.map((pin) => pinRow(app, drawing, pin)).filter(Boolean);
    renew(list, ...rows.map(({ element: row }) => row));
    rows.forEach((row) => row.show());
  };
  app.on("chosen", (part) => ("pinned" in part || "run" in part) && build());
  app.on("scene", () => {
    keepPins(app);
    build();
  });
  app.on("frame", (frame) => {
    build();
    if (frame.playing && performance.now() - texted < TEXT_PAUSE) return;
    texted = performance.now();
    rows.forEach((row) => row.show());
  });
  return element;
}

// A place among the parameters means another weight in another network: those pins go with the old one.
function keepPins(app) {
  const shape = JSON.stringify(app.scene.networks?.[app.chosen.run]?.layers.map(({ parameters }) => parameters));
  if (app.pinnedFor !== undefined && app.pinnedFor !== shape && app.chosen.pinned.length) {
    app.choose({ pinned: app.chosen.pinned.filter(Array.isArray) });
  }
  app.pinnedFor = shape;
}

// Return the row of one pin: its name, its number in a field, and a button that takes it away.
function pinRow(app, drawing, pin) {
  const found = nameOf(app, drawing, pin);
  if (!found) return null;
  const { label, place } = found;
  const id = `pin-${JSON.stringify(pin).replace(/\W+/g, "-")}`;
  const remove = () => app.choose({ pinned: app.chosen.pinned.filter((one) => !samePin(one, pin)) });
  const mark = make("span", { class: "sign", "aria-hidden": "true" });
  const value = () => drawing.parameters?.[place];
  const input = make("input", { id, type: "number", step: "any", onchange: () => commit() });
  const commit = () => {
    const given = Number(input.value);
    if (input.value === "" || !Number.isFinite(given)) return show(true);
    if (given !== value()) app.act("weight", { run: drawing.run, place, value: given });
  };
  input.addEventListener("keydown", (event) => {
    event.stopPropagation();
    const step = { ArrowUp: 0.1, ArrowDown: -0.1 }[event.key];
    if (event.key === "Escape") show(true);
    if (step === undefined) return;
    event.preventDefault();
    input.value = Number((Number(input.value) + step * (event.shiftKey ? 10 : 1)).toPrecision(6));
    commit();
  });
  const show = (always) => {
    const now = value();
    if (now === undefined) return;
    mark.textContent = now < 0 ? "−" : "+";
    mark.style.color = signColor(now);
    if (always || document.activeElement !== input) input.value = Number(now.toPrecision(6));
  };
  const parts = place === null ? [make("span", {}, label)] : [make("label", { for: id }, label), mark, input];
  const away = make("button", { type: "button", class: "plain", onclick: remove, "aria-label": app.text("drawing.pin.remove", { what: label }) }, "×");
  return { element: make("li", {}, parts, away), show: () => place !== null && show(false) };
}

// Return what a pin is called and the place of its number among the parameters: a unit's is its bias.
function nameOf(app, drawing, pin) {
  const { layout } = drawing;
  if (Array.isArray(pin)) {
    const column = layout.columns.find(({ place }) => place === pin[0]);
    if (!column || pin[1] >= column.units) return null;
    const bias = column.layer?.parameters.bias;
    const name = drawing.nameOf({ column, unit: pin[1], name: column.names?.[pin[1]] ?? null });
    return { label: bias ? app.text("drawing.pin.bias", { name }) : name, place: bias ? bias.start + pin[1] : null };
  }
  for (const { column, before } of layout.links) {
    const { start, shape } = column.layer.parameters.weights;
    const offset = pin - start;
    if (offset < 0 || offset >= shape[0] * shape[1]) continue;
    const end = (of, unit) => drawing.nameOf({ column: of, unit, name: of.names?.[unit] ?? null });
    const from = end(before, Math.floor(offset / shape[1]));
    return { label: app.text("drawing.pin.weight", { from, to: end(column, offset % shape[1]) }), place: pin };
  }
  return { label: app.text("drawing.pin.parameter", { place: pin }), place: pin };
}
