// Numbers, times and lengths of time as charts write them.

/** A value with up to five digits that matter: 0.08312, 1,204.5, 3.1e-5. */
export function number(value) {
  if (value === null || value === undefined) return "–";
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e9)) return value.toExponential(2).replace(/\.?0+e/, "e");
  return Number(value.toPrecision(5)).toLocaleString("en-US", { maximumFractionDigits: 8 });
}

/** Labels of ticks: as many digits as keep neighbours apart. */
export function tick(value, step) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e6) {
    const digits = step ? Math.max(0, Math.min(6, Math.floor(Math.log10(size)) - Math.floor(Math.log10(step)))) : 0;
    if (size >= 1e6 && size < 1e12) {
      const [scaled, unit] = size >= 1e9 ? [value / 1e9, "G"] : [value / 1e6, "M"];
      return `${Number(scaled.toPrecision(Math.max(3, digits + 1)))}${unit}`;
    }
    return value.toExponential(digits).replace(/(\.\d*?)0+e/, "$1e").replace(".e", "e");
  }
  return Number(value.toPrecision(8)).toLocaleString("en-US", { maximumFractionDigits: 8 });
}

const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]]; // prettier-ignore

/** A length of time in at most two units: 2 h 05 min, 12.5 s. */
export function span(seconds) {
  const sign = seconds < 0 ? "−" : "";
  const length = Math.abs(seconds);
  if (length < 60) return `${sign}${Number(length.toPrecision(3))} s`;
  const place = UNITS.findIndex(([size]) => length >= size);
  const whole = Math.floor(length / UNITS[place][0]);
  const rest = Math.round((length - whole * UNITS[place][0]) / UNITS[place + 1][0]);
  return `${sign}${whole} ${UNITS[place][1]}${rest ? ` ${String(rest).padStart(2, "0")} ${UNITS[place + 1][1]}` : ""}`;
}

export const moment = (seconds) => {
  const at = new Date(seconds * 1000);
  const two = (value) => String(value).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
};

/** Where something stands on an axis, in words. */
export function place(x, value) {
  if (value === null || value === undefined) return "";
  if (x === "time") return moment(value);
  if (x === "relative") return span(value);
  return x === "epoch" ? `epoch ${number(value)}` : `step ${Math.round(value).toLocaleString("en-US")}`;
}

export const X_NAMES = { step: "Step", epoch: "Epoch", time: "Wall time", relative: "Relative time" };

/** An element with properties, dataset entries, aria attributes and children; children that are text stay text. */
export { element } from "../scene/words.js";
