// One unit in numbers: its weights with their names, bias, sum and activation, which can be read, copied and changed.

import { formula, labelText, unitName } from "./mathml.js";
import { make, renew } from "./dom.js";

const PAUSE = 250; // milliseconds between two readings while it trains

export function unitPanel(app, element) {
  const panel = new UnitPanel(app, element);
  const follow = () => panel.refresh();
  element.closest("details").addEventListener("toggle", follow);
  app.on("frame", follow);
  app.on("scene", () => panel.choices());
  app.on("chosen", (part) => {
    if ("pinned" in part || "run" in part) panel.point(app.chosen.pinned.at(-1));
    if ("hover" in part) panel.pass(part.hover);
    if ("row" in part) panel.refresh();
  });
}

class UnitPanel {
  unit = [0, 0];
  made = "";
  last = 0;
  asking = false;
  fields = [];

  constructor(app, element) {
    this.app = app;
    this.details = element.closest("details");
    this.select = make("select", { id: "unit-choice", onchange: () => this.take(JSON.parse(this.select.value)) });
    this.copy = make("button", { type: "button", class: "plain", onclick: () => this.copyText() }, app.text("insight.copy"));
    this.body = make("div", { class: "unit-body" });
    element.append(make("div", { class: "choice" }, make("label", { for: "unit-choice" }, app.text("insight.unit")), this.select, this.copy), this.body);
  }

  get network() {
    return this.app.scene.networks[this.app.chosen.run];
  }

  // List all units; of very large layers the first ones, and the one that is shown.
  choices() {
    const { app, network } = this;
    const sizes = [[-1, network.inputs.length], ...network.layers.map(({ place, units }) => [place, units])];
    const [layer, unit] = this.unit;
    if (!sizes.some(([place, size]) => place === layer && unit < size)) this.unit = [0, 0];
    const groups = sizes.map(([place, size]) => {
      const label = place === -1 ? app.text("drawing.inputs") : `${app.text("insight.layer", { layer: place })}: ${network.layers[place].label}`;
      const units = Array.from({ length: size }, (_, k) => make("option", { value: JSON.stringify([place, k]) }, unitName(app, [place, k])));
      return make("optgroup", { label }, units);
    });
    this.select.replaceChildren(...groups);
    this.select.value = JSON.stringify(this.unit);
    this.made = "";
    this.refresh();
  }

  // Follow the drawing: the unit that was pinned last, or the one that a pinned weight leads to.
  point(pin) {
    this.kept = null;
    const unit = Array.isArray(pin) ? pin : pin === undefined ? null : this.ownerOf(pin);
    if (unit && String(unit) !== String(this.unit)) this.take(unit);
  }

  // What the pointer or the focus passes over is shown for that time, but not while somebody works in the panel.
  pass(pin) {
    if (!this.details.open || this.body.contains(document.activeElement)) return;
    if (Array.isArray(pin)) {
      this.kept ??= this.unit;
      this.take(pin);
    } else if (this.kept) {
      this.take(this.kept);
      this.kept = null;
    }
  }

  ownerOf(place) {
    for (const layer of this.network.layers) {
      for (const { start, shape } of Object.values(layer.parameters)) {
        const size = shape.reduce((product, one) => product * one, 1);
        if (place >= start && place < start + size) return [layer.place, (place - start) % shape.at(-1)];
      }
    }
    return null;
  }

  take(unit) {
    this.unit = unit;
    this.select.value = JSON.stringify(unit);
    this.last = 0;
    this.refresh();
  }

  async refresh() {
    const { app } = this;
    if (!app.scene || !this.details.open) return;
    if (this.asking || (app.playing && performance.now() - this.last < PAUSE)) {
      this.again = true;
      return;
    }
    this.asking = true;
    this.again = false;
    this.last = performance.now();
    const { scene } = app;
    const { run } = app.chosen;
    const [layer, unit] = this.unit;
    const isMeant = () => scene === app.scene && run === app.chosen.run && String(this.unit) === String([layer, unit]);
    try {
      const reply = await app.ask("unit", { run, layer, unit, row: app.chosen.row ?? 0 });
      if (isMeant()) this.show(reply);
    } catch (error) {
      if (!isMeant()) return;
      this.body.textContent = error.message;
      this.made = "";
    } finally {
      this.asking = false;
      if (this.again && !app.playing) this.refresh();
    }
  }

  // Build the block for another unit; else write the new numbers into it, but not into a field that is being edited.
  show(reply) {
    this.reply = reply;
    const labels = [...reply.in, ...reply.out, ...reply.parameters].map(({ place }) => place);
    const key = JSON.stringify([this.unit, reply.row, labels, this.app.chosen.run]);
    if (key !== this.made) {
      this.made = key;
      this.fields = [];
      renew(this.body, this.build(reply));
    }
    for (const field of this.fields) field(reply);
  }

  build(reply) {
    const { app } = this;
    const name = unitName(app, this.unit);
    const sums = reply.in.length > 0;
    return [
      make("h3", {}, name),
      make("p", { class: "note" }, app.text("insight.forRow", { row: reply.row })),
      reply.formulas.map((one) => formula(one.formula, one.text)),
      sums && this.table(app.text("insight.into", { name }), [app.text("insight.input"), app.text("insight.weight"), app.text("insight.product")], [
        ...reply.in.map((_, i) => this.row((now) => now.in[i], [(one) => one.input, null, (one) => one.product])),
        reply.bias && this.row((now) => ({ ...now.bias, label: { text: app.text("insight.bias") } }), [() => undefined, null, (one) => one.value]),
        this.row((now) => ({ label: { text: "z" }, value: now.z }), [() => undefined, () => undefined, (one) => one.value], "total"),
        this.row((now) => ({ label: { text: "a" }, value: now.a }), [() => undefined, () => undefined, (one) => one.value], "total"),
      ], reply.more_in),
      !sums && make("p", {}, app.text("insight.output"), this.text((now) => app.number(now.a))),
      reply.parameters.length > 0 && this.table(app.text("insight.own"), [app.text("insight.value")], reply.parameters.map((_, i) => this.row((now) => ({ ...now.parameters[i], label: { text: now.parameters[i].name } }), [null]))),
      reply.out.length > 0 && this.table(app.text("insight.outOf", { name }), [app.text("insight.weight")], reply.out.map((_, i) => this.row((now) => now.out[i], [null])), reply.more_out),
    ];
  }

  table(caption, head, rows, more = 0) {
    return [
      make(
        "div",
        { class: "scroll", tabindex: 0, role: "group", "aria-label": caption },
        make("table", { class: "steps" }, make("caption", {}, caption), make("thead", {}, make("tr", {}, make("td"), head.map((one) => make("th", { scope: "col" }, one)))), make("tbody", {}, rows)),
      ),
      more > 0 && make("p", { class: "note" }, this.app.text("insight.more", { count: more })),
    ];
  }

  // A row: `read` takes its line out of a reply; a column of null is the field in which the number is changed.
  row(read, columns, kind = null) {
    const label = labelText(this.app, read(this.reply).label);
    const cells = columns.map((column) => make("td", {}, column === null ? this.field(label, read) : this.text((now) => (column(read(now)) === undefined ? "" : this.app.number(column(read(now)))))));
    return make("tr", { class: kind }, make("th", { scope: "row" }, label), cells);
  }

  text(write) {
    const place = make("span");
    this.fields.push((now) => (place.textContent = write(now)));
    return place;
  }

  field(label, read) {
    const { app } = this;
    const input = make("input", { type: "number", step: "any", "aria-label": label, id: `unit-${read(this.reply).place}` });
    input.addEventListener("change", () => {
      const value = Number(input.value);
      if (input.value !== "" && Number.isFinite(value)) app.act("weight", { run: app.chosen.run, place: read(this.reply).place, value });
    });
    this.fields.push((now) => {
      if (document.activeElement !== input || !app.playing) input.value = Number(read(now).value?.toPrecision(6));
    });
    return input;
  }

  async copyText() {
    const { app, reply } = this;
    if (!reply) return;
    const line = (one, name) => [name ?? labelText(app, one.label), one.input, one.value, one.product].filter((part) => part !== undefined).join("\t");
    const lines = [
      unitName(app, this.unit),
      ...reply.formulas.map(({ text }) => text),
      ...reply.in.map((one) => line(one)),
      reply.bias && line(reply.bias, app.text("insight.bias")),
      ...reply.parameters.map((one) => line(one, one.name)),
      reply.z !== null && `z\t${reply.z}`,
      reply.a !== null && `a\t${reply.a}`,
      reply.out.length > 0 && app.text("insight.outOf", { name: unitName(app, this.unit) }),
      ...reply.out.map((one) => line(one)),
    ];
    await navigator.clipboard.writeText(lines.filter(Boolean).join("\n"));
    app.say(app.text("insight.copied"));
  }
}
