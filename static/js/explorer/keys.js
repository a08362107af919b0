// The explorer without a mouse. Every key is listed in the dialog behind "?" (parts/_explorer_keys.html).

import { openDialog } from "./dialogs.js";
import { togglePanel } from "./panel.js";
import { across, here, select, selectPage, walk } from "./rows.js";

const click = (id) => document.getElementById(id)?.click();
const inGrid = () => document.getElementById("results").dataset.view === "grid";

function toFilters() {
  const panel = document.getElementById("filters");
  if (panel.contains(document.activeElement)) togglePanel(false);
  else {
    togglePanel(true);
    panel.querySelector("summary").focus();
  }
}

function nextDensity() {
  document.querySelector('[data-density-choice][aria-pressed="false"]')?.click();
}

const KEYS = {
  j: () => walk(inGrid() ? across() : 1),
  k: () => walk(inGrid() ? -across() : -1),
  h: () => walk(-1),
  l: () => walk(1),
  x: () => select(here()),
  X: () => select(here(), true),
  A: () => selectPage(),
  G: () => walk(Infinity),
  "]": () => click("page-next"),
  "[": () => click("page-previous"),
  u: () => click("most-uncertain"),
  f: toFilters,
  c: () => openDialog("columns"),
  r: () => openDialog("rules"),
  d: nextDensity,
  m: () => click("toggle-map"),
  v: () => document.querySelector("#saved-views summary")?.click(),
  "?": () => openDialog("keys"),
};
const AFTER_G = {
  v: () => document.querySelector("[data-view-choice]:not([aria-current])")?.click(),
  g: () => walk(-Infinity),
};
let afterG = false;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("dialog, select, textarea, [role=slider], [contenteditable]")) return;
  const typing = event.target.closest("input:not([type=checkbox])");
  if (typing) {
    if (event.key === "Escape") typing.blur();
    return;
  }
  if (event.key === "Enter" && event.target.matches("[data-select]")) {
    here()?.querySelector(".scene-link").click();
    return;
  }
  const action = (afterG ? AFTER_G : KEYS)[event.key];
  if (event.key === "Shift") return;
  afterG = !afterG && event.key === "g";
  if (!action) return;
  event.preventDefault();
  action();
});
