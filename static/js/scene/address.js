// Keeps the address true to what is seen, so that it can be sent, and copies it.

import { writeState } from "./url_state.js";

const WAIT_MILLISECONDS = 250;
const FITTED = ["height", "intensity", "range"];

export class AddressWriter {
  constructor(page) {
    this.page = page;
    this.fittedAt = null; // the frame that the viewer fitted its scales to
    page.store.on(Object.keys(page.store.state), () => this.soon());
  }

  soon() {
    clearTimeout(this.wait);
    this.wait = setTimeout(() => this.write(), WAIT_MILLISECONDS);
  }

  write() {
    clearTimeout(this.wait);
    const query = writeState(this.state(), location.search);
    history.replaceState(history.state, "", `${location.pathname}${query ? `?${query}` : ""}${location.hash}`);
  }

  /** The viewer fits some scales to the first frame that it shows: from then on they hold. */
  noteScales() {
    this.fittedAt ??= this.page.store.state.frame;
  }

  /** The state with all that another browser needs to draw the same picture. */
  state() {
    const { store, viewer } = this.page;
    const { colour, right, frame, ranges, fit } = store.state;
    if (!viewer || this.fittedAt === null || this.fittedAt === frame) return store.state;
    const own = [colour, right].filter((one) => FITTED.includes(one) && !(one in ranges) && !fit.includes(one));
    return { ...store.state, ranges: { ...ranges, ...Object.fromEntries(own.map((one) => [one, viewer.getRange(one)])) } };
  }

  async copy() {
    this.write();
    const words = document.querySelector("[data-copy-words]");
    try {
      await navigator.clipboard.writeText(location.href);
      words.textContent = "Copied";
    } catch {
      words.textContent = "Copy it from the address bar";
    }
    setTimeout(() => (words.textContent = "Copy link"), 1500);
  }
}
