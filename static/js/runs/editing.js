// Notes and tags in their cells: the form takes the focus, Escape or Cancel gives the cell back, a refusal stays in it.

const kept = new WeakMap();

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, target, requestConfig } = event.detail;
  if (!target.closest?.("tr[data-run]")) return;
  if (requestConfig.verb === "get") kept.set(target, target.innerHTML);
  else if ([400, 403, 409, 413].includes(xhr.status)) {
    // The form as it came back, with why, in the cell that it stands in.
    event.detail.shouldSwap = true;
    event.detail.isError = false;
    const cell = requestConfig.elt.closest("td");
    event.detail.target = cell;
    event.detail.swapOverride = "innerHTML";
  }
});
document.addEventListener("htmx:afterSettle", (event) => {
  const form = event.detail.target?.querySelector?.("[data-run-edit]");
  const input = form?.querySelector("[name=text]");
  if (!input) return;
  input.focus();
  input.setSelectionRange(input.value.length, input.value.length);
});

function giveBack(form) {
  const cell = form.closest("td");
  if (!kept.has(cell)) return;
  cell.innerHTML = kept.get(cell);
  htmx.process(cell);
  cell.querySelector(".edit-open")?.focus();
}
document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-cancel-edit]")) giveBack(event.target.closest("form"));
});
document.addEventListener("keydown", (event) => {
  const form = event.target.closest?.("[data-run-edit]");
  if (!form) return;
  if (event.key === "Escape") {
    event.preventDefault();
    event.stopPropagation();
    giveBack(form);
  }
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
