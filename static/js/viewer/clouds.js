// The geometry that is shown: one chunk, or the loaded part of an octree. Both give blocks to draw, and know the values
// and the original index of each point.

import { Block } from "./block.js";
import { chunkBounds, robustBounds, sensorOf } from "./bounds.js";
import { originalIndex } from "./chunk.js";

export class Cloud {
  constructor(host) {
    this.host = host; // {scenes, materials, origin(), onBlocks()}
    this.attributes = new Map();
    this.problems = [];
  }
  locate(lo, hi, given) {
    const { sensor, mapped } = sensorOf(lo, hi);
    this.extremes = [lo, hi];
    this.sensor = given ?? sensor;
    this.mapped = given ? false : mapped;
  }
  addBlock(chunk, node) {
    const block = new Block(chunk, node);
    block.addTo(this.host.scenes, this.host.materials);
    block.setOrigin(this.host.origin());
    return block;
  }
  setOrigin(origin) {
    for (const block of this.allBlocks()) block.setOrigin(origin);
  }
  robust() {
    return robustBounds(this.allBlocks().map((block) => block.chunk), this.sensor);
  }
  removeAttribute(name) {
    this.attributes.delete(name);
    for (const block of this.allBlocks()) block.removeValues(name);
  }
  get bytes() {
    return this.allBlocks().reduce((sum, block) => sum + block.bytes, 0);
  }
  // Stored values of a point by attribute name, as far as they are loaded.
  valuesOf(block, display) {
    const entries = [...block.values].map(([name, values]) => [name, values[display]]);
    return Object.fromEntries(entries);
  }
  dispose() {
    this.disposed = true;
    for (const block of this.allBlocks()) block.dispose();
  }
}

export class ChunkCloud extends Cloud {
  // `leftOut`: the indices in the file of the points that were kept, when some were left out: an array, or a function
  // or promise that gives one.
  constructor(host, { chunk, leftOut = null, sensor }) {
    super(host);
    this.locate(...chunkBounds(chunk), sensor);
    this.chunk = chunk;
    this.total = chunk.total;
    this.leftOut = leftOut;
    this.kept = ArrayBuffer.isView(leftOut) || Array.isArray(leftOut) ? leftOut : null;
    this.block = this.addBlock(chunk, null);
  }
  allBlocks() {
    return this.block.objects.length ? [this.block] : [];
  }
  drawn() {
    return this.allBlocks();
  }
  get busy() {
    return false;
  }
  select() {}
  need() {}
  setAttribute(name, attribute) {
    const { values } = attribute;
    if (!values) throw new Error(`The attribute "${name}" of a frame needs its values.`);
    if (values.length !== this.chunk.count) {
      throw new RangeError(`"${name}" has ${values.length} values for ${this.chunk.count} points.`);
    }
    this.attributes.set(name, attribute);
    this.block.setValues(name, values);
  }
  originalOf(block, display) {
    if (this.chunk.leftOut && !this.kept) return null;
    return originalIndex(display, this.chunk.total, this.kept);
  }
  async resolve(block, display) {
    if (this.chunk.leftOut && !this.kept && this.leftOut) {
      this.kept = await (typeof this.leftOut === "function" ? this.leftOut() : this.leftOut);
    }
    return { originalIndex: this.originalOf(block, display), values: this.valuesOf(block, display) };
  }
}
