// Finding the point under the pointer, on the processor: exact, and it needs no second drawing.

import * as THREE from "three";

import { intensityOf, positionOf } from "./chunk.js";

export const PICK_PIXELS = 7;

// place: {x, y} in -1..1 of the view, {width, height} of the view in CSS pixels. `shown(block, point, z)` tells whether
// a point is drawn at all. Answers {block, display} of the nearest point, or null.
export function pickPoint(blocks, camera, place, shown) {
  const viewProjection = new THREE.Matrix4().multiplyMatrices(camera.projectionMatrix, camera.matrixWorldInverse);
  let best = { score: Infinity, block: null, display: -1 };
  for (const block of blocks) {
    const matrix = new THREE.Matrix4().multiplyMatrices(viewProjection, block.matrix);
    if (missesBox(matrix, place)) continue;
    best = pickInBlock(block, matrix.elements, place, shown, best);
  }
  return best.block && { block: best.block, display: best.display };
}

// Whether the box of the block, 0..65535 along each axis, lies beside the pointer on the picture.
function missesBox(matrix, place) {
  const corner = new THREE.Vector4();
  let [left, right, bottom, top] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let octant = 0; octant < 8; octant++) {
    corner.set(octant & 1 ? 65535 : 0, octant & 2 ? 65535 : 0, octant & 4 ? 65535 : 0, 1).applyMatrix4(matrix);
    if (corner.w <= 0) return false; // the box reaches behind the camera: look inside
    left = Math.min(left, corner.x / corner.w);
    right = Math.max(right, corner.x / corner.w);
    bottom = Math.min(bottom, corner.y / corner.w);
    top = Math.max(top, corner.y / corner.w);
  }
  const [wide, high] = [(2 * PICK_PIXELS) / place.width, (2 * PICK_PIXELS) / place.height];
  return place.x < left - wide || place.x > right + wide || place.y < bottom - high || place.y > top + high;
}

function pickInBlock(block, m, place, shown, best) {
  const { records } = block.chunk;
  const [halfWidth, halfHeight] = [place.width / 2, place.height / 2];
  let found = best;
  for (let point = 0, at = 0; point < block.count; point++, at += 4) {
    const [x, y, z] = [records[at], records[at + 1], records[at + 2]];
    const w = m[3] * x + m[7] * y + m[11] * z + m[15];
    if (w <= 0) continue;
    const dx = ((m[0] * x + m[4] * y + m[8] * z + m[12]) / w - place.x) * halfWidth;
    if (dx > PICK_PIXELS || dx < -PICK_PIXELS) continue;
    const dy = ((m[1] * x + m[5] * y + m[9] * z + m[13]) / w - place.y) * halfHeight;
    const off = dx * dx + dy * dy;
    if (off > PICK_PIXELS * PICK_PIXELS) continue;
    // The nearer point wins, unless it is clearly beside the pointer.
    const score = w * (1 + 0.02 * off);
    if (score < found.score && shown(block, point)) found = { score, block, display: point };
  }
  return found;
}

// What is known of a point without asking anybody.
export function describePoint({ block, display }, sensor) {
  const position = positionOf(block.chunk, display);
  return {
    displayIndex: display,
    node: block.node ? block.node.number : null,
    position,
    range: Math.hypot(...position.map((value, axis) => value - sensor[axis])),
    intensity: intensityOf(block.chunk, display),
  };
}
