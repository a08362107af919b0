// Puts frames and their overlays into the viewer. A newer wish replaces an older one that is still on its way.

import { errorKeys, keyOf, kindOf } from "./catalogue.js";
import { fittedScale } from "./fitting.js";

const AHEAD = 4;
const BLINK_MILLISECONDS = 600;

/** A colour of the address as the viewer names it. */
export function viewOf(colour, catalogue, position) {
  if (kindOf(colour) === "error") {
    const { truth, prediction } = errorKeys(colour);
    return { colour: `error:${truth}:${prediction}` };
  }
  if (kindOf(colour) === "score") return { colour: "uniform", value: scoreShare(colour, catalogue, position) };
  return { colour };
}

/** Where a frame's score lies on its scale, 0..1; null when it has none. */
export function scoreShare(colour, catalogue, position) {
  const value = catalogue.scores.get(keyOf(colour))?.values[position] ?? null;
  const [low, high] = catalogue.scale(colour);
  return value === null ? null : Math.max(0, Math.min(1, (value - low) / (high - low || 1)));
}

export class Stage {
  /** @param told what to say: {began, shown, unseen, failed} */
  constructor({ viewer, catalogue, line, data, told }) {
    Object.assign(this, { viewer, catalogue, line, data, told });
    this.turn = 0;
    this.position = -1; // the frame that the viewer holds
    this.held = new Map(); // overlay key -> what the viewer holds of it
    this.palettes = new Set();
    this.direction = 1;
  }

  colours(state) {
    return state.right ? [state.colour, state.right] : [state.colour];
  }

  needs(state) {
    const colours = this.colours(state);
    const compared = state.only ? Object.values(this.catalogue.compared(colours) ?? {}) : [];
    return [...new Set([...colours.flatMap((colour) => this.catalogue.needs(colour)), ...compared])];
  }

  /** What is looked for, as the viewer takes it; null while the colours compare nothing. */
  only(state) {
    const compared = state.only && this.catalogue.compared(this.colours(state));
    return compared ? { ...compared, pair: state.only } : null;
  }

  /** Shows the frame of the state with its overlays at once. Resolves to whether it was still wanted. */
  async show(state) {
    const turn = ++this.turn;
    const { frame } = state;
    if (!this.line.shown(frame)) {
      this.position = -1;
      this.told.unseen(frame);
      return true;
    }
    this.told.began(frame);
    try {
      const loading = [this.data.geometry(frame), ...this.needs(state).map((key) => this.data.overlay(key, frame))];
      const [geometry, ...overlays] = await Promise.all(loading);
      if (turn !== this.turn) return false;
      this.place(state, geometry, overlays);
    } catch (problem) {
      if (turn !== this.turn) return false;
      this.position = -1;
      this.told.failed(frame, problem.message);
    }
    this.prefetch(state);
    return true;
  }

  place(state, geometry, overlays) {
    const moved = this.position !== state.frame;
    if (moved) {
      for (const key of this.held.keys()) this.viewer.removeAttribute(key);
      this.held.clear();
      this.viewer.setGeometry(geometry);
      this.direction = state.frame >= this.position ? 1 : -1;
      this.position = state.frame;
    }
    for (const overlay of overlays) this.hold(overlay);
    this.view(state);
    this.told.shown(state.frame, geometry, this.held);
  }

  hold(overlay) {
    if (this.held.get(overlay.key)?.attribute) return;
    this.held.set(overlay.key, overlay);
    if (!overlay.attribute) return;
    const source = this.catalogue.sources.get(overlay.key);
    if (source?.ontology && !this.palettes.has(overlay.key)) {
      this.viewer.setPalette(overlay.key, source.ontology.classes);
      this.palettes.add(overlay.key);
    }
    this.viewer.setAttribute(overlay.key, overlay.attribute);
  }

  /** What has no values here is drawn in one grey, and the page says why. */
  drawn(colour) {
    const lacking = this.catalogue.needs(colour).some((key) => !this.held.get(key)?.attribute);
    return lacking ? { colour: "uniform", value: null } : viewOf(colour, this.catalogue, this.position);
  }

  view(state) {
    const colours = this.colours(state);
    this.viewer.setViews(colours.map((colour) => this.drawn(colour)));
    this.viewer.setOnly(this.only(state));
    this.viewer.setBlink(state.blink && colours.length === 2 ? BLINK_MILLISECONDS : 0);
    for (const colour of colours) this.scale(colour, state);
    this.hide(state);
  }

  /** Sets the scale: the person's, else one that fits this frame if wished, else the one of the whole scene. */
  scale(colour, state) {
    if (["classes", "error", "score"].includes(kindOf(colour))) return;
    const fitted = state.fit.includes(colour) ? fittedScale(colour, this.viewer.loadedChunks(), this.held) : null;
    const [low, high] = state.ranges[colour] ?? fitted ?? [];
    this.viewer.setRange(colour, low, high);
  }

  /** The scale that a colour is drawn with now. */
  scaleOf(colour) {
    return this.catalogue.scale(colour) && kindOf(colour) === "score" ? this.catalogue.scale(colour) : this.viewer.getRange(colour);
  }

  hide(state) {
    for (const key of this.palettes) {
      const hidden = new Set(state.hidden[key] ?? []);
      for (const { index } of this.catalogue.sources.get(key).ontology.classes) {
        this.viewer.setClassVisible(key, index, !hidden.has(index));
      }
    }
  }

  prefetch(state) {
    const keys = this.needs(state);
    for (let step = 1; step <= AHEAD; step++) {
      const next = state.frame + this.direction * step;
      if (next >= 0 && next < this.line.count) this.data.prefetch(next, keys);
    }
    const behind = state.frame - this.direction;
    if (behind >= 0 && behind < this.line.count) this.data.prefetch(behind, keys);
  }
}
