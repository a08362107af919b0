// What the address of a scene page says: frame, colours, views, camera, timeline, tab. Pure.

export const DEFAULTS = Object.freeze({
  frame: 0, colour: "height", right: "", blink: false, camera: null, size: 2, edl: 0.4, rings: false, slice: null,
  ranges: {}, fit: [], hidden: {}, axis: "seconds", series: null, threshold: null, play: null, speed: 1, loop: false, tab: "facts", only: null,
}); // prettier-ignore

const number = (text) => (text !== null && text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : null);
const short = (value) => String(Number(value.toPrecision(6)));

function numbers(text, count) {
  const found = (text ?? "").split(",").map(number);
  return found.length === count && !found.includes(null) ? found : null;
}

function half(text) {
  const [low, high] = (text ?? "").split(",");
  const slice = [number(low ?? ""), number(high ?? "")];
  return slice[0] === null && slice[1] === null ? null : slice;
}

function cameraOf(text) {
  const mode = (text ?? "").split(",").at(-1);
  const found = numbers((text ?? "").split(",").slice(0, -1).join(","), 9);
  if (!found || !["orbit", "fly"].includes(mode)) return null;
  return { position: found.slice(0, 3), target: found.slice(3, 6), up: found.slice(6), mode };
}

function cameraText({ position, target, up, mode }) {
  return [...[...position, ...target, ...up].map(short), mode].join(",");
}

/** Several `KEY~1.2.3` under one name: which numbers belong to which key. */
function keyed(parameters, name, read) {
  const found = {};
  for (const text of parameters.getAll(name)) {
    const at = text.lastIndexOf("~");
    const values = at > 0 ? read(text.slice(at + 1)) : null;
    if (values) found[text.slice(0, at)] = values;
  }
  return found;
}

/** "3,5" as two class indices: truth and prediction. */
function pairOf(text) {
  const pair = numbers(text, 2);
  return pair?.every((index) => Number.isInteger(index) && index >= 0 && index < 256) ? pair : null;
}

/** The state in an address; what is missing or senseless has its default. */
export function readState(search, defaults = DEFAULTS) {
  const parameters = new URLSearchParams(search);
  const count = (name) => number(parameters.get(name) ?? "");
  const indices = (text) => text.split(".").map(Number).filter((index) => Number.isInteger(index) && index >= 0);
  return {
    frame: Math.max(0, Math.round(count("frame") ?? defaults.frame)),
    colour: parameters.get("colour") || defaults.colour,
    right: parameters.get("right") ?? defaults.right,
    blink: parameters.get("blink") === "1",
    camera: cameraOf(parameters.get("camera")),
    size: Math.max(0.5, Math.min(12, count("size") ?? defaults.size)),
    edl: Math.max(0, Math.min(1, count("edl") ?? defaults.edl)),
    rings: parameters.get("rings") === "1",
    slice: half(parameters.get("slice")),
    ranges: keyed(parameters, "range", (text) => numbers(text, 2)),
    fit: parameters.getAll("fit"),
    hidden: keyed(parameters, "hidden", indices),
    axis: parameters.get("axis") === "frame" ? "frame" : defaults.axis,
    series: parameters.has("series") ? parameters.getAll("series").filter(Boolean) : defaults.series,
    threshold: count("threshold"),
    play: numbers(parameters.get("play"), 2),
    speed: count("speed") ?? defaults.speed,
    loop: parameters.get("loop") === "1",
    tab: parameters.get("tab") || defaults.tab,
    only: pairOf(parameters.get("only")),
  };
}

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const WRITERS = {
  camera: cameraText,
  slice: (slice) => slice.map((end) => (end === null ? "" : short(end))).join(","),
  play: (range) => range.join(","),
  only: (pair) => pair.join(","),
  threshold: short,
};

/** The query of an address for a state: only what differs from the defaults, beside the parameters of others. */
export function writeState(state, search = "", defaults = DEFAULTS) {
  const parameters = new URLSearchParams(search);
  for (const name of [...Object.keys(DEFAULTS), "range", "frame_id"]) parameters.delete(name);
  for (const [key, range] of Object.entries(state.ranges)) parameters.append("range", `${key}~${range.map(short)}`);
  for (const [key, indices] of Object.entries(state.hidden)) {
    if (indices.length) parameters.append("hidden", `${key}~${indices.join(".")}`);
  }
  for (const name of Object.keys(DEFAULTS)) {
    const value = state[name];
    if (["ranges", "hidden"].includes(name) || value === null || same(value, defaults[name])) continue;
    if (Array.isArray(value) && !(name in WRITERS)) for (const key of value.length ? value : [""]) parameters.append(name, key);
    else parameters.set(name, WRITERS[name]?.(value) ?? (typeof value === "boolean" ? Number(value) : value));
  }
  return parameters.toString();
}
