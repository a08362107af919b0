// Pure: what is done to points before they are drawn. Arrays in, arrays out.

/** The smoothing slider speaks of this part of a chart's width: so many of them make the whole x axis. */
const UNITS = 400;

/**
 * A time-weighted exponential moving average: a point that lies d units back counts smoothing ** d, with the axis cut
 * into 400 units, so that unevenly spaced points are smoothed alike. Weights are normalised, which leaves no start-up
 * bias. null stays null and interrupts nothing.
 */
export function smooth(xs, ys, smoothing, width) {
  if (!(smoothing > 0) || !(width > 0)) return ys;
  const decay = Math.log(Math.min(smoothing, 0.9999));
  let sum = 0;
  let weight = 0;
  let before = null;
  return ys.map((value, place) => {
    if (value === null || value === undefined) return value;
    const fade = before === null ? 0 : Math.exp((decay * (xs[place] - before) * UNITS) / width);
    sum = sum * fade + value;
    weight = weight * fade + 1;
    before = xs[place];
    return sum / weight;
  });
}

/** The value below which a share of sorted numbers lies, interpolated linearly. */
export function quantile(sorted, share) {
  const at = (sorted.length - 1) * share;
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
}

/** From the least to the greatest number that is to be seen; of outliers' sake the outer 2.5 % at each end are left out. */
export function extent(numbers, { outliers = false } = {}) {
  if (!numbers.length) return null;
  if (outliers && numbers.length >= 8) {
    const sorted = Float64Array.from(numbers).sort();
    return [quantile(sorted, 0.025), quantile(sorted, 0.975)];
  }
  let [low, high] = [Infinity, -Infinity];
  for (const value of numbers) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

/** The drawn range: a little more than the extent, or round about a single value. */
export function padded(range, log) {
  if (!range) return log ? [0.1, 10] : [0, 1];
  let [low, high] = range;
  if (log) return low === high ? [low / 2, high * 2] : [low / (high / low) ** 0.05, high * (high / low) ** 0.05];
  if (low === high) {
    const room = Math.abs(low) * 0.1 || 0.5;
    return [low - room, high + room];
  }
  const room = (high - low) * 0.06;
  // Losses and rates begin at zero: an axis that dips below it would only waste room.
  return [low >= 0 && low - room < 0 ? 0 : low - room, high + room];
}

/** Numbers as they travel: "NaN", "Infinity" and "-Infinity" are words. */
export const parsed = (value) => (typeof value === "number" ? value : value === "Infinity" ? Infinity : value === "-Infinity" ? -Infinity : NaN);

/** Rows as RFC 4180 has them. */
export function csvText(rows) {
  const cell = (value) => {
    let text = value === null || value === undefined ? "" : String(value);
    // A spreadsheet must not take somebody's words for a formula.
    if (typeof value === "string" && /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text))) text = `'${text}`;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}
