// The compare page: charts and their look in the address, the choice of metrics, the run picker, relations.

import { mountCharts } from "../charts/mount.js";
import { curveColours, learnRuns, onRecolour, runPlace } from "../charts/colours.js";
import { bindCharts } from "../compare/chart_state.js";
import { bindPicker } from "../compare/run_picker.js";

function colourRuns() {
  const dots = [...document.querySelectorAll("[data-run-colour]")];
  learnRuns(new Set(dots.map((dot) => Number(dot.dataset.runColour))));
  for (const dot of dots) dot.style.background = curveColours()[runPlace(Number(dot.dataset.runColour)) % curveColours().length];
}

/** Forms that say how the page looks: charts follow at once, everything else is asked of the server. */
function bindForms() {
  for (const form of document.querySelectorAll("form[data-look]")) {
    form.addEventListener("change", (event) => {
      if (event.target.matches("[name=key], [data-key-search]")) return;
      if (!form.querySelector("[name=log], [name=smoothing]")) form.requestSubmit();
    });
  }
  for (const search of document.querySelectorAll("[data-key-search]")) {
    search.addEventListener("input", () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const label of search.closest(".menu-panel").querySelectorAll("[data-key-name]")) {
        label.hidden = !words.every((word) => label.dataset.keyName.includes(word));
      }
    });
    search.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
  }
}

colourRuns();
onRecolour(colourRuns);
bindForms();
bindPicker();
bindCharts();
mountCharts();
if (document.querySelector("[data-relations]")) import("../compare/relations.js").then(({ showRelations }) => showRelations());
