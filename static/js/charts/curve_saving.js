// A curve chart as PNG, SVG and CSV.

import { dashOf } from "./colours.js";
import { csvText } from "./curve_maths.js";
import { download, escaped, fileName, plainColour } from "./saving.js";
import { X_NAMES } from "./words.js";

const [HEAD, ROW] = [34, 18];
const FONT = "Inter, system-ui, sans-serif";

export function savePng(plot, title) {
  const { chart, lines, ink } = plot;
  const source = chart.ctx.canvas;
  const ratio = source.width / chart.width;
  const canvas = document.createElement("canvas");
  const across = Math.max(1, Math.floor(chart.width / 190));
  [canvas.width, canvas.height] = [source.width, Math.round((HEAD + chart.height + 14 + Math.ceil(lines.length / across) * ROW) * ratio)];
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  context.fillStyle = ink.surface;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = ink.text;
  context.font = `600 14px ${FONT}`;
  context.fillText(title, 12, 22);
  context.drawImage(source, 0, HEAD, chart.width, chart.height);
  context.font = `11px ${FONT}`;
  lines.forEach((line, place) => {
    const [x, y] = [12 + (place % across) * 190, HEAD + chart.height + 16 + Math.floor(place / across) * ROW];
    context.strokeStyle = plot.colour(line);
    context.lineWidth = 2;
    context.setLineDash(dashOf(line.dashed));
    context.beginPath();
    context.moveTo(x, y - 4);
    context.lineTo(x + 18, y - 4);
    context.stroke();
    context.fillText(line.label, x + 24, y, 158);
  });
  canvas.toBlob((blob) => download(fileName(title, "png"), blob, "image/png"), "image/png");
}

export function saveSvg(plot, title) {
  download(fileName(title, "svg"), svgOf(plot, title), "image/svg+xml");
}

/** The chart as SVG: the same axes, lines, bands and marks as on the page. */
export function svgOf(plot, title) {
  const { chart, lines, ink } = plot;
  const box = { left: chart.over.offsetLeft, top: chart.over.offsetTop + HEAD, width: chart.over.clientWidth, height: chart.over.clientHeight };
  const at = { x: (value) => box.left + chart.valToPos(value, "x"), y: (value) => box.top + chart.valToPos(value, "y") };
  const height = HEAD + chart.height + 12 + lines.length * ROW;
  const word = plainColour(ink.text);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${chart.width}" height="${height}" viewBox="0 0 ${chart.width} ${height}" font-family="${escaped(FONT)}" font-size="11">`,
    `<title>${escaped(title)}</title><rect width="100%" height="100%" fill="${plainColour(ink.surface)}"/>`,
    `<text x="12" y="22" font-size="14" font-weight="600" fill="${word}">${escaped(title)}</text>`,
    `<clipPath id="plot"><rect x="${box.left}" y="${box.top}" width="${box.width}" height="${box.height}"/></clipPath>`,
    ...axisParts(chart, box, at, ink),
    `<g clip-path="url(#plot)">${lines.map((line) => linePart(plot, line, at)).join("")}</g>`,
  ];
  lines.forEach((line, place) => {
    const y = HEAD + chart.height + 14 + place * ROW;
    parts.push(`<path d="M12 ${y - 4}h18" stroke="${plainColour(plot.colour(line))}" stroke-width="2"${dashed(line)}/>`);
    parts.push(`<text x="36" y="${y}" fill="${word}">${escaped(line.label)}</text>`);
  });
  return `${parts.join("\n")}\n</svg>\n`;
}

const dashed = (line) => (dashOf(line.dashed).length ? ` stroke-dasharray="${dashOf(line.dashed).join(" ")}"` : "");

function axisParts(chart, box, at, ink) {
  const [line, faint] = [plainColour(ink.line), plainColour(ink.faint)];
  const [across, up] = chart.axes;
  const shown = (axis) => (axis._splits ?? []).map((value, place) => [value, axis._values?.[place]]).filter(([value]) => value !== null);
  const vertical = shown(across).map(([value, words]) => `<path d="M${at.x(value)} ${box.top}v${box.height}" stroke="${line}"/>${words ? `<text x="${at.x(value)}" y="${box.top + box.height + 16}" text-anchor="middle" fill="${faint}">${escaped(words)}</text>` : ""}`);
  const horizontal = shown(up).map(([value, words]) => `<path d="M${box.left} ${at.y(value)}h${box.width}" stroke="${line}"/>${words ? `<text x="${box.left - 6}" y="${at.y(value) + 4}" text-anchor="end" fill="${faint}">${escaped(words)}</text>` : ""}`);
  return [...vertical, ...horizontal];
}

function path(xs, ys, at) {
  let open = false;
  let made = "";
  for (let place = 0; place < xs.length; place++) {
    if (typeof ys[place] !== "number") open = false;
    else {
      made += `${open ? "L" : "M"}${at.x(xs[place]).toFixed(2)} ${at.y(ys[place]).toFixed(2)}`;
      open = true;
    }
  }
  return made;
}

function linePart(plot, line, at) {
  const { made, band, smoothed } = line;
  const colour = plainColour(plot.colour(line));
  const parts = [];
  if (band) {
    const there = made.xs.map((_, place) => place).filter((place) => typeof made.low[place] === "number" && typeof made.high[place] === "number");
    const forth = there.map((place) => `${at.x(made.xs[place]).toFixed(2)} ${at.y(made.high[place]).toFixed(2)}`);
    const back = there.reverse().map((place) => `${at.x(made.xs[place]).toFixed(2)} ${at.y(made.low[place]).toFixed(2)}`);
    if (forth.length) parts.push(`<path d="M${[...forth, ...back].join("L")}Z" fill="${colour}" fill-opacity="0.16"/>`);
  }
  if (smoothed) parts.push(`<path d="${path(made.xs, made.ys, at)}" fill="none" stroke="${colour}" stroke-opacity="0.26"/>`);
  parts.push(`<path d="${path(made.xs, smoothed ? made.smoothed : made.ys, at)}" fill="none" stroke="${colour}" stroke-width="1.75"${dashed(line)}/>`);
  return parts.join("");
}

/** The drawn points, a row each: what the server sent for this view, in full precision. */
export function csvRows(lines, x) {
  const banded = lines.some((line) => line.band);
  const smoothed = lines.some((line) => line.smoothed);
  const head = banded ? ["group", "key", "runs", "mean", "low", "high"] : ["run", "key", "step", "time", "epoch", "value"];
  const rows = [[...head, ...(banded ? [X_NAMES[x].toLowerCase()] : []), ...(smoothed ? ["smoothed"] : [])]];
  for (const { curve, made, band, smoothed: smooth } of lines) {
    made.xs.forEach((at, place) => {
      const from = made.from[place];
      const value = curve.value[from];
      const written = Number.isFinite(value) ? value : Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
      const row = band ? [curve.name, curve.key, curve.n?.[from] ?? "", value, curve.low[from], curve.high[from], at] : [`run-${curve.run}`, curve.key, curve.step[from], new Date(curve.timestamp[from]).toISOString(), curve.epoch[from], written];
      rows.push(smooth ? [...row, made.smoothed[place]] : row);
    });
  }
  return rows;
}

export function saveCsv(lines, x, title) {
  download(fileName(title, "csv"), csvText(csvRows(lines, x)), "text/csv");
}
