// Rows and cards: a click opens the scene, keys walk and select. What is selected is the boxes' state; whoever keeps
// it (the bulk bar) listens to their change events.

const rows = () => [...document.querySelectorAll("#rows [data-scene]")];
const linkOf = (row) => row.querySelector(".scene-link");
const boxOf = (row) => row.querySelector("[data-select]");
let anchor = null; // the id of the scene that was selected last, where a range begins

/** The row that has the keyboard's focus. */
export const here = () => document.activeElement?.closest?.("[data-scene]") ?? null;

/** How many cards stand side by side; one in the table. */
export function across() {
  const all = rows();
  if (all.length < 2 || all[0].tagName === "TR") return 1;
  const top = all[0].offsetTop;
  const next = all.findIndex((card) => card.offsetTop > top);
  return next === -1 ? all.length : next;
}

export function walk(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(here());
  const next = at === -1 && Number.isFinite(step) ? (step > 0 ? 0 : all.length - 1) : at + step;
  // A row of cards that is not there: stay, rather than jump to another column.
  if (at !== -1 && (next < 0 || next >= all.length) && step !== 1 && step !== -1 && Number.isFinite(step)) return;
  linkOf(all[Math.max(0, Math.min(all.length - 1, next))]).focus();
}

function set(row, checked) {
  const box = boxOf(row);
  if (box.checked === checked) return;
  box.checked = checked;
  box.dispatchEvent(new Event("change", { bubbles: true }));
}

/** Select the row, or take it out; `range`: everything between it and the one before gets the same. */
export function select(row, range = false) {
  if (!row) return;
  const all = rows();
  const start = all.findIndex((other) => other.dataset.scene === anchor);
  if (range && start !== -1) {
    const ends = [start, all.indexOf(row)].sort((a, b) => a - b);
    for (const other of all.slice(ends[0], ends[1] + 1)) set(other, true);
  } else set(row, !boxOf(row).checked);
  anchor = row.dataset.scene;
}

/** Select every row of the page, or none when all are. */
export function selectPage(checked = rows().some((row) => !boxOf(row).checked)) {
  for (const row of rows()) set(row, checked);
}

function mark() {
  const all = rows();
  const chosen = all.filter((row) => boxOf(row).checked).length;
  for (const row of all) row.toggleAttribute("data-selected", boxOf(row).checked);
  for (const head of document.querySelectorAll("[data-select-page]")) {
    head.checked = chosen > 0 && chosen === all.length;
    head.indeterminate = chosen > 0 && chosen < all.length;
  }
}

document.addEventListener("change", (event) => {
  if ("selectPage" in event.target.dataset) selectPage(event.target.checked);
  if (event.target.matches("[data-select]") || "selectPage" in event.target.dataset) mark();
});
document.addEventListener("click", (event) => {
  const box = event.target.closest?.("[data-select]");
  if (box) {
    const row = box.closest("[data-scene]");
    if (event.shiftKey && anchor !== null && anchor !== row.dataset.scene) {
      // The browser has turned the box already; a range selects, so that nothing is lost by a slip.
      box.checked = true;
      select(row, true);
      mark();
    }
    anchor = row.dataset.scene;
    return;
  }
  const row = event.target.closest?.("[data-href]");
  if (!row || event.target.closest("a, button, input, label")) return;
  if (getSelection().toString()) return; // the person is selecting text to copy
  if (event.ctrlKey || event.metaKey) open(row.dataset.href, "_blank", "noopener");
  else location.assign(row.dataset.href);
});
document.addEventListener("htmx:afterSettle", mark);
document.addEventListener("explorer:selection", mark);
mark();
