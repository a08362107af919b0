// What each key and button of the page does, by the names of keys.js.

import { neighbourSpeed } from "./clock.js";
import { neighbourSpike } from "./spikes.js";
import { DEFAULTS } from "./url_state.js";

const find = (selector) => document.querySelector(selector);

export function pageActions(page) {
  return { ...playback(page), ...timeline(page), ...colours(page), ...view(page), ...wholePage(page) };
}

function playback(page) {
  const { store, line } = page;
  const step = (by) => () => page.seek(store.state.frame + by);
  return {
    play: () => page.togglePlay(),
    previous: step(-1),
    next: step(1),
    "back-ten": step(-10),
    "on-ten": step(10),
    first: () => page.seek(0),
    last: () => page.seek(line.count - 1),
    go: () => find("[data-go]").select(),
    faster: () => store.set({ speed: neighbourSpeed(store.state.speed, 1) }),
    slower: () => store.set({ speed: neighbourSpeed(store.state.speed, -1) }),
    loop: () => store.set({ loop: !store.state.loop }),
    whole: () => store.set({ play: null }),
  };
}

function timeline(page) {
  const { store } = page;
  const spike = (step) => () => {
    const [leading] = page.timeline.active();
    if (!leading) return;
    const position = neighbourSpike(leading.values, page.timeline.threshold(), store.state.frame, step);
    if (position !== null) page.seek(position, true);
  };
  return {
    "next-spike": spike(1),
    "previous-spike": spike(-1),
    threshold: () => find("[data-threshold]").select(),
    axis: () => page.line.timed && store.set({ axis: store.state.axis === "seconds" ? "frame" : "seconds" }),
  };
}

function colours(page) {
  const { store, toolbar, catalogue } = page;
  const overlay = (colour) => colour && store.set({ colour: toolbar.toggled(colour) });
  const disabled = (name) => find(`[data-do="${name}"]`).disabled;
  return {
    raw: () => store.set({ colour: "height" }),
    truth: () => disabled("truth") || overlay(`classes:${catalogue.truths[0].key}`),
    prediction: () => overlay(toolbar.nextPrediction()),
    error: () => disabled("error") || overlay(catalogue.errors()[0][0]),
    uncertainty: () => overlay(catalogue.uncertaintyColour(store.state.frame, page.timeline.active()[0]?.key)),
    colour: () => find('[data-choose="left"]').focus(),
    "right-colour": () => store.state.right && find('[data-choose="right"]').focus(),
    "side-by-side": () => twoViews(page, false),
    blink: () => twoViews(page, true),
    legend: () => page.legends[0].focus(),
    everything: () => store.set({ only: null }),
  };
}

function twoViews({ store, toolbar }, blink) {
  const { right, blink: blinks } = store.state;
  if (right && blinks === blink) store.set({ right: "", blink: false });
  else store.set({ right: right || toolbar.usualRight(), blink });
}

function view(page) {
  const { store } = page;
  const preset = (name) => () => page.viewer?.preset(name);
  const size = (by) => () => store.set({ size: Math.max(0.5, Math.min(12, store.state.size + by)) });
  return {
    "camera-top": preset("top"),
    "camera-ego": preset("ego"),
    "camera-side": preset("side"),
    "camera-fit": preset("fit"),
    fly: () => fly(page),
    smaller: size(-0.5),
    larger: size(0.5),
    edl: () => store.set({ edl: store.state.edl ? 0 : DEFAULTS.edl }),
    rings: () => store.set({ rings: !store.state.rings }),
    slice: () => page.toolbar.toggleSlice(),
    measure: () => measure(page),
    reset: () => reset(page),
  };
}

function fly({ viewer }) {
  if (!viewer) return;
  const mode = viewer.getCamera().mode === "fly" ? "orbit" : "fly";
  viewer.setMode(mode);
  find('[data-do="fly"]').setAttribute("aria-pressed", String(mode === "fly"));
  if (mode === "fly") find("#stage-host canvas")?.focus();
}

function measure({ viewer, messages }) {
  if (!viewer) return;
  const button = find('[data-do="measure"]');
  const on = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(on));
  if (on) viewer.startMeasure();
  else viewer.stopMeasure();
  messages.tell(on ? "Click two points." : "");
}

function reset({ store, viewer }) {
  const { size, edl, rings, slice, ranges, fit, hidden, only } = DEFAULTS;
  store.set({ size, edl, rings, slice, ranges, fit, hidden, only, colour: "height", right: "", blink: false });
  viewer?.setMode("orbit");
  viewer?.preset("fit");
  find('[data-do="fly"]').setAttribute("aria-pressed", "false");
}

function wholePage(page) {
  document.addEventListener("fullscreenchange", () => {
    find('[data-do="full-screen"]').setAttribute("aria-pressed", String(Boolean(document.fullscreenElement)));
  });
  return {
    comment: () => page.comments?.begin(),
    screenshot: () => screenshot(page),
    "full-screen": () => (document.fullscreenElement ? document.exitFullscreen() : find("#scene").requestFullscreen()),
    "copy-link": () => page.address.copy(),
    panel: () => page.panel?.toggle(),
    keys: () => find("#keys").showModal(),
    escape: () => escape(page),
  };
}

function escape(page) {
  if (find('[data-do="measure"]').getAttribute("aria-pressed") === "true") measure(page);
  page.readout.close();
  page.viewer?.highlight(null);
  find("[data-look]").open = false;
  if (document.activeElement?.matches("input, select, textarea")) document.activeElement.blur();
}

async function screenshot({ viewer, store, catalogue }) {
  if (!viewer) return;
  const { name } = catalogue.playback;
  const address = URL.createObjectURL(await viewer.screenshot());
  const link = Object.assign(document.createElement("a"), { href: address, download: `${name}-frame-${store.state.frame}.png` });
  link.click();
  URL.revokeObjectURL(address);
}
