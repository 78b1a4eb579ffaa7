// What the reader points at, focuses and pins on a drawing. A target is {kind: "unit", node}, {kind: "link", link} or
// {kind: "band", layer}.

import { moveBy } from "./diagram_keys.js";
import { curveOf } from "./diagram_layout.js";
import { samePin } from "./pins.js";
import { draw, set } from "./svg.js";

const REACH = 8; // pixels around a link in which the pointer finds it

export class Pointing {
  current = null; // what the tab key reaches
  shown = null; // what the text beside the pointer is about

  constructor(drawing, tip) {
    Object.assign(this, { drawing, tip, app: drawing.app, svg: drawing.svg });
    this.cursor = draw("path", { class: "cursor", tabindex: -1, role: "button", "aria-hidden": "true" }); // the one link in focus
    this.listen();
  }

  // Find in a drawing that was made anew what was reached before.
  renew() {
    const { nodes } = this.drawing;
    const before = this.current?.node ?? this.current?.link.to;
    const node = before && nodes.find(({ unit, column }) => unit === before.unit && column.place === before.column.place);
    this.rove({ kind: "unit", node: node ?? nodes[0] }, false);
  }

  pinOf({ kind, link, node }) {
    if (kind === "link") return link.place;
    return kind === "unit" && node.column.place >= 0 ? [node.column.place, node.unit] : null;
  }

  isPinned(target) {
    const { pinned, run } = this.app.chosen;
    return run === this.drawing.run && pinned.some((pin) => samePin(pin, this.pinOf(target)));
  }

  // Keep names and pressed states in step with the numbers, and draw what is pinned.
  describe() {
    const { drawing, current, shown } = this;
    for (const node of drawing.nodes) set(node.element, "aria-pressed", String(this.isPinned({ kind: "unit", node })));
    const links = drawing.layout.links.flatMap((group) => group.links).filter((link) => this.isPinned({ kind: "link", link }));
    drawing.pinned.replaceChildren(...links.map((link) => draw("path", { d: curveOf(link), class: "pin" })));
    const element = current.kind === "link" ? this.cursor : current.node.element;
    set(element, "aria-label", drawing.sentence(current));
    if (current.kind === "link") set(this.cursor, "aria-pressed", String(this.isPinned(current)));
    if (shown) this.tip.write(drawing.sentence(shown));
  }

  // Make a target the one that the tab key reaches, and focus it if asked.
  rove(target, focus = true) {
    const { cursor } = this;
    this.current?.node?.element.setAttribute("tabindex", -1);
    this.current = target;
    const isLink = target.kind === "link";
    cursor.setAttribute("tabindex", isLink ? 0 : -1);
    cursor.setAttribute("aria-hidden", String(!isLink));
    cursor.setAttribute("d", isLink ? curveOf(target.link) : "");
    cursor.target = isLink ? target : null;
    if (!isLink) target.node.element.setAttribute("tabindex", 0);
    this.describe();
    if (focus) (isLink ? cursor : target.node.element).focus();
  }

  // Return what the pointer is at: a node, a band, or the nearest link.
  at(event) {
    const over = event.target.closest("g.node, g.band");
    if (over) return over.target;
    const [x, y] = this.place(event);
    let best = null;
    let least = event.pointerType === "touch" ? 2 * REACH : REACH;
    for (const { drawn } of this.drawing.layout?.links ?? []) {
      for (const link of drawn) {
        const distance = Math.abs(y - heightAt(link, x));
        if (distance < least) [least, best] = [distance, { kind: "link", link }];
      }
    }
    return best;
  }

  place({ clientX, clientY }) {
    const { left, top } = this.svg.getBoundingClientRect();
    return [clientX - left, clientY - top];
  }

  // Show the text about a target, at (x, y) or at its own place.
  show(target, x, y) {
    this.shown = target;
    this.svg.classList.toggle("pointing", target?.kind === "link");
    const pin = target ? this.pinOf(target) : null;
    if (!samePin(pin, this.app.chosen.hover)) this.app.choose({ hover: pin });
    if (!target) return this.tip.hide();
    const { link, node } = target;
    if (link && this.current.kind !== "link") this.cursor.setAttribute("d", curveOf(link));
    const own = link ? [(link.x1 + link.x2) / 2, (link.y1 + link.y2) / 2] : [node?.x ?? target.x, node ? node.y - node.size / 2 : 60];
    return this.tip.show(this.drawing.sentence(target), this.svg, x ?? own[0], y ?? own[1]);
  }

  toggle(target) {
    const pin = target && this.pinOf(target);
    if (pin === null || pin === undefined) return;
    const { app, drawing } = this;
    const before = app.chosen.run === drawing.run ? app.chosen.pinned : [];
    const has = before.some((one) => samePin(one, pin));
    app.choose({ run: drawing.run, pinned: has ? before.filter((one) => !samePin(one, pin)) : [...before, pin] });
    app.say(app.text(has ? "drawing.unpinned" : "drawing.pinned", { what: drawing.sentence(target) }));
  }

  listen() {
    const { svg } = this;
    svg.addEventListener("pointermove", (event) => this.show(this.at(event), ...this.place(event)));
    svg.addEventListener("pointerleave", () => this.show(null));
    svg.addEventListener("click", (event) => {
      const target = this.at(event);
      if (target && target.kind !== "band") this.rove(target, false);
      this.toggle(target);
    });
    svg.addEventListener("focusin", ({ target }) => target.target && this.show(target.target));
    svg.addEventListener("focusout", () => this.show(null));
    svg.addEventListener("keydown", (event) => this.press(event));
  }

  press(event) {
    const { key } = event;
    if (key === "Escape") return this.show(null);
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const target = event.target.target ?? this.current;
    if (key === "Enter" || key === " ") this.toggle(target);
    else {
      const next = moveBy(key, target.kind === "band" ? this.current : target, this.drawing.layout);
      if (next) this.rove(next);
      else if (!key.startsWith("Arrow")) return;
    }
    event.preventDefault();
    event.stopPropagation();
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
