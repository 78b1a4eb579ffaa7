// Where everything of a network's drawing stands: pure geometry, without any element.
//
// A column is the inputs or a layer whose units are drawn: Dense, or any layer that changes the number of values. The
// other layers (dropout, normalization, activation) are bands between two columns: what flows on passes through them.

const MOST_SHOWN = 16; // units of a column; the others are in the list below
export const BAND = 30; // room for a band
export const MOST_LINKS = 200; // links between two columns; the strongest are drawn
const HEAD = 34; // above the columns, for the layers' labels
const LEAST_PITCH = 34;
const MOST_PITCH = 250; // between columns: longer links are harder to follow

// Return whether a layer's weights join its units to those before, one number for each pair.
function isLinked({ parameters, units }, before) {
  const shape = parameters.weights?.shape ?? [];
  return shape.length === 2 && shape[0] === before && shape[1] === units;
}

// Return the columns of a network: {place, units, label, linked, bands, names, layer}; place -1 is the inputs.
function columnsOf(network) {
  const columns = [{ place: -1, units: network.inputs.length, linked: false, bands: [], names: network.inputs.map(({ name }) => name) }];
  let bands = [];
  let before = network.inputs.length;
  for (const layer of network.layers) {
    const linked = isLinked(layer, before);
    if (linked || layer.units !== before) {
      columns.push({ place: layer.place, units: layer.units, layer, linked, bands: linked ? bands : [...bands, layer], names: null });
      bands = [];
    } else bands.push(layer);
    before = layer.units;
  }
  const last = columns.at(-1);
  last.after = bands;
  last.isOutput = columns.length > 1;
  if (last.isOutput) last.names = network.outputs;
  return columns;
}

// Return the layout for a width in pixels; `firsts` has the first unit drawn of a column, by the column's place.
export function layOut(network, width, firsts = new Map()) {
  const columns = columnsOf(network);
  const most = Math.min(MOST_SHOWN, Math.max(...columns.map(({ units }) => units)));
  const roomy = width > 700;
  const size = Math.round(clamp(roomy ? Math.min(width / 15, 600 / most) : width / (2.1 * columns.length + 1), 24, most > 10 ? (roomy ? 40 : 32) : 64));
  const pitch = Math.max(LEAST_PITCH, size + (size < 30 ? 8 : most > 10 ? 11 : roomy ? 30 : 24));
  const left = margin(columns[0].names, width) + size / 2;
  const right = margin(columns.at(-1).names ?? [], width) + size / 2;
  const afters = columns.at(-1).after.length * BAND;
  const between = columns.length - 1 || 1;
  const gaps = columns.slice(1).map(({ bands }) => size + 30 + bands.length * BAND);
  const least = gaps.reduce((sum, gap) => sum + gap, 0);
  const room = width - left - right - afters;
  const spare = clamp((room - least) / between, 0, MOST_PITCH - size);
  const whole = left + right + afters + least + spare * between;
  const height = HEAD + most * pitch + (columns.some(({ units }) => units > most) ? 30 : 4);
  let x = left + Math.max(0, (width - whole) / 2);
  columns.forEach((column, k) => {
    if (k > 0) x += gaps[k - 1] + spare;
    column.x = Math.round(x);
    place(column, firsts.get(column.place) ?? 0, most, { pitch, height, size });
    column.bandsAt = spread(column.bands, columns[k - 1], column, size);
  });
  const last = columns.at(-1);
  last.afterAt = last.after.map((layer, i) => ({ layer, x: last.x + size / 2 + 16 + i * BAND }));
  const links = columns.slice(1).filter(({ linked }) => linked).map((column) => linksBetween(columns[columns.indexOf(column) - 1], column));
  return { columns, links, size, pitch, width: Math.max(width, Math.ceil(whole)), height, head: HEAD };
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), Math.max(low, high));

// The room beside the outer columns for names, by the longest of those that are drawn.
function margin(names, width) {
  const longest = Math.max(0, ...names.slice(0, MOST_SHOWN).map((name) => String(name).length));
  return clamp(longest * 7 + 16, 24, Math.min(130, width / 5));
}

// Give a column's units their places, in the middle of the height.
function place(column, wanted, most, { pitch, height, size }) {
  const shown = Math.min(column.units, most);
  column.first = clamp(wanted, 0, column.units - shown);
  const top = HEAD + (height - HEAD - 4 - shown * pitch) / 2 + pitch / 2;
  column.nodes = Array.from({ length: shown }, (_, i) => {
    const unit = column.first + i;
    return { column, unit, x: column.x, y: Math.round(top + i * pitch - (size < 30 ? 0 : 4)), size, name: column.names?.[unit] ?? null };
  });
  column.hidden = column.units - shown;
}

// Put the bands of a column into the space before it.
function spread(bands, before, column, size) {
  if (!bands.length) return [];
  const from = before.x + size / 2;
  const step = (column.x - size / 2 - from) / (bands.length + 1);
  return bands.map((layer, i) => ({ layer, x: Math.round(from + step * (i + 1)) }));
}

// Return the links between the drawn units of two columns, each with its place among the parameters.
function linksBetween(before, column) {
  const { start, shape } = column.layer.parameters.weights;
  const links = [];
  for (const to of column.nodes) {
    for (const from of before.nodes) links.push({ from, to, ...ends(from, to), place: start + from.unit * shape[1] + to.unit });
  }
  const each = column.nodes[0].size / Math.max(3, before.nodes.length, column.nodes.length);
  return { column, before, links, all: before.units * column.units, widest: clamp(each * 0.8, 2.4, 7) };
}

// The ends of a link: links leave and arrive along the sides of the squares, in the order of their other ends.
function ends(from, to) {
  const along = ({ size }, unit, nodes) => ((unit - (nodes.length - 1) / 2) / Math.max(3, nodes.length)) * size * 0.72;
  const y1 = from.y + along(from, to.column.nodes.indexOf(to), to.column.nodes);
  const y2 = to.y + along(to, from.column.nodes.indexOf(from), from.column.nodes);
  return { x1: from.x + from.size / 2, y1: Math.round(10 * y1) / 10, x2: to.x - to.size / 2, y2: Math.round(10 * y2) / 10 };
}

// Return the path of a link, a curve that leaves and arrives level.
export function curveOf({ x1, y1, x2, y2 }) {
  const middle = (x1 + x2) / 2;
  return `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
}

// Return the width of a link: it grows with the size of the weight, more and more slowly, up to `widest`.
export const widthOf = (weight, widest) => 0.7 + widest * (1 - Math.exp(-Math.abs(weight) / 2.5));

// Return the place of a unit's bias among the parameters, or null.
export function biasOf({ column, unit }) {
  const bias = column.layer?.parameters.bias;
  return bias && bias.shape.length === 1 && bias.shape[0] === column.units ? bias.start + unit : null;
}
