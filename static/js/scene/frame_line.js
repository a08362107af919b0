// The frames of a scene on a line of time: pure, nothing of the page. A position is a frame's place in playing order.

export const RATE_WITHOUT_TIMES = 10; // frames a second, as most lidars turn

/** Seconds of each frame, ascending, or null when the recording has no usable times. Gaps are filled by position. */
export function filledSeconds(seconds) {
  const known = [];
  for (let i = 0; i < seconds.length; i++) if (seconds[i] !== null) known.push(i);
  if (known.length < 2 || known.length * 2 < seconds.length) return null;
  for (let k = 1; k < known.length; k++) if (seconds[known[k]] < seconds[known[k - 1]]) return null;
  if (seconds[known.at(-1)] === seconds[known[0]]) return null;
  const filled = Float64Array.from(seconds, (value) => value ?? NaN);
  for (let k = 1; k < known.length; k++) fillBetween(filled, known[k - 1], known[k]);
  const step = (filled[known.at(-1)] - filled[known[0]]) / (known.at(-1) - known[0]);
  for (let i = known[0] - 1; i >= 0; i--) filled[i] = filled[i + 1] - step;
  for (let i = known.at(-1) + 1; i < filled.length; i++) filled[i] = filled[i - 1] + step;
  return filled;
}

function fillBetween(filled, from, to) {
  const step = (filled[to] - filled[from]) / (to - from);
  for (let i = from + 1; i < to; i++) filled[i] = filled[from] + step * (i - from);
}

/** The position whose value in an ascending list is nearest. */
export function nearest(ascending, value) {
  if (!ascending.length) return -1;
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low > 0 && value - ascending[low - 1] <= ascending[low] - value ? low - 1 : low;
}

export class FrameLine {
  /** @param playback the scene's playback: columns of its frames, problems and octrees by position */
  constructor({ frames, problems = {}, octrees = {} }) {
    Object.assign(this, { frames, problems, octrees });
    this.count = frames.id.length;
    this.seconds = filledSeconds(frames.seconds);
    this.timed = this.seconds !== null;
    this.numbers = Float64Array.from({ length: this.count }, (_, position) => position);
  }

  /** Where the frames stand on the axis "seconds" or "frame". */
  along(axis) {
    return axis === "seconds" && this.timed ? this.seconds : this.numbers;
  }

  /** When each frame is played, in seconds. */
  get playTimes() {
    return this.seconds ?? this.numbers.map((number) => number / RATE_WITHOUT_TIMES);
  }

  clamp(position) {
    return Math.max(0, Math.min(this.count - 1, Math.round(position) || 0));
  }

  shown(position) {
    return this.frames.display[position] !== null || position in this.octrees;
  }

  /** Why a frame can not be seen, in words; empty when it can. */
  problem(position) {
    return this.shown(position) ? "" : (this.problems[position] ?? "It can not be shown.");
  }

  positionOf(frameId) {
    return this.frames.id.indexOf(frameId);
  }

  /** The next frame that can be seen from a position in steps of 1 or -1; null without one. */
  readable(position, step) {
    for (let next = position + step; next >= 0 && next < this.count; next += step) if (this.shown(next)) return next;
    return null;
  }
}
