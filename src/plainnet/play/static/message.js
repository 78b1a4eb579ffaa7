// One message, in both directions: the length of the header, the header as JSON, then arrays. The same bytes go over a
// WebSocket and to a worker; play/session/messages.py writes and reads them in Python.

const KINDS = { float32: Float32Array, float64: Float64Array, int32: Int32Array, uint8: Uint8Array };

const name = (array) => Object.keys(KINDS).find((kind) => array instanceof KINDS[kind]);
const padded = (length) => Math.ceil(length / 8) * 8;

// Return the bytes of a header and of typed arrays by name; an array may carry its `shape`, else it has one axis.
export function pack(header, arrays = {}) {
  const entries = Object.entries(arrays);
  const whole = { ...header };
  if (entries.length) whole.arrays = entries.map(([key, array]) => [key, name(array), array.shape ?? [array.length]]);
  const text = new TextEncoder().encode(JSON.stringify(whole));
  let end = padded(4 + text.length);
  const places = entries.map(([, array]) => {
    const start = end;
    end = padded(start + array.byteLength);
    return start;
  });
  const bytes = new Uint8Array(end);
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, 4);
  entries.forEach(([, array], i) => {
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), places[i]);
  });
  return bytes;
}

// Return the header with `arrays`: typed arrays by name, each with its `shape`. They share the message's memory.
export function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let start = padded(4 + length);
  const arrays = {};
  for (const [key, kind, shape] of header.arrays ?? []) {
    const count = shape.reduce((product, size) => product * size, 1);
    const array = new KINDS[kind](buffer, start, count);
    array.shape = shape;
    arrays[key] = array;
    start = padded(start + array.byteLength);
  }
  return { ...header, arrays };
}
