// A chart of curves on an element with data-curve-chart: reads its attributes, asks the server, draws, answers hands.
// Attributes hold the whole state: a page may set them at any time, and hears of changes by the event "chartstate".

import { curveColours, learnRuns, onRecolour, runPlace } from "./colours.js";
import { CurveLegend, CurveOptions, CurveTip, fullScreenButton, saveMenu, toolButton } from "./curve_controls.js";
import { nearest, reach, ready } from "./curve_columns.js";
import { CurvePlot } from "./curve_plot.js";
import { saveCsv, savePng, saveSvg } from "./curve_saving.js";
import { CurveSource } from "./curve_source.js";
import { Pulse } from "./pulse.js";
import { X_NAMES, element, number, place as placeWords } from "./words.js";

const listed = (text) => (text ?? "").split(",").map((word) => word.trim()).filter(Boolean); // prettier-ignore
// The attributes that say what is drawn.
const WATCHED = ["data-x", "data-log", "data-smoothing", "data-outliers", "data-hidden", "data-from", "data-to", "data-mark-step", "data-runs", "data-keys", "data-source"];

export class CurveChart {
  constructor(host) {
    this.host = host;
    this.curves = [];
    this.frame();
    this.read();
    this.watch();
  }

  /** The parts of the chart, made once. */
  frame() {
    const { host } = this;
    host.classList.add("chart");
    this.legend = new CurveLegend((id, alone) => this.toggle(id, alone));
    this.tip = new CurveTip();
    this.options = new CurveOptions((change) => this.set(change));
    // Bands come by steps, and are smooth already.
    if (host.dataset.source) this.options.hideAxisAndSmoothing();
    this.undo = toolButton("reset", "Back to the whole chart (double click, Home)", () => this.set({ from: null, to: null }));
    this.note = element("span", { className: "chart-note faint tabular" });
    this.words = element("p", { className: "chart-words", role: "status" });
    this.told = element("p", { className: "unseen", aria: { live: "polite" } });
    this.canvas = element("div", { className: "chart-canvas" });
    this.area = element("div", { className: "chart-plot", tabIndex: 0, role: "group" }, this.canvas, this.words, this.tip.element);
    const title = host.dataset.title || listed(host.dataset.keys).join(", ");
    this.title = title;
    this.area.setAttribute("aria-label", `${title}: chart. Arrow keys move along the curves, plus and minus zoom, Home shows everything.`);
    const ways = { PNG: () => savePng(this.plot, title), SVG: () => saveSvg(this.plot, title), CSV: () => saveCsv(this.plot.lines, this.state.x, title) };
    this.save = saveMenu(ways);
    const head = element("div", { className: "chart-head" }, element("h3", { className: "chart-title", title }, title), this.note,
      element("div", { className: "chart-tools" }, this.undo, this.options.element, this.save, fullScreenButton(host))); // prettier-ignore
    host.replaceChildren(head, this.area, this.legend.element, this.told);
    this.plot = new CurvePlot(this.canvas, { zoomed: (range) => this.zoom(range), reset: () => this.set({ from: null, to: null }), hovered: (chart) => this.hover(chart) });
  }

  watch() {
    this.area.addEventListener("keydown", (event) => this.key(event));
    this.area.addEventListener("pointerleave", () => this.tip.hide());
    this.area.addEventListener("blur", () => this.tip.hide());
    new ResizeObserver(() => this.plot.resize()).observe(this.canvas);
    onRecolour(() => this.draw());
    new MutationObserver((changes) => this.changed(changes)).observe(this.host, { attributeFilter: WATCHED });
    // A page may hold many charts: each asks when it is about to be seen.
    const seen = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      seen.disconnect();
      this.load();
    }, { rootMargin: "300px" }); // prettier-ignore
    seen.observe(this.host);
    this.say("Loading…");
  }

  /** State and wishes out of the attributes. */
  read() {
    const { dataset } = this.host;
    const decimal = (text) => (text === undefined || text === "" || !Number.isFinite(Number(text)) ? null : Number(text));
    const log = new Set(listed((dataset.log ?? "").replaceAll(" ", ",")));
    const x = dataset.x in X_NAMES ? dataset.x : "step";
    if (x === "time") log.delete("x");
    this.state = { x, log, smoothing: Math.min(0.999, Math.max(0, decimal(dataset.smoothing) ?? 0)), outliers: "outliers" in dataset, hidden: new Set(listed(dataset.hidden).map(decodeURIComponent)), from: decimal(dataset.from), to: decimal(dataset.to), mark: decimal(dataset.markStep) };
    const wishes = { runs: listed(dataset.runs).map(Number), keys: listed(dataset.keys), url: dataset.source };
    const same = JSON.stringify(wishes);
    if (same !== this.wished) {
      this.source?.cancel();
      Object.assign(this, { wished: same, source: new CurveSource(wishes), curves: [], whole: null, ...wishes });
      learnRuns(wishes.runs);
    }
    this.names = dataset.names ? JSON.parse(dataset.names) : {};
    this.options.show(this.state);
  }

  /** A change by hand: into the attributes, which is where it is read from again. */
  set(change) {
    const { dataset } = this.host;
    const next = { ...this.state, ...change };
    const write = (name, value) => (value === null || value === "" || value === false ? delete dataset[name] : (dataset[name] = value === true ? "" : value));
    write("x", next.x);
    write("log", [...next.log].join(" "));
    write("smoothing", next.smoothing || null);
    write("outliers", next.outliers);
    write("hidden", [...next.hidden].map(encodeURIComponent).join(","));
    write("from", next.from);
    write("to", next.to);
    const detail = { x: next.x, log: [...next.log], smoothing: next.smoothing, outliers: next.outliers, hidden: [...next.hidden], from: next.from, to: next.to };
    this.host.dispatchEvent(new CustomEvent("chartstate", { bubbles: true, detail }));
  }

  changed() {
    const before = this.state;
    const wished = this.wished;
    this.read();
    const other = ["x", "from", "to"].some((name) => before[name] !== this.state[name]);
    if (other || wished !== this.wished) this.load();
    else this.draw();
  }

  get zoomRange() {
    const { from, to } = this.state;
    return from !== null && to !== null && from < to ? [from, to] : null;
  }

  zoom([from, to]) {
    const digits = (value) => Number(value.toPrecision(10));
    this.set({ from: digits(from), to: digits(to) });
  }

  /** The window to ask for: half as much again at each side, so that lines cross the edge and smoothing has a past. */
  window() {
    const zoom = this.zoomRange;
    if (!zoom) return null;
    const margin = (zoom[1] - zoom[0]) / 2;
    const [from, to] = [zoom[0] - margin, zoom[1] + margin];
    const { x } = this.state;
    if (x === "relative") return { relative: [from, to] };
    if (x === "time") return { from: from * 1000, to: to * 1000 };
    return x === "epoch" ? this.stepsOfEpochs(from, to) : { from, to };
  }

  /** The server knows steps, not epochs: the steps of what is known of these epochs. */
  stepsOfEpochs(from, to) {
    let [first, last] = [Infinity, -Infinity];
    for (const { epoch, step } of this.curves) {
      epoch.forEach((value, place) => {
        if (value === null || value < from || value > to) return;
        first = Math.min(first, step[Math.max(0, place - 1)]);
        last = Math.max(last, step[Math.min(step.length - 1, place + 1)]);
      });
    }
    return first <= last ? { from: first, to: last } : null;
  }

  async load() {
    if (!this.runs.length || !this.keys.length) return this.say("Nothing to draw: choose runs and keys.");
    if (this.zoomRange && !this.whole) await this.fetch(null);
    if (!this.zoomRange && this.whole) this.curves = this.whole;
    this.draw();
    await this.fetch(this.window());
    this.live();
  }

  async fetch(window) {
    const points = (this.canvas.clientWidth || 600) * (window ? 3 : 1.5) * (this.runs.length * this.keys.length > 8 ? 0.6 : 1);
    this.host.dataset.state = "loading";
    try {
      const found = await this.source.fetch(this.state.x, window, points);
      if (found === null) return;
      this.curves = found;
      if (!window) this.whole = found;
      this.draw();
      this.host.dataset.state = "ready";
    } catch (error) {
      this.host.dataset.state = "failed";
      const again = element("button", { type: "button", className: "button button-small" }, "Try again");
      again.addEventListener("click", () => this.load());
      this.say(`The curves could not be loaded. ${error.message}`, again);
    }
  }

  live() {
    if (!("live" in this.host.dataset) || this.pulse) return;
    this.pulse = new Pulse(this.host, this.runs, () => this.append());
  }

  /** Points that came since; after many of them the whole view is asked for anew, evenly. */
  async append() {
    if (this.zoomRange || this.source.under || !this.curves.length) return 0;
    const active = this.curves.filter((curve) => this.pulse.alive.has(curve.run) && curve.step.length);
    const last = Math.min(...active.map((curve) => curve.step.at(-1)));
    if (!Number.isFinite(last)) return this.refetch();
    const came = await this.source.since(last + 1, "step");
    if (this.zoomRange) return 0;
    let added = 0;
    for (const fresh of came) {
      const curve = this.curves.find((one) => one.run === fresh.run && one.key === fresh.key);
      if (!curve) return this.refetch();
      const from = curve.step.length ? fresh.step.findIndex((step) => step > curve.step.at(-1)) : 0;
      if (from < 0) continue;
      for (const part of ["step", "timestamp", "value", "epoch"]) curve[part].push(...fresh[part].slice(from));
      curve.count = fresh.count;
      added += fresh.step.length - from;
    }
    this.appended = (this.appended ?? 0) + added;
    if (this.appended > 3000) return this.refetch();
    if (added) this.draw();
    return added;
  }

  async refetch() {
    this.appended = 0;
    await this.fetch(null);
    return 1;
  }

  /** Lines made ready from what is there, drawn unless all are hidden. */
  draw() {
    const { state } = this;
    const whole = reach(this.whole ?? this.curves, state.x, this.source.starts);
    const width = whole ? whole[1] - whole[0] : 0;
    const entries = this.curves.map((curve) => this.entry(curve));
    this.entries = entries;
    this.legend.show(entries, state.hidden, (place) => curveColours()[place % curveColours().length]);
    const lines = entries.filter(({ id }) => !state.hidden.has(id)).map((entry) => {
      const { curve } = entry;
      const band = Boolean(curve.low);
      const made = ready(curve, { ...state, start: this.source.starts.get(curve.run) ?? 0, width });
      return { ...entry, band, smoothed: state.smoothing > 0 && !band, made };
    }); // prettier-ignore
    this.undo.hidden = !this.zoomRange;
    this.undo.classList.toggle("chart-undo", Boolean(this.zoomRange));
    const inReach = state.log.has("x") ? this.positive(lines) : whole;
    const view = { ...state, whole: inReach, zoom: this.zoomRange, sync: this.host.dataset.sync, mark: state.x === "step" ? state.mark : null };
    this.plot.refresh(lines, view);
    for (const { id, curve } of entries) this.legend.tell(id, curve.value.at(-1));
    this.tellState(lines);
  }

  /** From the first to the last x above zero. */
  positive(lines) {
    const ends = lines.filter(({ made }) => made.xs.length).map(({ made }) => [made.xs[0], made.xs.at(-1)]);
    return ends.length ? [Math.min(...ends.map(([first]) => first)), Math.max(...ends.map(([, last]) => last))] : null;
  }

  entry(curve) {
    const { run, key, name } = curve;
    const keyPlace = this.keys.indexOf(key);
    if (curve.low) {
      const place = [...new Set(this.curves.map((one) => one.name))].indexOf(name);
      return { id: `${name}:${key}`, curve, label: this.keys.length > 1 ? `${name} · ${key}` : name, place, dashed: this.keys.length > 1 ? keyPlace : 0, note: curve.n ? `n ${Math.max(...curve.n)}` : "" };
    }
    const called = this.names[run] ?? `run-${run}`;
    const alone = this.runs.length === 1;
    const label = alone ? key : this.keys.length === 1 ? called : `${called} · ${key}`;
    const place = alone ? keyPlace : runPlace(run);
    const round = Math.floor(place / curveColours().length);
    return { id: `${run}:${key}`, curve, label, place, dashed: alone ? round : round + keyPlace };
  }

  tellState(lines) {
    const drawn = lines.reduce((sum, { made }) => sum + made.ys.filter((value) => value !== null).length, 0);
    const odd = lines.reduce((sum, { made }) => sum + made.odd.length, 0);
    const left = lines.reduce((sum, { made }) => sum + made.left, 0);
    this.host.dataset.points = drawn;
    const notes = [odd ? `▴ ${odd} not finite` : "", left ? `${left} left out by ${this.state.x === "epoch" && !this.state.log.size ? "a missing epoch" : "the axes"}` : ""];
    this.note.textContent = notes.filter(Boolean).join(" · ");
    if (!this.curves.length) return this.say(this.host.dataset.state === "ready" || this.whole ? "None of these runs has logged this yet." : "Loading…");
    if (!lines.length) return this.say("All lines are hidden. Click one in the legend.");
    if (!drawn && !odd) return this.say(this.emptyWords());
    this.say("");
  }

  emptyWords() {
    if (this.zoomRange) return "No points in this part.";
    if (this.state.x === "epoch" && !this.state.log.size) return "These points carry no epoch. Choose another x axis.";
    return this.state.log.size ? "No value above zero: a logarithmic axis shows nothing." : "No points.";
  }

  say(words, ...more) {
    this.words.replaceChildren(words, ...more);
    this.words.hidden = !words;
  }

  toggle(id, alone) {
    const hidden = new Set(this.state.hidden);
    if (alone) {
      const others = this.entries.map((entry) => entry.id).filter((other) => other !== id);
      const was = others.every((other) => hidden.has(other)) && !hidden.has(id);
      hidden.clear();
      if (!was) others.forEach((other) => hidden.add(other));
    } else if (!hidden.delete(id)) hidden.add(id);
    this.set({ hidden });
  }

  hover(chart) {
    const at = chart.cursor.idx;
    const value = at === null || at === undefined ? null : chart.data[0][at];
    this.host.dataset.cursor = value ?? "";
    const rows = this.plot.lines.map((line) => this.valueAt(chart, line, value)).filter(Boolean);
    for (const entry of this.entries ?? []) this.legend.tell(entry.id, rows.find((row) => row.id === entry.id)?.value ?? entry.curve.value.at(-1));
    const mine = this.area.matches(":hover") || this.area === document.activeElement;
    if (value === null || !mine || !rows.length) return this.tip.hide();
    rows.sort((a, b) => b.value - a.value);
    const left = chart.valToPos(value, "x") + chart.over.offsetLeft;
    this.tip.show({ x: this.state.x, value, left, width: this.area.clientWidth, rows });
  }

  valueAt(chart, line, x) {
    if (x === null) return null;
    const { made, band, smoothed } = line;
    const place = nearest(made.xs, x);
    const limit = (12 * (chart.scales.x.max - chart.scales.x.min)) / (chart.over.clientWidth || 1);
    if (place < 0 || Math.abs(made.xs[place] - x) > limit) return null;
    const value = smoothed ? made.smoothed[place] : made.ys[place];
    if (value === null || value === undefined) return null;
    const words = band ? `${number(value)}  [${number(made.low[place])}, ${number(made.high[place])}]` : number(value);
    const near = chart.series.some((series) => series._focus === true && series.label === line.id);
    return { id: line.id, label: line.label, value, words, near, colour: this.plot.colour(line), dashed: line.dashed };
  }

  key(event) {
    if (!this.plot.chart || event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20 };
    const zooms = { "+": 0.5, "=": 0.5, "-": 2 };
    if (event.key in steps) {
      this.plot.step(steps[event.key] * (event.shiftKey ? 10 : 1));
      this.speak();
    } else if (event.key in zooms) this.zoomBy(zooms[event.key]);
    else if (event.key === "Home") this.set({ from: null, to: null });
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Nearer or further, round the cursor; further than the whole is the whole. */
  zoomBy(factor) {
    const [from, to] = this.plot.xRange();
    const at = this.plot.chart.cursor.idx;
    const middle = at === null || at === undefined ? (from + to) / 2 : this.plot.chart.data[0][at];
    const range = [middle - (middle - from) * factor, middle + (to - middle) * factor];
    const { whole } = this.plot.view;
    if (factor > 1 && whole && range[0] <= whole[0] && range[1] >= whole[1]) return this.set({ from: null, to: null });
    this.zoom(range);
  }

  speak() {
    const { chart } = this.plot;
    const x = chart.data[0][chart.cursor.idx];
    const rows = this.plot.lines.slice(0, 3).map((line) => this.valueAt(chart, line, x)).filter(Boolean); // prettier-ignore
    this.told.textContent = [placeWords(this.state.x, x), ...rows.map((row) => `${row.label} ${row.words}`)].join(", ");
  }

  destroy() {
    this.source.cancel();
    this.pulse?.stop();
    this.plot.destroy();
  }
}
