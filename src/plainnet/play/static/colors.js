// Colours: the page's own from its CSS variables, and scales between them for light and dark.
//
// Scales are mixed in Oklab (Ottosson 2020), where equal steps look equal. Blue and orange stay apart for people with
// any kind of colour vision; the colours of more classes are those of Okabe & Ito (2008).

const NAMES = ["ground", "text", "quiet", "line", "card", "good", "bad", "blue", "orange", "edge"];
const CLASSES = 8;
const LEVELS = 256;
const STRENGTH = 0.8; // of a map's strongest colour: points in the full colour stay visible on it
const dark = matchMedia("(prefers-color-scheme: dark)");
const hearers = new Set();
let kept = null;

for (const query of [dark, matchMedia("print"), matchMedia("(forced-colors: active)")]) {
  query.addEventListener("change", () => {
    kept = null;
    for (const hear of hearers) hear();
  });
}

// Call `hear` when the colours change with the reader's scheme.
export const onColors = (hear) => hearers.add(hear);

// Return the page's colours: {ground, text, ..., classes: [...]} as CSS text, with the tables of the maps.
export function palette() {
  if (kept) return kept;
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(`--${name}`).trim() || "#888888";
  const colors = Object.fromEntries(NAMES.map((name) => [name, read(name)]));
  const classes = Array.from({ length: CLASSES }, (_, k) => read(`class-${k}`));
  const middle = mixed(colors.ground, colors.card, 0.5);
  kept = {
    ...colors,
    classes,
    signs: twoSided(colors.orange, middle, colors.blue),
    gray: table([middle, mixed(colors.ground, colors.text, 0.62)]),
    winners: classes.map((color) => table([mixed(middle, color, 0.06), mixed(middle, color, 0.72)])),
  };
  return kept;
}

export const classColor = (k) => palette().classes[k % CLASSES];

// Return the colour of a number's sign: blue for positive, orange for negative.
export const signColor = (value) => (value < 0 ? palette().orange : palette().blue);

const twoSided = (low, middle, high) => table([mixed(middle, low, STRENGTH), middle, mixed(middle, high, STRENGTH)]);

// Return 256 colours along stops, as the 32-bit pixels of an ImageData (little-endian: alpha, blue, green, red).
function table(stops) {
  const parts = stops.map((stop) => oklab(parse(stop)));
  const pixels = new Uint32Array(LEVELS);
  for (let i = 0; i < LEVELS; i += 1) {
    const place = (i / (LEVELS - 1)) * (parts.length - 1);
    const k = Math.min(Math.floor(place), parts.length - 2);
    const [r, g, b] = bytes(between(parts[k], parts[k + 1], place - k));
    pixels[i] = ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  }
  return pixels;
}

// Return the CSS colour of an entry of a table.
export function css(pixel) {
  return `rgb(${pixel & 255}, ${(pixel >> 8) & 255}, ${(pixel >> 16) & 255})`;
}

// Return the colour between two, `share` of the way from the first to the second.
export function mixed(first, second, share) {
  const [r, g, b] = bytes(between(oklab(parse(first)), oklab(parse(second)), share));
  return `rgb(${r}, ${g}, ${b})`;
}

const between = (first, second, share) => first.map((value, i) => value + (second[i] - value) * share);

// Return red, green and blue from 0 to 1 of "#rgb", "#rrggbb" or "rgb(r, g, b)".
function parse(color) {
  if (color.startsWith("#")) {
    const digits = color.length < 7 ? [...color.slice(1, 4)].map((digit) => digit + digit) : color.match(/\w\w/g);
    return digits.slice(0, 3).map((digit) => parseInt(digit, 16) / 255);
  }
  return (color.match(/[\d.]+/g) ?? [128, 128, 128]).slice(0, 3).map((value) => Number(value) / 255);
}

const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
const gamma = (c) => (c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055);

function oklab(color) {
  const [r, g, b] = color.map(linear);
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function bytes([lightness, a, b]) {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((c) => Math.round(255 * gamma(Math.min(1, Math.max(0, c)))));
}

// A picture of numbers over a square grid: write() colours it, and `canvas` is drawn where it is needed.
export class Raster {
  // Row 0 of the numbers is the lowest: the picture turns it to the bottom.
  write(values, points, pixelOf) {
    if (this.points !== points) {
      this.canvas = Object.assign(document.createElement("canvas"), { width: points, height: points });
      this.context = this.canvas.getContext("2d");
      this.image = this.context.createImageData(points, points);
      this.pixels = new Uint32Array(this.image.data.buffer);
      this.points = points;
    }
    for (let row = 0; row < points; row += 1) {
      const from = row * points;
      const to = (points - 1 - row) * points;
      for (let i = 0; i < points; i += 1) this.pixels[to + i] = pixelOf(values[from + i], from + i);
    }
    this.context.putImageData(this.image, 0, 0);
    return this;
  }
}

// Return the ends of the colour scale for a unit: those of its activation, else the same on both sides of zero.
export function shades(activation, low, high) {
  if (activation === "sigmoid" || activation === "softmax" || activation === "hard_sigmoid") return [0, 1];
  if (activation === "tanh" || activation === "softsign" || activation === "sin") return [-1, 1];
  const reach = Math.max(Math.abs(low), Math.abs(high)) || 1;
  return [-reach, reach];
}
