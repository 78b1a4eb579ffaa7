// What a walk through a step shows on the drawing: some links and units in full strength with their numbers, the others
// faint. `app.highlighted` is {links: [[layer, from, to, value]], units: [[layer, unit, value]]}, or null.

import { curveOf } from "./diagram_layout.js";
import { draw } from "./svg.js";

const MOST_NUMBERS = 16; // of more links the numbers would hide each other

// Keep the drawings in step with `app.highlighted`; a drawing that was made anew gets its marks again.
export function watchHighlight(app, drawings) {
  for (const drawing of drawings) {
    const show = () => mark(app, drawing);
    app.on("highlight", show);
    new MutationObserver(() => drawing.lit?.parentNode !== drawing.svg && show()).observe(drawing.svg, { childList: true });
  }
}

function mark(app, drawing) {
  const { svg, layout } = drawing;
  const what = drawing.run === app.chosen.run ? app.highlighted : null;
  drawing.lit?.remove();
  svg.classList.toggle("walking", Boolean(what));
  if (!what || !layout) return;
  const links = what.links.map((link) => [found(layout, link), link[3]]).filter(([link]) => link);
  const isTo = new Set(links.map(([{ to }]) => to)).size === 1; // numbers stand where the links are apart
  const numbers = links.length > MOST_NUMBERS ? [] : links.map(([link, value]) => number(app, along(link, isTo ? 0.28 : 0.72), value));
  const units = what.units.map(([layer, unit, value]) => [nodeOf(layout, layer, unit), value]).filter(([node]) => node);
  drawing.lit = draw(
    "g",
    { class: "lit", "aria-hidden": "true" },
    links.map(([link, value]) => draw("path", { d: curveOf(link), class: value < 0 ? "link minus" : "link plus" })),
    units.map(([{ x, y, size }]) => draw("rect", { class: "ring", x: x - size / 2, y: y - size / 2, width: size, height: size, rx: 6 })),
    numbers,
    units.map(([node, value]) => number(app, node, value)),
  );
  svg.append(drawing.lit);
}

function found({ links }, [layer, from, to]) {
  const group = links.find(({ column }) => column.place === layer);
  return group?.links.find((link) => link.from.unit === from && link.to.unit === to);
}

// The units of a layer that is drawn as a band are those of the column before it.
function nodeOf({ columns }, layer, unit) {
  const column = columns.findLast(({ place }) => place <= layer);
  return column?.nodes.find((node) => node.unit === unit);
}

// Return the place on a link's curve, from 0 at its beginning to 1 at its end.
function along({ x1, y1, x2, y2 }, t) {
  return { x: x1 + (x2 - x1) * (1.5 * t * (1 - t) + t ** 3), y: y1 + (y2 - y1) * t * t * (3 - 2 * t) };
}

const number = (app, { x, y }, value) =>
  value === undefined ? null : draw("text", { x, y: y + 4, "text-anchor": "middle" }, app.number(value, 3));
