// The menu of saved views (its key is in keys.js), and its dialogs after an answer.

import { current, go } from "./state.js";

const menu = () => document.querySelector("#saved-views details.menu");

document.addEventListener(
  "toggle",
  (event) => {
    if (event.target === menu() && event.target.open) menu().querySelector(".menu-panel button, .menu-panel a").focus();
  },
  true,
);

// Arrow keys walk the entries of the open menu.
document.addEventListener("keydown", (event) => {
  const panel = event.target.closest?.("#saved-views .menu-panel");
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!panel || !step) return;
  event.preventDefault();
  const entries = [...panel.querySelectorAll(".menu-entry")];
  const at = entries.indexOf(document.activeElement.closest(".view-row, form, .menu-entry")?.querySelector?.(".menu-entry") ?? document.activeElement);
  entries[(at + step + entries.length) % entries.length].focus();
});

// A refusal is shown in the dialog that asked.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, target } = event.detail;
  if (![400, 403, 409].includes(xhr.status) || target.id !== "saved-views") return;
  event.detail.shouldSwap = true;
  event.detail.isError = false;
});
document.addEventListener("htmx:afterSettle", (event) => {
  const { target } = event.detail;
  if (target.id === "dialog-view" && target.childElementCount && !target.open) target.showModal();
  document.querySelector("#saved-views dialog[data-open-now]:not([open])")?.showModal();
});
document.addEventListener("click", (event) => {
  if (event.target.closest?.("#saved-views .menu-panel a, #saved-views .menu-panel button")) menu().open = false;
});

// Rows that come anew while somebody types the name of a view wait until the dialog is closed.
document.addEventListener("htmx:beforeSwap", (event) => {
  const open = document.querySelector("#saved-views dialog[open]");
  if (event.detail.target.id !== "results" || !open) return;
  event.detail.shouldSwap = false;
  open.addEventListener("close", () => go(current()), { once: true });
});

// A list that is only refreshed, as after a bulk change, leaves the menu as it was; one of another view closes it.
let opened = null;
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target?.id === "results" && menu()?.open) opened = current().toString();
});
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target?.id !== "results" && event.detail.elt?.id !== "results") return;
  if (opened !== null && menu() && current().toString() === opened) menu().open = true;
  opened = null;
});
