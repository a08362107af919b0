// The list of datasets and the data card: their dialogs.

import "../explorer/dialogs.js";

document.querySelector("dialog[data-open-now]")?.showModal();
document.addEventListener("keydown", (event) => {
  if (event.key !== "n" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, select, textarea, dialog, [contenteditable]")) return;
  const dialog = document.getElementById("dialog-new-dataset");
  if (!dialog || dialog.open) return;
  event.preventDefault();
  dialog.showModal();
});

// A refused export says why where the exports are listed.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target.id === "exports" && event.detail.xhr.status >= 400) event.detail.shouldSwap = true;
});
