// Brings the charts of a page to life: `mountCharts()` after loading and after every swap; what is alive stays.

const mounted = new WeakMap();

export function mountCharts(root = document) {
  const found = (selector) => [...(root.matches?.(selector) ? [root] : []), ...root.querySelectorAll(selector)].filter((host) => !mounted.has(host));
  const [curves, others] = [found("[data-curve-chart]"), found("[data-echart]")];
  for (const host of [...curves, ...others]) mounted.set(host, null);
  // A library is fetched when a chart needs it.
  if (curves.length) import("./curve_chart.js").then(({ CurveChart }) => curves.forEach((host) => mounted.set(host, new CurveChart(host))));
  if (others.length) import("./echart.js").then(({ showDeclared }) => others.forEach((host) => mounted.set(host, showDeclared(host))));
}

/** The living chart of an element, or null while it is being made. */
export const chartOf = (host) => mounted.get(host) ?? null;
