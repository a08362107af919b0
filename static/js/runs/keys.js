// The tracker without a mouse. Every key is listed in the dialog behind "?".

import { openDialog } from "../explorer/dialogs.js";
import { here, walk } from "./rows.js";
import { askTags, bulk, clear, closeSaid, compare, selected, toggle, togglePage } from "./selection.js";

const click = (id) => document.getElementById(id)?.click();
const KEYS = {
  j: () => walk(1),
  k: () => walk(-1),
  x: () => toggle(here()),
  A: () => togglePage(),
  b: () => here()?.querySelector("[data-baseline]")?.click(),
  m: () => compare(),
  e: () => bulk("archive"),
  t: () => askTags(),
  "]": () => click("page-next"),
  "[": () => click("page-previous"),
  c: () => openDialog("columns"),
  d: () => document.querySelector('[data-density-choice][aria-pressed="false"]')?.click(),
  v: () => document.querySelector("#saved-views summary")?.click(),
  n: () => click("new-run"),
  "?": () => openDialog("keys"),
};

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("dialog, select, textarea, [contenteditable]")) return;
  if (event.target.closest("input:not([type=checkbox])")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.key === "Escape" && !document.querySelector("details.menu[open]")) {
    if (!closeSaid() && selected().length) clear();
    return;
  }
  const action = KEYS[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});
