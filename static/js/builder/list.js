// The list on the left of the builder: what is selected there can go into the draft, and out of it.

import { clear, selected } from "../explorer/bulk.js";
import { current, go } from "../explorer/state.js";

const bar = () => document.getElementById("builder-bar");

function show() {
  const form = bar();
  const now = selected();
  if (form) {
    form.querySelector("[data-ids]").value = now.all ? "" : now.ids.join(",");
    form.querySelector("[data-selected-count]").textContent = now.size ? now.size.toLocaleString("en") : "";
    for (const name of ["[data-add-selected]", "[data-remove-selected]"]) {
      const button = form.querySelector(name);
      button.disabled = !now.size;
      // All that match is a rule, not a list.
      button.value = now.all ? "all" : "selected";
    }
  }
  fillSliceForm(now);
}

function fillSliceForm(now) {
  const form = document.getElementById("slice-form");
  if (!form) return;
  form.querySelector("[data-matching]").value = bar()?.querySelector("[name=matching]").value ?? "";
  form.querySelector("[data-ids]").value = now.ids.join(",");
  form.querySelector("[data-slice-selected]").disabled = !now.ids.length;
}

document.addEventListener("explorer:selection", show);
document.addEventListener("htmx:afterSettle", show);
// The rows say which of them are in the draft.
document.addEventListener("builder:changed", () => {
  clear();
  go(current());
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("dialog, select, textarea, [role=slider], input:not([type=checkbox])")) return;
  const name = { i: "[data-add-selected]", o: "[data-remove-selected]" }[event.key];
  const button = name && bar()?.querySelector(name);
  if (!button || button.disabled) return;
  event.preventDefault();
  button.click();
});
show();
