// The keyboard on the network's drawing. From a unit, the right arrow goes to one of its links out, and from there to
// the unit where the link ends; up and down go along the column, or along the links of the unit that one came from.

const STEPS = { ArrowUp: -1, ArrowDown: 1 };

// Return the target that a key leads to, or null. A target is {kind: "unit", node} or {kind: "link", link, side}.
export function moveBy(key, target, layout) {
  if (key in STEPS) return target.kind === "link" ? alongLinks(target, STEPS[key], layout) : alongColumn(target.node, STEPS[key]);
  if (key === "ArrowRight") return target.kind === "link" ? unit(target.link.to) : across(target.node, "out", layout);
  if (key === "ArrowLeft") return target.kind === "link" ? unit(target.link.from) : across(target.node, "in", layout);
  if (key === "Home") return unit(layout.columns[0].nodes[0]);
  if (key === "End") return unit(layout.columns.at(-1).nodes[0]);
  return null;
}

const unit = (node) => ({ kind: "unit", node });

function alongColumn(node, step) {
  const { nodes } = node.column;
  const next = nodes[nodes.indexOf(node) + step];
  return next ? unit(next) : null;
}

// The drawn links out of a unit or into it, from top to bottom.
function linksOf(node, side, layout) {
  const end = side === "out" ? "from" : "to";
  const other = side === "out" ? "to" : "from";
  const drawn = layout.links.flatMap((group) => group.drawn);
  return drawn.filter((link) => link[end] === node).sort((a, b) => a[other].y - b[other].y);
}

function alongLinks({ link, side }, step, layout) {
  const all = linksOf(side === "in" ? link.to : link.from, side ?? "out", layout);
  const next = all[all.indexOf(link) + step];
  return next ? { kind: "link", link: next, side } : null;
}

// Where a layer is not joined by weights, the arrow goes straight to the unit beside.
function across(node, side, layout) {
  const links = linksOf(node, side, layout);
  const level = (link) => Math.abs(link.from.y - link.to.y);
  if (links.length) return { kind: "link", link: links.reduce((best, link) => (level(link) < level(best) ? link : best)), side };
  const column = layout.columns[layout.columns.indexOf(node.column) + (side === "out" ? 1 : -1)];
  return column ? unit(column.nodes[Math.min(node.column.nodes.indexOf(node), column.nodes.length - 1)]) : null;
}
