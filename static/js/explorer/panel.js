// The filter panel: its form makes the address, the address fills its form. Sections load what they show when they
// are open, all open ones in one request.

import { current, go, listing, settled } from "./state.js";

const form = document.getElementById("filters");
const search = document.getElementById("search");
const explorer = document.getElementById("explorer");
const OPEN = "lamm-explorer-sections";
const HIDDEN = explorer.dataset.panelKey ?? "lamm-explorer-panel";
const TYPING = 220;
let tagMode = "tag";
let waiting = 0;

const sections = () => [...form.querySelectorAll("[data-section]")];
const controls = () => [...form.elements].filter((control) => control.name && control.type !== "submit");

function read(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}
function keep(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Storage is switched off: the choice lasts for this page.
  }
}

const stored = (control) => {
  const scale = Number(control.dataset.scale ?? 1);
  return scale === 1 || control.value === "" ? control.value : String(Math.round(Number(control.value) * scale));
};
const shown = (control, value) => {
  const scale = Number(control.dataset.scale ?? 1);
  return scale === 1 || value === "" ? value : String(Number(value) / scale);
};

/** The address that the form means. */
function asked() {
  const next = new URLSearchParams();
  for (const control of controls()) {
    if (control.type === "checkbox" && !control.checked) continue;
    const value = stored(control).trim();
    if (value) next.append(control.name, value);
  }
  for (const [name, value] of listing()) next.append(name, value);
  return next;
}

const ask = () => {
  clearTimeout(waiting);
  const next = asked();
  const before = current();
  before.delete("page");
  next.sort();
  before.sort();
  if (next.toString() !== before.toString()) go(asked());
};

/** Show what the address says in every control; a field that is being typed into is left alone. */
function fill(parameters) {
  const left = new Map([...new Set(parameters.keys())].map((name) => [name, parameters.getAll(name)]));
  for (const control of controls()) {
    const values = left.get(control.name) ?? [];
    if (control.type === "checkbox") control.checked = values.includes(control.value);
    else if (control !== document.activeElement) control.value = shown(control, values[0] ?? "");
  }
  for (const section of sections()) fillSection(section, parameters);
}

function fillSection(section, parameters) {
  const names = section.dataset.parameters.split(" ");
  const chosen = names.flatMap((name) => parameters.getAll(name).map((value) => [name, value]));
  const badge = section.querySelector("[data-section-count]");
  badge.textContent = chosen.length;
  badge.hidden = !chosen.length;
  if (["range", "days"].includes(section.dataset.kind)) return;
  // A value that the section does not list yet must be in the form all the same.
  const boxes = [...section.querySelectorAll("input[type=checkbox]")];
  for (const [name, value] of chosen) {
    const box = boxes.find((candidate) => candidate.value === value);
    if (box) [box.name, box.checked] = [name, true];
    else section.querySelector("[data-values]").append(choice(name, value));
  }
}

function choice(name, value) {
  const label = document.createElement("label");
  label.className = "value";
  const box = Object.assign(document.createElement("input"), { type: "checkbox", name, value, checked: true });
  const words = Object.assign(document.createElement("span"), { className: "value-label", textContent: value });
  label.append(box, words);
  return label;
}

/** Ask for the values and histograms of the sections that are open. */
function load(only = null) {
  const open = (only ?? sections().filter((section) => section.open)).filter(
    (section) => section.querySelector("[data-values]") && !section.querySelector("[data-uncounted]"),
  );
  if (!open.length || explorer.hasAttribute("data-panel-hidden")) return;
  const query = current();
  query.set("sections", open.map((section) => section.dataset.section).join(","));
  const source = document.getElementById("facets");
  settled(htmx.ajax("GET", `${form.dataset.facets}?${query}`, { source, target: "#facets", swap: "none" }));
}

function rememberOpen() {
  const open = sections().filter((section) => section.open);
  keep(OPEN, open.map((section) => section.dataset.section).join(","));
}

function setTagMode(mode) {
  tagMode = mode;
  for (const button of form.querySelectorAll("[data-tag-mode]")) {
    button.setAttribute("aria-pressed", String(button.dataset.tagMode === mode));
  }
  for (const box of form.querySelectorAll("#values-tag input[type=checkbox]:not(:checked)")) box.name = mode;
}

export function togglePanel(show = explorer.hasAttribute("data-panel-hidden")) {
  explorer.toggleAttribute("data-panel-hidden", !show);
  keep(HIDDEN, show ? "shown" : "hidden");
  showPanelButtons();
  if (show) load();
  return show;
}

function showPanelButtons() {
  const shownNow = String(!explorer.hasAttribute("data-panel-hidden"));
  for (const button of document.querySelectorAll("[data-toggle-panel]")) button.setAttribute("aria-expanded", shownNow);
}

form.addEventListener("change", (event) => {
  const control = event.target;
  if (control.dataset.add) return; // a name to add: see below
  if ("single" in control.dataset && control.checked) {
    for (const other of form.querySelectorAll(`input[data-single][name="${control.name}"]`)) {
      if (other !== control) other.checked = false;
    }
  }
  ask();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
form.addEventListener("click", (event) => {
  const mode = event.target.closest("[data-tag-mode]");
  if (mode) setTagMode(mode.dataset.tagMode);
});
form.addEventListener(
  "toggle",
  (event) => {
    rememberOpen();
    if (event.target.open) load([event.target]);
  },
  true,
);
// A name that the list does not show is typed: Enter, or a choice of the suggestions, adds it.
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.dataset.add) {
    event.preventDefault();
    add(event.target);
  }
});
form.addEventListener("input", (event) => {
  const picked = event.target.dataset.add && event.inputType === "insertReplacementText";
  if (picked) add(event.target);
});
function add(field) {
  const value = field.value.trim();
  if (!value) return;
  const next = current();
  next.delete("page");
  next.append(field.dataset.add === "tag" ? tagMode : field.dataset.add, value);
  field.value = "";
  go(next);
}

search.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(ask, TYPING);
});
search.addEventListener("keydown", (event) => {
  if (event.key === "Enter") {
    event.preventDefault();
    ask();
  }
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-toggle-panel]")) togglePanel();
});
document.addEventListener("explorer:state", (event) => {
  fill(event.detail.parameters);
  showPanelButtons();
  load();
});
// Fresh counts replace the field that a name is typed into: what was typed, and the cursor, stay.
let typing = null;
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const field = event.detail.target.querySelector?.("[data-add]");
  typing = field && { id: field.id, value: field.value, here: field === document.activeElement };
});
document.addEventListener("htmx:oobAfterSwap", (event) => {
  if (event.detail.target.id === "values-tag") setTagMode(tagMode);
  const field = typing && document.getElementById(typing.id);
  if (!field) return;
  field.value = typing.value;
  if (typing.here) field.focus();
});

const remembered = read(OPEN);
if (remembered !== null) {
  for (const section of sections()) {
    if (remembered.split(",").includes(section.dataset.section)) section.open = true;
  }
}
const modes = ["tag", "tag_any", "tag_none"].filter((name) => current().has(name));
if (modes.length === 1) tagMode = modes[0];
setTagMode(tagMode);
const narrow = matchMedia(explorer.dataset.panelAt ?? "(max-width: 1399px)").matches;
const choiceOfPanel = read(HIDDEN) ?? (narrow ? "hidden" : "shown");
explorer.toggleAttribute("data-panel-hidden", choiceOfPanel === "hidden");
showPanelButtons();
load();
