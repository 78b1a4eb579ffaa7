// A small picture of a data set: its points, in the colours of their classes.

const SVG = "http://www.w3.org/2000/svg";
const SIZE = 40;

// Return a picture of [x, y, label] (two columns) or [x, value] (one column).
export function thumbnail(points) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${SIZE} ${SIZE}`);
  svg.setAttribute("aria-hidden", "true");
  const at = [0, 1].map((axis) => scaled(points.map((point) => point[axis])));
  points.forEach((point, i) => {
    const dot = document.createElementNS(SVG, "circle");
    dot.setAttribute("cx", at[0][i]);
    dot.setAttribute("cy", SIZE - at[1][i]);
    dot.setAttribute("r", points.length > 12 ? 1.5 : 3);
    dot.setAttribute("class", `class-${point.length > 2 ? Math.round(point[2]) % 8 : 1}`);
    svg.append(dot);
  });
  return svg;
}

function scaled(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return values.map((value) => Math.round(10 * (4 + ((value - low) / (high - low || 1)) * (SIZE - 8))) / 10);
}
