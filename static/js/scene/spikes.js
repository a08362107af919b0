// Spikes of a score: runs of frames over a threshold. Pure.

/** Intervals [first, last] of positions whose value is over the threshold. A missing value ends an interval. */
export function spikes(values, threshold) {
  const found = [];
  let first = -1;
  for (let i = 0; i <= values.length; i++) {
    const over = i < values.length && values[i] !== null && values[i] > threshold;
    if (over && first === -1) first = i;
    if (!over && first !== -1) {
      found.push([first, i - 1]);
      first = -1;
    }
  }
  return found;
}

/** The position of the highest value between two positions, both included. */
export function peak(values, [first, last]) {
  let best = first;
  for (let i = first; i <= last; i++) if ((values[i] ?? -Infinity) > (values[best] ?? -Infinity)) best = i;
  return best;
}

/** The peak of the next (step 1) or previous (step -1) spike seen from a position; null when there is none. */
export function neighbourSpike(values, threshold, position, step) {
  const peaks = spikes(values, threshold).map((interval) => peak(values, interval));
  if (step > 0) return peaks.find((candidate) => candidate > position) ?? null;
  return peaks.findLast((candidate) => candidate < position) ?? null;
}

/** A first threshold for a series: its value that 95 of 100 frames stay below; null when nothing is scored. */
export function usualThreshold(values) {
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  if (!known.length) return null;
  const place = 0.95 * (known.length - 1);
  const below = known[Math.floor(place)];
  return below + (known[Math.ceil(place)] - below) * (place % 1);
}
