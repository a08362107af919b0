// The panel on the right: tabs, its width, and the card about the frame in the viewer.

import { element, grouped, measured, seconds } from "./words.js";

const WIDTH = "lamm-scene-panel";
const STATES = { ready: "Ready", pending: "Pending", quarantined: "Quarantined" };
const WAIT_MILLISECONDS = 350;

function remembered(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Storage is switched off: the width lasts for this page.
  }
}

export class Panel {
  /** Works at once with the tab that the site opened; what can be played may come later, or never. */
  constructor() {
    this.work = document.getElementById("scene-work");
    this.divider = document.getElementById("divider");
    this.tabs = [...document.querySelectorAll("[role=tab][data-tab]")];
    this.bindTabs();
    this.bindDivider();
    this.tab = this.tabs.find((tab) => tab.getAttribute("aria-selected") === "true")?.dataset.tab ?? "facts";
    const width = Number(remembered(WIDTH));
    if (width) this.setWidth(width);
  }

  bindTabs() {
    for (const tab of this.tabs) tab.addEventListener("click", () => this.open(tab.dataset.tab));
    document.querySelector(".panel-tabs").addEventListener("keydown", (event) => {
      const here = this.tabs.indexOf(event.target);
      const next = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: this.tabs.length - 1 }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      const tab = this.tabs[(next + this.tabs.length) % this.tabs.length];
      tab.focus();
      this.open(tab.dataset.tab);
    });
    document.addEventListener("click", (event) => {
      const link = event.target.closest("[data-open-tab]");
      if (!link) return;
      event.preventDefault();
      this.open(link.dataset.openTab);
    });
  }

  /** The page's state holds the tab from now on; one that was opened before stays open. */
  follow(store) {
    this.store = store;
    store.on(["tab"], (state) => this.showTab((this.tab = state.tab)));
    store.set({ tab: this.tab });
  }

  open(tab) {
    this.setHidden(false);
    this.showTab((this.tab = tab));
    this.store?.set({ tab });
  }

  showTab(wanted) {
    const known = this.tabs.some((tab) => tab.dataset.tab === wanted) ? wanted : "facts";
    for (const tab of this.tabs) {
      const chosen = tab.dataset.tab === known;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      document.getElementById(`panel-${tab.dataset.tab}`).hidden = !chosen;
    }
  }

  get hidden() {
    return "panelHidden" in this.work.dataset;
  }

  setHidden(hidden) {
    if (hidden) this.work.dataset.panelHidden = "";
    else delete this.work.dataset.panelHidden;
    document.querySelector('[data-do="panel"]').setAttribute("aria-pressed", String(!hidden));
  }

  toggle() {
    this.setHidden(!this.hidden);
  }

  setWidth(width) {
    const most = Math.max(320, this.work.clientWidth - 360);
    const kept = Math.round(Math.max(280, Math.min(most, width)));
    this.work.style.setProperty("--panel-width", `${kept}px`);
    this.divider.setAttribute("aria-valuenow", kept);
    return kept;
  }

  bindDivider() {
    const { divider } = this;
    const width = (event) => this.work.getBoundingClientRect().right - event.clientX;
    divider.addEventListener("pointerdown", (event) => divider.setPointerCapture(event.pointerId));
    divider.addEventListener("pointermove", (event) => {
      if (divider.hasPointerCapture(event.pointerId)) remember(WIDTH, this.setWidth(width(event)));
    });
    divider.addEventListener("dblclick", () => remember(WIDTH, this.setWidth(380)));
    divider.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: 40, ArrowRight: -40 }[event.key];
      if (!step) return;
      event.preventDefault();
      remember(WIDTH, this.setWidth(document.getElementById("panel").clientWidth + step));
    });
  }
}

/** The card about the frame in the viewer; its files are asked for once it stays. */
export class ThisFrame {
  constructor({ store, catalogue, line, facts }) {
    Object.assign(this, { catalogue, line, facts, card: document.getElementById("this-frame") });
    store.on(["frame"], (state) => this.show(state.frame));
    this.show(store.state.frame);
  }

  part(name) {
    return this.card.querySelector(`[data-this="${name}"]`);
  }

  /** The panel around the card was written anew: this card, with all that is in it, takes the new one's place. */
  keep() {
    const other = document.getElementById("this-frame");
    if (other && other !== this.card) other.replaceWith(this.card);
  }

  show(frame) {
    const { line } = this;
    this.card.hidden = frame >= line.count;
    if (frame >= line.count) return;
    const state = line.frames.state[frame];
    this.part("number").textContent = `${grouped(frame)} of ${grouped(line.count)}`;
    this.part("state").textContent = STATES[state] ?? state;
    this.part("state").className = `status status-${state}`;
    this.part("name").textContent = line.frames.name[frame];
    this.part("time").textContent = line.timed ? seconds(line.seconds[frame]) : "unknown";
    this.part("points").textContent = this.points(frame);
    this.part("scores").textContent = this.scores(frame);
    for (const name of ["raw", "labels"]) this.part(name).textContent = "…";
    clearTimeout(this.wait);
    this.wait = setTimeout(() => this.ask(line.frames.id[frame]), WAIT_MILLISECONDS);
  }

  points(frame) {
    const { points, shown } = this.line.frames;
    if (!this.line.shown(frame)) return "–";
    const left = points[frame] - shown[frame];
    return left > 0 ? `${grouped(shown[frame])} shown · ${grouped(left)} without a position` : grouped(points[frame]);
  }

  scores(frame) {
    const told = [...this.catalogue.scores.values()].map(({ title, values }) => `${title} ${measured(values[frame])}`);
    return told.join(" · ") || "none";
  }

  async ask(frame) {
    const turn = (this.turn = {});
    const answer = await fetch(this.facts.frameFiles.replace("/0/", `/${frame}/`)).catch(() => null);
    if (turn !== this.turn) return;
    if (!answer?.ok) {
      for (const name of ["raw", "labels"]) this.part(name).textContent = "could not be asked for";
      return;
    }
    const { raw, labels } = await answer.json();
    if (turn !== this.turn) return;
    this.part("raw").replaceChildren(...files(raw ? [raw] : [], "not stored"));
    this.part("labels").replaceChildren(...files(labels, "none"));
  }
}

function files(found, none) {
  if (!found.length) return [element("span", { className: "faint" }, none)];
  return found.map((file) =>
    element("span", { className: "file-line" }, element("a", { href: file.url, download: file.name, title: `${file.reference}\nsha256 ${file.digest}` }, file.title ?? file.name), ` ${file.size}`,
      element("code", { className: "file-reference" }, file.reference)), // prettier-ignore
  );
}
