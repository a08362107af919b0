// A scene in a page: ties the viewer, the toolbar, the timeline and, where there is one, the panel to one state that the
// address holds. The scene's own page has all of it; other pages show a scene without a panel.

import { ByteCache } from "./byte_cache.js";
import { Catalogue } from "./catalogue.js";
import { Comments } from "./comments.js";
import { CACHE_BYTES, FrameData } from "./frame_data.js";
import { FrameLine } from "./frame_line.js";
import { bindKeys } from "./keys.js";
import { Legend } from "./legend.js";
import { Messages } from "./messages.js";
import { OnlyChip } from "./only_chip.js";
import { ThisFrame } from "./panel.js";
import { Player } from "./player.js";
import { Readout } from "./readout.js";
import { pageActions } from "./actions.js";
import { Stage } from "./stage.js";
import { Store } from "./store.js";
import { Timeline } from "./timeline.js";
import { Toolbar } from "./toolbar.js";
import { readState } from "./url_state.js";
import { AddressWriter } from "./address.js";
import { compact, grouped } from "./words.js";

const find = (name) => document.querySelector(`[data-${name}]`);

export async function playbackOf(address) {
  const answer = await fetch(address, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(`The site answered ${answer.status}.`);
  return answer.json();
}

/** The state that a person asked for, fitted to what this scene has. */
function fittedState(catalogue, line, search) {
  const state = readState(search);
  const named = line.positionOf(Number(new URLSearchParams(search).get("frame_id")));
  if (named !== -1) state.frame = named;
  const known = (colour, other) => (colour && catalogue.knows(colour) ? colour : other);
  const play = state.play?.map((position) => line.clamp(position)) ?? null;
  return {
    ...state,
    frame: line.clamp(state.frame),
    colour: state.colour === "uncertainty" ? (catalogue.uncertaintyColour(state.frame, state.series?.[0]) ?? "height") : known(state.colour, "height"),
    right: known(state.right, ""),
    axis: line.timed ? state.axis : "frame",
    play: play && play[1] > play[0] ? play : null,
  };
}

export class ScenePage {
  /** @param panel the panel of the scene's own page, null elsewhere; `facts` are those of that page; `actions` are those
   * of a page that has more to do, by the names of keys.js */
  constructor(playback, { panel = null, facts = {}, search = location.search, actions = {} } = {}) {
    this.modules = new URL("./", import.meta.url).href; // for tests of the pure ones
    this.line = new FrameLine(playback);
    this.catalogue = new Catalogue(playback);
    this.store = new Store(fittedState(this.catalogue, this.line, search));
    this.data = new FrameData(this.catalogue, new ByteCache(CACHE_BYTES));
    const { store, catalogue, line, data } = this;
    this.messages = new Messages({ catalogue, line, retry: () => this.showFrame(), seek: (step) => this.seekReadable(step) });
    this.panel = panel;
    this.toolbar = new Toolbar({ store, catalogue });
    this.legends = [new Legend("left", { catalogue, store }), new Legend("right", { catalogue, store })];
    this.timeline = new Timeline({ store, catalogue, line, seek: (position, { overlay }) => this.seek(position, overlay) });
    this.player = new Player(line, { show: (position) => this.playFrame(position), began: () => this.playing(true), ended: () => this.playing(false) });
    this.readout = new Readout({ catalogue, data, comment: () => this.comments?.begin() });
    this.onlyChip = new OnlyChip({ store, catalogue });
    this.bindPlayback();
    bindKeys({ ...this.possible(pageActions(this)), ...actions });
    this.address = new AddressWriter(this);
    if (panel) this.joinPanel(panel, facts);
  }

  /** Without a panel there is nothing to show or hide, and no place for comments. */
  possible({ comment, panel, ...others }) {
    return this.panel ? { comment, panel, ...others } : others;
  }

  /** What only the scene's own page has: comments, the card of the frame, the table of frames. */
  joinPanel(panel, facts) {
    const { store, catalogue, line } = this;
    this.thisFrame = new ThisFrame({ store, catalogue, line, facts });
    this.comments = new Comments({ store, line, facts, camera: () => this.viewer?.getCamera() ?? null,
      picked: () => this.readout.picked, go: (...place) => this.goTo(...place) }); // prettier-ignore
    panel.follow(store);
    this.bindFramesTable();
  }

  bindFramesTable() {
    const mark = () => {
      const id = this.line.frames.id[this.store.state.frame];
      for (const row of document.querySelectorAll("[data-frame-row]")) row.toggleAttribute("data-current", Number(row.dataset.frameRow) === id);
    };
    document.addEventListener("click", (event) => {
      const button = event.target.closest("[data-show-frame]");
      if (button) this.seek(this.line.positionOf(Number(button.dataset.showFrame)));
    });
    this.store.on(["frame"], mark);
    mark();
  }

  // --- The viewer ---

  /** The viewer is loaded after everything else works: without WebGL 2 the page is whole but for the picture. */
  async openViewer() {
    if (!document.createElement("canvas").getContext("webgl2")) {
      return this.messages.withoutWebGL("It has no WebGL 2, or it is switched off.");
    }
    const { PointCloudViewer } = await import("../viewer/viewer.js");
    this.viewer = new PointCloudViewer(document.getElementById("stage-host"), {
      onPick: (pick) => this.picked(pick),
      onCamera: (camera) => this.store.set({ camera }),
      onStatistics: () => this.showStatistics(),
      onScales: () => this.scalesFound(),
      onMeasure: ({ metres }) => this.measured(metres),
      onProblem: (problem) => this.messages.failed(this.store.state.frame, problem.message),
    });
    this.stage = new Stage({ ...this, told: this.telling() });
    this.applyLook();
    if (this.store.state.camera) this.viewer.setCamera(this.store.state.camera);
    this.bindViewer();
    return this.showFrame();
  }

  telling() {
    return {
      began: () => this.messages.began(),
      unseen: (frame) => this.messages.unseen(frame),
      failed: (frame, problem) => this.messages.failed(frame, problem),
      shown: (frame, geometry, held) => this.shown(held),
    };
  }

  shown(held) {
    this.messages.clear();
    this.messages.lacking(held, this.stage.colours(this.store.state));
    this.onlyChip.show(this.store.state, held);
    this.showLegends();
    this.address.noteScales();
    document.getElementById("stage").dataset.frame = this.store.state.frame;
  }

  /** The scales of a big cloud are known once its first points are. */
  scalesFound() {
    if (this.stage.position < 0) return;
    for (const colour of this.stage.colours(this.store.state)) this.stage.scale(colour, this.store.state);
    this.showLegends();
  }

  showLegends() {
    const { state } = this.store;
    const scale = (legend) => (legend.colour(state) ? this.stage.scaleOf(legend.colour(state)) : null);
    for (const legend of this.legends) legend.show(state, this.stage.held, scale(legend));
  }

  bindViewer() {
    this.store.on(["frame", "colour", "right", "blink", "ranges", "fit", "only"], (_, changed) => {
      if (changed.has("frame")) this.readout.close();
      if (!this.player.playing || !changed.has("frame")) this.showFrame();
    });
    this.store.on(["hidden"], (state) => {
      this.stage.hide(state);
      this.showLegends();
    });
    this.store.on(["size", "edl", "rings", "slice"], () => this.applyLook());
    const host = document.getElementById("stage-host");
    // The picture keeps the keys only while flying or when it was reached by the keyboard.
    host.addEventListener("pointerup", () => this.viewer.getCamera().mode === "orbit" && document.activeElement?.blur());
  }

  applyLook() {
    const { size, edl, rings, slice } = this.store.state;
    this.viewer.setPointSize(size);
    this.viewer.setEyeDomeLighting(edl);
    this.viewer.setRangeRings(rings);
    this.viewer.setSlice(...(slice ?? [null, null]));
  }

  showFrame() {
    return this.stage?.show(this.store.state) ?? Promise.resolve();
  }

  showStatistics() {
    const { shown, total, frameMilliseconds } = this.viewer.statistics();
    const all = shown >= total;
    find("statistics").textContent = all ? `${grouped(total)} points` : `showing ${compact(shown)} of ${compact(total)} points`;
    find("statistics").title = `The last picture took ${Math.round(frameMilliseconds)} ms.`;
  }

  picked(pick) {
    this.readout.show(pick, this.store.state.frame);
    this.comments?.offerPoint(pick);
  }

  measured(metres) {
    this.messages.tell(`${metres.toFixed(2)} m`);
  }

  // --- Playback ---

  bindPlayback() {
    const { store, player } = this;
    const go = find("go");
    go.max = this.line.count - 1;
    find("frame-count").textContent = this.line.count ? `of ${grouped(this.line.count)}` : "";
    go.addEventListener("change", () => Number.isNaN(go.valueAsNumber) || this.seek(go.valueAsNumber));
    go.addEventListener("keydown", (event) => event.key === "Enter" && go.blur());
    find("speed").addEventListener("change", (event) => store.set({ speed: Number(event.target.value) }));
    store.on(["frame"], (state) => this.showNumber(state.frame));
    store.on(["speed", "loop", "play"], () => this.applyPlayback());
    this.showNumber(store.state.frame);
    this.applyPlayback();
    player.setSpeed(store.state.speed);
  }

  showNumber(frame) {
    if (document.activeElement !== find("go")) find("go").value = frame;
  }

  applyPlayback() {
    const { speed, loop, play } = this.store.state;
    this.player.setSpeed(speed);
    this.player.clock.loop = loop;
    this.player.clock.setRange(play);
    find("range-words").textContent = play ? `Plays ${grouped(play[0])} to ${grouped(play[1])}` : "";
    document.querySelector('[data-do="whole"]').hidden = !play;
    if (this.player.playing) this.player.play(this.store.state.frame);
  }

  playing(now) {
    const button = document.querySelector('[data-do="play"]');
    button.setAttribute("aria-pressed", String(now));
    button.setAttribute("aria-label", now ? "Pause" : "Play");
    if (!now) this.showFrame();
  }

  async playFrame(position) {
    this.store.set({ frame: position });
    await this.showFrame();
  }

  togglePlay() {
    if (this.player.playing) return this.player.pause();
    const last = this.player.clock.last;
    const { frame } = this.store.state;
    if (this.line.count > 1) this.player.play(frame >= last ? this.player.clock.first : frame);
  }

  /** Goes to a frame; with `overlay` its uncertainty is switched on in the same step. */
  seek(position, overlay = false) {
    if (!this.line.count) return;
    this.player.pause();
    const frame = this.line.clamp(position);
    const colour = overlay ? this.catalogue.uncertaintyColour(frame, this.timeline.active()[0]?.key) : null;
    this.store.set(colour ? { frame, colour } : { frame });
    this.showNumber(frame);
  }

  seekReadable(step) {
    const next = this.line.readable(this.store.state.frame, step) ?? this.line.readable(this.store.state.frame, -step);
    if (next !== null) this.seek(next);
  }

  goTo(position, camera, point) {
    if (position < 0) return;
    this.seek(position);
    if (!this.viewer) return;
    if (camera) this.viewer.setCamera(camera);
    this.viewer.highlight(point ?? null);
  }
}
