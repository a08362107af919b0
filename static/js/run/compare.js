// Ground truth against predictions: the viewer of a scene beside the list of scenes, and keys to go through them.

import { ScenePage, playbackOf } from "../scene/page.js";

const source = document.getElementById("compare-facts");
const facts = source && JSON.parse(source.textContent);
const list = document.querySelector("[data-scenes]");

const truth = () => `classes:${facts.truth}`;
const classes = (key) => `classes:${key}`;
const error = (key) => `error:${facts.truth}~${key}`;

/** What each way of comparing draws, as the viewer's state. */
function ways() {
  const alone = {
    side: { colour: truth(), right: classes(facts.prediction), blink: false },
    overlay: { colour: classes(facts.prediction), right: "", blink: false },
    blink: { colour: truth(), right: classes(facts.prediction), blink: true },
    error: { colour: error(facts.prediction), right: "", blink: false },
  };
  if (!facts.other) return alone;
  const both = {
    runs: { colour: classes(facts.prediction), right: classes(facts.other), blink: false },
    errors: { colour: error(facts.prediction), right: error(facts.other), blink: false },
  };
  return { ...alone, ...both };
}

/** The way that a state is, by its colours; "" for one of a person's own. */
function wayOf(state) {
  const alike = ([, way]) => way.colour === state.colour && way.right === state.right && (way.blink === state.blink || !way.right);
  return Object.entries(ways()).find(alike)?.[0] ?? "";
}

/** The address with what the page chooses where the person has not: the way, and the frame that is worst. */
function completed(search) {
  const parameters = new URLSearchParams(search);
  const known = ways();
  const wanted = known[parameters.get("way")] ?? known[facts.other ? "errors" : "side"];
  if (!parameters.has("colour")) {
    parameters.set("colour", wanted.colour);
    if (wanted.right) parameters.set("right", wanted.right);
    if (wanted.blink) parameters.set("blink", "1");
  }
  if (!parameters.has("frame") && !parameters.has("frame_id") && facts.worstFrame) parameters.set("frame_id", facts.worstFrame);
  return parameters.toString();
}

/** The address of another scene, shown in the same way and from the same side. */
function carried(href, state) {
  const address = new URL(href, location.href);
  const way = wayOf(state);
  if (way) address.searchParams.set("way", way);
  const here = new URLSearchParams(location.search);
  for (const name of ["camera", "size", "edl", "rings", "only"]) if (here.has(name)) address.searchParams.set(name, here.get(name));
  return address;
}

class Comparison {
  constructor(playback) {
    this.links = [...list.querySelectorAll("[data-scene]")];
    const actions = { "next-scene": () => this.step(1), "previous-scene": () => this.step(-1), "other-end": () => this.otherEnd(), "next-way": () => this.nextWay() };
    this.page = new ScenePage(playback, { search: completed(location.search), actions });
    window.scenePage = this.page;
    this.store = this.page.store;
    this.bind();
  }

  bind() {
    this.store.on(["colour", "right", "blink"], () => this.showWay());
    this.store.on(["frame"], () => this.showFrame());
    for (const button of document.querySelectorAll("[data-way-of]")) button.addEventListener("click", () => this.choose(button.dataset.wayOf));
    document.addEventListener("click", (event) => {
      const frame = event.target.closest("[data-seek-frame]");
      if (frame) this.page.seek(this.page.line.positionOf(Number(frame.dataset.seekFrame)));
      const link = event.target.closest("[data-scene], [data-order]");
      if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      this.go(link.href);
    });
    list.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
    document.querySelector("[data-open-scene]").href = facts.scenePage;
    this.showWay();
    this.showFrame();
  }

  go(href) {
    this.page.address.write();
    location.assign(carried(href, this.store.state));
  }

  step(by) {
    const here = this.links.findIndex((link) => link.getAttribute("aria-current"));
    const next = this.links[here + by];
    if (next) this.go(next.href);
  }

  otherEnd() {
    const other = document.querySelector("[data-order]:not([aria-current])");
    if (other) this.go(other.href);
  }

  choose(name) {
    const known = ways();
    if (known[name]) this.store.set(known[name]);
  }

  nextWay() {
    const names = Object.keys(ways());
    this.choose(names[(names.indexOf(wayOf(this.store.state)) + 1) % names.length]);
  }

  showWay() {
    const way = wayOf(this.store.state);
    for (const button of document.querySelectorAll("[data-way-of]")) button.setAttribute("aria-pressed", String(button.dataset.wayOf === way));
    const address = new URL(location.href);
    if (way) address.searchParams.set("way", way);
    else address.searchParams.delete("way");
    history.replaceState(history.state, "", address);
  }

  showFrame() {
    const id = this.page.line.frames.id[this.store.state.frame];
    for (const button of document.querySelectorAll("[data-seek-frame]")) button.toggleAttribute("data-current", Number(button.dataset.seekFrame) === id);
  }
}

async function start() {
  const message = document.querySelector("[data-message]");
  try {
    const comparison = new Comparison(await playbackOf(facts.playback));
    if (comparison.page.line.count) await comparison.page.openViewer();
    else comparison.page.messages.empty(false);
  } catch (problem) {
    message.textContent = `The frames could not be loaded. ${problem.message}`;
    message.hidden = false;
    console.error(problem);
  }
}

if (facts) start();
