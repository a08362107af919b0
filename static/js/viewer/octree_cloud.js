// An octree that opens progressively: first the contiguous prefix of the data file, then nodes by their size on the
// picture, six at a time, within a budget of points. What is not seen any more is kept while there is room.

import { chunkBytes, OctreeIndex, parseIndex, POINT_BUDGET, selectNodes } from "./octree.js";
import { Cloud } from "./clouds.js";
import { parseChunk } from "./chunk.js";

const FETCHES = 6;
const KEPT = 1.5; // budgets
const TRIES = 3;
const RETRY_MILLISECONDS = 1500;

const bytesOf = (data) => (data instanceof ArrayBuffer ? new Uint8Array(data) : data);

export class OctreeCloud extends Cloud {
  // fetchNode(offset, length, signal) -> bytes of the data file; fetchOrder(firstPoint, count, signal) -> Uint32Array.
  constructor(host, { index, fetchNode, fetchOrder, sensor }) {
    super(host);
    this.index = index instanceof OctreeIndex ? index : parseIndex(index);
    this.locate(...this.index.bounds(0), sensor);
    Object.assign(this, { fetchNode, fetchOrder });
    this.total = this.index.points;
    this.budget = POINT_BUDGET;
    this.blocks = new Map(); // node -> block
    this.underway = new Set();
    this.tries = new Map();
    this.wanted = [];
    this.needed = [];
    this.slices = new Set(); // "attribute node" that are being fetched
    this.clock = 0;
    this.aborter = new AbortController();
    this.fetchPrefix();
  }
  allBlocks() {
    return [...this.blocks.values()];
  }
  // Blocks to draw, the coarse first. Before anything was selected, what is there.
  drawn() {
    if (!this.wanted.length) return this.allBlocks();
    return this.wanted.map((node) => this.blocks.get(node)).filter(Boolean);
  }
  get busy() {
    return this.opening || this.underway.size > 0 || this.slices.size > 0;
  }
  async fetchPrefix() {
    this.opening = true;
    const { length, nodes } = this.index.firstRequest();
    try {
      const data = bytesOf(await this.fetchNode(0, length, this.aborter.signal));
      if (this.disposed) return;
      this.readPrefix(data, nodes);
    } catch (error) {
      this.fail(error);
    } finally {
      this.opening = false;
    }
    if (this.disposed) return;
    this.host.onOpened();
    this.fill();
  }
  readPrefix(data, nodes) {
    for (let node = 0; node < nodes; node++) {
      const length = chunkBytes(this.index.count[node]);
      if (length) this.add(node, parseChunk(data.subarray(this.index.offset[node], this.index.offset[node] + length)));
    }
    // The first node is larger than the prefix: its beginning stands in until the whole has come.
    if (!this.blocks.size && data.length) {
      const node = this.index.count.findIndex((count) => count > 0);
      this.add(node, parseChunk(data, { prefix: true }));
    }
  }
  add(node, chunk) {
    const old = this.blocks.get(node);
    const place = { number: node, firstPoint: this.index.firstPoint[node] };
    const block = this.addBlock(chunk, place);
    block.lastUsed = this.clock;
    this.blocks.set(node, block);
    for (const [name, { values }] of this.attributes) if (values) this.giveSlice(name, block, values);
    old?.dispose();
    this.host.onBlocks();
  }
  whole(node) {
    const block = this.blocks.get(node);
    return block !== undefined && block.count === this.index.count[node];
  }
  select(camera) {
    this.clock += 1;
    this.wanted = selectNodes(this.index, camera, { budget: this.budget });
    for (const node of this.wanted) {
      const block = this.blocks.get(node);
      if (block) block.lastUsed = this.clock;
    }
    this.evict();
    this.fill();
    this.askSlices();
  }
  fill() {
    if (this.opening || this.disposed) return;
    for (const node of this.wanted) {
      if (this.underway.size >= FETCHES) return;
      const due = this.index.count[node] && !this.whole(node) && !this.underway.has(node);
      if (due && (this.tries.get(node) ?? 0) < TRIES) this.fetch(node);
    }
  }
  async fetch(node) {
    this.underway.add(node);
    try {
      const data = await this.fetchNode(this.index.offset[node], chunkBytes(this.index.count[node]), this.aborter.signal);
      if (this.disposed) return;
      this.tries.delete(node);
      this.add(node, parseChunk(bytesOf(data)));
      this.evict();
      this.askSlices();
    } catch (error) {
      this.tries.set(node, (this.tries.get(node) ?? 0) + 1);
      this.fail(error);
      if (this.tries.get(node) < TRIES) await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS));
    } finally {
      this.underway.delete(node);
    }
    if (this.disposed) return;
    this.fill();
    this.host.onBlocks();
  }
  fail(error) {
    if (this.disposed || error.name === "AbortError") return;
    this.problems.push(error);
    this.host.onProblem(error);
  }
  get points() {
    return this.allBlocks().reduce((sum, block) => sum + block.count, 0);
  }
  // Drops what was seen longest ago until there is room. What is wanted stays.
  evict() {
    const wanted = new Set(this.wanted);
    const old = this.allBlocks().filter((block) => !wanted.has(block.node.number));
    old.sort((a, b) => a.lastUsed - b.lastUsed || b.node.number - a.node.number);
    for (let points = this.points; points > KEPT * this.budget && old.length; ) {
      const block = old.shift();
      points -= block.count;
      this.blocks.delete(block.node.number);
      block.dispose();
    }
  }
  // values: of all points in the order of the data file; or fetchSlice(firstPoint, count, signal) -> such values.
  setAttribute(name, attribute) {
    const { values, fetchSlice } = attribute;
    if (!values && !fetchSlice) throw new Error(`The attribute "${name}" needs values or fetchSlice.`);
    if (values && values.length !== this.total) throw new RangeError(`"${name}" has ${values.length} values for ${this.total} points.`);
    this.removeAttribute(name);
    this.attributes.set(name, { ...attribute });
    for (const block of this.allBlocks()) if (values) this.giveSlice(name, block, values);
    this.askSlices();
  }
  giveSlice(name, block, values) {
    block.setValues(name, values.subarray(block.node.firstPoint, block.node.firstPoint + block.count));
  }
  // The attributes that views are coloured by; others are fetched when they are.
  need(names) {
    this.needed = names;
    this.askSlices();
  }
  askSlices() {
    for (const name of this.needed) {
      const attribute = this.attributes.get(name);
      if (!attribute?.fetchSlice || attribute.failures >= TRIES) continue;
      const lacking = this.drawn().filter((block) => !block.values.has(name) && !this.slices.has(`${name} ${block.node.number}`));
      for (const run of runs(lacking)) this.fetchRun(name, attribute, run);
    }
  }
  async fetchRun(name, attribute, blocks) {
    const keys = blocks.map((block) => `${name} ${block.node.number}`);
    const first = blocks[0].node.firstPoint;
    const last = blocks.at(-1);
    for (const key of keys) this.slices.add(key);
    try {
      const values = await attribute.fetchSlice(first, last.node.firstPoint + last.count - first, this.aborter.signal);
      if (this.disposed || this.attributes.get(name) !== attribute) return;
      for (const block of blocks) {
        const from = block.node.firstPoint - first;
        if (block.objects.length) block.setValues(name, values.subarray(from, from + block.count));
      }
    } catch (error) {
      attribute.failures = (attribute.failures ?? 0) + 1;
      this.fail(error);
    } finally {
      for (const key of keys) this.slices.delete(key);
    }
    if (this.disposed) return;
    this.host.onBlocks();
    this.askSlices(); // what came meanwhile
  }
  originalOf() {
    return null; // only the server knows
  }
  async resolve(block, display) {
    const point = block.node.firstPoint + display;
    const lacking = [...this.attributes].filter(([name, { fetchSlice }]) => fetchSlice && !block.values.has(name));
    const [order, ...slices] = await Promise.all([
      this.fetchOrder?.(point, 1, this.aborter.signal),
      ...lacking.map(([, { fetchSlice }]) => fetchSlice(point, 1, this.aborter.signal)),
    ]);
    const values = this.valuesOf(block, display);
    lacking.forEach(([name], at) => (values[name] = slices[at][0]));
    const indices = order instanceof ArrayBuffer ? new Uint32Array(order) : order;
    return { originalIndex: indices ? Number(indices[0]) : null, values };
  }
  dispose() {
    super.dispose();
    this.aborter.abort();
    this.blocks.clear();
  }
}

// Blocks whose points follow each other in the file are asked for together, up to a moderate size.
function runs(blocks, largest = 200_000) {
  const sorted = [...blocks].sort((a, b) => a.node.firstPoint - b.node.firstPoint);
  const groups = [];
  for (const block of sorted) {
    const group = groups.at(-1);
    const last = group?.at(-1);
    const follows = last && last.node.firstPoint + last.count === block.node.firstPoint;
    if (follows && block.node.firstPoint + block.count - group[0].node.firstPoint <= largest) group.push(block);
    else groups.push([block]);
  }
  return groups;
}
