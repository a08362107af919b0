// The toolbar shows the state and changes it; what is drawn follows from the store.

import { keyOf, kindOf } from "./catalogue.js";
import { element } from "./words.js";

const BASE = "height";
const find = (selector) => document.querySelector(selector);
const press = (name, pressed) => find(`[data-do="${name}"]`)?.setAttribute("aria-pressed", String(Boolean(pressed)));

export class Toolbar {
  constructor({ store, catalogue }) {
    Object.assign(this, { store, catalogue });
    this.choices = { left: find('[data-choose="left"]'), right: find('[data-choose="right"]') };
    this.prediction = find('[data-choose="prediction"]');
    this.fill();
    this.bind();
    store.on(["colour", "right", "blink", "size", "edl", "rings", "slice", "loop", "speed", "frame"], (state) => this.show(state));
    this.show(store.state);
  }

  fill() {
    for (const select of Object.values(this.choices)) {
      for (const [group, colours] of this.catalogue.choices()) {
        const options = colours.map(([colour, title]) => element("option", { value: colour }, title));
        select.append(Object.assign(element("optgroup", {}, ...options), { label: group }));
      }
    }
    for (const { key, title } of this.catalogue.predictions) this.prediction.append(element("option", { value: key }, title));
    for (const words of this.catalogue.playback.leftOut ?? []) this.prediction.append(element("option", { disabled: true }, words));
    this.offer();
  }

  /** What the scene has nothing for can not be pressed, and says why. */
  offer() {
    const { truths, predictions } = this.catalogue;
    this.prediction.disabled = !predictions.length;
    if (!predictions.length) find("[data-prediction-segment]").title = "No model has predicted this scene yet. (3)";
    this.refuse("truth", !truths.length, "This scene has no ground truth yet: the Labels tab says how it gets one.");
    this.refuse("error", !this.catalogue.errors().length, "An error map needs ground truth and a prediction in the same ontology.");
    this.refuse("uncertainty", !this.catalogue.uncertaintyColour(0), "No model's uncertainty is known for this scene yet.");
  }

  refuse(name, refused, why) {
    const button = find(`[data-do="${name}"]`);
    button.disabled = refused;
    if (refused) button.title = why;
  }

  bind() {
    const { store } = this;
    this.choices.left.addEventListener("change", (event) => this.choose({ colour: event.target.value }, event));
    this.choices.right.addEventListener("change", (event) => this.choose({ right: event.target.value }, event));
    this.prediction.addEventListener("change", (event) => this.choose({ colour: event.target.value ? `classes:${event.target.value}` : BASE }, event));
    for (const name of ["size", "edl"]) {
      find(`[data-set="${name}"]`).addEventListener("input", (event) => store.set({ [name]: event.target.valueAsNumber }));
    }
    for (const field of document.querySelectorAll('[data-set^="slice"]')) field.addEventListener("change", () => this.readSlice());
  }

  choose(patch, event) {
    event.target.blur(); // the keys of the page work again at once
    this.store.set(patch);
  }

  readSlice() {
    const value = (name) => find(`[data-set="slice-${name}"]`).valueAsNumber;
    const ends = [value("low"), value("high")].map((end) => (Number.isNaN(end) ? null : end));
    const on = find('[data-set="slice-on"]').checked;
    this.store.set({ slice: on ? this.usualSlice(ends) : null });
  }

  usualSlice([low, high]) {
    if (low !== null || high !== null) return [low, high];
    const bounds = this.catalogue.playback.bounds;
    return bounds ? [bounds[0][2], bounds[1][2]].map((end) => Number(end.toFixed(1))) : [-2, 5];
  }

  toggleSlice() {
    find('[data-set="slice-on"]').checked = !this.store.state.slice;
    this.readSlice();
    if (this.store.state.slice) this.openLook("slice-low");
  }

  openLook(name) {
    find("[data-look]").open = true;
    find(`[data-set="${name}"]`).focus();
  }

  show(state) {
    const kind = kindOf(state.colour);
    const source = this.catalogue.sources.get(keyOf(state.colour));
    press("raw", ["height", "intensity", "range", "field"].includes(kind));
    press("truth", kind === "classes" && source?.role === "truth");
    press("error", kind === "error");
    press("uncertainty", kind === "uncertainty" || kind === "score");
    press("side-by-side", Boolean(state.right) && !state.blink);
    press("blink", state.blink);
    press("rings", state.rings);
    press("loop", state.loop);
    this.showPrediction(kind === "classes" && source?.role === "prediction" ? source.key : "");
    this.choices.left.value = state.colour;
    this.choices.right.value = state.right;
    this.showLook(state);
    find("[data-speed]").value = String(state.speed);
    this.showHalves(state);
  }

  showPrediction(key) {
    this.prediction.value = key;
    find("[data-prediction-segment]").setAttribute("data-pressed", String(Boolean(key)));
  }

  showHalves(state) {
    const halves = Boolean(state.right);
    find("#stage-view").dataset.halves = halves ? (state.blink ? "blink" : "beside") : "one";
    find('[data-half="right"]').hidden = !halves;
  }

  showLook(state) {
    for (const name of ["size", "edl"]) {
      find(`[data-set="${name}"]`).value = state[name];
      find(`[data-said="${name}"]`).textContent = state[name];
    }
    find('[data-set="slice-on"]').checked = state.slice !== null;
    if (!state.slice) return;
    find('[data-set="slice-low"]').value = state.slice[0] ?? "";
    find('[data-set="slice-high"]').value = state.slice[1] ?? "";
  }

  /** The colour that a press of an overlay's button leads to: on, or back to the bare cloud. */
  toggled(colour) {
    return this.store.state.colour === colour ? BASE : colour;
  }

  nextPrediction() {
    const { predictions } = this.catalogue;
    const here = predictions.findIndex(({ key }) => this.store.state.colour === `classes:${key}`);
    return predictions.length ? `classes:${predictions[(here + 1) % predictions.length].key}` : null;
  }

  /** What stands on the right when two views begin: what explains the left one best. */
  usualRight() {
    const { catalogue } = this;
    const { colour, frame } = this.store.state;
    const wanted = [
      ...catalogue.predictions.map(({ key }) => `classes:${key}`),
      ...catalogue.truths.map(({ key }) => `classes:${key}`),
      catalogue.uncertaintyColour(frame),
      "intensity",
      "height",
    ];
    return wanted.find((candidate) => candidate && candidate !== colour);
  }
}
