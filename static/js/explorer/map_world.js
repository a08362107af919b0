// The world without a server of maps: outlines of the land, and a grid of degrees that gets finer with the zoom.

import * as L from "leaflet";
import feature from "topojson-client/feature";

const STEPS = [30, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005];
const LINES = 7;

export async function addWorld(map, url) {
  const grid = L.layerGroup().addTo(map);
  const redraw = () => drawGrid(map, grid);
  map.on("moveend", redraw);
  redraw();
  try {
    const world = await (await fetch(url)).json();
    const land = acrossTheDateLine(feature(world, world.objects.land));
    L.geoJSON(land, { interactive: false, style: { className: "map-land" } }).addTo(map).bringToBack();
  } catch {
    // Without outlines the grid still tells where one is.
  }
}

/** The same land with outlines that go on behind 180 degrees instead of jumping to the other side of the map. */
function acrossTheDateLine(land) {
  for (const { geometry } of land.features ?? [land]) {
    const shapes = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
    const whole = shapes.map((rings) => rings.map(unwrapped));
    const behind = whole.filter((rings) => rings[0].some(([longitude]) => Math.abs(longitude) > 180));
    const copies = behind.map((rings) => shifted(rings, rings[0].some(([longitude]) => longitude > 180) ? -360 : 360));
    Object.assign(geometry, { type: "MultiPolygon", coordinates: [...whole, ...copies] });
  }
  return land;
}

const POLE = 89; // an outline that runs along the pole really goes from one side to the other

function unwrapped(ring) {
  let turn = 0;
  return ring.map(([longitude, latitude], at) => {
    const step = at ? longitude - ring[at - 1][0] : 0;
    if (Math.abs(step) > 180 && Math.abs(latitude) < POLE) turn -= Math.sign(step) * 360;
    return [longitude + turn, latitude];
  });
}

const shifted = (rings, by) => rings.map((ring) => ring.map(([longitude, latitude]) => [longitude + by, latitude]));

/** Lines at round degrees, about seven across the view, each with its number at the edge. */
function drawGrid(map, grid) {
  grid.clearLayers();
  const view = map.getBounds();
  const span = Math.max(view.getEast() - view.getWest(), view.getNorth() - view.getSouth());
  const step = STEPS.find((size) => span / size >= LINES - 3 && span / size <= LINES * 3) ?? (span > 100 ? 30 : STEPS.at(-1));
  const digits = Math.max(0, Math.ceil(-Math.log10(step)));
  for (const at of rounds(Math.max(-180, view.getWest()), Math.min(180, view.getEast()), step)) {
    line(grid, [[view.getSouth(), at], [view.getNorth(), at]], [view.getNorth(), at], `${Math.abs(at).toFixed(digits)}° ${at < 0 ? "W" : "E"}`, "map-grid-top");
  }
  for (const at of rounds(view.getSouth(), view.getNorth(), step)) {
    line(grid, [[at, view.getWest()], [at, view.getEast()]], [at, view.getEast()], `${Math.abs(at).toFixed(digits)}° ${at < 0 ? "S" : "N"}`, "map-grid-side");
  }
}

function rounds(low, high, step) {
  const found = [];
  for (let at = Math.ceil(low / step); at * step <= high && found.length < 40; at += 1) found.push(at * step);
  return found;
}

function line(grid, places, labelAt, text, side) {
  L.polyline(places, { className: "map-grid", interactive: false }).addTo(grid);
  const icon = L.divIcon({ className: `map-grid-label ${side}`, html: text, iconSize: null });
  L.marker(labelAt, { icon, interactive: false, keyboard: false }).addTo(grid);
}
