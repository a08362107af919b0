// Playback: follows the clock, one frame on its way at a time; frames that come too late are passed over.

import { PlaybackClock } from "./clock.js";

export class Player {
  /** @param show position -> promise that resolves when the frame is on screen */
  constructor(line, { show, began, ended }) {
    this.clock = new PlaybackClock(line.playTimes);
    this.show = show;
    this.began = began;
    this.ended = ended;
    this.position = 0;
    this.loading = false;
  }

  get playing() {
    return this.clock.running;
  }

  play(position) {
    cancelAnimationFrame(this.next);
    this.position = position;
    this.clock.start(position, performance.now());
    this.began();
    this.next = requestAnimationFrame((now) => this.tick(now));
  }

  pause() {
    if (!this.playing) return;
    this.clock.stop();
    cancelAnimationFrame(this.next);
    this.ended();
  }

  setSpeed(speed) {
    this.clock.setSpeed(speed, performance.now());
  }

  tick(now) {
    if (!this.playing) return;
    const due = this.clock.at(now);
    if (due !== this.position && !this.loading) this.step(due);
    if (this.playing) this.next = requestAnimationFrame((later) => this.tick(later));
    else this.ended();
  }

  async step(position) {
    this.loading = true;
    this.position = position;
    try {
      await this.show(position);
    } finally {
      this.loading = false;
    }
  }
}
