// One step, explained: a walk through the step that comes next, on one example or on a batch, scene by scene. The text
// stands beside the drawing, which shows the links and units of each scene (event "highlight").

import { make, renew } from "./dom.js";
import { sceneBody, sceneTitle } from "./walk.js";
import { unitName } from "./mathml.js";

export { unitPanel } from "./unit.js";

const SECTIONS = ["forward", "loss", "backward", "update"];
const PACE = 3500; // milliseconds for each scene when it plays through

export function explainPanel(app, element) {
  const walk = new Walk(app, element);
  element.closest("details").addEventListener("toggle", (event) => {
    if (event.target.open && !walk.step && app.scene) walk.begin();
    else walk.show();
  });
  app.on("scene", () => walk.forget());
  app.on("frame", () => walk.follow());
  app.on("chosen", (part) => {
    if (("row" in part && part.row !== null) || "run" in part) walk.choose(app.chosen.row ?? walk.row);
  });
}

class Walk {
  step = null; // the session's reply: what is explained
  place = 0;
  row = 0; // null for a batch
  units = []; // the units of large layers that the reader chose
  asked = 0;
  isAsking = false;

  constructor(app, element) {
    this.app = app;
    this.element = element;
    this.details = element.closest("details");
    this.number = make("input", { type: "number", min: 0, id: "explain-row", onchange: () => app.choose({ row: this.wanted() }) });
    this.batch = make("input", { type: "checkbox", id: "explain-batch", onchange: () => this.choose(this.batch.checked ? null : this.wanted()) });
    this.again = make("button", { type: "button", onclick: () => this.begin() }, app.text("insight.again"));
    this.cells = make("p", { class: "note" });
    this.about = make("p", { class: "quiet" });
    this.moved = make("p", { class: "note", role: "status" });
    this.sections = make("div", { class: "sections", role: "group", "aria-label": app.text("insight.sections") });
    this.more = make("div", { class: "chips" });
    this.title = make("h3", { id: "explain-title-now", tabindex: -1 });
    this.text = make("div", { class: "scene" });
    this.where = make("span", { class: "quiet" });
    this.steps = this.makeSteps();
    this.region = make("section", { "aria-labelledby": "explain-title-now" }, this.title, this.text);
    this.live(true);
    const choice = make(
      "div",
      { class: "choice" },
      make("label", { for: "explain-row" }, app.text("insight.example")),
      this.number,
      make("label", { class: "chip" }, this.batch, app.text("insight.batch")),
      this.again,
    );
    element.append(choice, this.cells, this.moved, this.sections, this.steps, this.more, this.region, this.about);
    element.addEventListener("keydown", (event) => this.key(event));
  }

  makeSteps() {
    const { app } = this;
    const button = (name, act) => make("button", { type: "button", id: `explain-${name}`, onclick: act }, app.text(`insight.${name}`));
    this.player = button("through", () => (this.timer ? this.stop() : this.through()));
    return make(
      "div",
      { class: "steps-bar" },
      button("previous", () => this.go(this.place - 1)),
      button("next", () => this.go(this.place + 1)),
      this.player,
      this.where,
    );
  }

  // The row that the reader has typed, within those that there are.
  wanted() {
    const row = Math.round(Number(this.number.value)) || 0;
    return Math.min(Math.max(row, 0), this.app.scene.data.rows - 1);
  }

  get isOpen() {
    return this.details.open && !this.element.closest("[hidden]");
  }

  // Explain another example; null for the batch.
  choose(row) {
    this.row = row;
    if (this.isOpen) this.begin();
    else this.step = null;
  }

  // Ask for the step that comes next. The training pauses: its numbers would run away below the text. Of a large network
  // an answer takes seconds: whatever is asked for meanwhile is asked for once, when it has come.
  async begin() {
    this.asked += 1;
    this.stop();
    if (this.isAsking) return;
    this.isAsking = true;
    for (let number = 0; number !== this.asked; ) {
      number = this.asked;
      await this.ask(number);
    }
    this.isAsking = false;
    this.show();
  }

  async ask(number) {
    const { app } = this;
    const rows = app.scene.data.rows;
    if (this.row !== null) this.row = Math.min(this.row, rows - 1);
    try {
      if (app.playing) await app.act("pause");
      const step = await app.ask("explain", { run: app.chosen.run, row: this.row, units: this.units });
      if (number !== this.asked) return;
      this.step = step;
      this.place = Math.min(this.place, step.scenes.length - 1);
      this.refused = "";
    } catch (error) {
      if (number !== this.asked) return;
      this.step = null;
      this.refused = error.message;
    }
  }

  // Another network or other data: what was explained is no more. A panel that stands open explains the new step.
  forget() {
    this.units = [];
    this.place = 0;
    this.step = null;
    if (this.isOpen) this.begin();
    else this.show();
  }

  // Say so when the training has gone on since.
  follow() {
    const run = this.app.frame?.runs[this.app.chosen.run];
    const gone = this.step && run && (run.epoch !== this.step.epoch || run.step + 1 !== this.step.step);
    const note = gone ? this.app.text("insight.moved") : "";
    this.again.hidden = !gone && Boolean(this.step);
    if (this.moved.textContent !== note) this.moved.textContent = note;
  }

  go(place) {
    if (!this.step) return;
    this.place = Math.min(Math.max(place, 0), this.step.scenes.length - 1);
    this.show();
  }

  through() {
    this.live(false); // a screen reader could not follow
    if (this.place === this.step?.scenes.length - 1) this.place = -1;
    const next = () => {
      this.go(this.place + 1);
      if (!this.step || !this.isOpen || this.place === this.step.scenes.length - 1) this.stop();
    };
    this.timer = setInterval(next, PACE);
    this.player.textContent = this.app.text("insight.hold");
    next();
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.live(true);
    this.player.textContent = this.app.text("insight.through");
  }

  live(on) {
    this.region.setAttribute("aria-live", on ? "polite" : "off");
  }

  key(event) {
    if (event.target.closest("input, select") || event.altKey || event.ctrlKey || event.metaKey) return;
    const acts = { ArrowRight: () => this.go(this.place + 1), ArrowLeft: () => this.go(this.place - 1), Escape: () => this.leave() };
    if (!acts[event.key] || (event.key !== "Escape" && event.target.closest(".scroll"))) return;
    event.preventDefault();
    event.stopPropagation();
    acts[event.key]();
  }

  leave() {
    this.stop();
    this.details.open = false;
    this.show();
    this.details.querySelector("summary").focus();
  }

  show() {
    const { app, step } = this;
    if (!this.isOpen) this.stop();
    const scene = this.isOpen ? step?.scenes[this.place] : null;
    app.highlighted = scene?.where?.units ? scene.where : null;
    app.tell("highlight", app.highlighted);
    this.number.max = (app.scene?.data.rows ?? 1) - 1;
    if (this.row !== null && document.activeElement !== this.number) this.number.value = this.row;
    this.number.disabled = this.row === null;
    this.batch.checked = this.row === null;
    for (const part of [this.sections, this.steps, this.more, this.region]) part.hidden = !scene;
    this.follow();
    this.cells.textContent = scene?.section && step.cells ? app.text("insight.row", { ...step, cells: step.cells.map((pair) => pair.join(" = ")).join(", ") }) : "";
    if (!scene) {
      this.about.textContent = this.refused ?? "";
      return;
    }
    const values = { step: step.step, epoch: step.epoch, count: step.rows, loss: step.loss, rate: step.learning_rate, name: step.loss_name };
    this.about.textContent = `${app.text("insight.about", values)} ${step.notes[scene.section] ?? ""}`;
    this.showSections(scene);
    this.showChoices();
    this.where.textContent = app.text("insight.place", { place: this.place + 1, count: step.scenes.length });
    this.title.textContent = sceneTitle(app, scene);
    renew(this.text, sceneBody(app, scene, step.rows > 1));
  }

  showSections({ section }) {
    const { app, step } = this;
    const button = (name) => {
      const first = step.scenes.findIndex((scene) => scene.section === name);
      const current = name === section ? "step" : null;
      return make("button", { type: "button", id: `explain-${name}`, "aria-current": current, onclick: () => this.go(first) }, app.text(`insight.section.${name}`));
    };
    renew(this.sections, SECTIONS.filter((name) => step.scenes.some((scene) => scene.section === name)).map(button));
  }

  // Of large layers the reader chooses the units that have scenes of their own.
  showChoices() {
    const { app, step } = this;
    const network = app.scene.networks[app.chosen.run];
    const choice = (layer) => {
      const size = layer === -1 ? network.inputs.length : network.layers[layer].units;
      const chosen = this.units.find(([of]) => of === layer)?.[1] ?? "";
      const id = `explain-unit-${layer}`;
      const name = layer === -1 ? app.text("drawing.inputs") : app.text("insight.layer", { layer });
      const options = Array.from({ length: size }, (_, unit) => make("option", { value: unit }, unitName(app, [layer, unit])));
      const select = make("select", { id, onchange: () => this.look(layer, select.value) }, make("option", { value: "" }, app.text("insight.none")), options);
      select.value = chosen;
      return make("label", { class: "chip", for: id }, app.text("insight.closer", { name }), select);
    };
    renew(this.more, step.large.map(choice));
  }

  look(layer, unit) {
    this.units = this.units.filter(([of]) => of !== layer);
    if (unit !== "") this.units.push([layer, Number(unit)]);
    this.begin();
  }
}
