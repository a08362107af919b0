// Curves as uPlot wants them: one shared x, a column for each line, null where there is a gap.

import uPlot from "uplot";
import { extent, smooth } from "./curve_maths.js";

/** The x of each point of a curve on the chosen axis; seconds for times. */
export function positions(curve, x, start) {
  if (x === "time") return curve.timestamp.map((time) => time / 1000);
  if (x === "relative") return curve.timestamp.map((time) => (time - start) / 1000);
  return x === "epoch" ? curve.epoch : curve.step;
}

/**
 * One curve made ready: {xs, ys, smoothed, low, high, odd, left} in the order of x, each x once. `odd` holds what a
 * gap stands for as [x, "NaN" | "∞" | "−∞"]; `left` counts points that a logarithmic axis or a missing epoch leaves out.
 */
export function ready(curve, { x, log, smoothing, start, width }) {
  const given = positions(curve, x, start);
  const order = given.map((_, place) => place).filter((place) => given[place] !== null && given[place] !== undefined && !(log.has("x") && given[place] <= 0));
  order.sort((a, b) => given[a] - given[b] || a - b);
  const made = { xs: [], ys: [], low: [], high: [], from: [], odd: [], left: given.length - order.length };
  const fit = (value) => (log.has("y") && !(value > 0) ? null : value);
  for (const place of order) {
    const value = curve.value[place];
    if (!Number.isFinite(value)) made.odd.push([given[place], Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞"]);
    else if (fit(value) === null) made.left += 1;
    // Of points at one place the last stays, but a gap never hides a value.
    const again = made.xs.at(-1) === given[place];
    if (again && !Number.isFinite(value)) continue;
    const at = again ? made.xs.length - 1 : made.xs.length;
    made.xs[at] = given[place];
    made.ys[at] = Number.isFinite(value) ? fit(value) : null;
    made.from[at] = place;
    if (curve.low) [made.low[at], made.high[at]] = [fit(curve.low[place]), fit(curve.high[place])];
  }
  made.smoothed = smooth(made.xs, made.ys, smoothing, width);
  return made;
}

/** From the first to the last x of all curves, or null. */
export function reach(curves, x, starts) {
  const ends = curves.flatMap((curve) => {
    const xs = positions(curve, x, starts.get(curve.run) ?? 0).filter((value) => value !== null);
    const range = extent(xs);
    return range ?? [];
  });
  return extent(ends);
}

/** Joins made-ready lines into uPlot's columns; `tables` are [xs, column, …]. */
export function joined(tables) {
  if (!tables.length) return [[]];
  if (tables.length === 1) return tables[0];
  return uPlot.join(tables, tables.map((table) => table.map(() => 1))); // prettier-ignore
}

/** The place of the point nearest to x. */
export function nearest(xs, x) {
  let [low, high] = [0, xs.length - 1];
  if (high < 0) return -1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] <= x) low = middle;
    else high = middle;
  }
  return Math.abs(xs[low] - x) <= Math.abs(xs[high] - x) ? low : high;
}
