// Numbers and elements as the page writes them.

export const grouped = (value) => Math.round(value).toLocaleString("en-US");

/** A measured value with as many digits as are worth reading: 0.1234, 12.35, 1,234. */
export function measured(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e7)) return value.toExponential(2);
  const digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 3;
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function compact(count) {
  if (count < 1000) return String(count);
  const [scaled, unit] = count < 999_950 ? [count / 1000, "K"] : [count / 1e6, "M"];
  return `${scaled.toFixed(1)}${unit}`;
}

export const seconds = (value) => `${value.toFixed(2)} s`;

/** An element with properties, dataset entries and children; children that are text stay text. */
export function element(name, properties = {}, ...children) {
  const { data = {}, aria = {}, ...rest } = properties;
  const made = Object.assign(document.createElement(name), rest);
  Object.assign(made.dataset, data);
  for (const [key, value] of Object.entries(aria)) made.setAttribute(`aria-${key}`, value);
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}
