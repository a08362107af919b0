// The octree index of scenes/clouds/octree_index.py, and which of its nodes a camera needs (octree_select.py).

import { ChunkError, HEADER_BYTES, RECORD_BYTES } from "./chunk.js";

export const FIRST_POINTS = 50_000;
export const POINT_BUDGET = 1_000_000;
export const SMALLEST_PIXELS = 150;

const ROW_BYTES = 64;

export const chunkBytes = (count) => (count ? HEADER_BYTES + RECORD_BYTES * count : 0);

const bits = (mask) => {
  let count = 0;
  for (let rest = mask; rest; rest &= rest - 1) count += 1;
  return count;
};

// Columns, one entry a node: offset, lo (3 each), extent (3 each), spacing, count, firstPoint, firstChild, children, level.
export class OctreeIndex {
  constructor(bytes) {
    const view = bytes instanceof ArrayBuffer ? new DataView(bytes) : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    checkHeader(view);
    this.length = view.getUint32(8, true);
    this.rule = view.getUint32(12, true);
    this.points = Number(view.getBigUint64(16, true));
    this.leftOut = Number(view.getBigUint64(24, true));
    this.dataBytes = Number(view.getBigUint64(32, true));
    this.readRows(view);
  }
  readRows(view) {
    const n = this.length;
    this.offset = new Float64Array(n);
    this.lo = new Float64Array(3 * n);
    this.extent = new Float64Array(3 * n);
    this.spacing = new Float64Array(n);
    this.count = new Uint32Array(n);
    this.firstPoint = new Uint32Array(n);
    this.firstChild = new Uint32Array(n);
    this.children = new Uint8Array(n);
    this.level = new Uint8Array(n);
    for (let node = 0; node < n; node++) this.readRow(view, node, HEADER_BYTES + ROW_BYTES * node);
  }
  readRow(view, node, at) {
    this.offset[node] = Number(view.getBigUint64(at, true));
    for (let axis = 0; axis < 3; axis++) {
      this.lo[3 * node + axis] = view.getFloat64(at + 8 + 8 * axis, true);
      this.extent[3 * node + axis] = view.getFloat32(at + 32 + 4 * axis, true);
    }
    this.spacing[node] = view.getFloat32(at + 44, true);
    this.count[node] = view.getUint32(at + 48, true);
    this.firstPoint[node] = view.getUint32(at + 52, true);
    this.firstChild[node] = view.getUint32(at + 56, true);
    this.children[node] = view.getUint8(at + 60);
    this.level[node] = view.getUint8(at + 61);
  }
  bounds(node) {
    const axes = [0, 1, 2];
    const lo = axes.map((axis) => this.lo[3 * node + axis]);
    return [lo, axes.map((axis) => lo[axis] + this.extent[3 * node + axis])];
  }
  childCount(node) {
    return bits(this.children[node]);
  }
  // What to ask for first: {length, nodes}: the bytes of a prefix of the data file and the whole nodes in it. Where
  // the first node with points is larger than that, the prefix ends inside it.
  firstRequest(points = FIRST_POINTS) {
    let [nodes, sum] = [0, 0];
    while (nodes < this.length && sum + this.count[nodes] <= points) sum += this.count[nodes++];
    if (!sum) return { length: chunkBytes(Math.min(points, this.points)), nodes };
    return { length: this.offset[nodes - 1] + chunkBytes(this.count[nodes - 1]), nodes };
  }
}

function checkHeader(view) {
  if (view.byteLength < HEADER_BYTES) throw new ChunkError("The octree index ends inside its header.");
  const magic = String.fromCharCode(...[0, 1, 2, 3].map((at) => view.getUint8(at)));
  if (magic !== "LAMO" || view.getUint16(4, true) !== HEADER_BYTES || view.getUint16(6, true) !== 1) {
    throw new ChunkError("This is not an octree index of version 1.");
  }
  const nodes = view.getUint32(8, true);
  if (!nodes || view.byteLength !== HEADER_BYTES + nodes * ROW_BYTES) {
    throw new ChunkError(`The octree index of ${nodes} nodes has ${view.byteLength} bytes.`);
  }
}

export const parseIndex = (bytes) => new OctreeIndex(bytes);

// camera: {position, target, fieldOfView (vertical, degrees), height (pixels), aspect}.
const focalLength = (camera) => camera.height / 2 / Math.tan((camera.fieldOfView * Math.PI) / 360);
const cone = (camera) => Math.atan(Math.tan((camera.fieldOfView * Math.PI) / 360) * Math.hypot(1, camera.aspect));

function direction({ position, target }) {
  const towards = target.map((value, axis) => value - position[axis]);
  const length = Math.hypot(...towards);
  return towards.map((value) => value / length);
}

// The diameter in pixels of the sphere around each node: infinite from inside, 0 outside the cone of the picture.
export function projectedSizes(index, camera) {
  const [forward, half, focal] = [direction(camera), cone(camera), focalLength(camera)];
  const sizes = new Float64Array(index.length);
  for (let node = 0; node < index.length; node++) {
    const [ex, ey, ez] = [0, 1, 2].map((axis) => index.extent[3 * node + axis] / 2);
    const x = index.lo[3 * node] + ex - camera.position[0];
    const y = index.lo[3 * node + 1] + ey - camera.position[1];
    const z = index.lo[3 * node + 2] + ez - camera.position[2];
    const radius = Math.hypot(ex, ey, ez);
    const distance = Math.hypot(x, y, z);
    if (distance <= radius) {
      sizes[node] = Infinity;
      continue;
    }
    const cosine = (x * forward[0] + y * forward[1] + z * forward[2]) / distance;
    const seen = Math.acos(Math.min(Math.max(cosine, -1), 1)) <= half + Math.asin(Math.min(radius / distance, 1));
    // A single point has no extent, and is seen all the same.
    sizes[node] = seen ? Math.max(((2 * radius) / distance) * focal, Number.MIN_VALUE) : 0;
  }
  return sizes;
}

// The nodes to load, in the order of loading: the largest on the picture first, none before its parent.
export function selectNodes(index, camera, { budget = POINT_BUDGET, smallest = SMALLEST_PIXELS } = {}) {
  const sizes = projectedSizes(index, camera);
  const heap = new Heap();
  if (sizes[0]) heap.push(sizes[0], 0);
  const chosen = [];
  let points = 0;
  while (heap.size) {
    const [size, node] = heap.pop();
    points += index.count[node];
    if (points > budget || size < smallest) break;
    chosen.push(node);
    const first = index.firstChild[node];
    for (let child = first; child < first + index.childCount(node); child++) {
      // A parent's sphere need not hold those of its children.
      if (sizes[child]) heap.push(Math.min(sizes[child], size), child);
    }
  }
  return chosen;
}

// The largest size first; among equals the lower node, as in Python.
class Heap {
  constructor() {
    this.items = [];
  }
  get size() {
    return this.items.length;
  }
  push(size, node) {
    const items = this.items;
    let at = items.push([size, node]) - 1;
    while (at > 0 && before(items[at], items[(at - 1) >> 1])) {
      const parent = (at - 1) >> 1;
      [items[at], items[parent]] = [items[parent], items[at]];
      at = parent;
    }
  }
  pop() {
    const [items, top] = [this.items, this.items[0]];
    const last = items.pop();
    if (!items.length) return top;
    items[0] = last;
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      const right = left + 1;
      let best = at;
      if (left < items.length && before(items[left], items[best])) best = left;
      if (right < items.length && before(items[right], items[best])) best = right;
      if (best === at) return top;
      [items[at], items[best]] = [items[best], items[at]];
      at = best;
    }
  }
}

const before = (a, b) => a[0] > b[0] || (a[0] === b[0] && a[1] < b[1]);
