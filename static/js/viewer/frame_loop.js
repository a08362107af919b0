// When what is drawn: drafts while something moves, then the refined picture in steps that a movement breaks off. The
// next draw waits until the graphics card has finished the last, so that slow machines never fall behind the hand.

import { whenDrawn } from "./governor.js";

const QUIET_MILLISECONDS = 130;

export class FrameLoop {
  // actions: step(milliseconds) -> whether something moved; draft() -> {points, available}; refine() -> iterator of
  // points per step; finish() puts the refined picture on the canvas; idle() -> whether nothing is being fetched;
  // onDrawn({refined, milliseconds}).
  constructor(gl, governor, actions) {
    Object.assign(this, { gl, governor, actions });
    this.version = 1;
    this.drafted = this.refined = 0;
    this.lastMotion = 0;
    this.lastTick = 0;
    this.lastRefinement = 0;
    this.waiters = [];
    this.work = null;
    this.drawing = false;
    this.composing = false;
    this.stopped = false;
    this.touch();
  }
  // Something looks different now.
  touch() {
    this.version += 1;
    this.work = null;
    this.schedule();
  }
  // The same, and more of it is likely to follow at once: a drag, or playing frames.
  move() {
    this.lastMotion = performance.now();
    this.touch();
  }
  // Points arrived. Each is worth a picture, but not one refinement each.
  touchSoon() {
    if (this.soon) return;
    const pause = Math.max(this.lastRefinement + 150 + 2 * this.refinementMilliseconds() - performance.now(), 0);
    this.soon = setTimeout(() => {
      this.soon = null;
      this.touch();
    }, pause);
  }
  refinementMilliseconds() {
    const { milliseconds } = this.governor.refined;
    return Number.isFinite(milliseconds) ? milliseconds : 0;
  }
  // The refined picture stands, only its presentation changes.
  recompose() {
    this.composing = true;
    this.schedule();
  }
  schedule() {
    if (this.scheduled || this.stopped) return;
    this.scheduled = requestAnimationFrame((now) => this.tick(now));
  }
  tick(now) {
    this.scheduled = null;
    if (this.drawing) return void (this.missed = true);
    const elapsed = Math.min(now - this.lastTick, 100);
    this.lastTick = now;
    if (this.actions.step(elapsed)) this.move();
    const wait = this.lastMotion + QUIET_MILLISECONDS - performance.now();
    if (this.refined === this.version) this.stand();
    else if (this.drafted !== this.version && (wait > 0 || this.governor.needsDraft(this.actions.available()))) this.draft();
    else if (wait > 0 && this.governor.needsDraft(this.actions.available())) this.later(wait);
    else this.refineStep();
  }
  stand() {
    if (this.composing) {
      this.composing = false;
      this.actions.finish();
      this.drawn(performance.now(), () => {});
    } else this.settle();
  }
  later(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.schedule(), wait);
  }
  draft() {
    const [started, version] = [performance.now(), this.version];
    const { points, available } = this.actions.draft();
    this.drafted = version;
    this.drawn(started, (milliseconds) => {
      this.governor.recordDraft(points, available, milliseconds);
      this.actions.onDrawn({ refined: false, milliseconds, points });
    });
  }
  refineStep() {
    const [started, version] = [performance.now(), this.version];
    this.work ??= { steps: this.actions.refine(), points: 0, milliseconds: 0 };
    const { work } = this;
    const { value, done } = work.steps.next();
    work.points += done ? 0 : value;
    if (done) this.actions.finish();
    this.drawn(started, (milliseconds) => {
      work.milliseconds += milliseconds;
      if (done) this.refinementDone(work, version);
    });
  }
  refinementDone({ points, milliseconds }, version) {
    this.refined = version;
    this.composing = false;
    this.work = null;
    this.lastRefinement = performance.now();
    this.governor.recordRefined(points, milliseconds);
    this.actions.onDrawn({ refined: true, milliseconds, points });
  }
  drawn(started, done) {
    this.drawing = true;
    whenDrawn(this.gl, started, (milliseconds) => {
      this.drawing = false;
      if (this.stopped) return;
      done(milliseconds);
      this.schedule();
    });
  }
  settle() {
    if (this.soon || !this.actions.idle()) return;
    const waiters = this.waiters;
    this.waiters = [];
    for (const resolve of waiters) resolve();
  }
  whenSettled() {
    return new Promise((resolve) => {
      this.waiters.push(resolve);
      this.schedule();
    });
  }
  stop() {
    this.stopped = true;
    cancelAnimationFrame(this.scheduled);
    clearTimeout(this.timer);
    clearTimeout(this.soon);
    this.settleAll();
  }
  settleAll() {
    for (const resolve of this.waiters) resolve();
    this.waiters = [];
  }
}
