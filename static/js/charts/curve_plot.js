// The drawing of curves by uPlot: raw lines faint under smoothed ones, bands, marks for what is no number.

import uPlot from "uplot";
import { faded } from "../scene/inks.js";
import { chartInks, curveColours, dashOf } from "./colours.js";
import { joined, nearest } from "./curve_columns.js";
import { extent, padded } from "./curve_maths.js";
import { span, tick } from "./words.js";

const FONT = "11px Inter, system-ui, sans-serif";
const Y_AXIS = 56;

export class CurvePlot {
  constructor(host, { zoomed, reset, hovered }) {
    Object.assign(this, { host, zoomed, reset, hovered, chart: null, lines: [] });
  }

  /** Draws lines anew. Each is {id, label, place, dashed, made: ready points}. */
  build(lines, view) {
    this.chart?.destroy();
    Object.assign(this, { lines, view, ink: chartInks(), colours: curveColours() });
    this.places = [];
    const tables = lines.map((line) => this.table(line));
    this.chart = new uPlot(this.options(), joined(tables), this.host);
  }

  /** New points of the same lines, without disturbing cursor or focus. */
  refresh(lines, view) {
    const same = this.chart && lines.length === this.lines.length && lines.every((line, place) => line.id === this.lines[place].id);
    if (!same || this.series(lines).length !== this.series(this.lines).length) return this.build(lines, view);
    Object.assign(this, { lines, view });
    this.chart.setData(joined(lines.map((line) => this.table(line))));
  }

  colour(line) {
    return this.colours[line.place % this.colours.length];
  }

  table({ made, band, smoothed }) {
    if (band) return [made.xs, made.low, made.high, made.ys];
    return smoothed ? [made.xs, made.ys, made.smoothed] : [made.xs, made.ys];
  }

  series(lines) {
    // Few points are shown as such: a curve of one point would not be seen else.
    const dots = lines.every((line) => line.made.xs.length < 40);
    return lines.flatMap((line) => {
      const colour = this.colour(line);
      const dash = dashOf(line.dashed);
      const main = { label: line.id, stroke: colour, width: 1.75, dash, points: { show: dots || line.made.xs.length === 1, size: 5, fill: colour, stroke: colour } };
      const none = { stroke: "transparent", width: 0, points: { show: false } };
      if (line.band) return [{ ...none, label: `${line.id} low` }, { ...none, label: `${line.id} high` }, main];
      const raw = { label: `${line.id} raw`, stroke: faded(colour, 26), width: 1, points: { show: false } };
      return line.smoothed ? [raw, main] : [main];
    });
  }

  bands() {
    const found = [];
    let at = 1;
    for (const line of this.lines) {
      if (line.band) found.push({ series: [at + 1, at], fill: faded(this.colour(line), 16) });
      at += this.table(line).length - 1;
    }
    return found;
  }

  options() {
    const { view } = this;
    return {
      ...this.size(),
      padding: [10, 22, 0, 0],
      legend: { show: false },
      scales: { x: { time: view.x === "time", distr: view.log.has("x") ? 3 : 1, range: () => this.xRange() }, y: { distr: view.log.has("y") ? 3 : 1, range: () => this.yRange() } },
      axes: this.axes(),
      series: [{}, ...this.series(this.lines)],
      bands: this.bands(),
      focus: { alpha: 0.28 },
      cursor: this.cursor(),
      hooks: {
        setSelect: [(chart) => this.selected(chart)],
        setCursor: [(chart) => this.hovered(chart)],
        draw: [(chart) => this.drawMarks(chart)],
      },
    }; // prettier-ignore
  }

  cursor() {
    const { view } = this;
    return {
      y: false,
      drag: { x: true, y: false, setScale: false, dist: 4 },
      focus: { prox: this.lines.length > 1 ? 30 : -1 },
      points: { size: 7, width: 1.5 },
      dataIdx: (chart, place, at) => this.nearIndex(chart, place, at),
      bind: { dblclick: () => () => (this.reset(), null) },
      // Only where the pointer is goes to the other charts; each zooms for itself.
      sync: view.sync ? { key: `${view.sync}:${view.x}`, setSeries: false, scales: ["x", null], filters: { pub: (type) => type === "mousemove" || type === "mouseleave" } } : undefined,
    }; // prettier-ignore
  }

  /** The lines have points at places of their own: the nearest one of a line within ten pixels is shown. */
  nearIndex(chart, place, at) {
    const column = chart.data[place];
    if (!column || (column[at] !== undefined && column[at] !== null)) return at;
    const xs = chart.data[0];
    const limit = (10 * (chart.scales.x.max - chart.scales.x.min)) / (chart.over.clientWidth || 1);
    for (let reach = 1; reach < 400; reach++) {
      const [before, after] = [at - reach, at + reach];
      const near = (index) => index >= 0 && index < xs.length && Math.abs(xs[index] - xs[at]) <= limit;
      if (!near(before) && !near(after)) return null;
      if (near(before) && typeof column[before] === "number") return before;
      if (near(after) && typeof column[after] === "number") return after;
    }
    return null;
  }

  axes() {
    const { ink, view } = this;
    const common = { stroke: ink.faint, font: FONT, ticks: { show: false }, grid: { stroke: ink.line, width: 1 } };
    const plain = (_, splits) => splits.map((value, place) => (value === null ? null : tick(value, Math.abs((splits[place + 1] ?? value) - (splits[place - 1] ?? value)) / 2)));
    const log = (axis) => (view.log.has(axis) ? {} : { values: plain });
    const across = { ...common, size: 26, gap: 5, space: 64 };
    if (view.x === "relative") across.values = (_, splits) => splits.map(span);
    else if (view.x !== "time") Object.assign(across, log("x"));
    return [across, { ...common, scale: "y", size: Y_AXIS, gap: 6, space: 28, ...log("y") }];
  }

  xRange() {
    const { whole, zoom, log } = this.view;
    const range = zoom ?? whole;
    if (!range) return log.has("x") ? [1, 10] : [0, 1];
    if (range[0] !== range[1]) return range;
    return log.has("x") ? [range[0] / 2, range[0] * 2] : [range[0] - 1, range[1] + 1];
  }

  yRange() {
    const { outliers, log } = this.view;
    const [from, to] = this.xRange();
    const seen = [];
    for (const { made, band, smoothed } of this.lines) {
      const columns = band ? [made.low, made.high] : smoothed && outliers ? [made.smoothed] : [made.ys];
      for (let place = 0; place < made.xs.length; place++) {
        if (made.xs[place] < from || made.xs[place] > to) continue;
        for (const column of columns) if (typeof column[place] === "number") seen.push(column[place]);
      }
    }
    return padded(extent(seen, { outliers }), log.has("y"));
  }

  size() {
    return { width: Math.max(120, this.host.clientWidth), height: Math.max(90, this.host.clientHeight) };
  }

  resize() {
    if (!this.chart) return;
    const { width, height } = this.size();
    if (width !== this.chart.width || height !== this.chart.height) this.chart.setSize({ width, height });
  }

  selected(chart) {
    const { left, width } = chart.select;
    if (width < 4) return;
    const range = [chart.posToVal(left, "x"), chart.posToVal(left + width, "x")];
    chart.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.zoomed(range);
  }

  /** A mark at the edge for every point that is no number, and a line at the step that the page marks. */
  drawMarks(chart) {
    const { ctx, bbox } = chart;
    const ratio = devicePixelRatio;
    ctx.save();
    if (this.view.mark !== null && this.view.mark !== undefined) this.drawLine(chart, this.view.mark);
    for (const line of this.lines) {
      ctx.fillStyle = this.colour(line);
      for (const [x, kind] of line.made.odd) {
        const at = chart.valToPos(x, "x", true);
        if (at < bbox.left - 1 || at > bbox.left + bbox.width + 1) continue;
        const up = kind === "∞";
        const base = up ? bbox.top : bbox.top + bbox.height;
        const turn = up ? 1 : -1;
        ctx.beginPath();
        ctx.moveTo(at - 4 * ratio, base);
        ctx.lineTo(at + 4 * ratio, base);
        ctx.lineTo(at, base + turn * 7 * ratio);
        ctx.fill();
      }
    }
    ctx.restore();
  }

  drawLine(chart, x) {
    const { ctx, bbox } = chart;
    const at = chart.valToPos(x, "x", true);
    if (at < bbox.left || at > bbox.left + bbox.width) return;
    ctx.strokeStyle = this.ink.text;
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(at, bbox.top);
    ctx.lineTo(at, bbox.top + bbox.height);
    ctx.stroke();
    ctx.setLineDash([]);
  }

  /** Puts the cursor on the point that lies some points further; the first press begins in the middle. */
  step(by) {
    const [xs] = this.chart.data;
    const [from, to] = this.xRange();
    const inside = [nearest(xs, from), nearest(xs, to)];
    if (xs[inside[0]] < from) inside[0] += 1;
    if (xs[inside[1]] > to) inside[1] -= 1;
    const now = this.chart.cursor.idx;
    const place = now === null || now === undefined ? (inside[0] + inside[1]) >> 1 : Math.min(inside[1], Math.max(inside[0], now + by));
    const [line] = this.lines;
    const top = line ? this.chart.valToPos(line.made.ys[nearest(line.made.xs, xs[place])] ?? 0, "y") : 0;
    this.chart.setCursor({ left: this.chart.valToPos(xs[place], "x"), top }, true, true);
  }

  destroy() {
    this.chart?.destroy();
    this.chart = null;
  }
}
