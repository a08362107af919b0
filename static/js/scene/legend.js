// The legend of a view: classes with their counts on this frame, or a colour bar with its scale.

import { rampGradient } from "../viewer/colours.js";
import { errorKeys, keyOf, kindOf } from "./catalogue.js";
import { compact, element, grouped, measured } from "./words.js";

/** Points of each class index in an array of class indices. */
export function classCounts(values) {
  const counts = new Uint32Array(256);
  for (let i = 0; i < values.length; i++) counts[values[i]]++;
  return counts;
}

/** How an error map splits the points of a frame: {differs, agrees, ignored}. */
export function errorCounts(truth, prediction, ignored) {
  const counts = { differs: 0, agrees: 0, ignored: 0 };
  for (let i = 0; i < truth.length; i++) {
    if (ignored.has(truth[i])) counts.ignored++;
    else if (truth[i] === prediction[i]) counts.agrees++;
    else counts.differs++;
  }
  return counts;
}

/** The classes hidden after a click on one: it alone is toggled, or, isolated, all others are hidden. */
export function hiddenAfter(hidden, index, all, isolate) {
  if (!isolate) return hidden.includes(index) ? hidden.filter((other) => other !== index) : [...hidden, index];
  const others = all.filter((other) => other !== index);
  const alone = hidden.length === others.length && !hidden.includes(index);
  return alone ? [] : others;
}

export class Legend {
  constructor(side, { catalogue, store }) {
    this.box = document.querySelector(`[data-legend="${side}"]`);
    Object.assign(this, { side, catalogue, store, drawn: "" });
    this.box.addEventListener("click", (event) => this.clicked(event));
    this.box.addEventListener("change", (event) => this.edited(event));
    this.box.addEventListener("keydown", (event) => {
      if (!event.altKey || event.key !== "Enter" || !event.target.dataset.index) return;
      event.preventDefault();
      this.toggle(keyOf(this.colour(this.store.state)), Number(event.target.dataset.index), true);
    });
  }

  colour(state) {
    return this.side === "left" ? state.colour : state.right;
  }

  /** @param held overlays of this frame by key, as the stage holds them */
  show(state, held, scale) {
    const colour = this.colour(state);
    this.box.hidden = !colour || !this.catalogue.knows(colour);
    if (this.box.hidden) return;
    if (kindOf(colour) === "classes") this.showClasses(colour, state, held);
    else if (kindOf(colour) === "error") this.showError(colour, held);
    else this.showScale(colour, state, scale);
  }

  showClasses(colour, state, held) {
    const key = keyOf(colour);
    const { name, classes } = this.catalogue.ontology(colour);
    const counts = this.counts(key, state.frame, held);
    const hidden = new Set(state.hidden[key] ?? []);
    const shown = classes.filter(({ index }) => !counts || counts[index] || hidden.has(index));
    const focused = this.box.contains(document.activeElement) ? document.activeElement.dataset.index : null;
    this.box.replaceChildren(
      element("p", { className: "legend-head" }, element("span", {}, name),
        hidden.size ? element("button", { type: "button", className: "legend-all", data: { all: "" } }, "Show all") : ""), // prettier-ignore
      ...shown.map((entry) => this.classLine(entry, counts && (counts[entry.index] ?? 0), !hidden.has(entry.index))),
      ...(shown.length ? [] : [element("p", { className: "faint" }, "No point of this frame has a class.")]),
    );
    if (focused !== null) this.box.querySelector(`[data-index="${focused}"]`)?.focus();
  }

  /** Points by class index; null when they are not known. A big cloud comes in parts: what was counted of the whole. */
  counts(key, frame, held) {
    const values = held.get(key)?.attribute?.values;
    return values ? classCounts(values) : (this.catalogue.sources.get(key).counts?.[frame] ?? null);
  }

  classLine(entry, count, visible) {
    const swatch = element("span", { className: "legend-swatch" });
    swatch.style.background = entry.colour;
    const title = `${entry.name}${entry.ignored ? " (counts in no metric)" : ""}${count === null ? "" : `: ${grouped(count)} points of this frame`}. Click hides it, Alt-click shows it alone.`;
    return element("button", { type: "button", className: "legend-class", title, data: { index: entry.index }, aria: { pressed: visible } },
      swatch, element("span", { className: "legend-name" }, entry.name),
      element("span", { className: "legend-count tabular" }, count === null ? "" : compact(count))); // prettier-ignore
  }

  showError(colour, held) {
    const keys = errorKeys(colour);
    const [truth, prediction] = [keys.truth, keys.prediction].map((key) => held.get(key)?.attribute?.values);
    const classes = this.catalogue.sources.get(keys.truth).ontology?.classes ?? [];
    const ignored = new Set(classes.filter((entry) => entry.ignored).map((entry) => entry.index));
    const counts = truth && prediction ? errorCounts(truth, prediction, ignored) : null;
    const judged = counts ? counts.differs + counts.agrees : 0;
    const line = (name, kind, words) =>
      element("p", { className: "legend-class" }, element("span", { className: `legend-swatch legend-${kind}` }),
        element("span", { className: "legend-name" }, words),
        element("span", { className: "legend-count tabular" }, counts ? compact(counts[name]) : "")); // prettier-ignore
    this.box.replaceChildren(
      element("p", { className: "legend-head" }, "Prediction against ground truth"),
      line("differs", "differs", "Differs"), line("agrees", "agrees", "Agrees"), line("ignored", "ignored", "Not judged"),
      ...(judged ? [element("p", { className: "legend-foot tabular" }, `${((100 * counts.differs) / judged).toFixed(1)} % of ${grouped(judged)} judged points`)] : []),
    ); // prettier-ignore
  }

  showScale(colour, state, scale) {
    const bar = element("div", { className: "legend-bar-scale" });
    bar.style.background = rampGradient(kindOf(colour) === "score" ? "uniform" : colour);
    const fixed = !state.fit.includes(colour);
    // A person's own ends stay as they were typed; others have as many digits as the scale is worth.
    const digits = Math.max(0, Math.min(6, 2 - Math.floor(Math.log10(scale[1] - scale[0] || 1))));
    const written = (value) => Number(state.ranges[colour] ? value.toPrecision(6) : value.toFixed(digits));
    const field = (end, value) =>
      element("input", { type: "number", step: "any", className: "legend-end tabular", value: written(value),
        data: { end }, aria: { label: end === "low" ? "Lower end of the scale" : "Upper end of the scale" }, disabled: !fixed }); // prettier-ignore
    const lock = element("button", { type: "button", className: "legend-lock", data: { lock: "" }, aria: { pressed: fixed } }, fixed ? "Fixed" : "Each frame");
    lock.title = fixed ? "One scale for all frames. Click: fit it to each frame." : "The scale fits each frame. Click: one scale for all frames.";
    const unit = this.catalogue.unit(colour);
    if (this.box.contains(document.activeElement) && document.activeElement.dataset.end) return;
    this.box.replaceChildren(
      element("p", { className: "legend-head" }, element("span", {}, `${this.catalogue.title(colour)}${unit ? ` (${unit})` : ""}`), kindOf(colour) === "score" ? "" : lock),
      bar,
      element("p", { className: "legend-ends" }, field("low", scale[0]),
        state.ranges[colour] ? element("button", { type: "button", className: "legend-all", data: { usual: "" } }, "Usual scale") : "", field("high", scale[1])),
    ); // prettier-ignore
    if (kindOf(colour) === "score") this.box.append(this.scoreLine(colour, state.frame));
  }

  scoreLine(colour, frame) {
    const series = this.catalogue.scores.get(keyOf(colour));
    const value = series.values[frame];
    return element("p", { className: "legend-foot tabular" }, value === null ? "This frame has no score." : `This frame: ${measured(value)}`);
  }

  clicked(event) {
    const button = event.target.closest("button");
    if (!button) return;
    const { state } = this.store;
    const colour = this.colour(state);
    const key = keyOf(colour);
    if ("all" in button.dataset) this.store.set({ hidden: { ...state.hidden, [key]: [] } });
    else if ("index" in button.dataset) this.toggle(key, Number(button.dataset.index), event.altKey);
    else if ("usual" in button.dataset) this.store.set({ ranges: without(state.ranges, colour) });
    else if ("lock" in button.dataset) {
      const fit = state.fit.includes(colour) ? state.fit.filter((other) => other !== colour) : [...state.fit, colour];
      this.store.set({ fit, ranges: without(state.ranges, colour) });
    }
  }

  toggle(key, index, isolate) {
    const { hidden } = this.store.state;
    const all = this.catalogue.sources.get(key).ontology.classes.map((entry) => entry.index);
    this.store.set({ hidden: { ...hidden, [key]: hiddenAfter(hidden[key] ?? [], index, all, isolate) } });
  }

  edited() {
    const ends = [...this.box.querySelectorAll("[data-end]")].map((field) => field.valueAsNumber);
    if (ends.some(Number.isNaN) || ends[0] >= ends[1]) return;
    document.activeElement.blur();
    this.store.set({ ranges: { ...this.store.state.ranges, [this.colour(this.store.state)]: ends } });
  }

  focus() {
    this.box.querySelector("button, input")?.focus();
  }
}

function without(ranges, colour) {
  return Object.fromEntries(Object.entries(ranges).filter(([other]) => other !== colour));
}
