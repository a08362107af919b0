// Parallel coordinates with brushes and a scatter of anything against anything, over the compared runs.

import { showChart } from "../charts/echart.js";
import { curveColours, runPlace } from "../charts/colours.js";
import { plainColour } from "../charts/saving.js";
import { element, number } from "../charts/words.js";

const AXES_AT_FIRST = 9;
const RAMP = ["#3b6fd4", "#2fb0a8", "#d9b62f", "#d9542f"];

const find = (name) => document.querySelector(`[data-${name}]`);
const isText = (axis) => axis.values.some((value) => typeof value === "string");
const categories = (axis) => [...new Set(axis.values.filter((value) => value !== null))].sort();
/** Numbers that span fiftyfold or more, all above zero, are read better on a logarithmic axis. */
function isWide(axis) {
  const values = axis.values.filter((value) => value !== null);
  return values.length > 1 && Math.min(...values) > 0 && Math.max(...values) / Math.min(...values) >= 50;
}

function remember(name, value) {
  const parameters = new URLSearchParams(location.search);
  parameters.delete(name);
  for (const one of [value].flat().filter((text) => text !== "" && text !== null)) parameters.append(name, one);
  history.replaceState(null, "", `${location.pathname}?${parameters}`);
}

class Relations {
  constructor({ axes, runs }) {
    Object.assign(this, { axes, runs, byId: new Map(axes.map((axis) => [`${axis.kind}:${axis.key}`, axis])) });
    this.metrics = axes.filter((axis) => axis.kind === "metric");
    this.parameters = axes.filter((axis) => axis.kind === "parameter");
    const given = new URLSearchParams(location.search);
    const first = (wished, ...others) => [wished, ...others].find((id) => this.byId.has(id)) ?? "";
    const [metric, parameter] = [this.id(this.metrics[0]), this.id(this.parameters.find((axis) => !isText(axis)) ?? this.parameters[0])];
    this.choice = { colour: first(given.get("colour"), metric, parameter), across: first(given.get("across"), parameter, metric), up: first(given.get("up"), metric, parameter) };
    const chosen = given.getAll("axis").filter((id) => this.byId.has(id));
    this.shown = new Set(chosen.length ? chosen : [...this.parameters.slice(0, AXES_AT_FIRST - 3), ...this.metrics.slice(0, 3)].map((axis) => this.id(axis)));
    this.fill();
    const csv = () => [["run", ...this.axes.map((axis) => axis.key)], ...this.runs.map((run, place) => [run.name, ...this.axes.map((axis) => axis.values[place])])];
    this.parallel = showChart(find("parallel"), (colours, ink) => this.parallelOption(ink), { title: "Parameters and metrics of each run", csv, empty: "Nothing differs between these runs, and they have no metrics." });
    this.parallel.on("axisareaselected", () => this.brushed());
    this.scatter = showChart(find("scatter"), () => this.scatterOption(), { title: "Scatter", csv: () => this.scatterRows(), empty: "Choose what stands on the axes." });
    this.nameScatter();
  }

  id(axis) {
    return axis ? `${axis.kind}:${axis.key}` : "";
  }

  fill() {
    for (const select of document.querySelectorAll("[data-relation]")) {
      const groups = [["Metrics", this.metrics], ["Parameters", this.parameters]];
      select.replaceChildren(...groups.filter(([, own]) => own.length).map(([label, own]) => element("optgroup", { label }, ...own.map((axis) => element("option", { value: this.id(axis) }, axis.key)))));
      select.value = this.choice[select.dataset.relation];
      select.addEventListener("change", () => this.choose(select.dataset.relation, select.value));
    }
    find("axes").replaceChildren(...this.axes.map((axis) => {
      const box = element("input", { type: "checkbox", value: this.id(axis), checked: this.shown.has(this.id(axis)) });
      box.addEventListener("change", () => this.toggle(box));
      return element("label", { className: "chart-check" }, box, element("span", {}, axis.key), element("span", { className: "faint" }, axis.kind));
    })); // prettier-ignore
    find("axes-count").textContent = `${this.shown.size} of ${this.axes.length}`;
  }

  choose(name, value) {
    this.choice[name] = value;
    remember(name, value);
    if (name === "colour") this.parallel.update(this.parallel.option);
    this.scatter.update(this.scatter.option);
    this.nameScatter();
  }

  toggle(box) {
    if (box.checked) this.shown.add(box.value);
    else this.shown.delete(box.value);
    remember("axis", [...this.shown]);
    find("axes-count").textContent = `${this.shown.size} of ${this.axes.length}`;
    this.parallel.update(this.parallel.option);
    this.brushed();
  }

  visible() {
    return this.axes.filter((axis) => this.shown.has(this.id(axis)));
  }

  /** Where a run's line is coloured: by the chosen axis along a ramp, by the run itself where that is a text. */
  colouring() {
    const axis = this.byId.get(this.choice.colour);
    if (!axis || isText(axis)) return null;
    const values = axis.values.filter((value) => value !== null);
    return values.length ? { axis, low: Math.min(...values), high: Math.max(...values) } : null;
  }

  runColour(run) {
    return plainColour(curveColours()[runPlace(run.id) % curveColours().length]);
  }

  axisOption(axis, dim) {
    const arrow = axis.kind === "metric" ? (axis.lower ? " ↓" : " ↑") : "";
    const name = `${axis.key.length > 22 ? `${axis.key.slice(0, 20)}…` : axis.key}${arrow}`;
    if (isText(axis)) return { dim, name, type: "category", data: categories(axis), axisLabel: { formatter: (text) => (text.length > 16 ? `${text.slice(0, 15)}…` : text) } };
    const format = (value) => number(Number(value.toPrecision(3)));
    return { dim, name, type: isWide(axis) ? "log" : "value", scale: true, axisLabel: { formatter: format } };
  }

  parallelOption(ink) {
    const shown = this.visible();
    if (shown.length < 2) return { series: [] };
    const colouring = this.colouring();
    const extra = colouring ? [...shown, colouring.axis] : shown;
    const data = this.runs.map((run, place) => ({
      name: run.name,
      value: extra.map((axis) => axis.values[place] ?? NaN),
      lineStyle: colouring && colouring.axis.values[place] !== null ? {} : { color: this.runColour(run) },
    }));
    const visualMap = colouring && colouring.low < colouring.high ? { visualMap: { show: true, min: colouring.low, max: colouring.high, dimension: shown.length, calculable: true, orient: "vertical", right: 4, top: "middle", itemHeight: 150, itemWidth: 10, formatter: number, inRange: { color: RAMP }, textStyle: { color: plainColour(ink.text) } } } : {}; // prettier-ignore
    return {
      ...visualMap,
      tooltip: { formatter: ({ name, dataIndex }) => [name, ...shown.map((axis) => `${axis.key}  ${this.words(axis.values[dataIndex])}`)].join("\n") },
      parallel: { left: 60, right: colouring ? 120 : 60, top: 42, bottom: 22, parallelAxisDefault: { nameLocation: "end", nameGap: 18, nameTextStyle: { color: plainColour(ink.text), fontSize: 11 }, areaSelectStyle: { width: 16, borderColor: plainColour(ink.accent), color: plainColour(ink.accent), opacity: 0.25 } } },
      parallelAxis: shown.map((axis, dim) => this.axisOption(axis, dim)),
      series: [{ type: "parallel", smooth: 0.15, lineStyle: { width: 2, opacity: 0.85 }, inactiveOpacity: 0.06, activeOpacity: 1, emphasis: { lineStyle: { width: 4 } }, data }],
    }; // prettier-ignore
  }

  words(value) {
    return typeof value === "string" ? value : number(value);
  }

  /** The runs inside all brushes, in words, and a way to go on with them alone. */
  brushed() {
    const model = this.parallel.chart.getModel().getSeriesByIndex(0);
    if (!model) return;
    const picked = new Set(model.getRawIndicesByActiveState("active"));
    const runs = this.runs.filter((_, place) => picked.has(place));
    const any = runs.length > 0 && runs.length < this.runs.length;
    find("brushed").textContent = any ? `${runs.length} of ${this.runs.length}: ${runs.map((run) => run.name).join(", ")}` : "Drag along an axis to pick runs; click the axis to let go.";
    const only = find("brushed-only");
    only.hidden = !any || runs.length < 2;
    const parameters = new URLSearchParams(location.search);
    parameters.delete("run");
    for (const run of runs) parameters.append("run", run.id);
    only.href = `?${parameters}`;
    this.picked = any ? picked : null;
    this.scatter.update(this.scatter.option);
  }

  nameScatter() {
    const [across, up] = [this.byId.get(this.choice.across), this.byId.get(this.choice.up)];
    if (!across || !up) return;
    const title = `${up.key} against ${across.key}`;
    this.scatter.title = title;
    this.scatter.head.querySelector(".chart-title").textContent = title;
    this.scatter.area.setAttribute("aria-label", title);
  }

  scatterRows() {
    const [across, up] = [this.byId.get(this.choice.across), this.byId.get(this.choice.up)];
    if (!across || !up) return [["run"]];
    return [["run", across.key, up.key], ...this.runs.map((run, place) => [run.name, across.values[place], up.values[place]])];
  }

  scatterOption() {
    const [across, up] = [this.byId.get(this.choice.across), this.byId.get(this.choice.up)];
    if (!across || !up) return { series: [] };
    const axis = (one, more) => ({ ...this.axisOption(one), dim: undefined, name: one.key, nameLocation: "middle", ...more });
    const data = this.runs.map((run, place) => ({
      name: run.name, value: [across.values[place], up.values[place]], page: run.page,
      itemStyle: { color: this.runColour(run), opacity: !this.picked || this.picked.has(place) ? 0.95 : 0.12 },
    })).filter((point) => point.value.every((value) => value !== null)); // prettier-ignore
    if (!data.length) return { series: [] };
    return {
      grid: { left: 62, right: 20, top: 14, bottom: 44 },
      tooltip: { formatter: ({ name, value }) => `${name}\n${across.key}  ${this.words(value[0])}\n${up.key}  ${this.words(value[1])}` },
      xAxis: axis(across, { nameGap: 28 }),
      yAxis: axis(up, { nameGap: 46 }),
      series: [{ type: "scatter", symbolSize: 12, data, label: { show: data.length <= 20, position: "top", formatter: ({ name }) => name.replace("run-", ""), fontSize: 10, opacity: 0.75, color: plainColour(getComputedStyle(document.body).color) }, labelLayout: { hideOverlap: true } }],
    }; // prettier-ignore
  }
}

export function showRelations() {
  new Relations(JSON.parse(document.getElementById("relations").textContent));
}
