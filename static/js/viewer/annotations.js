// Lines and words above the picture, on a canvas of their own: labels of range rings, the picked point, the measured
// distance, the axes, the line between two views.

import * as THREE from "three";

import { axesOf } from "./camera.js";

const AXES = [
  ["x", [1, 0, 0], "#ff6b5e"],
  ["y", [0, 1, 0], "#5fd38d"],
  ["z", [0, 0, 1], "#5aa2ff"],
];
const GIZMO_RADIUS = 26;
const FONT = "12px Inter, system-ui, sans-serif";

export function metres(value) {
  if (value >= 1000) return `${(value / 1000).toFixed(2)} km`;
  return `${value.toFixed(value < 10 ? 2 : 1)} m`;
}

export class Annotations {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.theme = null;
  }
  resize(width, height, pixelRatio) {
    Object.assign(this, { width, height, pixelRatio });
    this.canvas.width = Math.round(width * pixelRatio);
    this.canvas.height = Math.round(height * pixelRatio);
  }
  // `views`: rectangles in CSS pixels from the upper left; things: {rig, rings, picked, line, pointer}.
  draw(views, things) {
    const { context } = this;
    context.setTransform(this.pixelRatio, 0, 0, this.pixelRatio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    context.font = FONT;
    context.textBaseline = "middle";
    const project = projector(things.rig);
    for (const view of views) {
      context.save();
      context.beginPath();
      context.rect(view.x, view.y, view.width, view.height);
      context.clip();
      const at = (point) => project(point, view);
      if (things.rings) this.ringLabels(at, things.rings);
      if (things.line) this.line(at, things.line);
      if (things.picked) this.picked(at(things.picked));
      context.restore();
    }
    this.axes(things.rig.shown);
    if (views.length > 1) this.divider(views[1].x);
  }
  word(text, x, y, colour = this.theme.words) {
    const { context } = this;
    context.textAlign = "center";
    context.lineWidth = 3;
    context.lineJoin = "round";
    context.strokeStyle = this.theme.halo;
    context.strokeText(text, x, y);
    context.fillStyle = colour;
    context.fillText(text, x, y);
  }
  // Each ring is named to the right of its centre, where the ring crosses the picture's horizontal.
  ringLabels(at, { centre, spacing, reach, ground, right }) {
    let last = null;
    for (let radius = spacing; radius <= reach * 0.85; radius += spacing) {
      const place = at([centre[0] + right[0] * radius, centre[1] + right[1] * radius, ground]);
      if (!place || (last && Math.hypot(place.x - last.x, place.y - last.y) < 44)) continue;
      this.word(`${radius} m`, place.x, place.y);
      last = place;
    }
  }
  picked(place) {
    if (!place) return;
    const { context, theme } = this;
    for (const [radius, width, colour] of [[8, 4, theme.halo], [8, 2, theme.accent]]) {
      context.beginPath();
      context.arc(place.x, place.y, radius, 0, 2 * Math.PI);
      context.lineWidth = width;
      context.strokeStyle = colour;
      context.stroke();
    }
  }
  line(at, { from, to, pointer }) {
    const [start, end] = [at(from), to ? at(to) : pointer];
    if (start) this.dot(start);
    if (to && end) this.dot(end);
    if (!start || !end) return;
    this.stroke(start, end, to ? [] : [5, 5]);
    if (!to) return;
    const [dx, dy, dz] = to.map((value, axis) => value - from[axis]);
    const [x, y] = [(start.x + end.x) / 2, (start.y + end.y) / 2];
    this.badge(`${metres(Math.hypot(dx, dy, dz))}   ↔ ${metres(Math.hypot(dx, dy))}   ↕ ${metres(Math.abs(dz))}`, x, y - 18);
  }
  stroke(start, end, dashes) {
    const { context, theme } = this;
    context.setLineDash(dashes);
    for (const [width, colour] of [[4, theme.halo], [2, theme.accent]]) {
      context.beginPath();
      context.moveTo(start.x, start.y);
      context.lineTo(end.x, end.y);
      context.lineWidth = width;
      context.strokeStyle = colour;
      context.stroke();
    }
    context.setLineDash([]);
  }
  dot({ x, y }) {
    const { context, theme } = this;
    context.beginPath();
    context.arc(x, y, 4, 0, 2 * Math.PI);
    context.fillStyle = theme.accent;
    context.strokeStyle = theme.halo;
    context.lineWidth = 2;
    context.stroke();
    context.fill();
  }
  badge(text, x, y) {
    const { context, theme } = this;
    const width = context.measureText(text).width + 18;
    context.beginPath();
    context.roundRect(x - width / 2, y - 12, width, 24, 6);
    context.fillStyle = theme.badge;
    context.fill();
    context.strokeStyle = theme.accent;
    context.lineWidth = 1;
    context.stroke();
    context.textAlign = "center";
    context.fillStyle = theme.strong;
    context.fillText(text, x, y + 0.5);
  }
  // The directions of the world, the nearest drawn last.
  axes(state) {
    const { context } = this;
    const { forward, right, up } = axesOf(state);
    const dot = (a, b) => a.reduce((sum, value, axis) => sum + value * b[axis], 0);
    const [x, y] = [GIZMO_RADIUS + 18, this.height - GIZMO_RADIUS - 48];
    const ends = AXES.map(([name, axis, colour]) => ({
      name, colour, depth: dot(axis, forward), x: x + GIZMO_RADIUS * dot(axis, right), y: y - GIZMO_RADIUS * dot(axis, up),
    })).sort((a, b) => b.depth - a.depth);
    for (const end of ends) {
      context.globalAlpha = end.depth > 0.2 ? 0.55 : 1;
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(end.x, end.y);
      context.lineWidth = 2;
      context.strokeStyle = end.colour;
      context.stroke();
      context.beginPath();
      context.arc(end.x, end.y, 7.5, 0, 2 * Math.PI);
      context.fillStyle = end.colour;
      context.fill();
      context.textAlign = "center";
      context.fillStyle = "#0b0d12";
      context.font = "600 10px Inter, system-ui, sans-serif";
      context.fillText(end.name, end.x, end.y + 0.5);
    }
    context.globalAlpha = 1;
  }
  divider(x) {
    this.context.fillStyle = this.theme.divider;
    this.context.fillRect(Math.round(x) - 1, 0, 2, this.height);
  }
}

// (point, view) -> {x, y} in CSS pixels, or null behind the camera.
function projector({ camera, origin }) {
  const matrix = new THREE.Matrix4().multiplyMatrices(camera.projectionMatrix, camera.matrixWorldInverse);
  const place = new THREE.Vector4();
  return (point, view) => {
    place.set(...point.map((value, axis) => value - origin[axis]), 1).applyMatrix4(matrix);
    if (place.w <= camera.near) return null;
    return { x: view.x + (place.x / place.w / 2 + 0.5) * view.width, y: view.y + (0.5 - place.y / place.w / 2) * view.height };
  };
}
