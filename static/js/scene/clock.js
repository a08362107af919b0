// The clock of playback: which frame is due at a time. Pure: it is told what time it is.

export const SPEEDS = [0.25, 0.5, 1, 2, 4, 8];

export class PlaybackClock {
  /** @param times when each frame is due, in seconds, ascending */
  constructor(times) {
    this.times = times;
    this.speed = 1;
    this.loop = false;
    this.first = 0;
    this.last = times.length - 1;
    this.startedAt = null;
  }

  get running() {
    return this.startedAt !== null;
  }

  /** Plays only these positions; null plays all of them. */
  setRange(range) {
    [this.first, this.last] = range ?? [0, this.times.length - 1];
  }

  start(position, now) {
    const inside = position >= this.first && position < this.last;
    this.from = this.times[inside ? position : this.first];
    this.startedAt = now;
  }

  stop() {
    this.startedAt = null;
  }

  /** Another speed goes on from the moment that is played. */
  setSpeed(speed, now) {
    if (this.running) {
      this.from = this.moment(now);
      this.startedAt = now;
    }
    this.speed = speed;
  }

  moment(now) {
    return this.from + ((now - this.startedAt) / 1000) * this.speed;
  }

  /** The position that is due at `now` (ms); stops by itself at the end unless it loops. */
  at(now) {
    const begin = this.times[this.first];
    const lastStep = this.last > this.first ? this.times[this.last] - this.times[this.last - 1] : 0;
    const length = this.times[this.last] - begin + Math.max(lastStep, 0.001); // the last frame is seen, too
    let passed = this.moment(now) - begin;
    if (passed >= length) {
      if (!this.loop) {
        this.stop();
        return this.last;
      }
      passed %= length;
      this.from = begin + passed;
      this.startedAt = now;
    }
    return this.before(begin + passed);
  }

  /** The last position that is due at this moment of the recording. */
  before(moment) {
    let low = this.first;
    let high = this.last;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.times[middle] <= moment + 1e-6) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** The speed next to this one, faster for step 1, slower for step -1. */
export function neighbourSpeed(speed, step) {
  const here = SPEEDS.indexOf(speed);
  return SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, (here === -1 ? SPEEDS.indexOf(1) : here) + step))];
}
