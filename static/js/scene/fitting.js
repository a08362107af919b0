// The scale that fits one frame: from its 1st to its 99th percentile, from an even sample. Pure.

import { intensityOf, positionOf, scalarOf } from "../viewer/chunk.js";
import { kindOf } from "./catalogue.js";

const SAMPLE = 8192;

export function percentiles(values, low = 0.01, high = 0.99) {
  const sorted = values.filter((value) => Number.isFinite(value)).sort((a, b) => a - b);
  if (!sorted.length) return null;
  const at = (share) => sorted[Math.round(share * (sorted.length - 1))];
  return at(low) < at(high) ? [at(low), at(high)] : null;
}

/** [low, high] of a colour in the chunks of one frame; null when there is nothing to fit. Any prefix of a chunk is an
 * even sample. Overlays of an octree come in slices, and keep their scale. */
export function fittedScale(colour, chunks, held) {
  const total = chunks.reduce((sum, { count }) => sum + count, 0);
  const found = chunks.flatMap((chunk) => {
    const value = reader(colour, chunk, held);
    const length = Math.min(chunk.count, Math.ceil((SAMPLE * chunk.count) / total));
    return value ? Array.from({ length }, (_, display) => value(display)) : [];
  });
  return percentiles(found);
}

function reader(colour, chunk, held) {
  if (colour === "height") return (display) => positionOf(chunk, display)[2];
  if (colour === "range") return (display) => Math.hypot(...positionOf(chunk, display));
  if (colour === "intensity") return (display) => intensityOf(chunk, display) ?? NaN;
  const key = kindOf(colour) === "field" ? colour : colour.slice(kindOf(colour).length + 1);
  const attribute = held.get(key)?.attribute;
  if (!attribute?.values || attribute.kind !== "scalar") return null;
  return (display) => scalarOf(attribute.values, display, attribute.low, attribute.high);
}
