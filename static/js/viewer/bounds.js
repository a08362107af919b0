// Where a cloud is, told from a sample and not from its extremes: one stray point must not shrink the picture.

import { positionOf } from "./chunk.js";

const SAMPLES = 6000;

const quantile = (sorted, share) => sorted[Math.min(Math.floor(share * sorted.length), sorted.length - 1)];

// Sorted coordinates and intensities of a sample of the chunks; every prefix of a chunk is an even subsample.
function sampled(chunks) {
  const columns = [[], [], []];
  const words = [];
  const total = chunks.reduce((sum, chunk) => sum + chunk.count, 0);
  for (const chunk of chunks) {
    const share = Math.min(chunk.count, Math.ceil((SAMPLES * chunk.count) / Math.max(total, 1)));
    for (let at = 0; at < share; at++) {
      positionOf(chunk, at).forEach((value, axis) => columns[axis].push(value));
      words.push(chunk.records[4 * at + 3]);
    }
  }
  return { columns, words };
}

const sorted = (values) => Float64Array.from(values).sort();

// {centre, radius, ground, height: [low, high], intensity: high (stored), range: high}, or null without points.
// `radius` reaches most points sideways; `ground` is about where the street lies.
export function robustBounds(chunks, sensor) {
  const { columns, words } = sampled(chunks);
  if (!words.length) return null;
  const [x, y, z] = columns.map(sorted);
  const away = sorted(columns[0].map((_, at) => Math.hypot(...columns.map((column, axis) => column[at] - sensor[axis]))));
  const middle = [x, y, z].map((axis) => (quantile(axis, 0.06) + quantile(axis, 0.94)) / 2);
  const spans = [x, y, z].map((axis) => quantile(axis, 0.97) - quantile(axis, 0.03));
  return {
    centre: middle,
    radius: Math.max(Math.hypot(spans[0], spans[1]) / 2, spans[2] / 2, 0.5),
    ground: quantile(z, 0.12),
    height: [quantile(z, 0.02), Math.max(quantile(z, 0.992), quantile(z, 0.02) + 0.1)],
    intensity: Math.max(quantile(sorted(words), 0.985), 1),
    range: Math.max(quantile(away, 0.98), 1),
  };
}

// The sensor stands at the origin of a frame's own coordinates. A cloud far from there is in map coordinates, and is
// looked at from its middle.
export function sensorOf(lo, hi) {
  const reach = Math.hypot(...hi.map((value, axis) => value - lo[axis]));
  const away = Math.hypot(...lo.map((value, axis) => Math.max(value, 0, -hi[axis])));
  if (away <= Math.max(reach, 1000)) return { sensor: [0, 0, 0], mapped: false };
  return { sensor: lo.map((value, axis) => (value + hi[axis]) / 2), mapped: true };
}

// The point that coordinates are drawn relative to. It stays while it can, so that cameras of one scene agree.
export function originFor(lo, hi, current) {
  const FAR = 10_000;
  const near = (origin) => origin && lo.every((value, axis) => origin[axis] > value - FAR && origin[axis] < hi[axis] + FAR);
  if (near(current)) return current;
  if (near([0, 0, 0])) return [0, 0, 0];
  return lo.map((value, axis) => Math.round((value + hi[axis]) / 2));
}

export const chunkBounds = (chunk) => [chunk.lo, chunk.lo.map((value, axis) => value + chunk.scale[axis] * 65535)];
