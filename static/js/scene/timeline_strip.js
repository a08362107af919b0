// The strip of frames: which can be seen, which are labelled and predicted, where the played range is, and the axis.

import { tickText } from "./axis.js";
import { faded } from "./inks.js";

const BAR = 14;
const COVERAGE = 3;

/** What lies in each pixel column of the strip: bits of READY, BAD, WAITING, and of each coverage. */
export const BITS = { ready: 1, bad: 2, waiting: 4, truth: 8, prediction: 16 };

export function columns(line, axis, covered) {
  const found = new Uint8Array(Math.ceil(axis.width) + 1);
  for (let position = 0; position < line.count; position++) {
    const from = axis.pixel(axis.values[position] - axis.step / 2);
    const to = axis.pixel(axis.values[position] + axis.step / 2);
    if (to < axis.left || from > axis.width - axis.right) continue;
    const state = line.frames.state[position];
    let bits = state === "ready" ? BITS.ready : state === "quarantined" ? BITS.bad : BITS.waiting;
    if (covered.truth?.[position]) bits |= BITS.truth;
    if (covered.prediction?.[position]) bits |= BITS.prediction;
    const last = Math.min(Math.floor(axis.width - axis.right), Math.max(Math.floor(from), Math.ceil(to) - 1));
    for (let x = Math.max(axis.left, Math.floor(from)); x <= last; x++) found[x] |= bits;
  }
  return found;
}

export class TimelineStrip {
  constructor(canvas, line, covered) {
    Object.assign(this, { canvas, line, covered });
  }

  draw(axis, range, ink) {
    const { canvas } = this;
    const scale = devicePixelRatio;
    const height = canvas.clientHeight;
    [canvas.width, canvas.height] = [axis.width * scale, height * scale];
    const context = canvas.getContext("2d");
    context.scale(scale, scale);
    const bits = columns(this.line, axis, this.covered);
    const paint = (bit, colour, top, tall) => {
      context.fillStyle = colour;
      for (let x = axis.left; x < bits.length; x++) if (bits[x] & bit) context.fillRect(x, top, 1, tall);
    };
    paint(BITS.ready, ink.pressed, 0, BAR);
    paint(BITS.waiting, ink.line, 0, BAR);
    if (this.covered.truth) paint(BITS.truth, ink.green, BAR - COVERAGE, COVERAGE);
    if (this.covered.prediction) paint(BITS.prediction, ink.violet, BAR - 2 * COVERAGE - 1, COVERAGE);
    paint(BITS.bad, ink.red, 0, BAR);
    this.separate(context, axis, ink);
    if (range) this.mark(context, axis, range, ink);
    this.write(context, axis, ink);
  }

  /** Frames that are wide enough stand apart from each other. */
  separate(context, axis, ink) {
    const wide = axis.plotWidth / ((axis.view[1] - axis.view[0]) / axis.step);
    if (wide < 6) return;
    context.fillStyle = ink.surface;
    for (const value of axis.values) {
      const x = axis.pixel(value + axis.step / 2);
      if (x > axis.left && x < axis.width - axis.right) context.fillRect(Math.round(x), 0, 1, BAR);
    }
  }

  mark(context, axis, [first, last], ink) {
    const from = Math.max(axis.left, axis.pixel(axis.values[first] - axis.step / 2));
    const to = Math.min(axis.width - axis.right, axis.pixel(axis.values[last] + axis.step / 2));
    context.fillStyle = faded(ink.accent, 28);
    context.fillRect(from, 0, Math.max(1, to - from), BAR);
  }

  write(context, axis, ink) {
    const { step, ticks } = axis.ticks();
    context.font = "11px Inter, system-ui, sans-serif";
    context.fillStyle = ink.faint;
    context.textAlign = "center";
    for (const tick of ticks) {
      const x = axis.pixel(tick);
      if (x < axis.left - 1 || x > axis.width - axis.right + 1) continue;
      context.fillRect(Math.round(x), BAR, 1, 3);
      context.fillText(tickText(tick, step), x, BAR + 13);
    }
  }
}
