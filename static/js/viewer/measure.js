// Measuring a distance: the first click takes one point, the second the other, a third begins anew.

export class Measure {
  constructor(onChange) {
    this.onChange = onChange;
    this.stop();
  }
  start() {
    this.active = true;
    this.from = this.to = this.pointer = null;
    this.onChange();
  }
  stop() {
    this.active = false;
    this.from = this.to = this.pointer = null;
    this.onChange();
  }
  take(position) {
    if (!this.from || this.to) [this.from, this.to] = [position, null];
    else this.to = position;
    this.onChange();
  }
  follow(place) {
    if (!this.active || !this.from || this.to) return;
    this.pointer = place;
    this.onChange();
  }
  // Escape drops the line that is there, then ends the measuring. Tells whether it did either.
  escape() {
    if (!this.active) return false;
    if (this.from) this.start();
    else this.stop();
    return true;
  }
  get line() {
    return this.from && { from: this.from, to: this.to, pointer: this.pointer };
  }
  get metres() {
    return this.to && Math.hypot(...this.to.map((value, axis) => value - this.from[axis]));
  }
}
