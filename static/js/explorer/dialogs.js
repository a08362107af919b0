// The explorer's dialogs: opened by a button or a key, closed by Escape, the cross or a click beside them.

export function openDialog(name) {
  const dialog = document.getElementById(`dialog-${name}`);
  if (!dialog || dialog.open) return;
  dialog.dispatchEvent(new CustomEvent("explorer:open"));
  dialog.showModal();
  dialog.querySelector("[data-first]")?.focus();
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest?.("[data-open-dialog]");
  if (opener) openDialog(opener.dataset.openDialog);
  if (event.target.closest?.("[data-close-dialog]")) event.target.closest("dialog").close();
  // Only the backdrop makes the dialog itself the target.
  if (event.target.matches?.("dialog.explorer-dialog")) event.target.close();
});
