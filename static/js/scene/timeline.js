// The timeline: strip, chart, what lies under the pointer, the threshold and its spikes. It changes the store only.

import { Axis } from "./axis.js";
import { nearest } from "./frame_line.js";
import { inks, onThemeChange } from "./inks.js";
import { peak, spikes, usualThreshold } from "./spikes.js";
import { TimelineChart, seriesInk } from "./timeline_chart.js";
import { TimelineStrip } from "./timeline_strip.js";
import { element, grouped, measured, seconds } from "./words.js";

const find = (name) => document.querySelector(`[data-${name}]`);

export class Timeline {
  /** @param seek (position, {overlay: bool}) -> shows a frame, with the uncertainty overlay if asked */
  constructor({ store, catalogue, line, seek }) {
    Object.assign(this, { store, catalogue, line, seek, ink: inks() });
    const names = ["timeline", "chart", "strip", "now", "hover", "tip", "empty", "series", "threshold", "threshold-group", "spikes", "time"];
    this.parts = Object.fromEntries(names.map((name) => [name, find(name)]));
    this.axis = new Axis(line.along(store.state.axis), store.state.axis === "frame" || !line.timed);
    this.strip = new TimelineStrip(this.parts.strip.querySelector("canvas"), line, this.coverage());
    this.chart = new TimelineChart(this.parts.chart, {
      brushed: (from, to) => this.brush(from, to),
      hovered: (position) => this.hover(position),
      clicked: (pixel) => this.seek(this.peakNear(pixel), { overlay: true }),
    });
    this.all = [...catalogue.scores.values()];
    this.bind();
    this.build();
    this.showAxis(store.state);
    new ResizeObserver(() => this.layout()).observe(this.parts.timeline);
    onThemeChange(() => this.restyle());
  }

  coverage() {
    const covered = (sources) => sources[0]?.digests.map((digest) => digest !== null);
    return { truth: covered(this.catalogue.truths), prediction: covered(this.catalogue.predictions) };
  }

  /** The series on paper: the chosen ones, the first one as long as nobody chose. */
  active(state = this.store.state) {
    if (state.series === null) return this.all.slice(0, 1);
    return this.all.filter(({ key }) => state.series.includes(key));
  }

  threshold(state = this.store.state) {
    const [leading] = this.active(state);
    return leading ? (state.threshold ?? usualThreshold(leading.values)) : null;
  }

  bind() {
    const { store } = this;
    store.on(["frame"], (state) => this.showNow(state, true));
    store.on(["axis"], (state) => this.useAxis(state));
    store.on(["series"], () => this.build());
    store.on(["threshold"], () => this.showThreshold());
    store.on(["play"], () => this.drawStrip());
    this.bindStrip();
    this.bindZoom();
    this.bindThreshold();
    this.parts.series.addEventListener("click", (event) => this.toggleSeries(event.target.closest("[data-key]")?.dataset.key));
    for (const button of document.querySelectorAll("[data-axis]")) {
      button.addEventListener("click", () => store.set({ axis: button.dataset.axis }));
    }
  }

  bindStrip() {
    const { strip } = this.parts;
    let scrubbing = false;
    const there = (event) => this.positionAt(event.clientX - this.parts.timeline.getBoundingClientRect().left);
    strip.addEventListener("pointerdown", (event) => {
      scrubbing = true;
      strip.setPointerCapture(event.pointerId);
      this.seek(there(event), { overlay: false });
    });
    strip.addEventListener("pointermove", (event) => {
      this.hover(there(event));
      if (scrubbing) this.seek(there(event), { overlay: false });
    });
    for (const end of ["pointerup", "pointercancel"]) strip.addEventListener(end, () => (scrubbing = false));
    strip.addEventListener("pointerleave", () => this.hover(null));
  }

  bindZoom() {
    const { timeline } = this.parts;
    timeline.addEventListener("wheel", (event) => {
      event.preventDefault();
      const pixel = event.clientX - timeline.getBoundingClientRect().left;
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.axis.pan(event.deltaX || event.deltaY);
      else this.axis.zoom(event.deltaY > 0 ? 1.25 : 0.8, pixel);
      this.redraw();
    }, { passive: false }); // prettier-ignore
    timeline.addEventListener("dblclick", () => {
      this.axis.view = this.axis.whole;
      this.redraw();
    });
  }

  bindThreshold() {
    const { threshold, chart } = this.parts;
    threshold.addEventListener("change", () => this.store.set({ threshold: Number.isNaN(threshold.valueAsNumber) ? null : threshold.valueAsNumber }));
    this.handle = element("div", { className: "threshold-handle", tabIndex: 0, role: "slider", title: "Drag the threshold", aria: { label: "Threshold", orientation: "vertical" } });
    chart.append(this.handle);
    this.handle.addEventListener("pointerdown", (event) => this.handle.setPointerCapture(event.pointerId));
    this.handle.addEventListener("pointermove", (event) => {
      if (this.handle.hasPointerCapture(event.pointerId)) this.store.set({ threshold: Number(this.chart.valueAt(event.clientY).toPrecision(4)) });
    });
    this.handle.addEventListener("keydown", (event) => {
      const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      const [low, high] = [this.chart.chart.scales.y.min, this.chart.chart.scales.y.max];
      this.store.set({ threshold: Number((this.threshold() + (step * (high - low)) / 50).toPrecision(4)) });
    });
  }

  build() {
    const series = this.active();
    this.parts.empty.hidden = this.all.length > 0;
    this.parts.chart.hidden = !series.length;
    this.parts["threshold-group"].hidden = !series.length;
    this.axis.right = 16;
    this.axis.width = this.parts.timeline.clientWidth || 100;
    this.showSeries(series);
    this.chart.threshold = this.threshold();
    if (series.length) this.chart.build(series, this.axis, this.ink);
    this.layout();
    this.showThreshold();
  }

  showSeries(active) {
    this.parts.series.replaceChildren(
      ...this.all.map((series) => {
        const place = active.indexOf(series);
        const dot = element("span", { className: "series-dot" });
        dot.style.background = place === -1 ? "transparent" : seriesInk(this.ink, place);
        const words = [series.measure, series.unit].filter(Boolean).join(", ");
        return element("button", { type: "button", className: "series-chip", title: `${series.title}: ${words}`, data: { key: series.key }, aria: { pressed: place !== -1 } },
          dot, element("span", {}, series.title), element("span", { className: "series-value tabular", data: { value: series.key } })); // prettier-ignore
      }),
    );
    this.showValues(this.store.state.frame);
  }

  toggleSeries(key) {
    if (!key) return;
    const keys = this.active().map((series) => series.key);
    this.store.set({ series: keys.includes(key) ? keys.filter((other) => other !== key) : [...keys, key] });
  }

  layout() {
    this.axis.width = this.parts.timeline.clientWidth;
    this.chart.resize();
    this.redraw();
  }

  redraw() {
    this.chart.redraw();
    this.drawStrip();
    this.showNow(this.store.state, false);
    this.placeHandle();
  }

  restyle() {
    this.ink = inks();
    this.build();
  }

  drawStrip() {
    this.strip.draw(this.axis, this.store.state.play, this.ink);
  }

  useAxis(state) {
    this.axis.use(this.line.along(state.axis), state.axis === "frame" || !this.line.timed);
    this.build();
    this.showAxis(state);
  }

  showAxis(state) {
    for (const button of document.querySelectorAll("[data-axis]")) {
      const chosen = this.line.timed ? state.axis : "frame";
      button.setAttribute("aria-pressed", String(button.dataset.axis === chosen));
      button.disabled = !this.line.timed;
      if (!this.line.timed) button.title = "The frames carry no usable times: they stand by number.";
    }
  }

  positionAt(pixel) {
    return nearest(this.axis.values, this.axis.value(pixel));
  }

  /** The highest frame within three pixels of a click: peaks of long recordings are thinner than a pixel. */
  peakNear(pixel) {
    const [first, last] = [this.positionAt(pixel - 3), this.positionAt(pixel + 3)];
    const here = this.positionAt(pixel);
    const [leading] = this.active();
    return last - first > 2 && leading ? peak(leading.values, [first, last]) : here;
  }

  brush(from, to) {
    const range = [nearest(this.axis.values, from), nearest(this.axis.values, to)];
    if (range[1] > range[0]) this.store.set({ play: range });
  }

  showNow(state, follow) {
    const value = this.axis.values[state.frame];
    if (value === undefined) return;
    if (follow && this.axis.follow(value)) return this.redraw();
    const pixel = this.axis.pixel(value);
    const { now, strip, time } = this.parts;
    now.hidden = pixel < this.axis.left - 1 || pixel > this.axis.width - this.axis.right + 1;
    now.style.transform = `translateX(${pixel}px)`;
    strip.setAttribute("aria-valuenow", state.frame);
    strip.setAttribute("aria-valuemax", this.line.count - 1);
    time.textContent = this.line.timed ? seconds(this.line.seconds[state.frame]) : "";
    this.showValues(state.frame);
  }

  showValues(frame) {
    for (const place of this.parts.series.querySelectorAll("[data-value]")) {
      place.textContent = measured(this.catalogue.scores.get(place.dataset.value).values[frame]);
    }
  }

  hover(position) {
    const { hover, tip } = this.parts;
    hover.hidden = tip.hidden = position === null || position < 0;
    if (hover.hidden) return;
    const pixel = this.axis.pixel(this.axis.values[position]);
    hover.style.transform = `translateX(${pixel}px)`;
    const state = this.line.shown(position) ? `${grouped(this.line.frames.points[position])} points` : this.line.problem(position);
    const scores = this.parts.chart.hidden ? [] : this.chart.describe(position);
    const when = this.line.timed ? [seconds(this.line.seconds[position])] : [];
    tip.textContent = [`Frame ${position}`, ...when, ...scores, state].join(" · ");
    tip.style.transform = `translateX(${Math.max(4, Math.min(this.axis.width - tip.offsetWidth - 4, pixel + 10))}px)`;
  }

  showThreshold() {
    const threshold = this.threshold();
    if (threshold === null) return;
    this.chart.setThreshold(threshold);
    const found = spikes(this.active()[0].values, threshold);
    this.parts.spikes.textContent = `${grouped(found.length)} ${found.length === 1 ? "spike" : "spikes"}`;
    if (document.activeElement !== this.parts.threshold) this.parts.threshold.value = Number(threshold.toPrecision(4));
    this.placeHandle();
  }

  placeHandle() {
    this.handle.hidden = this.parts.chart.hidden || !this.chart.chart;
    if (this.handle.hidden) return;
    this.handle.style.transform = `translateY(${this.chart.thresholdTop()}px)`;
    this.handle.setAttribute("aria-valuenow", this.threshold());
  }
}
