// The filter bar and the address: a change of one asks for the other. What is typed is kept when a list comes.

import { current, go, results } from "../explorer/state.js";

const form = document.getElementById("filters");
const field = form.elements.query;
const NAMES = ["query", "status", "experiment", "architecture", "dataset", "started_by", "archived"];

/** Ask for what the bar says; everything else of the address stays, but for the page. */
export function apply() {
  const next = current();
  for (const name of [...NAMES, "after", "before"]) next.delete(name);
  for (const [name, value] of new FormData(form)) if (value.trim()) next.append(name, value.trim());
  return go(next);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  apply();
});
form.addEventListener("change", (event) => {
  if (event.target !== field) apply();
});

/** Show in the bar what the address says, but never touch the field that somebody types in. */
function follow() {
  const state = current();
  for (const box of form.querySelectorAll('input[name="status"]')) {
    box.checked = state.getAll("status").includes(box.value);
  }
  for (const select of form.querySelectorAll("select")) {
    const wanted = state.get(select.name) ?? "";
    if (wanted && ![...select.options].some((option) => option.value === wanted)) select.add(new Option(wanted, wanted));
    select.value = wanted;
    select.toggleAttribute("data-chosen", Boolean(wanted));
  }
  if (document.activeElement !== field || !field.value) field.value = state.get("query") ?? "";
  mark();
}

function mark() {
  const problem = document.getElementById("query-problem");
  if (problem) {
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", "query-problem");
  } else {
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-describedby");
  }
}

/** Put the cursor where the query is wrong. */
function toProblem() {
  const problem = document.getElementById("query-problem");
  if (!problem) return;
  const start = Number(problem.dataset.position);
  field.focus();
  field.setSelectionRange(start, start + Number(problem.dataset.length));
}

document.addEventListener("explorer:state", follow);
document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-to-problem]")) toProblem();
  if (event.target.closest?.("[data-reload]")) {
    const next = current();
    next.delete("after");
    next.delete("before");
    go(next);
  }
});
document.addEventListener("change", (event) => {
  if (!("group" in event.target.dataset)) return;
  const next = current();
  for (const name of ["group", "after", "before"]) next.delete(name);
  if (event.target.value) next.set("group", event.target.value);
  go(next).then(() => results().querySelector("[data-group]")?.focus());
});
mark();
