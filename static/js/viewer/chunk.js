// The display chunk of scenes/clouds/tiles.py: a header, then records of four 16-bit words (x, y, z, intensity) in
// golden stride order. Nothing is decoded: the records go to the graphics card as they came.

export const HEADER_BYTES = 64;
export const RECORD_BYTES = 8;
export const INTENSITY_FACTORS = [null, 65535, 257, 1]; // by intensity rule: stored = factor * value

const VERSION = 1;
const GOLDEN_RATIO_CONJUGATE = 0.6180339887498949;
const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

export class ChunkError extends Error {}

export function gcd(a, b) {
  while (b) [a, b] = [b, a % b];
  return a;
}

// The stride of the display order of n points.
export function goldenStride(n) {
  let stride = Math.floor(n * GOLDEN_RATIO_CONJUGATE);
  if (stride % 2 === 0) stride += 1; // not `| 1`: that is right up to 2^31 only
  while (gcd(stride, n) !== 1) stride += 2;
  return stride;
}

// Index in the file of displayed point `display` of n; `kept` lists, ascending, the points of the file that are
// displayed, null when all are. The product is exact for n up to 94 million.
export function originalIndex(display, n, kept = null) {
  if (!Number.isInteger(display) || display < 0 || display >= n) {
    throw new RangeError(`display index ${display} is not within 0..${n - 1}`);
  }
  const place = (display * goldenStride(n)) % n;
  return kept ? Number(kept[place]) : place;
}

// The place in display order of point `original` of the file, or -1 when it is not displayed.
export function displayIndex(original, n, kept = null) {
  const place = kept ? placeOf(kept, original) : original;
  if (place < 0 || place >= n) return -1;
  return Number((BigInt(place) * inverse(goldenStride(n), n)) % BigInt(n));
}

function placeOf(kept, original) {
  let [low, high] = [0, kept.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (Number(kept[middle]) < original) low = middle + 1;
    else high = middle;
  }
  return low < kept.length && Number(kept[low]) === original ? low : -1;
}

// The number that undoes a multiplication by `a` modulo n.
function inverse(a, n) {
  let [old, rest, before, factor] = [a, n, 1, 0];
  while (rest) {
    const times = Math.floor(old / rest);
    [old, rest, before, factor] = [rest, old - times * rest, factor, before - times * factor];
  }
  return BigInt(((before % n) + n) % n);
}

// {count, total, rule, coarse, leftOut, lo, scale, records}: `records` is a view of the bytes given, four words a
// point. With `prefix` the bytes may end early: `count` is what is there, `total` what the whole chunk holds.
export function parseChunk(bytes, { prefix = false } = {}) {
  if (!littleEndian) throw new ChunkError("This browser orders bytes differently; point clouds cannot be shown.");
  const data = bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (data.byteLength < HEADER_BYTES) throw new ChunkError("The display chunk ends inside its header.");
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  checkHeader(view);
  const total = view.getUint32(8, true);
  const present = (data.byteLength - HEADER_BYTES) / RECORD_BYTES;
  if (prefix ? present > total : present !== total) {
    throw new ChunkError(`The display chunk of ${total} points has ${data.byteLength} bytes.`);
  }
  const flags = view.getUint32(12, true);
  return {
    count: Math.floor(present),
    total,
    rule: flags & 3,
    coarse: Boolean(flags & 4),
    leftOut: Boolean(flags & 8),
    lo: [0, 1, 2].map((axis) => view.getFloat64(16 + 8 * axis, true)),
    scale: [0, 1, 2].map((axis) => view.getFloat32(40 + 4 * axis, true)),
    records: wordsOf(data, Math.floor(present)),
  };
}

function checkHeader(view) {
  const magic = String.fromCharCode(...[0, 1, 2, 3].map((at) => view.getUint8(at)));
  if (magic !== "LAMC" || view.getUint16(4, true) !== HEADER_BYTES || view.getUint16(6, true) !== VERSION) {
    throw new ChunkError("This is not a display chunk of version 1.");
  }
}

function wordsOf(data, count) {
  const start = data.byteOffset + HEADER_BYTES;
  if (start % 2 === 0) return new Uint16Array(data.buffer, start, count * 4);
  return new Uint16Array(data.slice(HEADER_BYTES, HEADER_BYTES + count * RECORD_BYTES).buffer); // odd places need a copy
}

// Position of a point of a chunk in metres, in float64.
export function positionOf(chunk, display) {
  return [0, 1, 2].map((axis) => chunk.lo[axis] + chunk.scale[axis] * chunk.records[4 * display + axis]);
}

// Intensity in the unit of the file, or null when the cloud has none.
export function intensityOf(chunk, display) {
  const factor = INTENSITY_FACTORS[chunk.rule];
  return factor === null ? null : chunk.records[4 * display + 3] / factor;
}

// What a stored scalar says: 0 .. largest - 1 span low..high, the largest value of the type is "none".
export function scalarOf(values, at, low, high) {
  const none = noneOf(values);
  return values[at] === none ? NaN : low + (values[at] / (none - 1)) * (high - low);
}

export const noneOf = (values) => (values.BYTES_PER_ELEMENT === 1 ? 255 : 65535);
