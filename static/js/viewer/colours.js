// What a point's colour means: the modes of the shader, the colour ramps, and the palettes of classes.

import * as THREE from "three";

export const MODES = { uniform: 0, height: 1, intensity: 2, range: 3, field: 4, classes: 5, error: 6, uncertainty: 7 };

// As scenes/clouds/colours.py: the fifth-degree polynomials that approximate turbo (A. Mikhailov, "Turbo, An Improved
// Rainbow Colormap for Visualization", Google Research, 2019), lowest power first.
const TURBO = [
  [0.13572138, 4.6153926, -42.66032258, 132.13108234, -152.94239396, 59.28637943],
  [0.09140261, 2.19418839, 4.84296658, -14.18503333, 4.27729857, 2.82956604],
  [0.1066733, 12.64194608, -60.58204836, 110.36276771, -89.90310912, 27.34824973],
];
// The ends of turbo are too dark to see on a dark ground, and its red is kept for alarms.
const [LOWEST, HIGHEST] = [0.06, 0.9];
// Blue is sure, red is not; cyan and yellow lie between.
const UNCERTAINTY = [
  [0, [44, 88, 214]],
  [0.3, [40, 190, 222]],
  [0.5, [120, 214, 150]],
  [0.68, [250, 214, 60]],
  [0.84, [250, 132, 40]],
  [1, [232, 36, 36]],
];
export const UNKNOWN_CLASS = [107, 114, 128];

const byte = (share) => Math.round(255 * Math.min(Math.max(share, 0), 1));

export function turbo(share) {
  const t = LOWEST + (HIGHEST - LOWEST) * share;
  return TURBO.map((terms) => byte(terms.reduceRight((sum, term) => sum * t + term, 0)));
}

export function uncertaintyColour(share) {
  const above = Math.max(UNCERTAINTY.findIndex(([stop]) => stop >= share), 1);
  const [[low, from], [high, to]] = [UNCERTAINTY[above - 1], UNCERTAINTY[above]];
  const part = (share - low) / (high - low);
  return from.map((value, channel) => Math.round(value + (to[channel] - value) * part));
}

export const cssColour = ([red, green, blue]) => `rgb(${red} ${green} ${blue})`;

// A CSS gradient of the ramp that a colour mode uses, for scales beside the picture.
export function rampGradient(colour, stops = 16) {
  const ramp = parseColour(colour).mode === MODES.uncertainty || colour === "uniform" ? uncertaintyColour : turbo;
  const colours = Array.from({ length: stops }, (_, at) => cssColour(ramp(at / (stops - 1))));
  return `linear-gradient(to right, ${colours.join(", ")})`;
}

export function parseHex(colour) {
  const digits = /^#?([0-9a-f]{6})/i.exec(colour ?? "")?.[1];
  return digits ? [0, 2, 4].map((at) => Number.parseInt(digits.slice(at, at + 2), 16)) : UNKNOWN_CLASS;
}

// "height", "field:ring", "classes:KEY", "error:TRUTH:PREDICTION" ... as {mode, first, second}. Keys hold colons
// themselves, so the halves of an error map are told apart by the names that are `known`.
export function parseColour(colour, known = []) {
  const [kind, ...parts] = String(colour).split(":");
  if (!(kind in MODES)) throw new Error(`There is no colour mode "${colour}".`);
  const rest = parts.join(":");
  if (kind === "error") return { mode: MODES.error, ...halves(parts, new Set(known)) };
  if (kind === "field") return { mode: MODES.field, first: known.includes(colour) ? colour : rest, second: null };
  return { mode: MODES[kind], first: rest || null, second: null };
}

function halves(parts, known) {
  const at = (place) => ({ first: parts.slice(0, place).join(":"), second: parts.slice(place).join(":") });
  const places = parts.slice(1).map((_, place) => place + 1);
  const certain = places.find((place) => known.has(at(place).first) && known.has(at(place).second));
  const likely = places.find((place) => known.has(at(place).first) || known.has(at(place).second));
  return at(certain ?? likely ?? Math.floor(parts.length / 2));
}

// Both ramps, a row each: turbo for measured quantities, then uncertainty.
export function rampTexture() {
  const data = new Uint8Array(2 * 256 * 4);
  for (let at = 0; at < 256; at++) {
    data.set([...turbo(at / 255), 255], 4 * at);
    data.set([...uncertaintyColour(at / 255), 255], 4 * (256 + at));
  }
  return texture(data, THREE.LinearFilter);
}

function texture(data, filter) {
  const made = new THREE.DataTexture(data, 256, 2, THREE.RGBAFormat, THREE.UnsignedByteType);
  made.minFilter = made.magFilter = filter;
  made.needsUpdate = true;
  return made;
}

// A row of colours whose alpha says whether the class is shown, and a row that says which classes are not judged.
export class Palette {
  constructor(classes = []) {
    this.hidden = new Set();
    this.data = new Uint8Array(2 * 256 * 4);
    this.texture = texture(this.data, THREE.NearestFilter);
    this.setClasses(classes);
  }
  setClasses(classes) {
    for (let index = 0; index < 256; index++) this.data.set([...UNKNOWN_CLASS, this.alpha(index)], 4 * index);
    this.data.fill(0, 4 * 256);
    for (const { index, colour, ignored } of classes) {
      this.data.set([...parseHex(colour), this.alpha(index)], 4 * index);
      this.data[4 * (256 + index)] = ignored ? 255 : 0;
    }
    this.texture.needsUpdate = true;
  }
  alpha(index) {
    return this.hidden.has(index) ? 0 : 255;
  }
  setVisible(index, visible) {
    if (visible) this.hidden.delete(index);
    else this.hidden.add(index);
    this.data[4 * index + 3] = this.alpha(index);
    this.texture.needsUpdate = true;
  }
  dispose() {
    this.texture.dispose();
  }
}
