// The axis that the strip of frames and the chart above it share: what part of the recording is seen, and where. Pure.

export class Axis {
  /** @param values where the frames stand, ascending */
  constructor(values, whole = false) {
    this.use(values, whole);
    this.left = 52;
    this.right = 16;
    this.width = 100;
  }

  /** @param whole whether only whole numbers mean something on it */
  use(values, whole = false) {
    this.values = values;
    this.least = whole ? 1 : 0;
    const step = values.length > 1 ? (values.at(-1) - values[0]) / (values.length - 1) : 1;
    this.step = step || 1;
    this.whole = values.length ? [values[0] - this.step / 2, values.at(-1) + this.step / 2] : [0, 1];
    this.view = this.whole;
  }

  get zoomed() {
    return this.view[0] > this.whole[0] || this.view[1] < this.whole[1];
  }

  get plotWidth() {
    return Math.max(1, this.width - this.left - this.right);
  }

  pixel(value) {
    return this.left + ((value - this.view[0]) / (this.view[1] - this.view[0])) * this.plotWidth;
  }

  value(pixel) {
    return this.view[0] + ((pixel - this.left) / this.plotWidth) * (this.view[1] - this.view[0]);
  }

  /** Zooms by a factor around a pixel; never closer than four frames, never beyond the recording. */
  zoom(factor, pixel) {
    const length = Math.min(this.whole[1] - this.whole[0], Math.max(4 * this.step, (this.view[1] - this.view[0]) * factor));
    const share = (pixel - this.left) / this.plotWidth;
    this.moveTo(this.value(pixel) - share * length, length);
  }

  pan(pixels) {
    const length = this.view[1] - this.view[0];
    this.moveTo(this.view[0] + (pixels / this.plotWidth) * length, length);
  }

  /** Keeps a value in sight: the view follows a playback that leaves it. Tells whether it moved. */
  follow(value) {
    if (value >= this.view[0] && value <= this.view[1]) return false;
    const length = this.view[1] - this.view[0];
    this.moveTo(value - length * 0.1, length);
    return true;
  }

  moveTo(low, length) {
    const begin = Math.max(this.whole[0], Math.min(this.whole[1] - length, low));
    this.view = [begin, begin + length];
  }

  /** Round values to write below the axis, about one every 90 pixels. */
  ticks() {
    const wanted = Math.max(2, Math.floor(this.plotWidth / 90));
    const rough = (this.view[1] - this.view[0]) / wanted;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = Math.max(this.least, power * ([1, 2, 5].find((times) => times * power >= rough) ?? 10));
    const found = [];
    for (let tick = Math.ceil(this.view[0] / step) * step; tick <= this.view[1]; tick += step) found.push(tick);
    return { step, ticks: found.map((tick) => Math.round(tick / step) * step || 0) };
  }
}

/** A tick as text: whole numbers in groups, else as many digits as the step has. */
export function tickText(tick, step) {
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return tick.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
