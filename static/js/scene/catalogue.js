// What a scene's points can be coloured by. A colour is a short text as it stands in the address:
// height, intensity, range, field:ring, classes:labels:12, error:labels:12~predictions:run-7, uncertainty:KEY, score:KEY.

const MOST_ERRORS = 60;
const MEASURED = [
  ["height", "Height", "m"],
  ["intensity", "Intensity", ""],
  ["range", "Range", "m"],
];

/** "error:TRUTH~PREDICTION" as its two keys. */
export function errorKeys(colour) {
  const [truth, prediction] = colour.slice("error:".length).split("~");
  return { truth, prediction: prediction ?? "" };
}

export const kindOf = (colour) => colour.split(":", 1)[0];
export const keyOf = (colour) => colour.slice(kindOf(colour).length + 1);

export class Catalogue {
  constructor(playback) {
    this.playback = playback;
    this.fields = playback.fields ?? {};
    this.scores = new Map((playback.scores ?? []).map((series) => [series.key, series]));
    this.sources = new Map((playback.sources ?? []).map((source) => [source.key, source]));
    this.truths = this.ofRole("truth");
    this.predictions = this.ofRole("prediction");
    this.uncertainties = this.ofRole("uncertainty");
  }

  ofRole(role) {
    return [...this.sources.values()].filter((source) => source.role === role);
  }

  /** Whether this scene has what a colour asks for. */
  knows(colour) {
    return this.title(colour) !== null;
  }

  title(colour) {
    const measured = MEASURED.find(([name]) => name === colour);
    if (measured) return measured[1];
    const key = keyOf(colour);
    switch (kindOf(colour)) {
      case "field": return key in this.fields ? fieldTitle(key) : null; // prettier-ignore
      case "classes": return this.sources.get(key)?.title ?? null; // prettier-ignore
      case "uncertainty": return this.sources.get(key)?.title ?? null; // prettier-ignore
      case "score": return this.scores.has(key) ? `${this.scores.get(key).title}, one value a frame` : null; // prettier-ignore
      case "error": return this.errorTitle(colour); // prettier-ignore
      default: return null; // prettier-ignore
    }
  }

  errorTitle(colour) {
    const { truth, prediction } = errorKeys(colour);
    const [one, other] = [this.sources.get(truth), this.sources.get(prediction)];
    return one && other ? `Error: ${other.title} against ${one.title}` : null;
  }

  /** The overlays whose values a colour needs. */
  needs(colour) {
    switch (kindOf(colour)) {
      case "classes": case "uncertainty": return [keyOf(colour)]; // prettier-ignore
      case "error": return Object.values(errorKeys(colour)); // prettier-ignore
      case "field": return [colour]; // prettier-ignore
      default: return []; // prettier-ignore
    }
  }

  unit(colour) {
    if (kindOf(colour) === "uncertainty") return this.sources.get(keyOf(colour))?.unit ?? "";
    if (kindOf(colour) === "score") return this.scores.get(keyOf(colour))?.unit ?? "";
    return MEASURED.find(([name]) => name === colour)?.[2] ?? "";
  }

  /** The scale that a colour has in every frame by itself, [low, high]; null where the viewer fits it, and for classes. */
  scale(colour) {
    const described = this.sources.get(keyOf(colour)) ?? this.scores.get(keyOf(colour)) ?? this.fields[keyOf(colour)];
    switch (kindOf(colour)) {
      case "uncertainty": case "score": case "field": return [described?.low ?? 0, described?.high ?? 1]; // prettier-ignore
      default: return null; // prettier-ignore
    }
  }

  ontology(colour) {
    return kindOf(colour) === "classes" ? (this.sources.get(keyOf(colour))?.ontology ?? null) : null;
  }

  /** Every colour to choose from, in groups: [[group, [[colour, title], ...]], ...]. */
  choices() {
    const groups = [["Measured", MEASURED.map(([colour, title]) => [colour, title])]];
    const add = (title, colours) => colours.length && groups.push([title, colours]);
    add("Fields", Object.keys(this.fields).map((name) => [`field:${name}`, fieldTitle(name)]));
    add("Ground truth", this.truths.map((source) => [`classes:${source.key}`, source.title]));
    add("Prediction", this.predictions.map((source) => [`classes:${source.key}`, source.title]));
    add("Error map", this.errors());
    add("Uncertainty", [
      ...this.uncertainties.map((source) => [`uncertainty:${source.key}`, source.title]),
      ...[...this.scores.values()].map(({ key, title }) => [`score:${key}`, `${title}, one value a frame`]),
    ]);
    return groups;
  }

  /** Every truth against every prediction in its ontology; where these are too many to choose from, the newest truth. */
  errors() {
    const fitting = (prediction) => this.truths.filter((truth) => truth.ontology?.id === prediction.ontology?.id);
    const every = this.predictions.length * this.truths.length <= MOST_ERRORS;
    const truths = new Set(every ? this.truths : this.predictions.map((prediction) => fitting(prediction)[0]).filter(Boolean));
    return [...truths].flatMap((truth) =>
      this.predictions
        .filter((prediction) => (every ? fitting(prediction).includes(truth) : fitting(prediction)[0] === truth))
        .map((prediction) => `error:${truth.key}~${prediction.key}`)
        .map((colour) => [colour, this.errorTitle(colour)]),
    );
  }

  /** The truth and the prediction that colours compare, {truth, prediction} as keys; null where they compare none. */
  compared(colours) {
    const error = colours.find((colour) => kindOf(colour) === "error");
    if (error) return errorKeys(error);
    const shown = colours.filter((colour) => kindOf(colour) === "classes").map((colour) => this.sources.get(keyOf(colour)));
    const role = (name) => shown.find((source) => source?.role === name);
    const [truth, prediction] = [role("truth"), role("prediction")];
    if (!truth && !prediction) return null;
    const fitting = (sources, other) => sources.find((source) => source.ontology?.id === other.ontology?.id);
    const pair = [truth ?? fitting(this.truths, prediction), prediction ?? fitting(this.predictions, truth)];
    return pair.every(Boolean) ? { truth: pair[0].key, prediction: pair[1].key } : null;
  }

  /** The names of a truth's and a prediction's class, ["road", "car"]. */
  classNames({ truth, prediction }, pair) {
    return [truth, prediction].map((key, place) => {
      const entry = this.sources.get(key)?.ontology?.classes.find(({ index }) => index === pair[place]);
      return entry?.name ?? `class ${pair[place]}`;
    });
  }

  /** The colour of the uncertainty overlay: values of the points where there are some, else the frame's score. */
  uncertaintyColour(position, preferred = null) {
    const series = this.scores.get(preferred);
    const wanted = series?.overlay || preferred;
    // Of a series that says so only its own points are shown: those of another model would mean something else.
    const own = series?.overlay != null;
    const known = this.uncertainties.filter((source) => !own || (source.key === wanted && source.digests[position]));
    const sources = known.sort((a, b) => (b.key === wanted) - (a.key === wanted));
    const here = sources.find((source) => source.digests[position]) ?? sources[0];
    if (here) return `uncertainty:${here.key}`;
    const score = series ?? [...this.scores.values()][0];
    return score ? `score:${score.key}` : null;
  }

  /** The address of an overlay's bytes for the frame at a position, whole or in slices; null when it has none. */
  overlayUrl(key, position, slices = false) {
    const { frames } = this.playback;
    const field = key.startsWith("field:") ? this.fields[keyOf(key)] : null;
    const source = this.sources.get(key);
    const digest = field ? frames.digest[position] : source?.digests[position];
    const template = field ? (slices ? field.slices : field.template) : slices ? source?.slices : source?.url;
    return digest && template ? filled(template, { frame: frames.id[position], digest }) : null;
  }

  /** Why an overlay that should fit a frame does not, in words; empty without a problem. */
  overlayProblem(key, position) {
    return this.sources.get(key)?.problems?.[position] ?? "";
  }

  /** How an overlay's bytes are read: one or two bytes a point, as classes or as a scale. */
  encoding(key) {
    if (key.startsWith("field:")) {
      const { low, high } = this.fields[keyOf(key)];
      return { kind: "scalar", bytes: 2, low, high };
    }
    const { kind, low, high } = this.sources.get(key);
    return kind === "classes" ? { kind: "classes", bytes: 1 } : { kind: "scalar", bytes: 1, low, high };
  }
}

/** A template of an address with what is known of {frame}, {digest} ... filled in. */
export function filled(template, values) {
  return template.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
}

function fieldTitle(name) {
  return name[0].toUpperCase() + name.slice(1).replaceAll("_", " ");
}
