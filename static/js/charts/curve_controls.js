// What stands around a curve chart: its head with tools, its legend and the words under the pointer.

import { dashOf } from "./colours.js";
import { icon } from "./icons.js";
import { X_NAMES, element, number, place as placeWords } from "./words.js";

const MOST_IN_TIP = 12;

/** A button that opens a small panel; the shell closes it on a click elsewhere and on Escape. */
export function menu(name, label, ...content) {
  const details = element("details", { className: "menu chart-menu" });
  const summary = element("summary", { className: "button button-quiet button-icon chart-tool", title: label, aria: { label } }, icon(name));
  details.append(summary, element("div", { className: "menu-panel chart-panel" }, ...content));
  return details;
}

export function saveMenu(ways) {
  const entries = Object.entries(ways).map(([label, save]) => {
    const button = element("button", { className: "menu-entry", type: "button", data: { save: label.toLowerCase() } }, label);
    button.addEventListener("click", () => {
      button.closest("details").open = false;
      save();
    });
    return button;
  });
  return menu("save", "Save this chart", ...entries);
}

export function toolButton(name, label, work) {
  const button = element("button", { className: "button button-quiet button-icon chart-tool", type: "button", title: label, aria: { label } }, icon(name));
  button.addEventListener("click", work);
  return button;
}

export function fullScreenButton(host) {
  return toolButton("full", "Full screen", () => (document.fullscreenElement ? document.exitFullscreen() : host.requestFullscreen?.().catch(() => {})));
}

export class CurveOptions {
  constructor(change) {
    this.change = change;
    this.axis = element("select", { className: "field chart-field", data: { option: "x" } }, ...Object.entries(X_NAMES).map(([value, label]) => element("option", { value }, label)));
    this.smoothing = element("input", { type: "range", min: 0, max: 0.99, step: 0.01, data: { option: "smoothing" } });
    this.told = element("output", { className: "tabular faint" });
    const boxes = { logX: "Logarithmic x axis", logY: "Logarithmic y axis", outliers: "Ignore outliers" };
    this.boxes = Object.fromEntries(Object.keys(boxes).map((name) => [name, element("input", { type: "checkbox", data: { option: name } })]));
    this.element = menu(
      "options", "Axes and smoothing",
      element("label", { className: "chart-option" }, element("span", {}, "X axis"), this.axis),
      element("label", { className: "chart-option" }, element("span", {}, "Smoothing"), this.smoothing, this.told),
      ...Object.entries(boxes).map(([name, label]) => element("label", { className: "chart-check" }, this.boxes[name], element("span", {}, label))),
    ); // prettier-ignore
    this.axis.addEventListener("change", () => change({ x: this.axis.value, from: null, to: null }));
    this.smoothing.addEventListener("input", () => change({ smoothing: this.smoothing.valueAsNumber }));
    this.boxes.outliers.addEventListener("change", () => change({ outliers: this.boxes.outliers.checked }));
    for (const name of ["logX", "logY"]) {
      this.boxes[name].addEventListener("change", () => change({ log: ["x", "y"].filter((axis) => this.boxes[`log${axis.toUpperCase()}`].checked) }));
    }
  }

  hideAxisAndSmoothing() {
    for (const field of [this.axis, this.smoothing]) field.closest("label").hidden = true;
  }

  show({ x, log, smoothing, outliers }) {
    this.axis.value = x;
    this.smoothing.value = smoothing;
    this.told.textContent = smoothing ? smoothing.toFixed(2) : "off";
    this.boxes.logX.checked = log.has("x");
    this.boxes.logX.disabled = x === "time";
    this.boxes.logY.checked = log.has("y");
    this.boxes.outliers.checked = outliers;
  }
}

/** A short sample of a line: its colour and dashes. */
export function swatch(colour, dashed) {
  const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  const facts = { viewBox: "0 0 16 8", width: 16, height: 8, class: "chart-swatch", "aria-hidden": "true" };
  for (const [key, value] of Object.entries(facts)) picture.setAttribute(key, value);
  for (const [key, value] of Object.entries({ d: "M0 4h16", stroke: colour, "stroke-width": 2.5, "stroke-dasharray": dashOf(dashed).join(" ") })) line.setAttribute(key, value);
  picture.append(line);
  return picture;
}

export class CurveLegend {
  /** @param toggle (id, alone) -> shows or hides a line, or shows it alone */
  constructor(toggle) {
    this.element = element("div", { className: "chart-legend", role: "group", aria: { label: "Lines" } });
    this.element.addEventListener("click", (event) => {
      const button = event.target.closest("[data-line]");
      if (button) toggle(button.dataset.line, event.altKey || event.shiftKey);
    });
    this.element.addEventListener("dblclick", (event) => {
      const button = event.target.closest("[data-line]");
      if (button) toggle(button.dataset.line, true);
    });
    this.values = new Map();
  }

  show(entries, hidden, colourOf) {
    const focused = document.activeElement?.closest?.("[data-line]")?.dataset.line;
    this.values.clear();
    this.element.replaceChildren(
      ...entries.map(({ id, label, place, dashed, note }) => {
        const value = element("span", { className: "chart-value tabular" });
        this.values.set(id, value);
        const title = `${label}: click to hide or show, Shift-click to show it alone`;
        return element("button", { type: "button", className: "chart-entry", title, data: { line: id }, aria: { pressed: !hidden.has(id) } },
          swatch(colourOf(place), dashed), element("span", { className: "chart-entry-name" }, label), note ? element("span", { className: "faint" }, note) : null, value); // prettier-ignore
      }),
    );
    if (focused) [...this.element.children].find((one) => one.dataset.line === focused)?.focus();
  }

  tell(id, value) {
    const place = this.values.get(id);
    if (place) place.textContent = number(value);
  }
}

export class CurveTip {
  constructor() {
    this.element = element("div", { className: "chart-tip", hidden: true });
  }

  hide() {
    this.element.hidden = true;
  }

  /** rows: [{label, value, raw, colour, near}] in the order of values; the nearest line stands out. */
  show({ x, value, left, width, rows }) {
    const shown = rows.length > MOST_IN_TIP ? around(rows) : rows;
    this.element.replaceChildren(
      element("strong", { className: "tabular" }, placeWords(x, value)),
      ...shown.map((row) =>
        element("span", { className: row.near ? "chart-tip-row chart-tip-near" : "chart-tip-row" }, swatch(row.colour, row.dashed), element("span", { className: "chart-tip-name" }, row.label), element("b", { className: "tabular" }, row.words)),
      ),
      shown.length < rows.length ? element("span", { className: "faint" }, `${rows.length - shown.length} more`) : "",
    );
    this.element.hidden = false;
    const own = this.element.offsetWidth;
    const beside = left + 14 + own > width ? left - own - 14 : left + 14;
    this.element.style.transform = `translateX(${Math.max(2, beside)}px)`;
  }
}

/** The rows round about the one that the pointer is nearest to. */
function around(rows) {
  const near = Math.max(0, rows.findIndex((row) => row.near));
  const first = Math.min(Math.max(0, near - (MOST_IN_TIP >> 1)), rows.length - MOST_IN_TIP);
  return rows.slice(first, first + MOST_IN_TIP);
}
