// The valley: the loss over two weights, or over one as a curve, or over the main directions of the path, with the
// path of the descent and the tangent at the present point. The session makes a map in slices; while it trains the
// pauses between them leave it most of the time.

import { curve, map } from "./valley_drawing.js";
import { make } from "./dom.js";
import { onColors } from "./colors.js";
import { parameterName } from "./mathml.js";

const MOST_LISTED = 400; // weights in a list of choices; of larger networks those that are pinned
const POINTS = { playing: 25, still: 41 };
const REST = 8; // times as long as a slice took is left to the training
const PAUSE = 400; // milliseconds between two maps while it trains

export function valleyPanel(app, element) {
  const panel = new ValleyPanel(app, element);
  element.closest("details").addEventListener("toggle", () => panel.ask());
  app.on("scene", () => panel.scene());
  app.on("frame", () => panel.frame());
  app.on("playing", () => panel.frame());
  app.on("chosen", (part) => {
    if ("pinned" in part) panel.pins();
    if ("run" in part) panel.ask();
  });
  new ResizeObserver(() => panel.draw()).observe(element);
  const watch = ([entry]) => {
    panel.seen = entry.isIntersecting;
    panel.ask();
  };
  new IntersectionObserver(watch, { rootMargin: "300px" }).observe(element);
  onColors(() => panel.draw());
}

class ValleyPanel {
  along = null; // one or two places among the parameters; null for the main directions of the path
  reply = null;
  drawn = null; // what the latest map was made of
  busy = false;
  seen = false;

  constructor(app, element) {
    this.app = app;
    this.details = element.closest("details");
    const select = (id, label) => {
      const box = make("select", { id, onchange: () => this.choose() });
      return [make("label", { for: id }, app.text(label)), box];
    };
    const [firstLabel, first] = select("valley-first", "insight.valley.first");
    const [secondLabel, second] = select("valley-second", "insight.valley.second");
    Object.assign(this, { first, second });
    this.canvas = make("canvas", { role: "img" });
    this.place = make("div", { class: "valley" }, this.canvas);
    this.note = make("p", { class: "valley-note" });
    this.pointed = make("p", { class: "quiet valley-pointed" });
    const hint = make("p", { class: "quiet" }, app.text("insight.valley.hint"));
    element.append(make("div", { class: "choice" }, firstLabel, first, secondLabel, second), hint, this.place, this.pointed, this.note);
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    this.canvas.addEventListener("pointerleave", () => (this.pointed.textContent = ""));
  }

  // The weights to choose from belong to a network of this shape; another one begins with the path's directions.
  scene() {
    const { app } = this;
    const network = app.scene.networks[app.chosen.run];
    const shape = JSON.stringify(network.layers.map(({ parameters }) => parameters));
    if (shape !== this.shape) {
      this.shape = shape;
      this.along = null;
      this.list();
    }
    this.drawn = null;
    this.ask();
  }

  list() {
    const { app, first, second } = this;
    const { layers, parameters } = app.scene.networks[app.chosen.run];
    const pinned = app.chosen.pinned.filter((pin) => typeof pin === "number");
    const listed = parameters <= MOST_LISTED ? layers.flatMap(placesOf) : [...new Set([...pinned, ...(this.along ?? [])])];
    const options = () => listed.map((place) => make("option", { value: place }, parameterName(app, place)));
    first.replaceChildren(make("option", { value: "" }, app.text("insight.valley.main")), ...options());
    second.replaceChildren(make("option", { value: "" }, app.text("insight.valley.none")), ...options());
    first.value = this.along?.[0] ?? "";
    second.value = this.along?.[1] ?? "";
    second.disabled = !this.along;
  }

  choose() {
    const places = [this.first.value, this.second.value].filter((value) => value !== "").map(Number);
    this.along = this.first.value === "" ? null : [...new Set(places)];
    this.list();
    this.drawn = null;
    this.ask();
  }

  // The last two pinned weights are the directions.
  pins() {
    const pinned = this.app.chosen.pinned.filter((pin) => typeof pin === "number").slice(-2);
    if (pinned.length && String(pinned) !== String(this.along)) {
      this.along = pinned;
      this.drawn = null;
    }
    if (this.app.scene) this.list();
    this.ask();
  }

  frame() {
    if (this.app.frame?.runs[this.app.chosen.run]) this.ask();
  }

  // What a map is made of, beside the scene.
  state() {
    const run = this.app.frame?.runs[this.app.chosen.run];
    return JSON.stringify([run?.epoch, run?.step, this.app.playing ? POINTS.playing : POINTS.still, this.along, this.app.chosen.run]);
  }

  get isWanted() {
    return this.details.open && this.seen && !document.hidden && this.app.scene && this.app.connection === "open";
  }

  // Ask for maps, one after the other, as long as what is drawn is not what is wanted. A map that is of an older scene or
  // of other directions when it comes is dropped.
  async ask() {
    if (this.busy || !this.isWanted) return;
    this.busy = true;
    while (this.isWanted && this.state() !== this.drawn) {
      const { scene } = this.app;
      const { along } = this;
      const isMeant = () => scene === this.app.scene && along === this.along;
      try {
        const state = this.state();
        const reply = await this.wholeMap(isMeant);
        if (!isMeant()) continue;
        this.drawn = state;
        if (reply) this.take(reply);
      } catch (error) {
        if (!isMeant()) continue;
        this.note.textContent = error.message;
        break;
      }
      if (this.app.playing) await pause(PAUSE);
    }
    this.busy = false;
  }

  // Return a map, which comes slice by slice; null where nobody wants it any more.
  async wholeMap(isMeant) {
    const { app } = this;
    const fields = { run: app.chosen.run, along: this.along, points: app.playing ? POINTS.playing : POINTS.still };
    for (let begins = true; this.isWanted && isMeant(); begins = false) {
      const began = performance.now();
      const reply = await app.ask("valley", { ...fields, new: begins });
      if (reply.ready) return reply;
      if (app.playing) await pause(REST * (performance.now() - began));
    }
    return null;
  }

  take(reply) {
    this.reply = reply;
    this.draw();
    const sentence = this.describe();
    this.note.textContent = sentence;
    this.canvas.setAttribute("aria-label", sentence);
  }

  names() {
    const { app, reply } = this;
    if (reply.along) return reply.along.map((place) => parameterName(app, place));
    return reply.shares.map((share, k) => app.text("insight.valley.direction", { number: k + 1, share: Math.round(100 * share) }));
  }

  draw() {
    if (!this.reply?.moved || !this.place.clientWidth) return void (this.canvas.hidden = true);
    this.canvas.hidden = false;
    this.at = (this.reply.along?.length === 1 ? curve : map)(this.canvas, this.reply, this.names(), this.app);
  }

  // The map in words: what is drawn, where the present point is, which way the descent goes, where it is lowest.
  describe() {
    const { app, reply } = this;
    if (!reply.moved) return app.text("insight.valley.still");
    const names = this.names();
    const { valley, axis0, axis1 } = reply.arrays;
    let [low, high] = [0, 0];
    valley.forEach((value, i) => {
      if (value < valley[low] || Number.isNaN(valley[low])) low = i;
      if (value > valley[high] || Number.isNaN(valley[high])) high = i;
    });
    const numbers = (list) => list.map((value) => app.number(value, 3)).join(", ");
    const lowest = names.length === 1 ? [axis0[low]] : [axis0[low % axis0.length], axis1[Math.floor(low / axis0.length)]];
    const values = { value: reply.value, point: numbers(reply.point), slope: numbers(reply.slope), low: valley[low], high: valley[high], lowest: numbers(lowest), first: names[0], second: names[1], norm: reply.gradient_norm };
    const thinned = reply.rows < reply.of ? ` ${app.text("insight.valley.thinned", { rows: reply.rows, of: reply.of })}` : "";
    return app.text(names.length === 1 ? "insight.valley.curve" : "insight.valley.map", values) + thinned;
  }

  point(event) {
    const found = this.at?.(event.offsetX, event.offsetY);
    const { app } = this;
    this.pointed.textContent = found ? app.text("insight.valley.at", { place: found.place.map((value) => app.number(value, 3)).join(", "), value: found.value }) : "";
  }
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// Return the places of all parameters of a layer.
function placesOf({ parameters }) {
  return Object.values(parameters).flatMap(({ start, shape }) => Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, k) => start + k));
}
