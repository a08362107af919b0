// Charts by ECharts in the colours of the design: box plots, heat maps, scatters, parallel coordinates, bars.
// What is drawn can be saved, read as a table, and is told to screen readers.

import * as echarts from "echarts";
import { chartInks, curveColours, onRecolour } from "./colours.js";
import { fullScreenButton, saveMenu } from "./curve_controls.js";
import { csvText } from "./curve_maths.js";
import { download, fileName, plainColour } from "./saving.js";
import { element, number } from "./words.js";

const FONT = "Inter, system-ui, sans-serif";
const MOST_ROWS = 500;

/** The look of every chart: words, lines and colours by the tokens of the present theme. */
export function theme() {
  const ink = Object.fromEntries(Object.entries(chartInks()).map(([name, colour]) => [name, plainColour(colour)]));
  const axis = {
    axisLine: { lineStyle: { color: ink.strong } },
    axisTick: { show: false },
    axisLabel: { color: ink.faint, fontFamily: FONT, fontSize: 11 },
    nameTextStyle: { color: ink.text, fontFamily: FONT, fontSize: 11 },
    splitLine: { lineStyle: { color: ink.line } },
  };
  return {
    color: curveColours().map(plainColour),
    backgroundColor: "transparent",
    textStyle: { fontFamily: FONT, color: ink.text, fontSize: 11 },
    categoryAxis: { ...axis, splitLine: { show: false } },
    valueAxis: axis,
    logAxis: axis,
    timeAxis: axis,
    legend: { textStyle: { color: ink.text }, inactiveColor: ink.strong, pageTextStyle: { color: ink.text }, pageIconColor: ink.text, pageIconInactiveColor: ink.strong },
    tooltip: { backgroundColor: ink.surface, borderColor: ink.strong, textStyle: { color: ink.text, fontFamily: FONT, fontSize: 12 } },
    visualMap: { textStyle: { color: ink.text } },
    parallel: { parallelAxisDefault: axis },
  }; // prettier-ignore
}

/** Tooltips as drawn text: the page's policy refuses the styles that ones in HTML carry. */
const safe = (option) => ({
  animation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
  animationDuration: 250,
  aria: { enabled: true },
  ...option,
  tooltip: option.tooltip === undefined ? undefined : { confine: true, ...option.tooltip, textStyle: { fontFamily: FONT, fontSize: 12, ...option.tooltip.textStyle }, renderMode: "richText" },
});

export class EChart {
  /**
   * @param option of ECharts; a function of (colours, ink) is asked anew when the theme changes
   * @param csv rows for the file and for the table below: the first one names the columns
   */
  constructor(host, option, { title = "", csv = null, empty = "There is nothing to draw yet.", table = true } = {}) {
    Object.assign(this, { host, option, title, csv, emptyWords: empty });
    host.classList.add("chart");
    this.canvas = element("div", { className: "chart-canvas" });
    this.words = element("p", { className: "chart-words", role: "status", hidden: true });
    this.area = element("div", { className: "chart-plot", role: "img" }, this.canvas, this.words);
    this.area.setAttribute("aria-label", title);
    const ways = { PNG: () => this.savePng(), SVG: () => this.saveSvg() };
    if (csv) ways.CSV = () => this.saveCsv();
    const tools = element("div", { className: "chart-tools" }, saveMenu(ways), fullScreenButton(host));
    this.head = element("div", { className: "chart-head" }, element("h3", { className: "chart-title", title }, title), tools);
    host.replaceChildren(this.head, this.area);
    if (csv && table) host.append(this.tableBelow());
    this.show();
    this.forget = onRecolour(() => this.show());
    this.watch = new ResizeObserver(() => this.chart?.resize());
    this.watch.observe(this.canvas);
  }

  get rows() {
    return typeof this.csv === "function" ? this.csv() : this.csv;
  }

  resolved() {
    return safe(typeof this.option === "function" ? this.option(curveColours().map(plainColour), chartInks()) : this.option);
  }

  show() {
    this.chart?.dispose();
    const option = this.resolved();
    const empty = !option.series || (Array.isArray(option.series) && !option.series.length);
    this.words.hidden = !empty;
    this.words.textContent = empty ? this.emptyWords : "";
    this.chart = echarts.init(this.canvas, theme(), { renderer: "canvas", width: this.canvas.clientWidth || 300, height: this.canvas.clientHeight || 200 });
    this.chart.setOption(option);
    for (const [event, listener] of this.listeners ?? []) this.chart.on(event, listener);
    this.host.dataset.state = "ready";
  }

  /** Events of ECharts, also after a change of theme. */
  on(event, listener) {
    (this.listeners ??= []).push([event, listener]);
    this.chart.on(event, listener);
  }

  update(option, { csv = this.csv } = {}) {
    Object.assign(this, { option, csv });
    this.show();
    this.fillTable();
  }

  tableBelow() {
    this.table = element("table", { className: "table chart-table" });
    const details = element("details", { className: "chart-data" }, element("summary", {}, "Data as a table"), element("div", { className: "table-scroll" }, this.table));
    details.addEventListener("toggle", () => details.open && this.fillTable());
    this.details = details;
    return details;
  }

  fillTable() {
    if (!this.details?.open) return;
    const [head, ...rows] = this.rows;
    const cells = (row, name) => row.map((value) => element(name, typeof value === "number" ? { className: "numeric" } : {}, typeof value === "number" ? number(value) : String(value ?? "–")));
    const more = rows.length > MOST_ROWS ? [element("tr", {}, element("td", { colSpan: head.length, className: "faint" }, `${rows.length - MOST_ROWS} more rows are in the CSV file.`))] : [];
    this.table.replaceChildren(
      element("thead", {}, element("tr", {}, ...cells(head, "th"))),
      element("tbody", {}, ...rows.slice(0, MOST_ROWS).map((row) => element("tr", {}, ...cells(row, "td"))), ...more),
    );
  }

  savePng() {
    const address = this.chart.getDataURL({ type: "png", pixelRatio: 2, backgroundColor: plainColour(chartInks().surface) });
    const link = element("a", { href: address, download: fileName(this.title, "png") });
    link.click();
  }

  saveSvg() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const drawing = echarts.init(null, { ...theme(), backgroundColor: plainColour(chartInks().surface) }, { renderer: "svg", ssr: true, width, height });
    drawing.setOption({ ...this.resolved(), animation: false });
    download(fileName(this.title, "svg"), drawing.renderToSVGString(), "image/svg+xml");
    drawing.dispose();
  }

  saveCsv() {
    download(fileName(this.title, "csv"), csvText(this.rows), "text/csv");
  }

  dispose() {
    this.forget();
    this.watch.disconnect();
    this.chart.dispose();
    this.host.replaceChildren();
  }
}

/** A chart on an element: {update(option), on(event, listener), dispose()}. */
export const showChart = (host, option, facts = {}) => new EChart(host, option, facts);

/** A chart from the page's own data: data-echart names the element that holds {option, csv} or the option alone as JSON. */
export function showDeclared(host) {
  const given = JSON.parse(document.getElementById(host.dataset.echart).textContent);
  const { option = given, csv = null } = given;
  return showChart(host, option, { title: host.dataset.title ?? "", csv });
}
