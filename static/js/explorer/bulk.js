// Selected scenes and what is done with them. The selection outlives paging and sorting (also a visit to a scene, in
// this tab) and ends, visibly, with the filters it was made under. "All that match" is a rule, not a list of ids.

import { current, go, results, settled } from "./state.js";

const LISTING = ["sort", "page", "rows", "view", "columns", "panel"];
const KEPT = "lamm-explorer-selection";
const KEYS = { t: "add-tags", T: "remove-tags", a: "assign", s: "status", b: "dataset", e: "export" };

const said = document.createElement("div");
Object.assign(said, { id: "bulk-said", className: "bulk-said" });
said.setAttribute("aria-live", "polite");
const dialog = document.createElement("dialog");
Object.assign(dialog, { id: "dialog-bulk", className: "explorer-dialog action-dialog" });
dialog.setAttribute("aria-labelledby", "bulk-title");
document.getElementById("main").append(said, dialog);

const bar = () => document.getElementById("selection");
const boxes = () => [...document.querySelectorAll("#rows [data-select]")];
const number = (count) => count.toLocaleString("en");

/** The filters of the address, in one order. */
function filters() {
  const query = current();
  for (const name of LISTING) query.delete(name);
  query.sort();
  return query.toString();
}

let selection = remembered();

function remembered() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
    if (kept && kept.filters === filters()) return { ...kept, ids: new Set(kept.ids) };
  } catch {
    // Storage is switched off, or holds what an older release wrote.
  }
  return { filters: filters(), ids: new Set(), all: 0 };
}

function remember() {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify({ ...selection, ids: [...selection.ids] }));
  } catch {
    // The selection lasts for this page.
  }
}

const size = () => selection.all || selection.ids.size;

/** What is selected: how many, and their ids unless all that match are meant. */
export const selected = () => ({ size: size(), all: Boolean(selection.all), ids: [...selection.ids] });

/** Bring boxes and bar in line with the selection. */
function show() {
  for (const box of boxes()) box.checked = Boolean(selection.all) || selection.ids.has(box.value);
  document.dispatchEvent(new CustomEvent("explorer:selection"));
  const form = bar();
  if (!form) return;
  form.hidden = !size();
  const wholePage = boxes().length > 0 && boxes().every((box) => box.checked);
  const onlyPage = wholePage && selection.ids.size === boxes().length && !selection.all;
  form.querySelector("[data-bulk-count]").textContent = number(size());
  form.querySelector("[data-bulk-before]").textContent = selection.all || onlyPage ? "All" : "";
  const whole = selection.all ? "that match are selected" : "on this page are selected";
  form.querySelector("[data-bulk-words]").textContent = selection.all || onlyPage ? whole : "selected";
  const more = form.dataset.found !== String(boxes().length);
  form.querySelector("[data-bulk-all]").hidden = Boolean(selection.all) || !wholePage || !more;
}

function change(apply) {
  apply();
  remember();
  show();
}

export function clear() {
  change(() => {
    selection = { filters: filters(), ids: new Set(), all: 0 };
  });
}

function boxChanged(box) {
  change(() => {
    if (selection.all) {
      // One of all taken out: the rule no longer says it, what is seen on this page stays.
      selection = { ...selection, all: 0, ids: new Set(boxes().map((other) => other.value)) };
      tell("No longer all that match: the rest of this page stays selected.");
    }
    if (box.checked) selection.ids.add(box.value);
    else selection.ids.delete(box.value);
  });
}

async function selectAll() {
  const form = bar();
  const answer = await fetch(`${form.dataset.matching}?${filters()}`, { headers: { "HX-Request": "true" } });
  if (!answer.ok) return;
  const { count } = await answer.json();
  change(() => {
    selection = { filters: filters(), ids: new Set(), all: count };
  });
  bar()?.querySelector("[data-bulk]")?.focus();
}

/** Words beside the list. */
export function tell(words) {
  const line = document.createElement("p");
  line.className = "said-card said-line said-passing";
  line.textContent = words;
  said.replaceChildren(line);
}

function carried(whole) {
  const values = { shown: results().dataset.columns };
  if (whole || selection.all) values.matching = filters();
  else values.scenes = [...selection.ids].join(",");
  return values;
}

/** Open the dialog of an action; `whole`: for all that the list finds, whatever is selected. */
function ask(action, { whole = false } = {}) {
  const token = document.querySelector("input[name=csrfmiddlewaretoken]")?.value;
  const values = { ...carried(whole), csrfmiddlewaretoken: token };
  const url = document.querySelector("[data-ask]").dataset.ask.replace("ACTION", action);
  // It opens at once, so that what is typed meanwhile is no key of the page.
  const waiting = Object.assign(document.createElement("p"), { className: "dialog-waiting", textContent: "Loading…" });
  dialog.replaceChildren(waiting);
  if (!dialog.open) dialog.showModal();
  const asked = settled(htmx.ajax("POST", url, { source: dialog, target: dialog, swap: "innerHTML", values }));
  return asked.finally(() => {
    if (waiting.isConnected) dialog.close();
  });
}

document.addEventListener("change", (event) => {
  if (event.target.matches?.("#rows [data-select]")) boxChanged(event.target);
});
document.addEventListener("submit", (event) => {
  if (event.target.id === "selection") event.preventDefault();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button");
  if (!button) return;
  if (button.dataset.bulk) ask(button.dataset.bulk);
  if (button.dataset.listing) ask(button.dataset.listing, { whole: !size() });
  if ("bulkAll" in button.dataset) selectAll();
  if ("bulkClear" in button.dataset) clear();
  if ("closeSaid" in button.dataset) said.replaceChildren();
});

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("dialog, select, textarea, [role=slider], input:not([type=checkbox])")) return;
  if (event.key === "Escape" && !document.querySelector("details.menu[open], dialog[open]")) {
    if (said.childElementCount) said.replaceChildren();
    else if (size()) clear();
    return;
  }
  const button = size() && KEYS[event.key] && bar()?.querySelector(`[data-bulk="${KEYS[event.key]}"]`);
  if (!button) return;
  event.preventDefault();
  button.click();
});

// A refusal is shown in its place like any answer.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, target } = event.detail;
  if (![400, 403, 409, 413].includes(xhr.status) || !target.closest("#dialog-bulk, #bulk-said")) return;
  event.detail.shouldSwap = true;
  event.detail.isError = false;
});
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target === dialog && dialog.childElementCount) {
    if (!dialog.open) dialog.showModal();
    dialog.querySelector("[autofocus], [aria-invalid=true], input:not([type=hidden]), select")?.focus();
  }
  const download = said.querySelector("[data-download-now]");
  if (download) {
    delete download.dataset.downloadNow;
    location.assign(download.href);
  }
});
dialog.addEventListener("close", () => dialog.replaceChildren());

// Something was done: the dialog goes, the rows are shown as they are now, the selection stays.
document.addEventListener("explorer:changed", () => {
  if (dialog.open) dialog.close();
  go(current());
});
document.addEventListener("explorer:said", (event) => {
  for (const open of document.querySelectorAll("dialog[open]")) open.close();
  tell(event.detail.words);
});
document.addEventListener("explorer:state", () => {
  if (selection.filters !== filters()) {
    const lost = size();
    clear();
    if (lost) tell(`The filters changed: ${number(lost)} scene${lost === 1 ? " is" : "s are"} no longer selected.`);
  }
  show();
});
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target?.id === "rows") show();
});
show();
