// SVG elements, and the scales and ticks that the drawings share.

const SPACE = "http://www.w3.org/2000/svg";

// Return an SVG element with attributes and children; a string becomes text, never markup.
export function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// Set an attribute only where it changes: most attributes stay from frame to frame.
export function set(element, name, value) {
  const kept = (element.kept ??= {});
  if (kept[name] === value) return;
  kept[name] = value;
  element.setAttribute(name, value);
}

export function setText(element, value) {
  if (element.kept?.text === value) return;
  (element.kept ??= {}).text = value;
  element.textContent = value;
}

// Put a canvas at a box {left, top, width, height} with all pixels of the screen; return its context in the page's pixels.
export function sharp(canvas, { left, top, width, height }) {
  const ratio = Math.min(3, window.devicePixelRatio || 1);
  Object.assign(canvas, { width: width * ratio, height: height * ratio });
  Object.assign(canvas.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, -left * ratio, -top * ratio);
  return context;
}

// Return a function from [low, high] to [from, to], with its inverse; `log` takes logarithms first.
export function scale(low, high, from, to, log = false) {
  const into = log ? (value) => Math.log10(Math.max(value, 1e-300)) : (value) => value;
  const start = into(low);
  const span = into(high) - start || 1;
  const place = (value) => from + ((into(value) - start) / span) * (to - from);
  place.invert = (pixel) => {
    const value = start + ((pixel - from) / (to - from || 1)) * span;
    return log ? 10 ** value : value;
  };
  return place;
}

// Return about `count` round numbers from low to high: steps of 1, 2 or 5 times a power of ten.
export function ticks(low, high, count = 5) {
  const rough = (high - low) / Math.max(1, count);
  if (!(rough > 0) || !Number.isFinite(rough)) return Number.isFinite(low) ? [low] : [];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999) * power;
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k += 1) {
    found.push(Number((k * step).toPrecision(12)));
  }
  return found;
}

// Return powers of ten from low to high, thinned to about `count`; with 2 and 5 times them where they are few.
export function logTicks(low, high, count = 5) {
  const from = Math.floor(Math.log10(low) + 1e-9);
  const to = Math.ceil(Math.log10(high) - 1e-9);
  const every = Math.max(1, Math.ceil((to - from) / count));
  const factors = to - from <= 2 ? [1, 2, 5] : [1];
  const found = [];
  for (let power = from; power <= to; power += every) {
    for (const factor of factors) found.push(Number(`${factor}e${power}`));
  }
  return found.filter((value) => value >= low * 0.999 && value <= high * 1.001);
}

// Return a name that fits into about `length` characters: its beginning and its end, as names of one table begin alike.
export function shortened(name, length) {
  const whole = String(name);
  const most = Math.max(3, Math.floor(length));
  const end = Math.floor((most - 1) * 0.4);
  return whole.length > most ? `${whole.slice(0, most - 1 - end)}…${whole.slice(whole.length - end)}` : whole;
}
