// Which colour a curve has: the same run has the same one in every chart, as far as there are colours for all.

import { inks, onThemeChange } from "../scene/inks.js";

export const COLOURS = 12;
// From the second round on, curves are told apart by their dashes as well.
const DASHES = [[], [6, 4], [2, 3], [10, 4, 2, 4]];
const known = new Map();
const taken = new Set();

/** The place of a run's colour: its number decides; where another run of this page holds it, the next free one. */
function placeOf(run) {
  if (known.has(run)) return known.get(run);
  let place = (run - 1) % COLOURS;
  const round = Math.floor(taken.size / COLOURS) * COLOURS;
  for (let tries = 0; tries < COLOURS && taken.has(round + place); tries++) place = (place + 1) % COLOURS;
  taken.add(round + place);
  known.set(run, round + place);
  return round + place;
}

/** Colours are given in the order of the runs' numbers, so that the order on a page changes nothing. */
export function learnRuns(runs) {
  for (const run of [...runs].sort((a, b) => a - b)) placeOf(run);
}

export const runPlace = (run) => placeOf(run);
export const dashOf = (round) => DASHES[round % DASHES.length];

function read() {
  const probe = document.createElement("span");
  document.body.append(probe);
  const found = Array.from({ length: COLOURS }, (_, place) => {
    probe.style.color = `var(--curve-${place + 1})`;
    return getComputedStyle(probe).color;
  });
  probe.remove();
  return found;
}

let palette = null;
let ink = null;
const listeners = new Set();

/** The colours of curves, as a canvas takes them, in the present theme. */
export const curveColours = () => (palette ??= read());
/** The colours of words, lines and grounds in the present theme. */
export const chartInks = () => (ink ??= { ...inks(), ground: getComputedStyle(document.body).getPropertyValue("--surface") });

export function onRecolour(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

onThemeChange(() => {
  palette = ink = null;
  for (const listener of listeners) listener();
});
