// What charts share: axes with round numbers, and lines that keep every peak.

import { draw, logTicks, scale, shortened, ticks } from "./svg.js";

// Return axes of a box {left, top, width, height}: {group, x, y}. `x` and `y` are {low, high, name, log, levels}.
export function axesOf(box, x, y, number) {
  const right = box.left + box.width;
  const bottom = box.top + box.height;
  const toX = scale(x.low, x.high, box.left, right, x.log);
  const toY = scale(y.low, y.high, bottom, box.top, y.log);
  const parts = [];
  for (const { at, text } of marksOf(x, box.width / 70, number)) {
    parts.push(draw("path", { class: "grid", d: `M${toX(at)} ${bottom}v4` }));
    parts.push(draw("text", { x: toX(at), y: bottom + 17, "text-anchor": "middle" }, text));
  }
  for (const { at, text } of marksOf(y, box.height / 45, number)) {
    parts.push(draw("path", { class: "grid", d: y.lines ? `M${box.left - 4} ${toY(at)}H${right}` : `M${box.left - 4} ${toY(at)}h4` }));
    parts.push(draw("text", { x: box.left - 8, y: toY(at) + 4, "text-anchor": "end" }, text));
  }
  if (x.name) parts.push(draw("text", { x: box.left + box.width / 2, y: bottom + 33, "text-anchor": "middle", class: "strong" }, shortened(x.name, box.width / 7)));
  if (y.name) {
    const [cx, cy] = [11, box.top + box.height / 2];
    parts.push(draw("text", { x: cx, y: cy, "text-anchor": "middle", class: "strong", transform: `rotate(-90 ${cx} ${cy})` }, shortened(y.name, box.height / 6.4)));
  }
  return { group: draw("g", { "aria-hidden": "true" }, parts), x: toX, y: toY, box };
}

// Return a value of a column as text: a level, a date (days since 1970), or a number.
export function valueText({ kind, levels }, value, number, digits = 3) {
  if (levels?.length) return String(levels[Math.round(value)] ?? "–");
  return kind === "date" && Math.abs(value) < 1e8 ? new Date(Math.round(value) * 864e5).toISOString().slice(0, 10) : number(value, digits);
}

// The marks of an axis: its levels for a category, else round numbers.
function marksOf({ low, high, log, levels, kind }, count, number) {
  if (levels?.length) {
    const every = Math.ceil(levels.length / Math.max(2, count));
    const all = levels.map((level, at) => ({ at, text: shortened(level, 12) }));
    return all.filter(({ at }) => at % every === 0 && at >= low && at <= high);
  }
  const wanted = kind === "date" ? count / 1.6 : count;
  const marks = log ? logTicks(low, high, count) : ticks(low, high, wanted);
  return marks.map((at) => ({ at, text: valueText({ kind }, at, number).replace(/^1·10/, "10") }));
}

// Return the path of a line through (xs[i], ys[i]): of each column of pixels its first, lowest, highest and last value.
export function linePath(xs, ys, x, y) {
  let path = "";
  let pen = "M";
  let column = null;
  let values = [];
  const flush = () => {
    if (!values.length) return;
    const low = Math.min(...values);
    const high = Math.max(...values);
    for (const value of [...new Set([values[0], low, high, values.at(-1)])]) {
      path += `${pen}${column} ${y(value).toFixed(1)}`;
      pen = "L";
    }
    values = [];
  };
  for (let i = 0; i < xs.length; i += 1) {
    const place = Math.round(x(xs[i]) * 2) / 2;
    if (place !== column) flush();
    column = place;
    if (Number.isFinite(ys[i])) values.push(ys[i]);
    else {
      flush();
      pen = "M";
    }
  }
  flush();
  return path || "M0 0";
}
