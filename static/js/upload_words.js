// Words and numbers of the upload page, written as the rest of the site writes them.

const UNITS = ["B", "kB", "MB", "GB", "TB"];

export function bytes(value) {
  let step = 0;
  while (Number(value.toFixed(step ? 1 : 0)) >= 1000 && step < UNITS.length - 1) [value, step] = [value / 1000, step + 1];
  return `${value.toFixed(step ? 1 : 0)}\u00a0${UNITS[step]}`;
}

export const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;

export function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

export const copyOf = (template) => document.getElementById(template).content.firstElementChild.cloneNode(true);
