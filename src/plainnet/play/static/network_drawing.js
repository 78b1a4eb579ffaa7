// The drawing of one run's network: links, nodes and bands are SVG, which is made once for each network and then only
// changed; the units' maps stand on one canvas behind it.

import { palette } from "./colors.js";
import { MOST_LINKS, curveOf, layOut, widthOf } from "./diagram_layout.js";
import { moreUnits, weightTables } from "./diagram_lists.js";
import { Pointing } from "./diagram_pointing.js";
import { make } from "./dom.js";
import { colorInput, colorMap, makeNode, paintNode, showBias } from "./nodes.js";
import { draw, set, setText, sharp, shortened } from "./svg.js";

const TEXT_PAUSE = 200; // milliseconds between two changes of the numbers: faster ones cannot be read

export class NetworkDrawing {
  firsts = new Map(); // the first unit that is drawn of a column
  texted = 0;

  constructor(app, run, tip) {
    Object.assign(this, { app, run });
    this.canvas = make("canvas", { "aria-hidden": "true" });
    this.svg = draw("svg", { role: "application", class: "net" });
    this.stage = make("div", { class: "stage" }, this.canvas, this.svg);
    this.title = make("p", { class: "run-title" });
    this.note = make("p", { class: "quiet note" });
    this.more = make("div", { class: "more" });
    this.element = make("div", { class: "drawing" }, this.title, this.stage, this.note, this.more);
    this.pointing = new Pointing(this, tip);
  }

  get network() {
    return this.app.scene.networks?.[this.run] ?? this.app.scene.network;
  }

  // Build where something has changed that the drawing stands on.
  refresh(always = false) {
    const { scene } = this.app;
    if (!scene) return;
    const width = Math.floor(this.stage.clientWidth) || 600;
    const key = JSON.stringify([this.network, width, scene.runs, scene.data.name, [...this.firsts]]);
    if (key === this.built && !always) return;
    this.built = key;
    this.build(width);
  }

  // Make all elements anew.
  build(width) {
    const { app, network, svg } = this;
    const layout = (this.layout = layOut(network, width, this.firsts));
    this.columns = layout.columns;
    this.nodes = layout.columns.flatMap(({ nodes }) => nodes);
    this.context = sharp(this.canvas, { left: 0, top: 0, width: layout.width, height: layout.height });
    for (const name of ["width", "height"]) svg.setAttribute(name, layout[name]);
    svg.setAttribute("viewBox", `0 0 ${layout.width} ${layout.height}`);
    const layers = network.layers.map(({ label }) => label).join(", ");
    svg.setAttribute("aria-label", app.text("drawing.network.label", { layers, inputs: network.inputs.length }));
    this.pinned = draw("g", { class: "pinned" });
    const links = draw("g", { class: "links" }, layout.links.map((group) => this.makeLinks(group)));
    const bands = this.columns.flatMap((column) => [...column.bandsAt, ...(column.afterAt ?? [])]);
    const nodes = this.nodes.map((node) => makeNode(node, layout, this.nameOf(node)));
    svg.replaceChildren(this.heads(), links, this.pinned, this.pointing.cursor, draw("g", {}, bands.map((band) => this.band(band))), draw("g", {}, nodes));
    this.title.textContent = app.scene.runs > 1 ? app.text("drawing.run", { run: this.run + 1 }) : "";
    this.remark();
    this.more.replaceChildren(...moreUnits(this), weightTables(this));
    this.pointing.renew();
    this.paintInputs();
    this.texted = 0;
    if (app.frame) this.update(app.frame);
  }

  makeLinks(group) {
    group.drawn = group.links;
    group.paths = Array.from({ length: Math.min(group.links.length, MOST_LINKS) }, () => draw("path", { class: "link" }));
    if (group.paths.length === group.links.length) this.join(group);
    return draw("g", {}, group.paths);
  }

  join({ drawn, paths }) {
    drawn.forEach((link, i) => {
      link.path = paths[i];
      set(link.path, "d", curveOf(link));
    });
  }

  // A layer that has no units of its own: a narrow upright field across the links.
  band({ layer, x }) {
    const { height, head } = this.layout;
    const y = (head + height) / 2;
    const text = draw("text", { x, y, transform: `rotate(-90 ${x} ${y})`, "text-anchor": "middle", dy: 4 }, layer.label);
    const field = draw("rect", { x: x - 11, y: head + 4, width: 22, height: height - head - 12, rx: 6 });
    const target = { kind: "band", layer, x };
    const element = draw("g", { class: "band", tabindex: 0, role: "img", "aria-label": this.sentence(target) }, field, text);
    element.target = target;
    return element;
  }

  heads() {
    const head = (x, y, text) => draw("text", { class: "head", x, y, "text-anchor": "middle" }, text);
    // A layer without links has a band beside its units, which says what it is.
    const label = ({ layer, linked, units }) => (!layer ? this.app.text("drawing.inputs") : linked ? layer.label : String(units));
    const parts = this.columns.map(({ x, hidden, ...column }) => [
      head(x, 16, shortened(label(column), (this.layout.size + 44) / 6.2)),
      hidden > 0 && head(x, this.layout.height - 6, this.app.text("drawing.hidden", { count: hidden })),
    ]);
    return draw("g", { "aria-hidden": "true" }, parts.flat());
  }

  // Say what is not drawn.
  remark() {
    const count = Math.max(0, ...this.layout.links.filter(({ paths, all }) => paths.length < all).map(({ paths }) => paths.length));
    const sentences = [count && this.app.text("drawing.strongest", { count }), this.columns.some(({ hidden }) => hidden) && this.app.text("drawing.below")];
    this.note.textContent = sentences.filter(Boolean).join(" ");
  }

  paintInputs() {
    const { axes } = this.app.chosen;
    const { columns } = this.app.scene.data;
    for (const node of this.columns[0].nodes) colorInput(node, axes.findIndex((axis) => columns[axis]?.name === node.name));
  }

  // Return the units whose maps are wanted, as [layer, unit].
  wanted() {
    return (this.columns ?? []).slice(1).flatMap(({ nodes }) => nodes.map(({ column, unit }) => [column.place, unit]));
  }

  // Show a frame; `asked` is the list of units that it was asked for.
  update(frame, asked = this.asked) {
    const parameters = frame.arrays[`${this.run}.parameters`];
    if (!this.layout || parameters?.length !== this.network.parameters) return;
    Object.assign(this, { parameters, asked });
    const now = performance.now();
    const isTextTime = !frame.playing || now - this.texted > TEXT_PAUSE;
    for (const group of this.layout.links) this.updateLinks(group, isTextTime);
    this.updateMaps(frame.arrays[`${this.run}.units`], frame.runs[this.run]?.unit_ranges);
    for (const node of this.nodes) showBias(node, parameters[node.bias]);
    if (isTextTime) {
      this.texted = now;
      this.writeNumbers();
      this.pointing.describe();
    }
    this.context.clearRect(0, 0, this.layout.width, this.layout.height);
    for (const node of this.nodes) paintNode(this.context, node);
  }

  updateLinks(group, mayChoose) {
    const { parameters } = this;
    if (group.paths.length < group.links.length && (mayChoose || group.drawn === group.links)) {
      const strength = ({ place }) => Math.abs(parameters[place]);
      group.drawn = [...group.links].sort((a, b) => strength(b) - strength(a)).slice(0, group.paths.length);
      this.join(group);
    }
    for (const { path, place } of group.drawn) {
      const weight = parameters[place];
      set(path, "class", weight < 0 ? "link minus" : "link plus");
      set(path, "stroke-width", widthOf(weight, group.widest).toFixed(1));
      set(path, "stroke-opacity", (0.3 + 0.6 * (1 - Math.exp(-Math.abs(weight)))).toFixed(2));
    }
  }

  updateMaps(units, ranges) {
    if (!units || ranges?.length !== this.asked?.length) return;
    const points = units.shape[1];
    const isLine = units.shape.length < 3;
    const length = isLine ? points : points * points;
    const places = new Map(this.asked.map((unit, i) => [unit.join(), i]));
    for (const node of this.nodes) {
      const i = places.get(`${node.column.place},${node.unit}`);
      if (i === undefined) continue;
      const [low, high] = ranges[i];
      node.map = { bytes: units.subarray(i * length, (i + 1) * length), low, high, points, isLine };
      colorMap(node, this.tableOf(node));
    }
  }

  // The outputs of several classes have the colours of their classes, as on the map of what is predicted.
  tableOf({ column, unit }) {
    const { winners } = palette();
    return column.isOutput && column.units > 1 && this.app.scene.data.task === "classification" ? winners[unit % winners.length] : null;
  }

  // Write each unit's bias below it, or its output at the point of the plane where the pointer is.
  writeNumbers() {
    const { app, parameters } = this;
    const point = app.chosen.hover?.point;
    for (const { number, map, bias } of this.nodes) {
      if (!number || !parameters) continue;
      const here = point ? valueAt(map, point, app.shown?.ranges) : null;
      set(number, "class", here === null ? "number" : "number here");
      setText(number, here === null ? app.number(parameters[bias], 3) : `= ${app.number(here, 2)}`);
    }
  }

  nameOf({ column, unit, name }) {
    if (column.place === -1) return String(name);
    return this.app.text(column.isOutput ? "drawing.output" : "drawing.unit", { name, unit, layer: column.place });
  }

  // Return the sentence about a target: what it is, and its number.
  sentence({ kind, link, node, layer }) {
    const { app, parameters } = this;
    if (kind === "band") return app.text("drawing.band", { label: layer.label, place: layer.place });
    if (kind === "link") return app.text("drawing.weight", { from: this.nameOf(link.from), to: this.nameOf(link.to), value: parameters?.[link.place] });
    const parts = [this.nameOf(node)];
    if (node.bias !== null) parts.push(app.text("drawing.bias", { value: parameters?.[node.bias] }));
    if (node.map) parts.push(app.text("drawing.range", { low: app.number(node.map.low, 3), high: app.number(node.map.high, 3) }));
    return parts.join(", ");
  }
}

// Return a unit's output at a point of the plane, from its map.
function valueAt(map, point, ranges) {
  if (!map || ranges?.length !== point.length) return null;
  const places = point.map((value, i) => Math.round(((value - ranges[i][0]) / (ranges[i][1] - ranges[i][0] || 1)) * (map.points - 1)));
  const byte = map.bytes[places.length > 1 ? places[1] * map.points + places[0] : places[0]];
  return byte === undefined ? null : map.low + (byte / 255) * (map.high - map.low);
}
