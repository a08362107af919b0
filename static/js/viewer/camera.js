// The camera as an orbit: a target, a distance and two angles. Every movement sets a goal, which the picture follows
// smoothly; a new goal simply takes over, so nothing has to be interrupted.

import * as THREE from "three";

export const FIELD_OF_VIEW = 55;

const FOLLOW_MILLISECONDS = 75;
const STEEPEST = Math.PI / 2;
const [NEAREST, FARTHEST] = [0.05, 1e6];
const SMALL = 2e-4;

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const copied = (state) => ({ ...state, target: [...state.target] });

// Unit vectors of a direction of sight: angles in radians, yaw from +x to +y, pitch upwards.
export function axesOf({ yaw, pitch }) {
  const [cy, sy, cp, sp] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
  return { forward: [cp * cy, cp * sy, sp], right: [sy, -cy, 0], up: [-sp * cy, -sp * sy, cp] };
}

const moved = (point, direction, length) => point.map((value, axis) => value + direction[axis] * length);
export const positionOfState = (state) => moved(state.target, axesOf(state).forward, -state.distance);

export class CameraRig {
  constructor() {
    this.camera = new THREE.PerspectiveCamera(FIELD_OF_VIEW, 1, 0.1, 1000);
    this.camera.matrixAutoUpdate = false;
    this.goal = { target: [0, 0, 0], distance: 40, yaw: Math.PI / 3, pitch: -0.55 };
    this.shown = copied(this.goal);
    this.mode = "orbit";
    this.origin = [0, 0, 0];
    this.reach = 1000;
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
  }
  // Takes the picture closer to the goal; tells whether it moved.
  follow(milliseconds) {
    const { goal, shown } = this;
    if (this.arrived()) return false;
    const share = this.calm.matches ? 1 : 1 - Math.exp(-milliseconds / FOLLOW_MILLISECONDS);
    shown.target = shown.target.map((value, axis) => value + (goal.target[axis] - value) * share);
    shown.distance *= (goal.distance / shown.distance) ** share;
    shown.yaw += (goal.yaw - shown.yaw) * share;
    shown.pitch += (goal.pitch - shown.pitch) * share;
    if (this.nearlyThere()) this.shown = copied(goal);
    return true;
  }
  arrived() {
    const { goal, shown } = this;
    return ["distance", "yaw", "pitch"].every((name) => goal[name] === shown[name]) && goal.target.every((value, axis) => value === shown.target[axis]);
  }
  nearlyThere() {
    const { goal, shown } = this;
    const off = Math.hypot(...goal.target.map((value, axis) => value - shown.target[axis]));
    return (
      off < SMALL * goal.distance &&
      Math.abs(goal.distance / shown.distance - 1) < SMALL &&
      Math.abs(goal.yaw - shown.yaw) < SMALL &&
      Math.abs(goal.pitch - shown.pitch) < SMALL
    );
  }
  // Writes the shown state to three's camera; coordinates there are relative to the origin.
  apply(aspect) {
    const { camera, shown, origin } = this;
    const { forward, right, up } = axesOf(shown);
    const position = positionOfState(shown).map((value, axis) => value - origin[axis]);
    camera.matrix.makeBasis(new THREE.Vector3(...right), new THREE.Vector3(...up), new THREE.Vector3(...forward).negate());
    camera.matrix.setPosition(...position);
    camera.matrixWorldNeedsUpdate = true;
    camera.aspect = aspect;
    // Close enough to fly between things, as far away as depth stays exact.
    camera.near = clamp(shown.distance * 0.01, 0.05, 20);
    camera.far = Math.max(this.reach * 2 + shown.distance * 2, 400);
    camera.updateProjectionMatrix();
    camera.updateMatrixWorld();
  }
  jump(state) {
    this.goal = { ...this.goal, ...state };
    this.shown = copied(this.goal);
  }
  go(state) {
    const turn = state.yaw === undefined ? 0 : state.yaw - this.goal.yaw;
    const shortest = turn - 2 * Math.PI * Math.round(turn / (2 * Math.PI));
    this.goal = { ...this.goal, ...state, yaw: this.goal.yaw + shortest };
  }
  // Turns around the target, or around the own position when flying.
  turn(yaw, pitch) {
    const position = positionOfState(this.goal);
    this.goal.yaw += yaw;
    this.goal.pitch = clamp(this.goal.pitch + pitch, -STEEPEST, STEEPEST);
    if (this.mode !== "fly") return;
    this.goal.target = moved(position, axesOf(this.goal).forward, this.goal.distance);
    this.shown = copied(this.goal); // looking around lags behind nothing
  }
  // Shares of the picture's height, to the right and up.
  pan(right, up) {
    const metres = 2 * this.goal.distance * Math.tan((FIELD_OF_VIEW * Math.PI) / 360);
    const axes = axesOf(this.goal);
    this.goal.target = moved(moved(this.goal.target, axes.right, -right * metres), axes.up, -up * metres);
  }
  // Metres along the axes of sight: right, up (of the world), forward.
  walk(right, up, forward) {
    const axes = axesOf(this.goal);
    const ahead = moved(moved(this.goal.target, axes.right, right), axes.forward, forward);
    this.goal.target = [ahead[0], ahead[1], ahead[2] + up];
  }
  // Nearer by `factor` < 1, keeping what lies at (x, y), in -1..1 of the picture, where it is.
  zoom(factor, x = 0, y = 0) {
    const distance = clamp(this.goal.distance * factor, NEAREST, FARTHEST);
    const half = Math.tan((FIELD_OF_VIEW * Math.PI) / 360) * (this.goal.distance - distance);
    const axes = axesOf(this.goal);
    this.goal.target = moved(moved(this.goal.target, axes.right, x * half * this.camera.aspect), axes.up, y * half);
    this.goal.distance = distance;
  }
  // What getCamera() tells and setCamera() takes: world coordinates in metres.
  describe() {
    const { up } = axesOf(this.goal);
    return { position: positionOfState(this.goal), target: [...this.goal.target], up, mode: this.mode };
  }
  restore({ position, target, up, mode }) {
    const towards = target.map((value, axis) => value - position[axis]);
    const distance = clamp(Math.hypot(...towards), NEAREST, FARTHEST);
    const [x, y, z] = towards.map((value) => value / distance);
    const level = Math.hypot(x, y);
    const pitch = Math.atan2(z, level);
    // Straight down, only the upward vector tells how the picture is turned.
    const heading = level > 1e-4 || !up ? [x, y] : [up[0] * -Math.sign(z), up[1] * -Math.sign(z)];
    this.mode = mode === "fly" ? "fly" : "orbit";
    this.jump({ target: [...target], distance, pitch, yaw: Math.atan2(heading[1], heading[0]) });
  }
}

// Camera states by name for a cloud of the given robust bounds. Metres; `mapped`: north is up, else the sensor looks
// along x.
export function presetState(name, bounds, sensor, mapped) {
  const { centre, radius, ground } = bounds;
  const ahead = mapped ? Math.PI / 2 : 0;
  const fill = radius / Math.tan((FIELD_OF_VIEW * Math.PI) / 360);
  const middle = [centre[0], centre[1], Math.min(centre[2], ground + radius / 4)];
  if (name === "top") return { target: middle, distance: fill * 1.15, yaw: ahead, pitch: -STEEPEST };
  if (name === "side") return { target: middle, distance: fill * 0.95, yaw: ahead + Math.PI / 2, pitch: -0.12 };
  if (name === "ego") {
    const from = mapped ? [centre[0], centre[1], ground] : [sensor[0], sensor[1], ground];
    const look = axesOf({ yaw: ahead, pitch: 0 }).forward;
    return { target: moved([from[0], from[1], from[2] + 1.2], look, 8), distance: 20, yaw: ahead, pitch: -0.24 };
  }
  if (name === "fit") return { target: middle, distance: fill * 0.76, yaw: ahead + 0.62, pitch: -0.56 };
  throw new Error(`There is no camera preset "${name}".`);
}
