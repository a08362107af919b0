// The box that filters: drawn with the mouse, or taken from what the map shows.

import * as L from "leaflet";

const clamp = (value, end) => Math.max(-end, Math.min(end, value));
/** Bounds as the filter's value: west, south, east, north in degrees. */
export const areaText = (bounds) =>
  [clamp(bounds.getWest(), 180), clamp(bounds.getSouth(), 90), clamp(bounds.getEast(), 180), clamp(bounds.getNorth(), 90)]
    .map((value) => value.toFixed(6))
    .join(",");

export class BoxTool {
  constructor(map, panel, { choose }) {
    this.map = map;
    this.choose = choose;
    this.button = panel.querySelector("[data-map-draw]");
    this.clear = panel.querySelector("[data-map-clear]");
    this.button.addEventListener("click", () => this.arm(!this.armed));
    this.clear.addEventListener("click", () => choose(null));
    panel.querySelector("[data-map-view]").addEventListener("click", () => choose(areaText(map.getBounds())));
    map.getContainer().addEventListener("keydown", (event) => event.key === "Escape" && this.arm(false));
    map.on("mousedown", (event) => this.#start(event));
    map.on("mousemove", (event) => this.#drag(event));
    document.addEventListener("mouseup", () => this.#end());
  }

  /** While armed, dragging draws instead of moving the map. */
  arm(on) {
    this.armed = on;
    this.button.setAttribute("aria-pressed", String(on));
    this.map.getContainer().classList.toggle("map-drawing", on);
    this.map.dragging[on ? "disable" : "enable"]();
    if (!on) this.#forget();
  }

  /** Show the box of the filter: "west,south,east,north", or none. */
  draw(area) {
    this.shape?.remove();
    this.shape = null;
    this.clear.hidden = !area;
    if (!area) return;
    const [west, south, east, north] = area.split(",").map(Number);
    if ([west, south, east, north].some(Number.isNaN)) return;
    // Across the date line the box goes on behind the edge of the map.
    const right = east < west ? east + 360 : east;
    this.shape = L.rectangle([[south, west], [north, right]], { className: "map-box", interactive: false }).addTo(this.map);
  }

  #start(event) {
    if (!this.armed) return;
    this.from = event.latlng;
    this.sketch = L.rectangle([this.from, this.from], { className: "map-box map-sketch", interactive: false }).addTo(this.map);
  }

  #drag(event) {
    if (this.from) this.sketch.setBounds(L.latLngBounds(this.from, event.latlng));
  }

  #end() {
    if (!this.from) return;
    const bounds = this.sketch.getBounds();
    const drawn = bounds.getNorth() > bounds.getSouth() && bounds.getEast() > bounds.getWest();
    this.arm(false);
    if (drawn) this.choose(areaText(bounds));
  }

  #forget() {
    this.sketch?.remove();
    this.from = this.sketch = null;
  }
}
