// The staged scenes: ticks, the part of the address that belongs to them, refusals, and the dialog that saves.

const OWN = /^staged_/;
const staging = document.getElementById("staging");
const ticks = () => [...document.querySelectorAll("#staged-form [data-tick]")];

function showTicks() {
  const ways = document.querySelector("[data-staged-ways]");
  if (!ways) return;
  const count = ticks().filter((box) => box.checked).length;
  ways.hidden = !count;
  ways.querySelector("[data-ticked]").textContent = String(count);
  const all = document.querySelector("[data-tick-all]");
  all.checked = count > 0 && count === ticks().length;
  all.indeterminate = count > 0 && count < ticks().length;
}

document.addEventListener("change", (event) => {
  if ("tickAll" in event.target.dataset) for (const box of ticks()) box.checked = event.target.checked;
  if ("tickAll" in event.target.dataset || "tick" in event.target.dataset) showTicks();
});

/** The address holds both sides: the explorer pushes its own part, this adds what the staging area shows. */
function address() {
  const staged = document.getElementById("staged");
  if (!staged) return;
  const url = new URL(location.href);
  for (const name of [...url.searchParams.keys()]) if (OWN.test(name)) url.searchParams.delete(name);
  for (const [name, value] of new URLSearchParams(staged.dataset.query)) url.searchParams.append(name, value);
  if (url.href !== location.href) history.replaceState(history.state, "", url);
}
document.addEventListener("htmx:pushedIntoHistory", address);
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target?.id !== "staged" && event.detail.elt?.id !== "staged") return;
  address();
  showTicks();
});

// What is being typed into the search outlives an answer to something else.
const search = () => document.getElementById("staged-search");
let typed = null;
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target.id === "staged") typed = document.activeElement === search() ? search()?.value : null;
});
document.addEventListener("htmx:afterSettle", (event) => {
  if (typed === null || event.detail.target?.id !== "staged" || !search() || search().value === typed) return;
  search().value = typed;
  search().dispatchEvent(new Event("input", { bubbles: true }));
});

// A refusal is shown in its place like any answer.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, target } = event.detail;
  if (![400, 403, 409, 413].includes(xhr.status) || !target.closest("#staging, #dialog-freeze")) return;
  event.detail.shouldSwap = true;
  event.detail.isError = false;
});

// A refresh that comes while something else is asked would show what was before it.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt.id !== "staging-poll") return;
  const typing = document.activeElement?.matches("#staged input[type=search], #staged .slice-form input");
  const ticked = ticks().some((box) => box.checked);
  if (document.hidden || typing || ticked || staging.querySelector(".htmx-request")) event.preventDefault();
});

const dialog = document.getElementById("dialog-freeze");
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target !== dialog || !dialog.childElementCount) return;
  if (!dialog.open) dialog.showModal();
  dialog.querySelector("[name=acknowledged]:not(:checked), [data-freeze]")?.focus();
});
dialog.addEventListener("close", () => dialog.replaceChildren());
showTicks();
