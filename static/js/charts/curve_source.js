// Curves from the server: which address, one answer at a time, points put in order.

import { parsed } from "./curve_maths.js";

export const FEW = 120;
const MOST_POINTS = 2000;

export class CurveSource {
  constructor({ runs, keys, url }) {
    Object.assign(this, { runs, keys, url: url || "/api/metrics/chart/", starts: new Map() });
    this.under = null;
  }

  /** Gives up what is under way: its answer would be of a view that nobody looks at any more. */
  cancel() {
    this.under?.abort();
    this.under = null;
  }

  /**
   * The curves of a window. `window` is null for everything, else {by, from, to}, or for relative times
   * {relative: [seconds, seconds]}. Throws an Error with the server's words; null when a newer request took over.
   */
  async fetch(x, window, points) {
    this.cancel();
    const control = (this.under = new AbortController());
    const by = x === "time" || x === "relative" ? "time" : "step";
    try {
      const asked = window?.relative ? this.perRun(window.relative, points, control) : this.ask(this.runs, { by, points, ...(window ?? {}) }, control);
      const found = (await asked).map((curve) => this.curve(curve));
      if (this.under !== control) return null;
      if (!window) this.noteStarts(found);
      return found;
    } catch (error) {
      if (error.name === "AbortError" || this.under !== control) return null;
      throw error;
    } finally {
      if (this.under === control) this.under = null;
    }
  }

  /** Points after a step, for charts of runs that go on. */
  async since(step, by) {
    return (await this.ask(this.runs, { by, points: MOST_POINTS, from: step }, new AbortController())).map((curve) => this.curve(curve));
  }

  async perRun([from, to], points, control) {
    const parts = this.runs.filter((run) => this.starts.has(run)).map((run) => {
      const start = this.starts.get(run);
      return this.ask([run], { by: "time", points, from: Math.floor(start + from * 1000), to: Math.ceil(start + to * 1000) }, control);
    }); // prettier-ignore
    return (await Promise.all(parts)).flat();
  }

  async ask(runs, { by, points, from, to }, control) {
    const address = new URL(this.url, location.href);
    for (const run of runs) address.searchParams.append("run", run);
    for (const key of this.keys) address.searchParams.append("key", key);
    address.searchParams.set("by", by);
    address.searchParams.set("points", Math.min(MOST_POINTS, Math.max(FEW, Math.round(points / 100) * 100)));
    if (from !== undefined) address.searchParams.set("from", Math.floor(from));
    if (to !== undefined) address.searchParams.set("to", Math.ceil(to));
    const answer = await fetch(address, { signal: control.signal, headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(await refusal(answer));
    return (await answer.json()).curves;
  }

  curve({ run, key, name, count, step, timestamp, value, epoch, low, high, n, first_timestamp }) {
    return { run, key, name, count, step, timestamp, value: value.map(parsed), epoch, low, high, n, start: first_timestamp };
  }

  noteStarts(curves) {
    for (const { run, start, timestamp } of curves) {
      const first = start ?? timestamp[0];
      if (first !== undefined && first !== null) this.starts.set(run, Math.min(first, this.starts.get(run) ?? Infinity));
    }
  }
}

async function refusal(answer) {
  if (answer.status === 403 || answer.status === 401) return "You may not see these runs.";
  try {
    const told = await answer.json();
    const words = told.detail ?? Object.values(told).flat().join(" ");
    if (words) return String(words);
  } catch {
    // no words of the server's: the status has to do
  }
  return `The server answered ${answer.status}.`;
}
