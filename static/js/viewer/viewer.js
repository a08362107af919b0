// The 3D view of point clouds: a frame's display chunk or an octree, in one view or two with one camera.
//
//   const viewer = new PointCloudViewer(host, { onPick });
//   viewer.setGeometry({ kind: "chunk", chunk: parseChunk(bytes), leftOut: null });
//   viewer.setAttribute("labels:1", { kind: "classes", values });
//   viewer.setPalette("labels:1", [{ index: 0, colour: "#aa8800", ignored: false }, ...]);
//   viewer.setViews([{ colour: "height" }, { colour: "classes:labels:1" }]);
//
// setGeometry drops the attributes of the cloud before; views, palettes, scales and the camera stay. Colours of views:
// height, intensity, range, uniform, field:NAME, classes:KEY, error:TRUTH:PREDICTION, uncertainty:KEY.

import { Annotations } from "./annotations.js";
import { originFor } from "./bounds.js";
import { CameraRig, FIELD_OF_VIEW, presetState } from "./camera.js";
import { ChunkCloud } from "./clouds.js";
import { Colouring } from "./colouring.js";
import { Controls } from "./controls.js";
import { Drawing } from "./drawing.js";
import { FrameLoop } from "./frame_loop.js";
import { Governor, isSoftware } from "./governor.js";
import { placeIn } from "./layout.js";
import { Measure } from "./measure.js";
import { OctreeCloud } from "./octree_cloud.js";
import { describePoint, pickPoint } from "./picking.js";
import { Pipeline } from "./pipeline.js";

const nothing = () => {};

const CALLBACKS = { onPick: nothing, onCamera: nothing, onStatistics: nothing, onReady: nothing, onScales: nothing, onMeasure: nothing, onProblem: nothing };

export class PointCloudViewer extends Drawing {
  // onPick(picked or null), onCamera(camera) when a movement has ended, onStatistics(statistics) after each draw,
  // onReady(viewer), onScales() when an octree's first points have fitted the scales, onMeasure({from, to, metres}), onProblem(error): what could not be fetched or drawn.
  constructor(host, callbacks = {}) {
    super();
    Object.assign(this, { host, ...CALLBACKS, ...callbacks });
    this.makeCanvases();
    this.pipeline = new Pipeline(this.canvas);
    this.governor = new Governor(isSoftware(this.pipeline.gl));
    this.annotations = new Annotations(this.words);
    this.rig = new CameraRig();
    this.colouring = new Colouring();
    this.measure = new Measure(() => this.redrawWords());
    this.settings = { pointSize: 2, lighting: 0.4, rings: false, slice: [null, null], budget: null, blink: 0 };
    this.frame = { shown: 0, milliseconds: 0 };
    this.blinkView = 0;
    this.cloud = null;
    this.picked = null;
    this.aborter = new AbortController();
    this.controls = new Controls(this.canvas, this.rig, this.controlActions());
    this.loop = new FrameLoop(this.pipeline.gl, this.governor, this.loopActions());
    this.watch();
    this.applyTheme();
    this.resize();
    queueMicrotask(() => this.onReady(this));
  }

  // --- Geometry and attributes ---

  setGeometry(geometry) {
    this.cloud?.dispose();
    this.picked = null;
    const host = this.cloudHost();
    this.cloud = geometry.kind === "octree" ? new OctreeCloud(host, geometry) : new ChunkCloud(host, geometry);
    if (this.settings.budget && geometry.kind === "octree") this.cloud.budget = this.settings.budget;
    this.cloud.rule = geometry.kind === "octree" ? this.cloud.index.rule : geometry.chunk.rule;
    this.rig.origin = originFor(...this.cloud.extremes, this.located ? this.rig.origin : null);
    this.cloud.setOrigin(this.rig.origin);
    this.rig.reach = Math.hypot(...this.cloud.extremes[1].map((value, axis) => value - this.cloud.extremes[0][axis]));
    if (geometry.kind === "chunk") this.learnBounds();
    this.loop.move();
  }
  cloudHost() {
    return {
      scenes: this.pipeline.scenes,
      materials: this.pipeline.materials,
      origin: () => this.rig.origin,
      onBlocks: () => this.loop.touchSoon(),
      onOpened: () => {
        this.learnBounds();
        this.onScales();
        this.selectNodes();
        this.loop.move();
      },
      onProblem: (error) => this.onProblem(error),
    };
  }
  learnBounds() {
    this.bounds = this.cloud.robust() ?? this.bounds;
    this.colouring.fit(this.bounds, this.cloud.rule);
    if (!this.located && this.bounds) this.rig.jump(this.presetState("fit"));
    this.located = true;
  }
  setAttribute(name, attribute) {
    if (!this.cloud) throw new Error("Set a geometry before its attributes.");
    this.cloud.setAttribute(name, attribute);
    this.loop.touch();
  }
  removeAttribute(name) {
    this.cloud?.removeAttribute(name);
    this.loop.touch();
  }

  // --- Looks ---

  setViews(views) {
    if (this.colouring.setViews(views)) this.loop.touch();
    if (this.settings.blink) this.setBlink(this.settings.blink);
  }
  setBlink(milliseconds) {
    if (milliseconds === this.settings.blink && Boolean(this.blinking) === this.blinks) return;
    this.settings.blink = milliseconds;
    clearInterval(this.blinking);
    this.blinking = this.blinks ? setInterval(() => this.blink(), milliseconds) : null;
    this.blinkView = 0;
    this.loop.touch();
  }
  get blinks() {
    return this.settings.blink > 0 && this.colouring.views.length > 1;
  }
  blink() {
    this.blinkView = 1 - this.blinkView;
    this.loop.recompose();
  }
  setPalette(key, classes) {
    this.colouring.palette(key).setClasses(classes);
    this.loop.touch();
  }
  setClassVisible(key, index, visible) {
    if (this.colouring.setClassVisible(key, index, visible)) this.loop.touch();
  }
  // Lets only the points of one class that were predicted as another stand out: {truth, prediction, pair}; null: all.
  setOnly(only) {
    if (this.colouring.setOnly(only)) this.loop.touch();
  }
  // The ends of a colour scale in its own unit; without them it fits the first cloud again.
  setRange(colour, low, high) {
    if (this.colouring.setRange(colour, low, high)) this.loop.touch();
  }
  // The chunks that are loaded: one of a frame, those of the nodes of an octree.
  loadedChunks() {
    return this.cloud?.allBlocks().map(({ chunk }) => chunk) ?? [];
  }
  getRange(colour) {
    const name = colour.slice(colour.indexOf(":") + 1);
    return [...this.colouring.range(colour, this.cloud?.attributes.get(colour) ?? this.cloud?.attributes.get(name))];
  }
  setPointSize(pixels) {
    this.change({ pointSize: pixels });
  }
  setEyeDomeLighting(strength) {
    this.change({ lighting: strength });
  }
  setRangeRings(on) {
    this.change({ rings: Boolean(on) });
  }
  setSlice(low, high) {
    this.change({ slice: [low ?? null, high ?? null] });
  }
  setPointBudget(points) {
    this.change({ budget: points });
    if (this.cloud instanceof OctreeCloud) this.cloud.budget = points;
    this.selectNodes();
  }
  change(settings) {
    if (Object.entries(settings).every(([name, value]) => JSON.stringify(value) === JSON.stringify(this.settings[name]))) return;
    Object.assign(this.settings, settings);
    this.loop.touch();
  }

  // --- Camera ---

  getCamera() {
    return this.rig.describe();
  }
  setCamera(camera) {
    this.rig.restore({ ...this.rig.describe(), ...camera });
    this.located = true;
    this.cameraChanged();
  }
  setMode(mode) {
    this.setCamera({ mode });
  }
  preset(name) {
    if (!this.bounds) return;
    this.rig.go(this.presetState(name));
    this.cameraChanged();
  }
  presetState(name) {
    return presetState(name, this.bounds, this.cloud.sensor, this.cloud.mapped);
  }
  cameraChanged() {
    this.cameraMoved = true;
    this.loop.move();
  }
  selectNodes() {
    if (!(this.cloud instanceof OctreeCloud)) return;
    const { position, target } = this.rig.describe();
    const [view] = this.rectangles();
    this.cloud.select({ position, target, fieldOfView: FIELD_OF_VIEW, height: view.height * this.pixelRatio, aspect: view.width / view.height });
  }

  // --- Picking, measuring, pictures ---

  // What is at a place of the page. originalIndex is null where only the server knows it; resolvePick asks.
  pick(clientX, clientY) {
    if (!this.cloud) return null;
    const place = this.placeOf(clientX, clientY);
    this.rig.apply(place.width / place.height);
    const known = [...this.cloud.attributes.keys(), ...this.colouring.palettes.keys()];
    const [low, high] = this.settings.slice;
    const shown = (block, point) => {
      const z = block.chunk.lo[2] + block.chunk.scale[2] * block.chunk.records[4 * point + 2];
      return z >= (low ?? -Infinity) && z <= (high ?? Infinity) && this.colouring.shows(place.number, block, point, known);
    };
    const hit = pickPoint(this.cloud.drawn(), this.rig.camera, place, shown);
    return hit && this.describeHit(hit, place.number);
  }
  placeOf(clientX, clientY) {
    return placeIn(this.rectangles(), this.canvas.getBoundingClientRect(), clientX, clientY);
  }
  describeHit(hit, view) {
    const picked = {
      ...describePoint(hit, this.cloud.sensor),
      originalIndex: this.cloud.originalOf(hit.block, hit.display),
      storedIndex: (hit.block.node?.firstPoint ?? 0) + hit.display, // where overlays of the cloud have its value
      view,
      attributes: this.cloud.valuesOf(hit.block, hit.display),
    };
    Object.defineProperty(picked, "hit", { value: { ...hit, cloud: this.cloud } }); // not part of what is told
    return picked;
  }
  async resolvePick(picked) {
    const { cloud, block, display } = picked.hit;
    const { originalIndex, values } = await cloud.resolve(block, display);
    return Object.defineProperty({ ...picked, originalIndex, attributes: values }, "hit", { value: picked.hit });
  }
  // Marks a point, in world coordinates; null marks none.
  highlight(position) {
    this.picked = position;
    this.redrawWords();
  }
  async clicked(clientX, clientY) {
    const picked = this.pick(clientX, clientY);
    if (this.measure.active) {
      if (picked) this.measure.take(picked.position);
      if (this.measure.to) this.onMeasure({ from: this.measure.from, to: this.measure.to, metres: this.measure.metres });
      return;
    }
    this.highlight(picked?.position ?? null);
    if (!picked) return this.onPick(null);
    const unknown = picked.originalIndex === null;
    if (!unknown) this.onPick(picked);
    if (!unknown && !(this.cloud instanceof OctreeCloud)) return;
    const resolved = await this.resolvePick(picked).catch((error) => (this.onProblem(error), picked));
    if (picked.hit.cloud === this.cloud) this.onPick(resolved);
  }
  startMeasure() {
    this.measure.start();
    this.canvas.classList.add("measuring");
  }
  stopMeasure() {
    this.measure.stop();
    this.canvas.classList.remove("measuring");
  }
  // The refined picture with its lines and words, as PNG.
  async screenshot() {
    await this.whenSettled();
    this.finish(); // a canvas keeps its picture only until the browser has shown it
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [this.canvas.width, this.canvas.height];
    const context = copy.getContext("2d");
    context.drawImage(this.canvas, 0, 0);
    context.drawImage(this.words, 0, 0, copy.width, copy.height);
    return new Promise((resolve) => copy.toBlob(resolve, "image/png"));
  }
  whenSettled() {
    return this.loop.whenSettled();
  }
  statistics() {
    const { shown, milliseconds } = this.frame;
    return {
      shown, total: this.cloud?.total ?? 0, frameMilliseconds: milliseconds, bytes: this.cloud?.bytes ?? 0,
      loading: Boolean(this.cloud?.busy), refined: this.frame.refined ?? false, software: this.governor.software,
    };
  }
  dispose() {
    this.loop.stop();
    clearInterval(this.blinking);
    this.aborter.abort();
    this.controls.dispose();
    this.cloud?.dispose();
    this.colouring.dispose();
    this.pipeline.dispose();
    this.canvas.remove();
    this.words.remove();
  }
}
