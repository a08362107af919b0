// The plots of a run: alive as long as the run is, and what is chosen of their axes stands in the address.

import { mountCharts } from "../charts/mount.js";

const SHARED = ["x", "log", "smoothing"];

/** All plots of the page have one x axis, one smoothing; a person who chooses them for one means all. */
function share({ target, detail }) {
  const wanted = { x: detail.x === "step" ? "" : detail.x, log: detail.log.join(" "), smoothing: detail.smoothing ? String(detail.smoothing) : "" };
  for (const chart of document.querySelectorAll("[data-curve-chart]")) {
    if (chart === target) continue;
    for (const name of SHARED) {
      if ((chart.dataset[name] ?? "") === wanted[name] || (name === "x" && (chart.dataset.x ?? "step") === detail.x)) continue;
      if (wanted[name] || name === "x") chart.dataset[name] = name === "x" ? detail.x : wanted[name];
      else delete chart.dataset[name];
    }
  }
  const address = new URL(location.href);
  for (const name of SHARED) {
    if (wanted[name]) address.searchParams.set(name, wanted[name]);
    else address.searchParams.delete(name);
  }
  history.replaceState(history.state, "", address);
}

document.addEventListener("chartstate", share);
mountCharts();
