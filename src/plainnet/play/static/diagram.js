// The network drawn: inputs, units with their maps, links, bands; what the reader points at, focuses and pins.
//
// The links and nodes are SVG, which is made once for each network and then only changed; the maps stand on one canvas
// behind it. NetworkDrawing draws one run; networkPanel has one for each run, and the parts that they share.

import { colorInput, colorMap, makeNode, paintNode, showBias } from "./nodes.js";
import { MOST_LINKS, curveOf, layOut, widthOf } from "./diagram_layout.js";
import { moveBy } from "./diagram_keys.js";
import { moreUnits, weightTables } from "./diagram_lists.js";
import { onColors, palette } from "./colors.js";
import { pinsPanel, samePin } from "./pins.js";
import { watchHighlight } from "./highlight.js";
import { draw, set } from "./svg.js";
import { make } from "./dom.js";

const TEXT_PAUSE = 200; // milliseconds between two changes of the numbers: faster ones cannot be read
const REACH = 8; // pixels around a link in which the pointer finds it
const STAGE = 30; // room for a band

export class NetworkDrawing {
  firsts = new Map();
  texted = 0;
  current = null;

  constructor(app, run, tip) {
    Object.assign(this, { app, run, tip });
    this.canvas = make("canvas", { "aria-hidden": "true" });
    this.svg = draw("svg", { role: "application", class: "net" });
    this.stage = make("div", { class: "stage" }, this.canvas, this.svg);
    this.title = make("p", { class: "run-title" });
    this.note = make("p", { class: "quiet note" });
    this.more = make("div", { class: "more" });
    this.element = make("div", { class: "drawing" }, this.title, this.stage, this.note, this.more);
    this.listen();
  }

  get network() {
    return this.app.scene?.networks?.[this.run] ?? this.app.scene?.network;
  }

  // Make all elements anew, for another network or another width.
  build() {
    const { app, network } = this;
    const width = Math.floor(this.stage.clientWidth) || 600;
    const layout = layOut(network, width, this.firsts);
    this.layout = layout;
    this.built = this.key(width);
    const { svg, canvas } = this;
    const ratio = Math.min(3, window.devicePixelRatio || 1);
    Object.assign(canvas, { width: layout.width * ratio, height: layout.height * ratio });
    canvas.style.width = `${layout.width}px`;
    canvas.style.height = `${layout.height}px`;
    this.context = canvas.getContext("2d");
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    for (const [name, value] of [["width", layout.width], ["height", layout.height], ["viewBox", `0 0 ${layout.width} ${layout.height}`]]) svg.setAttribute(name, value);
    this.columns = layout.columns;
    this.nodes = layout.columns.flatMap(({ nodes }) => nodes);
    this.cursor = draw("path", { class: "cursor", tabindex: -1, role: "button" });
    this.pinned = draw("g", { class: "pinned" });
    const links = draw("g", { class: "links" }, layout.links.map((group) => this.makeLinks(group)));
    const bands = draw("g", {}, layout.columns.flatMap((column) => [...column.bandsAt, ...(column.afterAt ?? [])].map((band) => this.band(band))));
    const nodes = draw("g", {}, this.nodes.map((node) => this.makeNode(node)));
    svg.replaceChildren(this.heads(), links, this.pinned, this.cursor, bands, nodes);
    svg.setAttribute("aria-label", app.text("drawing.network.label", { layers: network.layers.map(({ label }) => label).join(", "), inputs: network.inputs.length }));
    this.title.textContent = app.scene.runs > 1 ? app.text("drawing.run", { run: this.run + 1 }) : "";
    this.remark();
    this.more.replaceChildren(...moreUnits(this), weightTables(this));
    this.rove(this.current ? this.again(this.current) : { kind: "unit", node: this.nodes[0] }, false);
    this.paintInputs();
    this.texted = 0;
    if (app.frame) this.update(app.frame);
  }

  key(width) {
    return JSON.stringify([this.network, width, this.app.scene.runs, this.app.scene.data.name, [...this.firsts]]);
  }

  // Build where something has changed that the drawing stands on.
  refresh() {
    if (this.app.scene && this.built !== this.key(Math.floor(this.stage.clientWidth) || 600)) this.build();
  }

  // Find a target of the drawing before in this one.
  again({ kind, node, link }) {
    const of = kind === "unit" ? node : link.to;
    const found = this.nodes.find((one) => one.unit === of.unit && one.column.place === of.column.place);
    return { kind: "unit", node: found ?? this.nodes[0] };
  }

  makeNode(node) {
    const { pitch, size } = this.layout;
    node.room = node.column.place === -1 ? node.x - size / 2 : this.layout.width - node.x - size / 2 - (node.column.after?.length ?? 0) * STAGE;
    node.roomBelow = pitch - size;
    return makeNode(node, { title: this.nameOf(node) });
  }

  makeLinks(group) {
    group.drawn = group.links;
    group.paths = Array.from({ length: Math.min(group.links.length, MOST_LINKS) }, () => draw("path", { class: "link" }));
    if (group.paths.length === group.links.length) group.links.forEach((link, i) => this.join(group, i, link));
    return draw("g", {}, group.paths);
  }

  join(group, i, link) {
    link.path = group.paths[i];
    set(link.path, "d", curveOf(link));
  }

  // A layer that has no units of its own: a narrow upright field across the links.
  band({ layer, x }) {
    const { height, head } = this.layout;
    const label = this.app.text("drawing.band", { label: layer.label, place: layer.place });
    const text = draw("text", { x, y: head + (height - head) / 2, transform: `rotate(-90 ${x} ${head + (height - head) / 2})`, "text-anchor": "middle", dy: 4 }, layer.label);
    const field = draw("rect", { x: x - 11, y: head + 4, width: 22, height: height - head - 12, rx: 6 });
    const element = draw("g", { class: "band", tabindex: 0, role: "img", "aria-label": label }, field, text);
    element.target = { kind: "band", layer, x };
    return element;
  }

  heads() {
    const { columns, height } = this.layout;
    const head = (column) => {
      const text = column.layer?.label ?? this.app.text("drawing.inputs");
      const parts = [draw("text", { class: "head", x: column.x, y: 16, "text-anchor": "middle" }, text)];
      if (column.hidden) parts.push(draw("text", { class: "head", x: column.x, y: height - 6, "text-anchor": "middle" }, this.app.text("drawing.hidden", { count: column.hidden })));
      return parts;
    };
    return draw("g", { "aria-hidden": "true" }, columns.flatMap(head));
  }

  // Say what is not drawn.
  remark() {
    const fewer = this.layout.links.filter(({ paths, all }) => paths.length < all);
    const hidden = this.columns.some((column) => column.hidden);
    const sentences = [];
    if (fewer.length) sentences.push(this.app.text("drawing.strongest", { count: Math.max(...fewer.map(({ paths }) => paths.length)) }));
    if (hidden) sentences.push(this.app.text("drawing.below"));
    this.note.textContent = sentences.join(" ");
  }

  paintInputs() {
    const { axes } = this.app.chosen;
    const columns = this.app.scene.data.columns;
    for (const node of this.columns[0].nodes) {
      colorInput(node, axes.findIndex((axis) => columns[axis]?.name === node.name));
    }
  }

  // Return the units whose maps are wanted, as [layer, unit].
  wanted() {
    return (this.columns ?? []).slice(1).flatMap(({ nodes }) => nodes.map(({ column, unit }) => [column.place, unit]));
  }

  // Show a frame: `asked` is the list of units that it was asked for.
  update(frame, asked = this.asked) {
    const parameters = frame.arrays[`${this.run}.parameters`];
    if (!this.layout || parameters?.length !== this.network.parameters) return;
    this.parameters = parameters;
    const now = performance.now();
    const isTextTime = !frame.playing || now - this.texted > TEXT_PAUSE;
    for (const group of this.layout.links) this.updateLinks(group, parameters, isTextTime);
    this.updateMaps(frame, asked);
    const here = this.app.chosen.hover?.point;
    for (const node of this.nodes) {
      if (node.bias !== null) showBias(node, parameters[node.bias], isTextTime && !here ? this.app.number(parameters[node.bias], 3) : null);
    }
    if (isTextTime) {
      this.texted = now;
      this.describe();
      if (here) this.showHere();
    }
    this.paint();
  }

  updateLinks(group, parameters, mayChoose) {
    if (group.paths.length < group.links.length && (mayChoose || group.drawn === group.links)) {
      for (const link of group.drawn) link.path = null;
      group.drawn = [...group.links].sort((a, b) => Math.abs(parameters[b.place]) - Math.abs(parameters[a.place])).slice(0, group.paths.length);
      group.drawn.forEach((link, i) => this.join(group, i, link));
    }
    for (const { path, place } of group.drawn) {
      const weight = parameters[place];
      set(path, "class", weight < 0 ? "link minus" : "link plus");
      set(path, "stroke-width", widthOf(weight, group.widest).toFixed(1));
      set(path, "stroke-opacity", (0.3 + 0.6 * (1 - Math.exp(-Math.abs(weight)))).toFixed(2));
    }
  }

  updateMaps(frame, asked) {
    const units = frame.arrays[`${this.run}.units`];
    const ranges = frame.runs[this.run]?.unit_ranges;
    if (!units || !ranges || !asked) return;
    const points = units.shape[1];
    const length = units.shape.length === 3 ? points * points : points;
    if (asked.length !== ranges.length) return;
    asked.forEach(([layer, unit], i) => {
      const node = this.nodes.find((one) => one.column.place === layer && one.unit === unit);
      if (!node) return;
      const bytes = units.subarray(i * length, (i + 1) * length);
      const [low, high] = ranges[i];
      node.map = { bytes, low, high, points };
      const { ends, table } = this.colorsOf(node);
      node.line = length === points ? { bytes, low, high, ends: ends ?? [Math.min(low, 0), Math.max(high, 0)] } : null;
      if (!node.line) colorMap(node, node.map, ends, table);
    });
  }

  // Outputs have the colours of the decision map: those of their class, or of the range of the target.
  colorsOf({ column, unit }) {
    const { data } = this.app.scene;
    if (!column.isOutput) return {};
    if (data.task === "classification") return { ends: [0, 1], table: column.units > 1 ? palette().winners[unit % palette().winners.length] : null };
    return {};
  }

  paint() {
    this.context.clearRect(0, 0, this.layout.width, this.layout.height);
    for (const node of this.nodes) paintNode(this.context, node);
  }

  // Show each unit's output at the point of the plane under the pointer, in place of its bias.
  showHere() {
    const point = this.app.chosen.hover?.point;
    for (const node of this.nodes) {
      if (!node.number) continue;
      const value = point && valueAt(node.map, point, this.app.shown?.ranges);
      node.number.classList.toggle("here", value !== null && value !== undefined);
      const shown = value ?? (node.bias !== null && this.parameters ? this.parameters[node.bias] : null);
      node.number.textContent = shown === null ? "" : `${value !== null && value !== undefined ? "= " : ""}${this.app.number(shown, value === null || value === undefined ? 3 : 2)}`;
      node.number.kept = {};
    }
  }

  nameOf({ column, unit, name }) {
    if (column.place === -1) return this.app.text("drawing.input", { name });
    const values = { name, unit, layer: column.place };
    return this.app.text(column.isOutput ? "drawing.output" : "drawing.unit", values);
  }

  // Return the sentence about a target: what it is, and its number.
  sentence(target) {
    const { app, parameters } = this;
    const number = (place) => app.number(parameters?.[place]);
    if (target.kind === "link") {
      const { from, to, place } = target.link;
      return app.text("drawing.weight", { from: this.nameOf(from), to: this.nameOf(to), value: number(place) });
    }
    if (target.kind === "band") return app.text("drawing.band", { label: target.layer.label, place: target.layer.place });
    const { node } = target;
    const parts = [this.nameOf(node)];
    if (node.bias !== null) parts.push(app.text("drawing.bias", { value: number(node.bias) }));
    if (node.map) parts.push(app.text("drawing.range", { low: app.number(node.map.low, 3), high: app.number(node.map.high, 3) }));
    return parts.join(", ");
  }

  pinOf({ kind, link, node }) {
    if (kind === "link") return link.place;
    return kind === "unit" && node.column.place >= 0 ? [node.column.place, node.unit] : null;
  }

  // Keep names and pressed states of what can be focused in step with the numbers, and draw what is pinned.
  describe() {
    const { pinned, run } = this.app.chosen;
    const has = (target) => run === this.run && pinned.some((pin) => samePin(pin, this.pinOf(target)));
    for (const node of this.nodes) {
      const target = { kind: "unit", node };
      set(node.element, "aria-pressed", String(has(target)));
      if (node === this.current?.node) set(node.element, "aria-label", this.sentence(target));
    }
    const marked = this.layout.links.flatMap(({ links }) => links.filter((link) => has({ kind: "link", link })));
    this.pinned.replaceChildren(...marked.map((link) => draw("path", { d: curveOf(link), class: "pin" })));
    const { current } = this;
    if (current?.kind === "link") {
      set(this.cursor, "aria-label", this.sentence(current));
      set(this.cursor, "aria-pressed", String(has(current)));
    }
    if (this.shown) this.tip.write(this.sentence(this.shown));
  }

  // Make a target the one that the tab key reaches, and focus it if asked.
  rove(target, focus = true) {
    this.current?.node?.element?.setAttribute("tabindex", -1);
    this.current = target;
    const isLink = target.kind === "link";
    this.cursor.setAttribute("tabindex", isLink ? 0 : -1);
    this.cursor.setAttribute("d", isLink ? curveOf(target.link) : "");
    if (isLink) this.cursor.removeAttribute("aria-hidden");
    else this.cursor.setAttribute("aria-hidden", "true"); // it stands for no link
    this.cursor.target = isLink ? target : null;
    if (!isLink) target.node.element.setAttribute("tabindex", 0);
    if (this.parameters) this.describe();
    if (focus) (isLink ? this.cursor : target.node.element).focus({ preventScroll: false });
  }

  // Return what the pointer is at: a node, a band, or the nearest link.
  at(event) {
    const over = event.target.closest?.("g.node, g.band");
    if (over?.target) return over.target;
    const box = this.svg.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let best = null;
    let least = event.pointerType === "touch" ? 2 * REACH : REACH;
    for (const { drawn, before, column } of this.layout?.links ?? []) {
      if (x < before.x || x > column.x) continue;
      for (const link of drawn) {
        const distance = Math.abs(y - heightAt(link, x));
        if (distance < least) [least, best] = [distance, { kind: "link", link }];
      }
    }
    return best;
  }

  show(target, x, y) {
    this.shown = target;
    this.svg.classList.toggle("pointing", Boolean(target));
    if (!target) return this.tip.hide();
    if (target.kind === "link" && this.current?.kind !== "link") this.cursor.setAttribute("d", curveOf(target.link));
    const { link, node } = target;
    const place = link ? { x: (link.x1 + link.x2) / 2, y: (link.y1 + link.y2) / 2 } : { x: node?.x ?? target.x, y: (node?.y ?? 60) - this.layout.size / 2 };
    this.tip.show(this.sentence(target), this.svg, x ?? place.x, y ?? place.y);
  }

  toggle(target) {
    const pin = target && this.pinOf(target);
    if (pin === null || pin === undefined) return;
    const { chosen } = this.app;
    const before = chosen.run === this.run ? chosen.pinned : [];
    const has = before.some((one) => samePin(one, pin));
    const pinned = has ? before.filter((one) => !samePin(one, pin)) : [...before, pin];
    this.app.choose({ run: this.run, pinned });
    this.app.say(this.app.text(has ? "drawing.unpinned" : "drawing.pinned", { what: this.sentence(target) }));
  }

  listen() {
    const { svg } = this;
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      this.show(this.at(event), event.clientX - box.left, event.clientY - box.top);
    });
    svg.addEventListener("pointerleave", () => this.show(null));
    svg.addEventListener("click", (event) => {
      const target = this.at(event);
      if (target && target.kind !== "band") this.rove(target, false);
      this.toggle(target);
    });
    svg.addEventListener("focusin", (event) => event.target.target && this.show(event.target.target));
    svg.addEventListener("focusout", () => this.show(null));
    svg.addEventListener("keydown", (event) => {
      if (event.key === "Escape") return this.show(null);
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      const target = event.target.target ?? this.current;
      if (event.key === "Enter" || event.key === " ") this.toggle(target);
      else {
        const next = moveBy(event.key, target.kind === "band" ? this.current : target, this.layout);
        if (next) this.rove(next);
        else if (!event.key.startsWith("Arrow")) return;
      }
      event.preventDefault();
      event.stopPropagation();
    });
  }
}

// Return the height of a link's curve at x. Its x is 3t(1-t)/2 + t³ of the way, which bisection turns round.
function heightAt({ x1, y1, x2, y2 }, x) {
  const share = (x - x1) / (x2 - x1);
  if (share < 0 || share > 1) return Infinity;
  let [low, high] = [0, 1];
  for (let i = 0; i < 12; i += 1) {
    const t = (low + high) / 2;
    if (1.5 * t * (1 - t) + t ** 3 < share) low = t;
    else high = t;
  }
  return y1 + (y2 - y1) * low * low * (3 - 2 * low);
}

// Return a unit's output at a point of the plane, from its map.
function valueAt(map, point, ranges) {
  if (!map || !ranges) return null;
  const places = point.map((value, i) => Math.round(((value - ranges[i][0]) / (ranges[i][1] - ranges[i][0] || 1)) * (map.points - 1)));
  if (places.some((place) => !(place >= 0 && place < map.points))) return null;
  const byte = map.bytes[places.length > 1 ? places[1] * map.points + places[0] : places[0]];
  return map.low + (byte / 255) * (map.high - map.low);
}

// The small text beside the pointer or the focus. Screen readers have the same sentence as the element's name.
function makeTip() {
  const element = make("div", { class: "tip", "aria-hidden": "true", hidden: true });
  return {
    element,
    write: (sentence) => (element.textContent = sentence),
    hide: () => (element.hidden = true),
    show(sentence, svg, x, y) {
      element.hidden = false;
      element.textContent = sentence;
      const box = svg.getBoundingClientRect();
      const around = element.offsetParent?.getBoundingClientRect() ?? box;
      const left = Math.min(box.left - around.left + x + 12, around.width - element.offsetWidth - 4);
      element.style.left = `${Math.max(0, left)}px`;
      element.style.top = `${box.top - around.top + y - element.offsetHeight - 10}px`;
    },
  };
}

export function networkPanel(app, element) {
  element.classList.add("network-body");
  const tip = makeTip();
  const runs = make("div", { class: "drawings" });
  const drawings = [new NetworkDrawing(app, 0, tip), new NetworkDrawing(app, 1, tip)];
  runs.append(drawings[0].element);
  watchHighlight(app, drawings);
  element.append(runs, legend(app), pinsPanel(app, drawings), tip.element);
  let asked = [];
  const shown = () => drawings.slice(0, app.scene?.runs ?? 1);
  const all = (act) => shown().forEach(act);
  app.on("scene", (scene) => {
    if (scene.runs > 1 && drawings[1].element.parentNode === null) runs.append(drawings[1].element);
    if (scene.runs < 2) drawings[1].element.remove();
    runs.classList.toggle("two", scene.runs > 1);
    all((drawing) => drawing.refresh());
  });
  app.on("frame", (frame) => all((drawing) => drawing.update(frame, (drawing.asked = asked))));
  app.on("chosen", (part) => {
    if (!app.scene) return;
    all((drawing) => {
      if ("axes" in part) drawing.paintInputs();
      if ("pinned" in part || "run" in part) drawing.describe();
      if ("hover" in part) drawing.showHere();
    });
  });
  app.wants((request) => {
    const units = new Map(shown().flatMap((drawing) => drawing.wanted()).map((unit) => [unit.join(), unit]));
    asked = [...units.values()].slice(0, 256);
    const { axes, at } = app.chosen;
    if (asked.length) request.units = { points: asked.length > 40 ? 24 : 32, of: asked, axes, at };
  });
  new ResizeObserver(() => all((drawing) => drawing.refresh())).observe(runs);
  onColors(() => app.scene && all((drawing) => drawing.build()));
}

// What the colours, dashes and squares mean.
function legend(app) {
  const line = (kind) => draw("svg", { width: 34, height: 10, "aria-hidden": "true" }, draw("path", { class: `link ${kind}`, d: "M1 5H33", "stroke-width": 3 }));
  const bias = draw("svg", { width: 12, height: 10, "aria-hidden": "true" }, draw("rect", { class: "bias plus", x: 1, y: 1, width: 8, height: 8 }));
  const part = (mark, key) => make("span", {}, mark, app.text(`drawing.legend.${key}`));
  return make("p", { class: "legend quiet" }, part(line("plus"), "plus"), part(line("minus"), "minus"), part(bias, "bias"));
}
