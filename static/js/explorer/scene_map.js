// The map itself: a world of outlines, tracks of a few scenes, start points of more, clusters of many.

import * as L from "leaflet";

import { areaText, BoxTool } from "./map_box.js";
import { addWorld } from "./map_world.js";

const MOVED = 250;
const DETAIL_ZOOM = 17;
const STATUS_WORDS = { unlabeled: "Unlabeled", in_progress: "In Progress", in_review: "In Review", labeled: "Labeled" };
const EVERYWHERE = [[-85, -180], [85, 180]];

const words = (kind, text, className = "") => Object.assign(document.createElement(kind), { textContent: text, className });

/** A scene as the little card that opens on its point. */
function card(scene) {
  const box = words("div", "", "map-card");
  const link = Object.assign(words("a", scene.name), { href: scene.url });
  box.append(link, words("span", STATUS_WORDS[scene.status] ?? scene.status, `status status-${scene.status}`));
  return box;
}

export class SceneMap {
  /** `choose(area)` filters the list by "west,south,east,north", or by nothing for null. */
  constructor(panel, choose) {
    this.panel = panel;
    this.query = null;
    this.marks = new Map();
    this.note = panel.querySelector("[data-map-note]");
    const options = { minZoom: 1, maxZoom: 19, maxBounds: [[-90, -200], [90, 200]], preferCanvas: false };
    this.map = L.map(panel.querySelector("[data-map-canvas]"), { ...options, attributionControl: false });
    this.map.fitBounds(EVERYWHERE);
    L.control.scale({ imperial: false }).addTo(this.map);
    this.drawn = L.layerGroup().addTo(this.map);
    addWorld(this.map, panel.dataset.world);
    this.box = new BoxTool(this.map, panel, { choose });
    this.map.on("moveend", () => this.#later());
    new ResizeObserver(() => this.map.invalidateSize({ pan: false })).observe(panel);
    panel.querySelector("[data-map-fit]").addEventListener("click", () => this.#load({ fit: true }));
  }

  /** Draw what a query finds; another one than before is shown as a whole. */
  show(query) {
    this.map.invalidateSize({ pan: false });
    const area = query.get("area");
    this.box.draw(area);
    const rest = new URLSearchParams(query);
    rest.delete("area");
    const fit = this.query === null || this.rest !== rest.toString();
    [this.query, this.rest] = [query, rest.toString()];
    return this.#load({ fit });
  }

  /** Mark a scene, so that a row of the list is found on the map. */
  point(id) {
    const mark = this.marks.get(id);
    if (mark === this.pointed) return;
    this.pointed?.getElement()?.classList.remove("map-pointed");
    mark?.getElement()?.classList.add("map-pointed");
    mark?.bringToFront();
    this.pointed = mark;
  }

  #later() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.#load({ fit: false }), MOVED);
  }

  async #load({ fit }) {
    clearTimeout(this.waiting);
    this.request?.abort();
    this.request = new AbortController();
    const query = new URLSearchParams(this.query);
    query.set("zoom", Math.round(this.map.getZoom()));
    if (!fit) query.set("bounds", areaText(this.map.getBounds()));
    try {
      const answer = await fetch(`${this.panel.dataset.url}?${query}`, { signal: this.request.signal });
      if (!answer.ok) throw new Error(String(answer.status));
      this.#draw(await answer.json(), fit);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.note.replaceChildren("The map could not be loaded. ", this.#again());
    }
  }

  #again() {
    const button = Object.assign(words("button", "Try again", "link-button"), { type: "button" });
    button.addEventListener("click", () => this.#load({ fit: true }));
    return button;
  }

  #draw(found, fit) {
    this.drawn.clearLayers();
    this.marks.clear();
    for (const scene of found.scenes) this.#drawScene(scene);
    for (const cluster of found.clusters) this.#drawCluster(cluster);
    this.#say(found);
    this.panel.dataset.drawn = String(found.scenes.length + found.clusters.length);
    if (!fit || !found.extent) return;
    const [west, south, east, north] = found.extent;
    this.map.fitBounds([[south, west], [north, east]], { padding: [28, 28], maxZoom: DETAIL_ZOOM, animate: false });
  }

  #drawScene(scene) {
    const start = scene.way[0];
    const className = `map-scene map-${scene.status}`;
    if (scene.way.length > 1) L.polyline(scene.way, { className: `${className} map-way`, interactive: false }).addTo(this.drawn);
    const mark = L.circleMarker(start, { radius: 5, className });
    mark.bindPopup(() => card(scene)).bindTooltip(scene.name).addTo(this.drawn);
    this.marks.set(scene.id, mark);
  }

  #drawCluster({ latitude, longitude, count }) {
    const radius = 9 + 4 * Math.log10(count);
    const mark = L.circleMarker([latitude, longitude], { radius, className: "map-cluster" });
    mark.bindTooltip(count.toLocaleString("en"), { permanent: true, direction: "center", className: "map-count" });
    mark.on("click", () => this.map.setView([latitude, longitude], this.map.getZoom() + 2)).addTo(this.drawn);
  }

  #say(found) {
    const located = `${found.located} with a position`;
    this.note.replaceChildren(words("span", found.located === "0" ? "No scene found here has a position." : located));
    if (found.sampled) this.note.append(words("span", "The numbers count the newest 50,000 in view.", "faint"));
    if (!found.missing) return;
    const link = Object.assign(words("a", `${found.missing} without a position`), { href: found.missing_url });
    link.dataset.go = "";
    this.note.append(link);
  }
}
