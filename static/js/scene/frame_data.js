// The files of frames: geometry and overlays, from the cache or the site, as the viewer takes them.

import { parseChunk, scalarOf } from "../viewer/chunk.js";
import { filled } from "./catalogue.js";

export const CACHE_BYTES = 384 * 1024 * 1024;

export class FrameData {
  constructor(catalogue, cache) {
    this.catalogue = catalogue;
    this.frames = catalogue.playback.frames;
    this.cache = cache;
    this.parsed = new WeakMap(); // ArrayBuffer -> chunk
  }

  octree(position) {
    return this.catalogue.playback.octrees?.[position] ?? null;
  }

  isOctree(position) {
    return this.octree(position) !== null;
  }

  async geometry(position, priority) {
    const octree = this.octree(position);
    if (octree) return this.tree(octree, priority);
    const leftOut = this.frames.leftOut?.[position];
    const [buffer, kept] = await Promise.all([
      this.cache.read(this.frames.display[position], priority),
      leftOut ? this.cache.read(leftOut, priority) : null,
    ]);
    if (!this.parsed.has(buffer)) this.parsed.set(buffer, parseChunk(buffer));
    return { kind: "chunk", chunk: this.parsed.get(buffer), leftOut: kept && new Uint32Array(kept) };
  }

  async tree({ index, nodes, order }, priority) {
    const fetchNode = (offset, length) => this.cache.read(filled(nodes, { offset, length }));
    const fetchOrder = async (first, count) => new Uint32Array(await this.cache.read(filled(order, { first, count })));
    return { kind: "octree", index: await this.cache.read(index, priority), fetchNode, fetchOrder };
  }

  /** An overlay of a frame: {key, attribute} as the viewer takes it, {key, missing} or {key, problem} in words. */
  async overlay(key, position, priority) {
    const problem = this.catalogue.overlayProblem(key, position);
    if (problem) return { key, problem };
    const tree = this.isOctree(position);
    const url = this.catalogue.overlayUrl(key, position, tree);
    if (!url) return { key, missing: true };
    const encoding = this.catalogue.encoding(key);
    if (tree) return { key, attribute: { ...encoding, fetchSlice: this.slices(url, encoding.bytes) } };
    try {
      const values = view(await this.cache.read(url, priority), encoding.bytes);
      const points = this.frames.shown[position];
      if (values.length !== points) return { key, problem: mismatch(values.length, points) };
      return { key, attribute: { ...encoding, values } };
    } catch (problem) {
      return { key, problem: problem.message };
    }
  }

  slices(url, bytes) {
    return async (first, count) => view(await this.cache.read(filled(url, { first, count })), bytes);
  }

  /** Asks for a frame's files ahead of time; a failure is told when the frame is really shown. */
  prefetch(position, keys) {
    if (!this.frames.display[position]) return;
    this.geometry(position, "low").catch(() => {});
    for (const key of keys) this.overlay(key, position, "low");
  }

  /** One point's value of an overlay: a class index, a number, NaN for none, or null if unknown. Of a big cloud just
   * this value is asked for; storedIndex is the point's place in the order in which overlays come. */
  async valueAt(key, position, storedIndex) {
    const { attribute } = await this.overlay(key, position);
    if (!attribute) return null;
    const values = attribute.values?.subarray(storedIndex) ?? (await attribute.fetchSlice(storedIndex, 1).catch(() => null));
    if (!values) return null;
    return attribute.kind === "classes" ? values[0] : scalarOf(values, 0, attribute.low, attribute.high);
  }
}

function view(buffer, bytes) {
  return bytes === 2 ? new Uint16Array(buffer) : new Uint8Array(buffer);
}

const mismatch = (values, points) =>
  `It holds ${values.toLocaleString("en-US")} values, but the frame shows ${points.toLocaleString("en-US")} points: they do not belong together.`;
