// The quality governor: how many points a picture may have while something moves. It learns from the time that each
// draw took on the graphics card, so that software rendering stays usable and a good card is not held back.

const TARGET_MILLISECONDS = 40;
const SMALLEST_PREFIX = 30_000;
const LARGEST_PREFIX = 4_000_000;
const FIRST_PREFIX = { software: 30_000, hardware: 400_000 };
// A refined picture that is as quick as this needs no draft before it.
const SWIFT_MILLISECONDS = 40;

export function isSoftware(gl) {
  const details = gl.getExtension("WEBGL_debug_renderer_info");
  const name = String(gl.getParameter(details ? details.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  return /swiftshader|llvmpipe|software|basic render/i.test(name);
}

export class Governor {
  constructor(software) {
    this.software = software;
    this.prefix = FIRST_PREFIX[software ? "software" : "hardware"];
    this.refined = { milliseconds: Infinity, points: 0 };
    this.lastMilliseconds = 0;
  }
  // `points` were drawn of `available`, in `milliseconds`.
  recordDraft(points, available, milliseconds) {
    this.lastMilliseconds = milliseconds;
    const factor = Math.min(Math.max(TARGET_MILLISECONDS / Math.max(milliseconds, 1), 0.5), 1.4);
    // A small cloud says nothing about a larger prefix than it has.
    if (factor > 1 && points >= available) return;
    this.prefix = Math.min(Math.max(Math.round(this.prefix * factor), SMALLEST_PREFIX), LARGEST_PREFIX);
  }
  recordRefined(points, milliseconds) {
    this.lastMilliseconds = milliseconds;
    this.refined = { milliseconds, points };
  }
  needsDraft(points) {
    return this.refined.milliseconds * Math.max(points / Math.max(this.refined.points, 1), 1) > SWIFT_MILLISECONDS;
  }
}

// Calls `done(milliseconds)` when the graphics card has finished what was asked of it.
export function whenDrawn(gl, started, done) {
  const fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
  gl.flush();
  const look = () => {
    const lost = gl.isContextLost() || !fence;
    const state = lost ? gl.ALREADY_SIGNALED : gl.clientWaitSync(fence, 0, 0);
    if (state === gl.TIMEOUT_EXPIRED) return setTimeout(look, 2);
    if (!lost) gl.deleteSync(fence);
    done(performance.now() - started);
  };
  setTimeout(look, 0);
}
