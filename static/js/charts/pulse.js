// The beat of charts whose runs go on: asks for new points while the page is seen, slower when nothing comes.

const [SOON, LATE] = [4000, 60_000];
const ACTIVE = new Set(["queued", "running", "stalled"]);
const asked = new Map();

/** Whether a run goes on; charts of one page share the answer for a few seconds. */
async function active(run) {
  const known = asked.get(run);
  if (known && performance.now() - known.at < SOON / 2) return known.answer;
  const answer = fetch(`/api/runs/${run}/`, { headers: { Accept: "application/json" } })
    .then(async (told) => told.ok && ACTIVE.has((await told.json()).status))
    .catch(() => true); // no answer just now: asked again later
  asked.set(run, { at: performance.now(), answer });
  return answer;
}

export class Pulse {
  /** @param append () -> how many points came; called while any of the runs goes on and once after */
  constructor(host, runs, append) {
    Object.assign(this, { host, runs, append, wait: SOON, alive: new Set(runs) });
    this.next();
  }

  next() {
    this.timer = setTimeout(() => this.beat(), this.wait);
  }

  async beat() {
    if (!this.host.isConnected) return;
    if (document.hidden) return this.next();
    try {
      const states = await Promise.all([...this.alive].map(async (run) => [run, await active(run)]));
      const added = await this.append();
      for (const [run, going] of states) if (!going) this.alive.delete(run);
      this.wait = added ? SOON : Math.min(LATE, this.wait * 1.5);
    } catch {
      this.wait = Math.min(LATE, this.wait * 2);
    }
    if (this.alive.size) this.next();
    else delete this.host.dataset.live;
  }

  stop() {
    clearTimeout(this.timer);
  }
}
