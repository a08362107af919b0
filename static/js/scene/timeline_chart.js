// The scores of the frames over the axis, drawn by uPlot: one line a series, IoU dashed, the threshold and its spikes.

import uPlot from "uplot";
import { faded } from "./inks.js";
import { spikes } from "./spikes.js";
import { measured } from "./words.js";

const SERIES_INKS = ["amber", "accent", "violet", "green"];
const IOU_AXIS = 44;
export const seriesInk = (ink, place) => ink[SERIES_INKS[place % SERIES_INKS.length]];

/** The range of a series on paper: from its lower end to a bit above its highest value, the threshold in sight. */
export function drawnRange(series, threshold) {
  let high = -Infinity;
  let low = Infinity;
  for (const { values } of series) {
    for (const value of values) {
      if (value === null) continue;
      if (value > high) high = value;
      if (value < low) low = value;
    }
  }
  if (high === -Infinity) return [series[0]?.low ?? 0, series[0]?.high ?? 1];
  const top = Math.max(high, threshold ?? high);
  const bottom = Math.min(series[0].low ?? low, low);
  return [bottom, top + (top - bottom || 1) * 0.08];
}

export class TimelineChart {
  constructor(host, { brushed, hovered, clicked }) {
    Object.assign(this, { host, brushed, hovered, clicked, chart: null });
  }

  /** Builds the chart anew for these series; they share a scale when they measure the same. */
  build(series, axis, ink) {
    this.chart?.destroy();
    Object.assign(this, { series, axis, ink });
    const same = (one) => one.measure === series[0].measure && one.unit === series[0].unit;
    this.scales = series.map((one, place) => (same(one) ? "y" : `y${place}`));
    this.withIou = series.some((one) => one.iou);
    axis.right = this.withIou ? IOU_AXIS : 16;
    this.chart = new uPlot(this.options(), this.data(), this.host);
    this.bindClick();
  }

  data() {
    return [this.axis.values, ...this.series.map((one) => one.values), ...this.series.filter((one) => one.iou).map((one) => one.iou)];
  }

  options() {
    const { ink } = this;
    return {
      width: this.axis.width,
      height: this.host.clientHeight,
      padding: [8, this.withIou ? 0 : this.axis.right, 5, 0],
      legend: { show: false },
      scales: this.scaleOptions(),
      axes: this.axisOptions(),
      cursor: { y: false, drag: { x: true, y: false, setScale: false, dist: 5 }, points: { size: 7 } },
      series: [
        {},
        ...this.series.map((one, place) => ({ scale: this.scales[place], stroke: seriesInk(ink, place), width: 1.5,
          fill: place === 0 ? faded(seriesInk(ink, 0), 12) : undefined, spanGaps: false, points: { show: false } })),
        ...this.series.filter((one) => one.iou).map(() => ({ scale: "iou", stroke: ink.green, width: 1, dash: [4, 3], points: { show: false } })),
      ], // prettier-ignore
      hooks: {
        drawClear: [(chart) => this.drawSpikes(chart)],
        draw: [(chart) => this.drawThreshold(chart)],
        setSelect: [(chart) => this.selected(chart)],
        setCursor: [(chart) => this.hovered(chart.cursor.idx ?? null)],
      },
    };
  }

  scaleOptions() {
    const scales = { x: { time: false, range: () => this.axis.view }, iou: { range: [0, 1] } };
    for (const name of new Set(this.scales)) {
      const own = this.series.filter((_, place) => this.scales[place] === name);
      scales[name] = { range: () => drawnRange(own, name === "y" ? this.threshold : null) };
    }
    return scales;
  }

  axisOptions() {
    const { ink } = this;
    const common = { stroke: ink.faint, font: "11px Inter, system-ui, sans-serif", ticks: { show: false } };
    const grid = { stroke: ink.line, width: 1 };
    const axes = [
      { ...common, size: 0, grid, values: (_, splits) => splits.map(() => ""), splits: () => this.axis.ticks().ticks },
      { ...common, scale: "y", size: this.axis.left, grid, space: 26, gap: 6, values: (_, splits) => splits.map((value) => String(Number(value.toPrecision(6)))) },
    ];
    if (this.withIou) axes.push({ ...common, scale: "iou", side: 1, size: IOU_AXIS, grid: { show: false }, splits: () => [0, 0.5, 1], values: (_, splits) => splits.map(String) });
    return axes;
  }

  bindClick() {
    const { over } = this.chart;
    let down = null;
    over.addEventListener("pointerdown", (event) => (down = event.clientX));
    over.addEventListener("click", (event) => {
      if (down === null || Math.abs(event.clientX - down) > 4) return;
      const pixel = event.clientX - over.getBoundingClientRect().left;
      this.clicked(pixel + this.axis.left);
    });
    over.addEventListener("pointerleave", () => this.hovered(null));
  }

  selected(chart) {
    const { left, width } = chart.select;
    if (width < 5) return;
    const [from, to] = [chart.posToVal(left, "x"), chart.posToVal(left + width, "x")];
    chart.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.brushed(from, to);
  }

  drawSpikes(chart) {
    if (this.threshold === null || this.threshold === undefined) return;
    const { ctx, bbox } = chart;
    const half = this.axis.step / 2;
    ctx.save();
    ctx.fillStyle = faded(this.ink.red, 20);
    for (const [first, last] of spikes(this.series[0].values, this.threshold)) {
      const from = chart.valToPos(this.axis.values[first] - half, "x", true);
      const to = chart.valToPos(this.axis.values[last] + half, "x", true);
      if (to < bbox.left || from > bbox.left + bbox.width) continue;
      const begin = Math.max(bbox.left, from);
      ctx.fillRect(begin, bbox.top, Math.max(devicePixelRatio, Math.min(to, bbox.left + bbox.width) - begin), bbox.height);
    }
    ctx.restore();
  }

  drawThreshold(chart) {
    if (this.threshold === null || this.threshold === undefined) return;
    const { ctx, bbox } = chart;
    const y = chart.valToPos(this.threshold, "y", true);
    ctx.save();
    ctx.strokeStyle = this.ink.red;
    ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.lineWidth = devicePixelRatio;
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.restore();
  }

  setThreshold(threshold) {
    this.threshold = threshold;
    this.redraw();
  }

  /** Pixels from the top of the host to a value of the leading series, and back. */
  thresholdTop() {
    return this.chart.valToPos(this.threshold, "y") + this.chart.over.offsetTop;
  }

  valueAt(clientY) {
    return this.chart.posToVal(clientY - this.chart.over.getBoundingClientRect().top, "y");
  }

  redraw() {
    this.chart?.setData(this.data());
  }

  resize() {
    this.chart?.setSize({ width: this.axis.width, height: this.host.clientHeight });
  }

  describe(position) {
    return this.series.map((one) => `${one.title} ${measured(one.values[position])}${one.iou ? ` · IoU ${measured(one.iou[position])}` : ""}`);
  }
}
