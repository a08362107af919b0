// The map beside the list: the same scenes, drawn where they were recorded. It is loaded when it is opened, needs no
// server of maps, and filters the list by a box.

import { change, current } from "./state.js";

const panel = document.querySelector("[data-map]");
const LISTING = ["sort", "page", "rows", "view", "columns", "panel"];
let map = null;
let opening = null;

const isOpen = () => current().get("panel") === "map";

/** What the filters find, whatever the list shows of it. */
function filters() {
  const query = current();
  for (const name of LISTING) query.delete(name);
  return query;
}

async function show() {
  panel.hidden = !isOpen();
  if (panel.hidden) return;
  opening ??= import("./scene_map.js").then(({ SceneMap }) => {
    map = new SceneMap(panel, (area) => change({ area }));
  });
  await opening;
  map.show(filters());
}

if (panel) {
  document.addEventListener("explorer:state", show);
  // Walking through the list points at the scene on the map.
  for (const kind of ["pointerover", "focusin"]) {
    document.addEventListener(kind, (event) => {
      const row = event.target.closest?.("[data-scene]");
      if (map && !panel.hidden && row) map.point(Number(row.dataset.scene));
    });
  }
  show();
}
