// Rows that run are shown as they are now, without loading the list again; new runs are announced, never pushed in.

import { current, results } from "../explorer/state.js";

const ACTIVE_MS = 3000;
const QUIET_MS = 20000;
const digests = new Map();
let timer = 0;

const active = () => [...document.querySelectorAll("#results tr[data-active]")];
const busy = (row) => row.contains(document.activeElement) && document.activeElement.closest("form");

async function ask() {
  const section = results();
  const rows = active();
  if (document.hidden || !section || (!rows.length && !("newest" in section.dataset))) return;
  const query = current();
  query.set("shown", rows.map((row) => `${row.dataset.run}:${digests.get(row.dataset.run) ?? ""}`).join(","));
  if ("newest" in section.dataset) query.set("newest", section.dataset.newest);
  const answer = await fetch(`${section.dataset.live}?${query}`).catch(() => null);
  // The list may have become another one meanwhile.
  if (!answer?.ok || results() !== section) return;
  const told = await answer.json();
  let changed = false;
  for (const [run, one] of Object.entries(told.rows)) {
    digests.set(run, one.digest);
    changed = replace(run, one.html) || changed;
  }
  if (changed) document.dispatchEvent(new CustomEvent("runs:rows"));
  announce(told.newer);
}

function replace(run, html) {
  const row = document.getElementById(`run-${run}`);
  if (!row || busy(row)) return false;
  const place = document.createElement("template");
  place.innerHTML = html.trim();
  const fresh = place.content.firstElementChild;
  const trend = row.querySelector("[data-trend]");
  const focused = row.contains(document.activeElement) ? document.activeElement : null;
  fresh.querySelector("[data-trend]")?.replaceChildren(...(trend?.childNodes ?? []));
  row.replaceWith(fresh);
  htmx.process(fresh);
  if (focused?.id) document.getElementById(focused.id)?.focus();
  else if (focused?.matches("[data-select]")) fresh.querySelector("[data-select]").focus();
  return true;
}

function announce(count) {
  const button = document.getElementById("new-rows");
  if (!button) return;
  button.hidden = !count;
  button.querySelector("span").textContent = `${count >= 100 ? "100+" : count} new run${count === 1 ? "" : "s"}`;
}

async function round() {
  try {
    await ask();
  } finally {
    schedule();
  }
}
function schedule() {
  clearTimeout(timer);
  timer = setTimeout(round, active().length ? ACTIVE_MS : QUIET_MS);
}
document.addEventListener("explorer:state", schedule);
document.addEventListener("visibilitychange", () => !document.hidden && round());
schedule();
