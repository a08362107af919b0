// The part of the viewer that turns its state into pictures: canvases, sizes, theme, and the actions of the frame loop.

import { axesOf } from "./camera.js";
import { deviceRectangle, ringSpacing, themeOf, viewRectangles, watchTheme } from "./layout.js";

const HIGHEST_PIXEL_RATIO = 2;
// Points of one refinement step, in drafts: a step may take a little longer than a draft, but no gesture waits for more.
const BATCH_DRAFTS = 3;
const SELECT_MILLISECONDS = 200;
const ATTENUATION = 0.4;
const [SMALLEST_SHARE, LARGEST_SHARE] = [0.6, 4];
const LABEL = "3D view. Arrow keys turn, shift and arrow keys pan, plus and minus zoom.";

export class Drawing {
  makeCanvases() {
    if (getComputedStyle(this.host).position === "static") this.host.style.position = "relative";
    const add = (className) => {
      const canvas = document.createElement("canvas");
      canvas.className = className;
      Object.assign(canvas.style, { position: "absolute", inset: "0", width: "100%", height: "100%", display: "block" });
      return this.host.appendChild(canvas);
    };
    this.canvas = add("viewer-canvas");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.canvas.setAttribute("aria-label", LABEL);
    this.canvas.style.touchAction = "none";
    this.words = add("viewer-words");
    this.words.style.pointerEvents = "none";
    this.words.setAttribute("aria-hidden", "true");
  }
  watch() {
    const { signal } = this.aborter;
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.host);
    signal.addEventListener("abort", () => this.observer.disconnect());
    addEventListener("resize", () => this.resize(), { signal }); // another screen may have other pixels
    watchTheme(() => this.applyTheme(), signal);
    this.canvas.addEventListener("webglcontextlost", () => this.onProblem(new Error("The graphics card gave up the picture; it will be drawn again.")), { signal });
    this.canvas.addEventListener("webglcontextrestored", () => this.loop.touch(), { signal });
  }
  applyTheme() {
    this.pipeline.setTheme(themeOf());
    this.annotations.theme = this.pipeline.theme;
    this.loop.touch();
  }
  resize() {
    const width = Math.max(this.host.clientWidth, 1);
    const height = Math.max(this.host.clientHeight, 1);
    const pixelRatio = Math.min(devicePixelRatio || 1, HIGHEST_PIXEL_RATIO);
    if (this.width === width && this.height === height && this.pixelRatio === pixelRatio) return;
    Object.assign(this, { width, height, pixelRatio });
    this.pipeline.resize(Math.round(width * pixelRatio), Math.round(height * pixelRatio), pixelRatio);
    this.annotations.resize(width, height, pixelRatio);
    this.selectNodes();
    this.loop.move();
  }
  rectangles() {
    return viewRectangles(this.colouring.views.length, this.width, this.height, this.blinks, this.blinkView);
  }
  deviceViews(rectangles) {
    return rectangles.map((rectangle) => ({ ...deviceRectangle(rectangle, this.height, this.pixelRatio) }));
  }
  // While two views blink both are drawn over the whole picture, each to a target of its own.
  refinedViews() {
    if (!this.blinks) return this.deviceViews(this.rectangles());
    const whole = { x: 0, y: 0, width: this.width, height: this.height };
    const views = this.deviceViews([0, 1].map((number) => ({ number, ...whole })));
    return views.map((view) => ({ ...view, target: view.number }));
  }

  loopActions() {
    return {
      step: (milliseconds) => this.step(milliseconds),
      available: () => this.available(),
      draft: () => this.draft(),
      refine: () => this.refine(),
      finish: () => this.finish(),
      idle: () => !this.cloud?.busy,
      onDrawn: (result) => this.drawn(result),
    };
  }
  step(milliseconds) {
    const keys = this.controls.step(milliseconds / 1000);
    const moved = this.rig.follow(milliseconds) || keys;
    if (!moved) return false;
    this.cameraMoved = true;
    const now = performance.now();
    if (now - (this.selected ?? 0) > SELECT_MILLISECONDS) this.selectNow(now);
    return true;
  }
  selectNow(now) {
    this.selected = now;
    this.selectNodes();
  }
  available() {
    const views = this.colouring.views.length;
    return views * (this.cloud?.drawn().reduce((sum, block) => sum + block.count, 0) ?? 0);
  }
  // Everything that a draw reads: camera, colours, sizes. Answers the blocks to draw.
  prepare(density = 1) {
    const [view] = this.rectangles();
    this.rig.apply(view.width / view.height);
    this.prepareRings();
    if (!this.cloud) return [];
    const blocks = this.cloud.drawn();
    const drawn = new Set(blocks);
    const known = [...this.cloud.attributes.keys()];
    const names = this.colouring.names(known);
    this.cloud.need(names.flatMap(({ first, second }) => [first, second]).filter(Boolean));
    names.forEach((slots, number) => {
      this.prepareMaterial(number, density);
      for (const block of this.cloud.allBlocks()) {
        if (drawn.has(block)) block.bind(number, slots);
        else block.show(number, 0, 0);
      }
    });
    return blocks;
  }
  prepareMaterial(number, density) {
    const material = this.pipeline.materials[number];
    this.colouring.apply(number, material, this.cloud, this.rig.origin, this.pipeline.theme);
    const { uniforms } = material;
    const size = this.settings.pointSize * this.pixelRatio * density;
    uniforms.size.value.set(size, Math.max(size * SMALLEST_SHARE, 1), size * LARGEST_SHARE);
    uniforms.nearness.value.set(this.rig.shown.distance, ATTENUATION);
    const [low, high] = this.settings.slice.map((value) => (value === null ? null : value - this.rig.origin[2]));
    uniforms.slice.value.set(low ?? -1e30, high ?? 1e30);
  }
  prepareRings() {
    const { rings, decoration } = this.pipeline;
    decoration.visible = this.settings.rings && Boolean(this.bounds && this.cloud);
    if (!decoration.visible) return void (this.ringPlan = null);
    const { sensor } = this.cloud;
    const spacing = ringSpacing(this.rig.shown.distance);
    const reach = Math.ceil((this.bounds.radius * 1.5) / spacing + 1) * spacing;
    this.ringPlan = { centre: sensor, spacing, reach, ground: this.bounds.ground, right: axesOf(this.rig.shown).right };
    const [x, y, z] = [sensor[0], sensor[1], this.bounds.ground].map((value, axis) => value - this.rig.origin[axis]);
    rings.position.set(x, y, z);
    rings.scale.set(reach, reach, 1);
    rings.material.uniforms.centre.value.set(x, y);
    rings.material.uniforms.spacing.value = spacing;
    rings.material.uniforms.reach.value = reach;
  }
  draft() {
    const available = this.available();
    const limit = this.governor.prefix;
    // Fewer points, each a little larger, cover about as much of the picture.
    const blocks = this.prepare(Math.min(Math.max(available / limit, 1) ** 0.25, 1.5));
    const points = this.pipeline.draft(this.deviceViews(this.rectangles()), this.rig.camera, blocks, limit);
    this.drawWords();
    return { points: points * this.colouring.views.length, available };
  }
  refine() {
    const blocks = this.prepare();
    this.refinedCount = blocks.reduce((sum, block) => sum + block.count, 0);
    return this.pipeline.refine(this.refinedViews(), this.rig.camera, blocks, this.governor.prefix * BATCH_DRAFTS);
  }
  finish() {
    this.pipeline.compose(this.blinks ? this.blinkView : 0, this.rig.camera, this.settings.lighting);
    this.drawWords();
  }
  drawn({ refined, milliseconds, points }) {
    const shown = refined ? this.refinedCount : Math.round(points / this.colouring.views.length);
    this.frame = { shown, milliseconds, refined };
    this.onStatistics(this.statistics());
    if (!refined || !this.cameraMoved || this.controls.steering) return;
    this.cameraMoved = false;
    this.selectNodes();
    if (this.cloud?.busy) this.loop.touchSoon();
    this.onCamera(this.getCamera());
  }
  drawWords() {
    const things = { rig: this.rig, rings: this.ringPlan, picked: this.picked, line: this.measure.line };
    this.annotations.draw(this.rectangles(), things);
  }
  redrawWords() {
    if (this.annotations?.theme) this.drawWords();
  }

  controlActions() {
    return {
      viewAt: (x, y) => this.placeOf(x, y),
      onMove: () => this.cameraChanged(),
      onClick: (x, y) => this.clicked(x, y),
      onHover: (x, y) => {
        const { left, top } = this.placeOf(x, y);
        this.measure.follow({ x: left, y: top });
      },
      onEscape: () => this.escaped(),
    };
  }
  escaped() {
    if (this.measure.escape()) return;
    this.highlight(null);
    this.onPick(null);
  }
}
