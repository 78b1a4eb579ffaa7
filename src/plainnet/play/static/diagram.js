// The network drawn: a drawing for each run, the text beside the pointer, the legend, and what is pinned.

import { onColors } from "./colors.js";
import { make } from "./dom.js";
import { watchHighlight } from "./highlight.js";
import { NetworkDrawing } from "./network_drawing.js";
import { pinsPanel } from "./pins.js";
import { draw } from "./svg.js";

const MANY_MAPS = 40; // of more units the maps are coarser
const MOST_MAPS = 256;

export function networkPanel(app, element) {
  element.classList.add("network-body");
  const tip = makeTip();
  const runs = make("div", { class: "drawings" });
  const drawings = [new NetworkDrawing(app, 0, tip), new NetworkDrawing(app, 1, tip)];
  watchHighlight(app, drawings);
  let asked = [];
  const all = (act) => app.scene && drawings.slice(0, app.scene.runs).forEach(act);
  app.on("scene", (scene) => {
    const shown = drawings.slice(0, scene.runs).map((drawing) => drawing.element);
    if (runs.childElementCount !== shown.length) runs.replaceChildren(...shown);
    runs.classList.toggle("two", scene.runs > 1);
    all((drawing) => drawing.refresh());
  });
  app.on("frame", (frame) => all((drawing) => drawing.update(frame, asked)));
  element.append(runs, legend(app), pinsPanel(app, drawings), tip.element); // the pins hear of a frame after the drawings
  app.on("chosen", (part) =>
    all((drawing) => {
      if ("axes" in part) drawing.paintInputs();
      if ("pinned" in part || "run" in part) drawing.pointing.describe();
      if ("hover" in part) drawing.writeNumbers();
    }),
  );
  app.wants((request) => {
    const units = new Map();
    all((drawing) => drawing.wanted().forEach((unit) => units.set(unit.join(), unit)));
    asked = [...units.values()].slice(0, MOST_MAPS);
    const { axes, at } = app.chosen;
    if (asked.length) request.units = { points: asked.length > MANY_MAPS ? 24 : 32, of: asked, axes, at };
  });
  new ResizeObserver(() => all((drawing) => drawing.refresh())).observe(runs);
  onColors(() => all((drawing) => drawing.refresh(true)));
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
      const around = element.offsetParent.getBoundingClientRect();
      const left = Math.min(box.left - around.left + x + 12, around.width - element.offsetWidth - 4);
      element.style.left = `${Math.max(0, left)}px`;
      element.style.top = `${box.top - around.top + y - element.offsetHeight - 10}px`;
    },
  };
}

// What the colours, dashes and squares mean.
function legend(app) {
  const part = (key, width, mark) => make("span", {}, draw("svg", { width, height: 10, "aria-hidden": "true" }, mark), app.text(`drawing.legend.${key}`));
  const line = (kind) => part(kind, 34, draw("path", { class: `link ${kind}`, d: "M1 5H33", "stroke-width": 3 }));
  return make("p", { class: "legend quiet" }, line("plus"), line("minus"), part("bias", 12, draw("rect", { class: "bias plus", x: 1, y: 1, width: 8, height: 8 })));
}
