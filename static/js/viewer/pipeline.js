// Drawing: a quick draft straight to the canvas, or a refined picture in steps to a texture, lit and put on the canvas.

import * as THREE from "three";

import { THEMES, backgroundMaterial, cover, lightingMaterial, pointMaterial, ringsMaterial } from "./materials.js";
import { rampTexture } from "./colours.js";

const VIEWS = 2;
const FLAT_CAMERA = new THREE.Camera();

export class Pipeline {
  constructor(canvas) {
    this.renderer = new THREE.WebGLRenderer({ canvas, antialias: false, powerPreference: "high-performance" });
    this.renderer.autoClear = false;
    this.renderer.sortObjects = false;
    this.renderer.setPixelRatio(1); // sizes here are device pixels already
    this.gl = this.renderer.getContext();
    this.ramps = rampTexture();
    this.materials = Array.from({ length: VIEWS }, () => pointMaterial(this.ramps));
    this.scenes = this.materials.map(() => new THREE.Scene());
    for (const scene of this.scenes) scene.matrixWorldAutoUpdate = true;
    this.background = backgroundMaterial();
    this.lighting = lightingMaterial();
    this.covers = { background: cover(this.background), lighting: cover(this.lighting) };
    this.makeRings();
    this.targets = [];
    this.width = this.height = 1;
    this.setTheme("dark");
  }
  makeRings() {
    this.rings = new THREE.Mesh(new THREE.PlaneGeometry(2, 2), ringsMaterial());
    this.rings.frustumCulled = false;
    this.decoration = new THREE.Scene();
    this.decoration.add(this.rings);
    this.decoration.visible = false;
  }
  setTheme(name) {
    this.theme = THEMES[name];
    for (const material of [this.background, this.lighting]) {
      material.uniforms.sky.value.set(...this.theme.sky);
      material.uniforms.ground.value.set(...this.theme.ground);
      material.uniforms.rim.value = this.theme.rim;
    }
    for (const { uniforms } of this.materials) {
      for (const name of ["unknown", "right", "ignored"]) uniforms[name].value.set(...this.theme[name]);
      uniforms.dimming.value = this.theme.dimming;
    }
    this.rings.material.uniforms.line.value.set(...this.theme.line);
  }
  resize(width, height, pixelRatio) {
    Object.assign(this, { width, height, pixelRatio });
    this.renderer.setSize(width, height, false);
    for (const target of this.targets) target.dispose();
    this.targets = [];
    for (const material of [this.background, this.lighting]) material.uniforms.pixels.value.set(width, height);
    this.lighting.uniforms.radius.value = 1.3 * pixelRatio;
  }
  target(number) {
    if (!this.targets[number]) {
      const depthTexture = new THREE.DepthTexture(this.width, this.height, THREE.UnsignedIntType);
      const options = { depthTexture, minFilter: THREE.NearestFilter, magFilter: THREE.NearestFilter };
      this.targets[number] = new THREE.WebGLRenderTarget(this.width, this.height, options);
    }
    return this.targets[number];
  }
  // `views`: [{number, rectangle: {x, y, width, height} in device pixels from the lower left}].
  draft(views, camera, blocks, limit) {
    const { renderer } = this;
    renderer.setRenderTarget(null);
    this.wholeCanvas();
    renderer.clear();
    renderer.render(this.covers.background, FLAT_CAMERA);
    let drawn = 0;
    for (const { number, rectangle } of views) {
      this.useRectangle(null, rectangle);
      drawn = showPrefix(blocks, number, Math.floor(limit / views.length));
      renderer.render(this.scenes[number], camera);
      if (this.decoration.visible) renderer.render(this.decoration, camera);
    }
    this.wholeCanvas();
    return drawn;
  }
  // Yields after every step, so that a movement can break it off. `targets` of them tells where each view goes.
  *refine(views, camera, blocks, batch) {
    const cleared = new Set();
    for (const { number, rectangle, target = 0 } of views) {
      const surface = this.target(target);
      for (const part of batches(blocks, batch)) {
        this.useRectangle(surface, rectangle);
        if (!cleared.has(target)) this.clear(surface);
        cleared.add(target);
        showParts(blocks, number, part);
        this.renderer.render(this.scenes[number], camera);
        yield part.reduce((sum, { count }) => sum + count, 0);
      }
      this.useRectangle(surface, rectangle);
      if (!cleared.has(target)) this.clear(surface);
      cleared.add(target);
      if (this.decoration.visible) this.renderer.render(this.decoration, camera);
    }
  }
  clear(surface) {
    surface.scissorTest = false;
    this.renderer.setRenderTarget(surface);
    this.renderer.setClearColor(0x000000, 0);
    this.renderer.clear();
    surface.scissorTest = true;
    this.renderer.setRenderTarget(surface);
  }
  // Lights the picture in a target and puts it on the canvas.
  compose(target, camera, strength) {
    const { uniforms } = this.lighting;
    uniforms.picture.value = this.target(target).texture;
    uniforms.depths.value = this.target(target).depthTexture;
    uniforms.planes.value.set(camera.near, camera.far);
    uniforms.strength.value = strength;
    this.renderer.setRenderTarget(null);
    this.wholeCanvas();
    this.renderer.render(this.covers.lighting, FLAT_CAMERA);
  }
  wholeCanvas() {
    this.renderer.setScissorTest(false);
    this.renderer.setViewport(0, 0, this.width, this.height);
  }
  useRectangle(surface, { x, y, width, height }) {
    if (surface) {
      surface.viewport.set(x, y, width, height);
      surface.scissor.set(x, y, width, height);
      surface.scissorTest = true;
      return this.renderer.setRenderTarget(surface);
    }
    this.renderer.setViewport(x, y, width, height);
    this.renderer.setScissor(x, y, width, height);
    this.renderer.setScissorTest(true);
  }
  dispose() {
    for (const target of this.targets) target.dispose();
    for (const material of [...this.materials, this.background, this.lighting, this.rings.material]) material.dispose();
    this.rings.geometry.dispose();
    this.ramps.dispose();
    this.renderer.dispose();
    // The browser allows few contexts; a page that comes and goes must not use them up.
    this.renderer.forceContextLoss();
  }
}

// The first points of the blocks, coarse blocks first; each gets its share, so that the prefix stays even.
function showPrefix(blocks, view, limit) {
  let left = limit;
  for (const block of blocks) {
    const count = Math.min(block.count, left);
    block.show(view, 0, count);
    left -= count;
  }
  return limit - left;
}

// Lists of {block, start, count} with at most `batch` points each.
function batches(blocks, batch) {
  const parts = [];
  let [current, room] = [[], batch];
  for (const block of blocks) {
    for (let start = 0; start < block.count; ) {
      const count = Math.min(block.count - start, room);
      current.push({ block, start, count });
      start += count;
      room -= count;
      if (room) continue;
      parts.push(current);
      [current, room] = [[], batch];
    }
  }
  if (current.length) parts.push(current);
  return parts;
}

function showParts(blocks, view, parts) {
  for (const block of blocks) block.show(view, 0, 0);
  for (const { block, start, count } of parts) block.show(view, start, count);
}
