// The confusion matrix by keyboard: arrows go from cell to cell, Enter opens the one in focus.

const matrix = document.querySelector("[data-matrix]");
const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** The nearest cell with a link from a place on, in one direction; null at the edge. */
function neighbour(row, column, [down, right]) {
  for (let y = row + down, x = column + right; ; y += down, x += right) {
    const cell = matrix.tBodies[0].rows[y]?.cells[x];
    if (!cell) return null;
    const link = cell.querySelector("a");
    if (link) return link;
  }
}

matrix?.addEventListener("keydown", (event) => {
  const step = STEPS[event.key];
  const cell = event.target.closest("td");
  if (!step || !cell || event.altKey || event.ctrlKey || event.metaKey) return;
  const next = neighbour(cell.parentElement.sectionRowIndex, cell.cellIndex, step);
  if (!next) return;
  event.preventDefault();
  next.focus();
});
