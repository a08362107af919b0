// Columns, density, table or grid: what a person chooses is kept for them, and shown at once.

import { change, current, results } from "./state.js";

const dialog = document.getElementById("dialog-columns");
const list = dialog.querySelector("[data-columns]");
const said = dialog.querySelector("[data-said]");

/** Keep a choice on the server; says whether it was kept. */
async function keep(choice) {
  const body = new URLSearchParams();
  for (const [name, value] of Object.entries(choice)) body.append(name, value);
  const token = document.querySelector("#preferences input[name=csrfmiddlewaretoken]").value;
  const headers = { "X-CSRFToken": token };
  try {
    return (await fetch(dialog.dataset.url, { method: "POST", body, headers })).ok;
  } catch {
    return false;
  }
}

const entries = () => [...list.children];
const movable = () => entries().filter((entry) => !("pinned" in entry.dataset));
const chosen = () => entries().filter((entry) => entry.querySelector("input").checked).map((entry) => entry.dataset.name);

function number() {
  const all = movable();
  for (const [index, entry] of all.entries()) {
    entry.querySelector('[data-move="-1"]').disabled = index === 0;
    entry.querySelector('[data-move="1"]').disabled = index === all.length - 1;
  }
}

/** Put the entries in the order of the columns on the page, the others behind them as they are. */
function arrange(columns) {
  for (const entry of entries()) entry.querySelector("input").checked = columns.includes(entry.dataset.name);
  const place = (entry) => {
    if ("pinned" in entry.dataset) return -1;
    const at = columns.indexOf(entry.dataset.name);
    return at === -1 ? columns.length : at;
  };
  list.append(...entries().sort((a, b) => place(a) - place(b)));
  number();
}

function move(entry, step) {
  const all = movable();
  const other = all[all.indexOf(entry) + step];
  if (!other) return;
  if (step < 0) other.before(entry);
  else other.after(entry);
  number();
  said.textContent = `${entry.dataset.label} is now number ${movable().indexOf(entry) + 1} of ${all.length}`;
}

dialog.addEventListener("explorer:open", () => {
  arrange(results().dataset.columns.split(","));
  said.textContent = "";
});
list.addEventListener("click", (event) => {
  const button = event.target.closest("[data-move]");
  if (!button) return;
  move(button.closest("li"), Number(button.dataset.move));
  button.focus();
  if (button.disabled) button.closest("li").querySelector(`[data-move="${-button.dataset.move}"]`).focus();
});
list.addEventListener("keydown", (event) => {
  if (!event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
  const entry = event.target.closest("li");
  if ("pinned" in entry.dataset) return;
  event.preventDefault();
  const focused = event.target;
  move(entry, event.key === "ArrowUp" ? -1 : 1);
  focused.focus();
});

// Dragging an entry by its handle does the same with the mouse.
let dragged = null;
list.addEventListener("dragstart", (event) => {
  dragged = event.target.closest("li");
  event.dataTransfer.effectAllowed = "move";
});
list.addEventListener("dragover", (event) => {
  const over = event.target.closest("li");
  if (!dragged || !over || over === dragged || "pinned" in over.dataset) return;
  event.preventDefault();
  const box = over.getBoundingClientRect();
  if (event.clientY < box.top + box.height / 2) over.before(dragged);
  else over.after(dragged);
});
list.addEventListener("dragend", () => {
  dragged = null;
  number();
});

dialog.querySelector("[data-standard]").addEventListener("click", () => arrange(dialog.dataset.standard.split(",")));
dialog.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const columns = chosen().join(",");
  const kept = await keep({ columns: columns === dialog.dataset.standard ? "" : columns });
  dialog.close();
  // What is kept need not stand in the address; what could not be kept is at least shown.
  const page = current().get("page");
  change({ columns: kept ? null : columns, ...(page ? { page } : {}) });
});

document.addEventListener("click", (event) => {
  const density = event.target.closest?.("[data-density-choice]")?.dataset.densityChoice;
  if (density) {
    const section = results();
    section.classList.remove(`density-${section.dataset.density}`);
    section.classList.add(`density-${density}`);
    section.dataset.density = density;
    for (const button of document.querySelectorAll("[data-density-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.densityChoice === density));
    }
    keep({ density });
  }
  const view = event.target.closest?.("[data-view-choice]")?.dataset.viewChoice;
  if (view) keep({ view });
});
