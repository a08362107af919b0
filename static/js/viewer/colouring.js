// What each view is coloured by: colour modes, their scales, and the palettes of classes. Everything here ends in
// uniforms of the views' materials; no geometry is touched.

import { INTENSITY_FACTORS, noneOf } from "./chunk.js";
import { MODES, Palette, parseColour, parseHex, uncertaintyColour } from "./colours.js";

const same = (a, b) => a?.[0] === b[0] && a?.[1] === b[1];

export class Colouring {
  constructor() {
    this.views = [{ colour: "height" }];
    this.palettes = new Map();
    this.ranges = new Map(); // as set from outside: they hold for all frames
    this.fitted = new Map(); // of the first cloud: colours of later frames compare with it
    this.unknown = new Palette();
    this.only = null;
  }
  // The attributes that the views read, given the names that exist.
  names(known) {
    return this.views.map(({ colour }) => {
      const { first, second } = parseColour(colour, [...known, ...this.palettes.keys()]);
      return { first, second: second ?? this.partner(first) };
    });
  }
  // Only points with a class index in one attribute and one in another are to stand out: {truth, prediction: names,
  // pair: [index in truth, index in prediction]}, or null. It holds for views of these two: their classes, their errors.
  setOnly(only) {
    const before = JSON.stringify(this.only);
    this.only = only;
    return JSON.stringify(only) !== before;
  }
  partner(first) {
    const { truth, prediction } = this.only ?? {};
    return first === truth ? prediction : first === prediction ? truth : null;
  }
  // The values that are looked for in the attributes of a view; null where nothing is.
  wanted({ mode, first, second }) {
    if (!this.only || !(mode === MODES.classes || mode === MODES.error)) return null;
    const { truth, prediction, pair } = this.only;
    if (first === truth && (second ?? prediction) === prediction) return pair;
    return mode === MODES.classes && first === prediction ? [pair[1], pair[0]] : null;
  }
  setViews(views) {
    for (const { colour } of views) parseColour(colour);
    const before = JSON.stringify(this.views);
    this.views = views.slice(0, 2).map((view) => ({ ...view }));
    return JSON.stringify(this.views) !== before;
  }
  palette(key) {
    if (!this.palettes.has(key)) this.palettes.set(key, new Palette());
    return this.palettes.get(key);
  }
  setClassVisible(key, index, visible) {
    const palette = this.palette(key);
    if (palette.hidden.has(index) === !visible) return false;
    palette.setVisible(index, visible);
    return true;
  }
  setRange(colour, low, high) {
    if (!(Number.isFinite(low) && Number.isFinite(high))) return this.ranges.delete(colour);
    if (same(this.ranges.get(colour), [low, high])) return false;
    this.ranges.set(colour, [low, high]);
    return true;
  }
  // Scales that fit the cloud, unless there are some already.
  fit(bounds, rule) {
    if (!bounds || this.fitted.size) return;
    this.fitted.set("height", bounds.height);
    this.fitted.set("range", [0, bounds.range]);
    this.fitted.set("intensity", [0, bounds.intensity / (INTENSITY_FACTORS[rule] ?? 65535)]);
  }
  // [low, high] in the unit of the colour: metres, the file's intensities, an attribute's own unit.
  range(colour, attribute) {
    return this.ranges.get(colour) ?? this.fitted.get(colour) ?? (attribute ? [attribute.low ?? 0, attribute.high ?? 1] : [0, 1]);
  }
  // Writes a view's colours to its material. `cloud`: {attributes, sensor, rule}; heights are relative to `origin`.
  apply(number, { uniforms }, cloud, origin, theme) {
    const view = this.views[number];
    const parsed = parseColour(view.colour, [...cloud.attributes.keys(), ...this.palettes.keys()]);
    const { mode, first } = parsed;
    const attribute = cloud.attributes.get(first);
    uniforms.mode.value = mode;
    uniforms.palette.value = (this.palettes.get(first) ?? this.unknown).texture;
    uniforms.sensor.value.set(...cloud.sensor.map((value, axis) => value - origin[axis]));
    uniforms.plain.value.set(...this.plain(view, theme));
    uniforms.nothing.value = attribute?.kind === "scalar" ? largest(attribute) : -2;
    uniforms.only.value.set(...(this.wanted(parsed) ?? [-1, -1]));
    uniforms.colourRange.value.set(...this.stored(view.colour, mode, attribute, cloud.rule, origin));
  }
  // The scale in the unit of the shader.
  stored(colour, mode, attribute, rule, origin) {
    const ends = this.range(colour, attribute);
    if (mode === MODES.height) return ends.map((value) => value - origin[2]);
    if (mode === MODES.intensity) return ends.map((value) => value * (INTENSITY_FACTORS[rule] ?? 65535));
    if (mode !== MODES.field && mode !== MODES.uncertainty) return ends;
    const [low, high] = [attribute?.low ?? 0, attribute?.high ?? 1];
    const steps = (attribute ? largest(attribute) : 255) - 1;
    return ends.map((value) => ((value - low) / (high - low || 1)) * steps);
  }
  // One colour for all points: of a score on its scale, given as such, or none in particular.
  plain({ value }, theme) {
    if (typeof value === "string") return parseHex(value).map((channel) => channel / 255);
    if (typeof value !== "number" || Number.isNaN(value)) return theme.plain;
    const [low, high] = this.range("uniform");
    const share = Math.min(Math.max((value - low) / (high - low || 1), 0), 1);
    return uncertaintyColour(share).map((channel) => channel / 255);
  }
  // Whether a point can be picked in a view: it is not of a hidden class, and among those that are looked for.
  shows(number, block, point, known) {
    const parsed = parseColour(this.views[number].colour, known);
    const { mode, first } = parsed;
    if (mode !== MODES.classes && mode !== MODES.error) return true;
    const wanted = this.wanted(parsed);
    if (wanted) {
      const names = [first, parsed.second ?? this.partner(first)];
      return names.every((name, place) => block.values.get(name)?.[point] === wanted[place]);
    }
    const palette = this.palettes.get(first);
    const values = block.values.get(first);
    return !palette || !values || !palette.hidden.has(values[point]);
  }
  dispose() {
    for (const palette of [...this.palettes.values(), this.unknown]) palette.dispose();
  }
}

// Slices that are fetched later do not tell their type beforehand; fields have two bytes only if they say so.
const largest = ({ values, bytes }) => (values ? noneOf(values) : bytes === 2 ? 65535 : 255);
