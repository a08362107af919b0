// Mouse, touch and keyboard. All of it ends in the camera rig's goal; nothing here draws.
//
// Orbit: drag turns, right or shift drag pans, the wheel zooms towards the pointer, two fingers pinch and pan.
// Fly: drag looks around, W A S D and Q E move, shift is faster.
// Keyboard, focus on the picture: arrows turn, shift + arrows pan, + and - zoom.

const CLICK_PIXELS = 5;
const TURN_PER_HEIGHT = Math.PI * 1.1;
const KEY_TURN = 1.5; // radians a second
const KEY_PAN = 0.7; // picture heights a second
const KEY_ZOOM = 2.2; // times a second
const FAST = 4;
const FLY_SPEED = 0.6; // distances a second
const STEERING = new Set([
  "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Equal", "Minus", "NumpadAdd", "NumpadSubtract",
  "KeyW", "KeyA", "KeyS", "KeyD", "KeyQ", "KeyE",
]);
const FLYING = new Set(["KeyW", "KeyA", "KeyS", "KeyD", "KeyQ", "KeyE"]);

export class Controls {
  // `viewAt(clientX, clientY)` gives {x, y, height}: place in -1..1 within the view, and the view's height in pixels.
  constructor(element, rig, { viewAt, onMove, onClick, onHover, onEscape }) {
    Object.assign(this, { element, rig, viewAt, onMove, onClick, onHover, onEscape });
    this.pointers = new Map();
    this.keys = new Set();
    this.fast = false;
    this.aborter = new AbortController();
    this.listen();
  }
  listen() {
    const { signal } = this.aborter;
    const on = (name, handler, options) => this.element.addEventListener(name, handler.bind(this), { signal, ...options });
    on("pointerdown", this.pointerDown);
    on("pointermove", this.pointerMove);
    on("pointerup", this.pointerUp);
    on("pointercancel", this.pointerCancel);
    on("wheel", this.wheel, { passive: false });
    on("contextmenu", (event) => event.preventDefault());
    on("keydown", this.keyDown);
    on("keyup", this.keyUp);
    on("blur", () => this.keys.clear());
  }
  pointerDown(event) {
    this.element.focus({ preventScroll: true });
    this.element.setPointerCapture(event.pointerId);
    const place = { x: event.clientX, y: event.clientY, from: [event.clientX, event.clientY], button: event.button, dragged: false };
    this.pointers.set(event.pointerId, place);
    if (this.pointers.size > 1) for (const pointer of this.pointers.values()) pointer.dragged = true;
  }
  pointerMove(event) {
    const pointer = this.pointers.get(event.pointerId);
    if (!pointer) return this.onHover(event.clientX, event.clientY);
    const [dx, dy] = [event.clientX - pointer.x, event.clientY - pointer.y];
    if (!pointer.dragged && Math.hypot(event.clientX - pointer.from[0], event.clientY - pointer.from[1]) < CLICK_PIXELS) return;
    pointer.dragged = true;
    const spread = this.spread();
    Object.assign(pointer, { x: event.clientX, y: event.clientY });
    const { height } = this.viewAt(event.clientX, event.clientY);
    if (this.pointers.size > 1) this.pinch(dx / height / 2, dy / height / 2, spread);
    else if (pointer.button !== 0 || event.shiftKey) this.rig.pan(dx / height, -dy / height);
    else this.turn(dx / height, dy / height);
    this.onMove();
  }
  turn(dx, dy) {
    // Flying, the head turns; in orbit, the cloud does.
    const sense = this.rig.mode === "fly" ? 0.6 : 1;
    this.rig.turn(-dx * TURN_PER_HEIGHT * sense, -dy * TURN_PER_HEIGHT * sense);
  }
  spread() {
    const [a, b] = [...this.pointers.values()];
    return b ? Math.hypot(a.x - b.x, a.y - b.y) : 0;
  }
  pinch(dx, dy, before) {
    this.rig.pan(dx, -dy);
    const after = this.spread();
    if (before > 0 && after > 0) this.rig.zoom(before / after);
  }
  pointerUp(event) {
    const pointer = this.pointers.get(event.pointerId);
    this.pointers.delete(event.pointerId);
    if (pointer && !pointer.dragged && pointer.button === 0) this.onClick(event.clientX, event.clientY);
  }
  pointerCancel(event) {
    this.pointers.delete(event.pointerId);
  }
  wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 33 : 1;
    const amount = Math.min(Math.max(event.deltaY * lines, -300), 300);
    const { x, y, height } = this.viewAt(event.clientX, event.clientY);
    if (this.rig.mode === "fly") this.rig.walk(0, 0, (-amount / height) * this.rig.goal.distance);
    else this.rig.zoom(Math.exp(amount * 0.0016), x, y);
    this.onMove();
  }
  keyDown(event) {
    if (event.key === "Escape") return this.onEscape();
    if (event.ctrlKey || event.metaKey || event.altKey || !STEERING.has(event.code)) return;
    if (FLYING.has(event.code) && this.rig.mode !== "fly") return; // letters are the page's in orbit
    event.preventDefault();
    event.stopPropagation();
    this.fast = event.shiftKey;
    if (event.repeat) return;
    // A tap must move, however short it was.
    this.steer(event.code, 0.06);
    this.keys.add(event.code);
    this.onMove();
  }
  keyUp(event) {
    this.keys.delete(event.code);
    this.fast = event.shiftKey;
  }
  get steering() {
    return this.keys.size > 0 || [...this.pointers.values()].some((pointer) => pointer.dragged);
  }
  // Called for each picture while keys are held.
  step(seconds) {
    for (const code of this.keys) this.steer(code, Math.min(seconds, 0.2));
    return this.keys.size > 0;
  }
  steer(code, seconds) {
    const { rig } = this;
    const [right, up] = arrowsOf(code);
    if (code === "Equal" || code === "NumpadAdd") rig.zoom(KEY_ZOOM ** -seconds);
    else if (code === "Minus" || code === "NumpadSubtract") rig.zoom(KEY_ZOOM ** seconds);
    else if (FLYING.has(code)) this.fly(code, seconds);
    else if (this.fast) rig.pan(-right * KEY_PAN * seconds, -up * KEY_PAN * seconds);
    else if (rig.mode === "fly") rig.turn(-right * KEY_TURN * seconds, up * KEY_TURN * seconds);
    else rig.turn(right * KEY_TURN * seconds, -up * KEY_TURN * seconds);
  }
  fly(code, seconds) {
    const metres = Math.max(this.rig.goal.distance, 4) * FLY_SPEED * seconds * (this.fast ? FAST : 1);
    const along = { KeyW: [0, 0, 1], KeyS: [0, 0, -1], KeyA: [-1, 0, 0], KeyD: [1, 0, 0], KeyE: [0, 1, 0], KeyQ: [0, -1, 0] };
    this.rig.walk(...along[code].map((value) => value * metres));
  }
  dispose() {
    this.aborter.abort();
  }
}

const arrowsOf = (code) => [
  Number(code === "ArrowRight") - Number(code === "ArrowLeft"),
  Number(code === "ArrowUp") - Number(code === "ArrowDown"),
];
