// Selected runs and what is done with them. The selection outlives paging and sorting and ends with "Clear".

import { current, go } from "../explorer/state.js";
import { rows } from "./rows.js";

const MOST_COMPARED = 20;
const chosen = new Set();
const said = document.getElementById("bulk-said");
const tagDialog = document.getElementById("dialog-tag");
const bar = () => document.getElementById("selection");
const boxes = () => [...document.querySelectorAll("#results [data-select]")];
let anchor = null;

export const selected = () => [...chosen];

function show() {
  for (const box of boxes()) box.checked = chosen.has(box.value);
  for (const row of rows()) row.toggleAttribute("data-selected", chosen.has(row.dataset.run));
  const head = document.querySelector("[data-select-page]");
  if (head) {
    const here = boxes().filter((box) => box.checked).length;
    head.checked = here > 0 && here === boxes().length;
    head.indeterminate = here > 0 && here < boxes().length;
  }
  const form = bar();
  if (!form) return;
  form.hidden = !chosen.size;
  form.querySelector("[data-bulk-count]").textContent = chosen.size.toLocaleString("en");
  const compare = form.querySelector("[data-run-compare]");
  compare.disabled = chosen.size < 2 || chosen.size > MOST_COMPARED;
}

function set(box, checked) {
  if (checked) chosen.add(box.value);
  else chosen.delete(box.value);
}

export function toggle(row) {
  const box = row?.querySelector("[data-select]");
  if (!box) return;
  set(box, !chosen.has(box.value));
  anchor = box.value;
  show();
}

export function togglePage() {
  const checked = boxes().some((box) => !chosen.has(box.value));
  for (const box of boxes()) set(box, checked);
  show();
}

export function clear() {
  chosen.clear();
  show();
}

/** Words beside the list. */
export function tell(words) {
  const line = document.createElement("p");
  line.className = "said-card said-line said-passing";
  line.textContent = words;
  said.replaceChildren(line);
}

export function compare() {
  if (chosen.size < 2 || chosen.size > MOST_COMPARED) {
    tell(`Select 2 to ${MOST_COMPARED} runs to compare them.`);
    return;
  }
  const query = new URLSearchParams([...chosen].map((run) => ["run", run]));
  location.assign(`${bar().dataset.compare}?${query}`);
}

/** Do something to runs on the server; what became of it is shown beside the list. */
async function act(action, runs, values = {}) {
  const form = bar();
  const token = document.querySelector("#preferences input[name=csrfmiddlewaretoken]").value;
  const body = new URLSearchParams({ ...values, runs: runs.join(",") });
  const url = form.dataset.url.replace("ACTION", action);
  const answer = await fetch(url, { method: "POST", body, headers: { "X-CSRFToken": token } }).catch(() => null);
  if (!answer) {
    tell("The server could not be reached. Nothing was changed.");
    return;
  }
  const text = await answer.text();
  if (answer.headers.get("Content-Type")?.startsWith("text/html") && text.includes("said-card")) said.innerHTML = text;
  else tell("That could not be done.");
  if (!answer.ok) return;
  if (action === "archive" || action === "restore") for (const run of runs) chosen.delete(run);
  go(current());
}

/** Archive, restore or tag what is selected. */
export function bulk(action, values) {
  if (chosen.size && bar()?.dataset.url) act(action, [...chosen], values);
}

export function askTags() {
  if (!chosen.size || !bar()?.dataset.url || tagDialog.open) return;
  document.getElementById("tag-form").reset();
  tagDialog.showModal();
  tagDialog.querySelector("input").focus();
}

document.getElementById("tag-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const { tags, remove } = event.target.elements;
  tagDialog.close();
  bulk("tag", { tags: tags.value, remove: remove.value });
});
document.addEventListener("change", (event) => {
  if (event.target.matches?.("#results [data-select]")) {
    set(event.target, event.target.checked);
    anchor = event.target.value;
    show();
  }
  if (event.target.dataset && "selectPage" in event.target.dataset) togglePage();
});
document.addEventListener("click", (event) => {
  const box = event.target.closest?.("#results [data-select]");
  if (box && event.shiftKey && anchor !== null && anchor !== box.value) {
    const all = boxes();
    const ends = [all.findIndex((other) => other.value === anchor), all.indexOf(box)].sort((a, b) => a - b);
    if (ends[0] >= 0) for (const other of all.slice(ends[0], ends[1] + 1)) chosen.add(other.value);
    setTimeout(show);
  }
  const button = event.target.closest?.("button");
  if (!button) return;
  if (button.dataset.runBulk) bulk(button.dataset.runBulk);
  if (button.dataset.runUndo) act(button.dataset.runUndo, button.dataset.runs.split(","));
  if ("runCompare" in button.dataset) compare();
  if ("runTag" in button.dataset) askTags();
  if ("bulkClear" in button.dataset) clear();
  if ("closeSaid" in button.dataset) said.replaceChildren();
});
document.addEventListener("submit", (event) => {
  if (event.target.id === "selection") event.preventDefault();
});
// An export of what is selected, when something is.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-export]");
  if (!link || !chosen.size) return;
  const url = new URL(link.href);
  url.searchParams.set("run", [...chosen].join(","));
  link.href = url.href;
  setTimeout(() => {
    url.searchParams.delete("run");
    link.href = url.href;
  });
});
document.addEventListener("runs:said", (event) => {
  for (const open of document.querySelectorAll("dialog[open]")) open.close();
  tell(event.detail.words);
});
document.addEventListener("explorer:state", show);
document.addEventListener("runs:rows", show);
document.addEventListener("htmx:afterSettle", show);
export const closeSaid = () => {
  if (!said.childElementCount) return false;
  said.replaceChildren();
  return true;
};
show();
