// The plan of splits: three shares that sum to 100, by sliders and numbers, with locks. htmx saves after each change.

import { rebalanced } from "./shares.js";

const plan = () => document.getElementById("plan");
const form = () => document.getElementById("plan-form");
const rows = () => [...form().querySelectorAll("[data-share]")];
const numberOf = (row) => row.querySelector("[data-number]");
const LARGEST_SEED = 2 ** 31;
// What was last known to be right; a number that is being typed may not be.
let shares = [];

const locked = () => rows().map((row) => row.querySelector("[data-lock]").checked);
const read = () => rows().map((row) => Number(numberOf(row).value));

function show() {
  for (const [index, row] of rows().entries()) {
    numberOf(row).value = String(shares[index]);
    const slider = row.querySelector("[data-slider]");
    slider.value = String(shares[index]);
    slider.style.setProperty("--share", `${shares[index]}%`);
  }
  plan().querySelector("[data-plan-short]").textContent = shares.join(" / ");
}

function begin() {
  if (!form()) return;
  shares = read();
  show();
}

function move(row, value) {
  shares = rebalanced(shares, rows().indexOf(row), value, locked());
  show();
}

document.addEventListener("input", (event) => {
  const row = event.target.closest?.("#plan-form [data-share]");
  if (row && "slider" in event.target.dataset) move(row, Number(event.target.value));
});
// Captured, so that the shares are right before htmx reads the form.
document.addEventListener(
  "change",
  (event) => {
    const field = event.target;
    const row = field.closest?.("#plan-form [data-share]");
    if (row && "number" in field.dataset) move(row, Number(field.value));
    if (row && "lock" in field.dataset) event.stopPropagation(); // says nothing to the server
    if (field.id === "plan-grouping") form().querySelector("[data-cell]").hidden = field.value !== "cell";
    if (field.closest?.("#plan-form") && !("lock" in field.dataset)) form().dataset.touched = "";
  },
  true,
);
document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-dice]")) {
    const seed = document.getElementById("plan-seed");
    seed.value = String(crypto.getRandomValues(new Uint32Array(1))[0] % LARGEST_SEED);
    seed.dispatchEvent(new Event("change", { bubbles: true }));
  }
  const mine = event.target.closest?.("[data-keep-mine]");
  if (mine) document.getElementById("plan-number").value = mine.value;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "p" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input:not([type=checkbox]), select, textarea, dialog")) return;
  if (!form() || !plan()) return;
  event.preventDefault();
  plan().open = true;
  form().querySelector("[data-slider]").focus();
});

// Somebody else changed the plan: an untouched form follows, one that is being changed is told when it is saved.
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target?.id === "plan" || event.detail.elt?.id === "plan") begin();
  const staged = document.getElementById("staged");
  const number = document.getElementById("plan-number");
  if (!staged || !number || Number(staged.dataset.planNumber) <= Number(number.value)) return;
  if ("touched" in form().dataset || plan().contains(document.activeElement)) return;
  htmx.ajax("GET", form().action.replace(/plan\/$/, "plan-form/"), { target: "#plan", swap: "outerHTML" });
});
// What was saved is no longer in the way of others' changes.
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.elt?.id !== "plan-form" || !event.detail.successful) return;
  delete form().dataset.touched;
});
document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-take-theirs]")) document.getElementById("staging-said").replaceChildren();
});
begin();
