// Histograms to brush: drag over the bars to choose a range, or move its two handles with the arrow keys. The range
// is written into the section's two fields, which is what the address is made of.

const DAY = 86400;

// Sections stay, their charts are replaced by every answer: whatever waits holds on to the section.
const sectionOf = (element) => element.closest?.("[data-section]") ?? null;
const chartOf = (section) => section?.querySelector("[data-histogram]") ?? null;
const fieldsOf = (section) => [...section.querySelectorAll(".range input")];
const isDays = (section) => section.dataset.kind === "days";
const edgesOf = (section) => chartOf(section).dataset.edges.split(" ").map(Number);

/** Where a value stands among the edges, in bars: 0 at the left, as many as there are bars at the right. */
export function placeOf(edges, value) {
  if (value <= edges[0]) return 0;
  const last = edges.length - 1;
  if (value >= edges[last]) return last;
  const after = edges.findIndex((edge) => edge > value);
  return after - 1 + (value - edges[after - 1]) / (edges[after] - edges[after - 1]);
}

/** The value at a place among the edges. */
export function valueAt(edges, place) {
  const index = Math.min(Math.max(Math.floor(place), 0), edges.length - 2);
  return edges[index] + (place - index) * (edges[index + 1] - edges[index]);
}

/** A number a tenth as fine as a bar is wide, rounded outwards so that a bar that is touched stays in. */
export function rounded(value, width, outwards) {
  if (!(width > 0)) return value;
  const step = 10 ** (Math.floor(Math.log10(width)) - 1);
  return Number((outwards(Number((value / step).toPrecision(12))) * step).toPrecision(12));
}

function fieldValue(section, field) {
  if (field.value === "") return null;
  // The edges of days count seconds as the site's clock shows them, so that no time zone moves a day.
  if (isDays(section)) return Date.parse(`${field.value}T00:00:00Z`) / 1000 + (field === fieldsOf(section)[1] ? DAY : 0);
  return Number(field.value) * Number(field.dataset.scale ?? 1);
}

function write(section, places) {
  const edges = edgesOf(section);
  const [low, high] = fieldsOf(section);
  low.value = places[0] <= 0 ? "" : text(section, low, edges, places[0], Math.floor);
  high.value = places[1] >= edges.length - 1 ? "" : text(section, high, edges, places[1], Math.ceil);
}

function text(section, field, edges, place, outwards) {
  const value = valueAt(edges, place);
  if (isDays(section)) return new Date((outwards === Math.ceil ? value - 1 : value) * 1000).toISOString().slice(0, 10);
  const index = Math.min(Math.max(Math.floor(place), 0), edges.length - 2);
  const scale = Number(field.dataset.scale ?? 1);
  return String(rounded(value / scale, (edges[index + 1] - edges[index]) / scale, outwards));
}

function placesOf(section) {
  const edges = edgesOf(section);
  const [low, high] = fieldsOf(section).map((field) => fieldValue(section, field));
  return [low === null ? 0 : placeOf(edges, low), high === null ? edges.length - 1 : placeOf(edges, high)];
}

/** Draw the chosen range: what lies outside is shaded, the handles stand at its ends. */
function draw(section, places = placesOf(section)) {
  const chart = chartOf(section);
  const bars = edgesOf(section).length - 1;
  const words = chart.dataset.words.split("|");
  const [low, high] = places.map((place) => (100 * place) / bars);
  chart.querySelector('[data-shade="low"]').style.width = `${low}%`;
  chart.querySelector('[data-shade="high"]').style.width = `${100 - high}%`;
  for (const [index, end] of ["low", "high"].entries()) {
    const handle = chart.querySelector(`[data-handle="${end}"]`);
    handle.style.left = `${index ? high : low}%`;
    handle.setAttribute("aria-valuenow", String(Math.round(places[index])));
    handle.setAttribute("aria-valuetext", words[Math.round(places[index])] ?? "");
  }
}

const ask = (section) => fieldsOf(section)[0].dispatchEvent(new Event("change", { bubbles: true }));

/** Where a pointer is, in bars. */
function pointed(section, event) {
  const box = chartOf(section).getBoundingClientRect();
  const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
  return share * (edgesOf(section).length - 1);
}

let drag = null;
document.addEventListener("pointerdown", (event) => {
  if (event.button || !event.target.closest?.("[data-histogram]")) return;
  event.preventDefault();
  const section = sectionOf(event.target);
  const handle = event.target.closest("[data-handle]");
  handle?.focus();
  const end = handle?.dataset.handle;
  drag = { section, end, from: pointed(section, event), places: placesOf(section), moved: Boolean(end) };
});
document.addEventListener("pointermove", (event) => {
  if (!drag || !chartOf(drag.section)) return;
  const here = pointed(drag.section, event);
  if (drag.end === "low") drag.places[0] = Math.min(here, drag.places[1]);
  else if (drag.end === "high") drag.places[1] = Math.max(here, drag.places[0]);
  else {
    drag.moved ||= Math.abs(here - drag.from) > 0.3;
    if (drag.moved) drag.places = [Math.floor(Math.min(here, drag.from)), Math.ceil(Math.max(here, drag.from))];
  }
  if (!drag.moved) return;
  write(drag.section, drag.places);
  draw(drag.section, drag.places);
});
document.addEventListener("pointerup", () => {
  if (!drag) return;
  const { section, from, moved } = drag;
  drag = null;
  if (chartOf(section)) {
    // A click takes the one bar it hits.
    if (!moved) write(section, [Math.floor(from), Math.min(Math.floor(from) + 1, edgesOf(section).length - 1)]);
    draw(section);
  }
  ask(section);
});
document.addEventListener("pointercancel", () => {
  drag = null;
});

const STEPS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -5, PageUp: 5 };
let settling = 0;
document.addEventListener("keydown", (event) => {
  const handle = event.target.closest?.("[data-handle]");
  if (!handle) return;
  const section = sectionOf(handle);
  const bars = edgesOf(section).length - 1;
  const places = placesOf(section);
  const index = handle.dataset.handle === "low" ? 0 : 1;
  const step = STEPS[event.key] ?? 0;
  let next = { Home: 0, End: bars }[event.key] ?? Math.round(places[index]) + step;
  if (!step && !["Home", "End"].includes(event.key)) return;
  event.preventDefault();
  const field = fieldsOf(section)[index];
  const before = field.value;
  const [least, most] = index ? [Math.ceil(places[0]), bars] : [0, Math.floor(places[1])];
  // A day may be wider than a bar: go on until the field says something else.
  do {
    places[index] = Math.min(most, Math.max(least, next));
    write(section, places);
    next += Math.sign(step);
  } while (step && field.value === before && next >= least && next <= most);
  draw(section, places);
  clearTimeout(settling);
  settling = setTimeout(() => ask(section), 350);
});

const drawAll = () => {
  for (const chart of document.querySelectorAll("[data-histogram]")) draw(sectionOf(chart));
};
document.addEventListener("htmx:oobAfterSwap", drawAll);
document.addEventListener("explorer:state", drawAll);
document.addEventListener("input", (event) => {
  const section = sectionOf(event.target);
  if (chartOf(section)) draw(section);
});
