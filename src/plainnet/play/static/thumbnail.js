// A small picture of a data set: its points, in the colours of their classes.

import { draw } from "./svg.js";

const SIZE = 40;

// Return a picture of [x, y, label] (two columns) or [x, value] (one column).
export function thumbnail(points) {
  const [across, up] = [0, 1].map((axis) => scaled(points.map((point) => point[axis])));
  const r = points.length > 12 ? 1.5 : 3;
  const dot = (point, i) => {
    const place = point.length > 2 ? Math.round(point[2]) % 8 : 1;
    return draw("circle", { cx: across[i], cy: SIZE - up[i], r, class: `class-${place}` });
  };
  return draw("svg", { viewBox: `0 0 ${SIZE} ${SIZE}`, "aria-hidden": "true" }, points.map(dot));
}

function scaled(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return values.map((value) => Math.round(10 * (4 + ((value - low) / (high - low || 1)) * (SIZE - 8))) / 10);
}
