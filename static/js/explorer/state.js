// The explorer's state is its address. Whoever changes a filter asks for the next address here; the answer replaces
// #results, and whoever shows state listens for "explorer:state".

const LISTING = ["sort", "rows", "view", "columns", "panel"];

export const results = () => document.getElementById("results");
export const current = () => new URLSearchParams(results()?.dataset.query ?? "");
// Not by `dataset`, which a field of that name in the form would hide.
const path = () => document.getElementById("filters").getAttribute("data-url");

/** Ask for the scenes of these parameters. A newer question replaces one that is not answered yet. */
export function go(parameters) {
  const query = parameters.toString();
  const url = query ? `${path()}?${query}` : path();
  // Not the form: htmx would send its fields as well.
  const source = document.getElementById("asking");
  return settled(htmx.ajax("GET", url, { source, target: "#results", swap: "outerHTML" }));
}

/** The end of a request, whatever became of it: htmx tells of faults by events, and one that was replaced is none. */
export const settled = (request) => request.catch(() => null);

/** The parameters of the listing that a change of filters keeps; the page is not among them. */
export function listing() {
  const kept = new URLSearchParams();
  for (const [name, value] of current()) if (LISTING.includes(name)) kept.append(name, value);
  return kept;
}

/** Go to the present state with some parameters set, or left out when the value is null. */
export function change(values) {
  const next = current();
  next.delete("page");
  for (const [name, value] of Object.entries(values)) {
    if (value === null) next.delete(name);
    else next.set(name, value);
  }
  return go(next);
}

const tell = () => document.dispatchEvent(new CustomEvent("explorer:state", { detail: { parameters: current() } }));

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target?.id === "results" || event.detail.elt?.id === "results") tell();
});

// A link that leads to another state of this page: followed by htmx, unless it should open elsewhere.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-go]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  go(new URL(link.href).searchParams);
});
// Pages of the list come as plain hx-get links; a tag in a row adds itself to what is filtered.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-add-filter]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  const { addFilter: name, value } = link.dataset;
  const next = current();
  next.delete("page");
  const others = next.getAll(name).filter((given) => given !== value);
  next.delete(name);
  for (const other of others) next.append(name, other);
  if (link.getAttribute("aria-current") !== "true") next.append(name, value);
  go(next);
});
