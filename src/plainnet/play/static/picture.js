// The page's picture as one file: the network, what it predicts and how it learns, in the colours of the page. It needs
// nothing else: the styles are written into the elements, and the maps are embedded as images.

import { palette } from "./colors.js";
import { draw } from "./svg.js";

const GAP = 32;
const HEAD = 58;
const SHARP = 2; // pixels of the PNG for each pixel of the page
const STYLES = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linejoin", "opacity", "font-size", "font-weight"];
const NOT_XML = /[^\t\n\r -\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu; // a name of the data may hold what XML cannot
const PLAIN = /^(class|role|tabindex|aria-.*|style)$/;

// Return the picture as a Blob, of the kind "svg" or "png".
export async function picture(app, kind = "svg") {
  const svg = compose(app);
  const text = new XMLSerializer().serializeToString(svg).replace(NOT_XML, "\ufffd");
  const blob = new Blob([text], { type: "image/svg+xml" });
  return kind === "svg" ? blob : asPng(blob, Number(svg.getAttribute("width")), Number(svg.getAttribute("height")));
}

// Return all drawings that the page shows now as one SVG element: the networks left, the others right.
function compose(app) {
  const colors = palette();
  const find = (selector) => [...document.querySelectorAll(selector)].filter((element) => element.checkVisibility?.() ?? element.isConnected);
  const networks = find("#network .stage").map(blockOf);
  const others = [...find("#plane .map"), ...find("#curves svg.chart")].map(blockOf);
  const [left, leftWidth, leftHeight] = stacked(networks, GAP, HEAD);
  const [right, rightWidth, rightHeight] = stacked(others, leftWidth ? leftWidth + 2 * GAP : GAP, HEAD);
  const width = Math.max(480, GAP + (leftWidth && leftWidth + GAP) + (rightWidth && rightWidth + GAP));
  const height = Math.max(leftHeight, rightHeight) + GAP;
  const { data, network } = app.scene;
  const layers = network.layers.map(({ label }) => label).join(" → ");
  const run = app.frame?.runs[0];
  const told = run ? app.text("drawing.picture.state", { epoch: run.epoch, loss: app.number(run.loss) }) : "";
  const words = (y, size, fill, content) => draw("text", { x: GAP, y, fill, "font-size": size }, content);
  return draw(
    "svg",
    { width, height, viewBox: `0 0 ${width} ${height}`, "font-family": "system-ui, sans-serif", role: "img" },
    draw("title", {}, `${data.name}: ${layers}`),
    draw("rect", { width, height, fill: colors.ground }),
    words(26, 17, colors.text, `${data.name} · ${layers}`),
    words(44, 12.5, colors.quiet, told),
    left,
    right,
  );
}

// Put blocks below each other; return the elements, their width and the height where they end.
function stacked(blocks, x, top) {
  let y = top;
  const placed = blocks.map(({ parts, height }) => {
    const group = draw("g", { transform: `translate(${x} ${y})` }, parts);
    y += height + GAP;
    return group;
  });
  return [placed, Math.max(0, ...blocks.map(({ width }) => width)), y - (blocks.length ? GAP : 0)];
}

// Return a drawing of the page as {parts, width, height}: its canvases as images, and its SVG with styles of its own.
function blockOf(element) {
  const svg = element.matches("svg") ? element : element.querySelector("svg");
  const images = [...element.querySelectorAll("canvas")].filter(({ width }) => width).map((canvas) => {
    const { left, top, width, height } = canvas.style;
    const size = (text) => parseFloat(text) || 0;
    return draw("image", { x: size(left), y: size(top), width: size(width), height: size(height), href: canvas.toDataURL() });
  });
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  return { parts: [...images, ...[...svg.children].map(styled).filter(Boolean)], width, height };
}

// Return a copy of an element that looks the same without the page's style sheet.
function styled(element) {
  if (element.matches(".cursor, .pointer:not([stroke-dasharray])")) return null;
  const copy = element.cloneNode(false);
  for (const { name } of [...copy.attributes]) if (PLAIN.test(name)) copy.removeAttribute(name);
  if (!["g", "title"].includes(element.localName)) {
    const style = getComputedStyle(element);
    for (const name of STYLES) {
      const value = style.getPropertyValue(name);
      if (value && !(name.endsWith("opacity") && value === "1") && !(name === "stroke-dasharray" && value === "none")) copy.setAttribute(name, value);
    }
  }
  for (const child of element.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) copy.append(child.data);
    else if (child.nodeType === Node.ELEMENT_NODE) copy.append(...[styled(child)].filter(Boolean));
  }
  return copy;
}

// Return the picture as pixels. The browser draws the SVG as it would draw any image.
async function asPng(blob, width, height) {
  const address = URL.createObjectURL(blob);
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width: width * SHARP, height: height * SHARP });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve, reject) => canvas.toBlob((png) => (png ? resolve(png) : reject(new Error("The picture is too large."))), "image/png"));
  } finally {
    URL.revokeObjectURL(address);
  }
}
