// A small curve of one metric in each row, asked for once for all rows of the page.

import { current, results } from "../explorer/state.js";

const SVG = "http://www.w3.org/2000/svg";

async function draw() {
  const section = results();
  const cells = [...document.querySelectorAll("#results [data-trend]")].filter((cell) => !cell.childElementCount);
  if (!section?.dataset.sparks || !cells.length) return;
  const query = current();
  query.set("run", cells.map((cell) => cell.dataset.trend).join(","));
  const answer = await fetch(`${section.dataset.sparks}?${query}`).catch(() => null);
  if (!answer?.ok || results() !== section) return;
  const { width, height, runs } = await answer.json();
  for (const cell of cells) {
    const one = runs[cell.dataset.trend];
    if (one?.path && cell.isConnected) cell.replaceChildren(curve(one, width, height));
  }
}

function curve(one, width, height) {
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
  picture.setAttribute("class", "sparkline");
  picture.setAttribute("role", "img");
  const title = document.createElementNS(SVG, "title");
  const ends = one.first === null || one.last === null ? "" : ` from ${one.first.toPrecision(4)} to ${one.last.toPrecision(4)}`;
  title.textContent = one.key + ends;
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", one.path);
  picture.append(title, path);
  return picture;
}

document.addEventListener("explorer:state", draw);
document.addEventListener("runs:rows", draw);
draw();
