// What all panels share: the session's latest scene and frame, what the reader has chosen to look at, and one way to ask.
//
// Events (`app.on`): "scene" after a change of setup or data, "frame" after each frame, "chosen" when the reader looks
// at something else, "lesson", "connection" ({state: "open" | "lost" | "refused", with Pyodide "starting" | "failed"}), "refusal" (a Refusal), "playing",
// "late" (true when the session has not answered for some time, false when it has).

import { Refusal } from "./transport.js";
import { number, text } from "./texts.js";

const LEAST_PAUSE = 30; // milliseconds between two frames
const LATE = 2000; // milliseconds without an answer after which the page says so

export class App {
  scene = null;
  frame = null;
  choices = null;
  connection = "connecting";
  chosen = { axes: [0, 1], at: null, output: 0, pinned: [], row: null, run: 0, hover: null, column: 0 };
  text = text;
  number = number;

  constructor(transport, settings) {
    this.transport = transport;
    this.settings = settings; // of the address: {lesson, hide, setup}
    this.hearers = new Map();
    this.wishes = [];
    this.asking = false; // one frame in flight at most
    this.again = false;
    this.asked = 0;
    document.addEventListener("visibilitychange", () => document.hidden || this.refresh());
  }

  // Call `hear` at each event of this name; the function returned ends that.
  on(event, hear) {
    if (!this.hearers.has(event)) this.hearers.set(event, new Set());
    this.hearers.get(event).add(hear);
    return () => this.hearers.get(event).delete(hear);
  }

  // A panel that fails must not stop the others.
  tell(event, value) {
    for (const hear of this.hearers.get(event) ?? []) {
      try {
        hear(value);
      } catch (error) {
        console.error(error);
      }
    }
  }

  // Ask the session; rejects with a Refusal. A reply that holds a scene becomes the scene.
  async ask(name, fields = {}, arrays = {}) {
    const reply = await this.answer(this.transport.ask(name, fields, arrays));
    if (reply.network && reply.setup) this.take(reply);
    if ("playing" in reply && name !== "frame") {
      this.playing = reply.playing;
      this.tell("playing", reply.playing);
      this.refresh();
    }
    if (reply.lesson !== undefined && name !== "frame") this.tell("lesson", reply.lesson);
    return reply;
  }

  // Wait for an answer, and say so where it takes long: one step on a large table may take seconds.
  async answer(coming) {
    let isLate = false;
    const timer = setTimeout(() => this.tell("late", (isLate = true)), LATE);
    try {
      return await coming;
    } finally {
      clearTimeout(timer);
      if (isLate) this.tell("late", false);
    }
  }

  // Ask where nobody waits for the reply: a refusal is shown in the story line, or beside its control.
  async act(name, fields = {}, arrays = {}) {
    try {
      return await this.ask(name, fields, arrays);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      error.run = fields.run ?? 0;
      this.tell("refusal", error);
      return null;
    }
  }

  change(path, value, run = 0) {
    return this.act("change", { path, value, run });
  }

  take(scene) {
    this.scene = scene;
    this.keep();
    this.tell("scene", scene);
    this.refresh();
  }

  // What was chosen may be gone with the old data or the old network: keep the choice within the new ones.
  keep() {
    const { data, network } = this.scene;
    const columns = Math.max(1, data.columns.length);
    const chosen = this.chosen;
    const wanted = Math.min(2, columns);
    const axes = chosen.axes.filter((axis) => axis < columns).slice(0, wanted);
    for (let axis = 0; axes.length < wanted; axis += 1) if (!axes.includes(axis)) axes.push(axis);
    const within = (row) => (row !== null && row < data.rows ? row : null);
    const there = ([layer, unit]) => network.layers.some(({ place, units }) => place === layer && unit < units);
    this.chosen = {
      ...chosen,
      axes,
      at: within(chosen.at),
      row: within(chosen.row),
      output: chosen.output < network.outputs.length ? chosen.output : 0,
      column: chosen.column < columns ? chosen.column : 0,
      run: chosen.run < this.scene.runs ? chosen.run : 0,
      pinned: chosen.pinned.filter((pin) => !Array.isArray(pin) || there(pin)),
      hover: null,
    };
  }

  // Look at something else: app.choose({row: 3}).
  choose(part) {
    Object.assign(this.chosen, part);
    this.tell("chosen", part);
    if (Object.keys(part).some((name) => name !== "hover" && name !== "pinned")) this.refresh();
  }

  // Let `wish` add to each request for a frame: app.wants((request) => { request.map = {...}; }).
  wants(wish) {
    this.wishes.push(wish);
  }

  // Ask for a frame now, or as soon as the one in flight has come.
  refresh() {
    this.again = true;
    this.next();
  }

  next() {
    if (this.asking || document.hidden || this.connection !== "open" || !this.scene) return;
    if (!this.again && !this.playing) return;
    this.asking = true;
    const pause = this.again && !this.playing ? 0 : LEAST_PAUSE - (performance.now() - this.asked);
    setTimeout(() => this.fetch(), Math.max(0, pause)); // a wait for the next picture as well would lose some
  }

  async fetch() {
    this.again = false;
    this.asked = performance.now();
    const request = { map: null, units: null, dependence: null, curve: 0 };
    for (const wish of this.wishes) wish(request);
    const { scene } = this;
    try {
      const frame = await this.ask("frame", request);
      const changed = frame.playing !== this.playing;
      this.frame = frame;
      this.playing = frame.playing;
      this.tell("frame", frame);
      if (changed) {
        this.tell("playing", frame.playing);
        this.again = true; // a frame that is asked for in mid-run leaves out what the page shows less often
      }
      if (frame.lesson) this.tell("lesson", frame.lesson);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (scene !== this.scene) return; // it was about what the page showed before
      this.playing = false;
      if (this.connection === "open") this.tell("refusal", error);
    } finally {
      this.asking = false;
      this.next();
    }
  }

  // Say a sentence to screen readers.
  say(sentence, { assertive = false } = {}) {
    document.getElementById(assertive ? "alerted" : "said").textContent = sentence;
  }
}
