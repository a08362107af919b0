// The backdrop of the log-in page: a small street, scanned ray by ray, seen from a slowly turning place.

const canvas = document.querySelector("[data-scan]");
const still = matchMedia("(prefers-reduced-motion: reduce)");
const BEAMS = 44;
const STEPS = 520;
const SENSOR_HEIGHT = 1.9;
const LONGEST = 70;
const TURN_SECONDS = 240;
const FRAME_MS = 50;

// A repeatable stand-in for Math.random, so that everybody sees the same street.
function seeded(seed) {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 4294967296;
    return state / 4294967296;
  };
}

// Boxes as [x0, y0, x1, y1, height] in metres, the sensor at the origin: houses along a street, cars on it.
function street(random) {
  const boxes = [];
  for (const side of [-1, 1]) {
    for (let x = -62; x < 60; x += 13 + 5 * random()) {
      const near = 10 + 3 * random();
      const edges = [side * near, side * (near + 9)].sort((a, b) => a - b);
      boxes.push([x, edges[0], x + 10, edges[1], 5 + 8 * random()]);
    }
    for (let x = -50; x < 50; x += 8 + 9 * random()) {
      const y = side * (4.4 + 1.4 * random());
      boxes.push([x, y - 0.9, x + 4.3, y + 0.9, 1.5]);
    }
    for (let x = -44; x < 48; x += 17) boxes.push([x, side * 8 - 0.15, x + 0.3, side * 8 + 0.15, 6]);
  }
  return boxes;
}

// The distance along a flat ray at which it enters a box, or Infinity.
function entry(dx, dy, [x0, y0, x1, y1]) {
  const [ax, bx] = dx === 0 ? [-Infinity, Infinity] : [x0 / dx, x1 / dx].sort((a, b) => a - b);
  const [ay, by] = dy === 0 ? [-Infinity, Infinity] : [y0 / dy, y1 / dy].sort((a, b) => a - b);
  const enter = Math.max(ax, ay);
  return enter > 0 && enter < Math.min(bx, by) ? enter : Infinity;
}

function scan() {
  const random = seeded(7);
  const boxes = street(random);
  const points = [];
  for (let step = 0; step < STEPS; step++) {
    const azimuth = (step / STEPS) * 2 * Math.PI;
    const [dx, dy] = [Math.cos(azimuth), Math.sin(azimuth)];
    const hits = boxes.map((box) => [entry(dx, dy, box), box[4]]).filter(([range]) => range < LONGEST);
    hits.sort((a, b) => a[0] - b[0]);
    for (let beam = 0; beam < BEAMS; beam++) {
      const slope = Math.tan(((-24 + (40 * beam) / BEAMS) * Math.PI) / 180);
      const ground = slope < 0 ? -SENSOR_HEIGHT / slope : Infinity;
      const hit = hits.find(([range, height]) => SENSOR_HEIGHT + range * slope < height && range < ground);
      const range = Math.min(hit ? hit[0] : Infinity, ground);
      if (range > LONGEST || random() < 0.08) continue;
      const noisy = range * (1 + 0.004 * (random() - 0.5));
      points.push(noisy * dx, noisy * dy, Math.max(SENSOR_HEIGHT + noisy * slope, 0));
    }
  }
  return Float32Array.from(points);
}

// Height to colour: deep blue over cyan to a pale green, kept calm because words stand beside it.
function palette(dark) {
  const stops = dark
    ? [[34, 58, 110], [14, 150, 190], [60, 214, 206], [190, 240, 170]]
    : [[150, 170, 205], [40, 140, 175], [10, 124, 144], [60, 120, 60]];
  const table = new Uint8ClampedArray(256 * 3);
  for (let i = 0; i < 256; i++) {
    const place = (i / 255) * (stops.length - 1);
    const low = Math.min(Math.floor(place), stops.length - 2);
    for (let c = 0; c < 3; c++) {
      table[i * 3 + c] = stops[low][c] + (stops[low + 1][c] - stops[low][c]) * (place - low);
    }
  }
  return table;
}

function draw(context, points, colours, angle) {
  const { width, height } = canvas;
  const image = context.createImageData(width, height);
  const { data } = image;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const tilt = 0.46;
  const [up, forward] = [Math.cos(tilt), Math.sin(tilt)];
  const focal = Math.max(width, height) * 0.85;
  const [centreX, centreY] = [width * 0.62, height * 0.5];
  for (let i = 0; i < points.length; i += 3) {
    const x = points[i] * cos - points[i + 1] * sin;
    const y = points[i] * sin + points[i + 1] * cos;
    const z = points[i + 2] - 2;
    const depth = 58 + y * up - z * forward;
    if (depth < 6) continue;
    const column = Math.round(centreX + (focal * x) / depth);
    const row = Math.round(centreY - (focal * (z * up + y * forward)) / depth);
    if (column < 0 || row < 0 || column >= width - 1 || row >= height - 1) continue;
    const colour = Math.min(255, Math.round((points[i + 2] / 11) * 255)) * 3;
    const alpha = Math.min(255, 60 + 9000 / depth);
    for (const place of depth < 50 ? [0, 1, width, width + 1] : [0, 1]) {
      const target = (row * width + column + place) * 4;
      data[target] = colours[colour];
      data[target + 1] = colours[colour + 1];
      data[target + 2] = colours[colour + 2];
      data[target + 3] = alpha;
    }
  }
  context.putImageData(image, 0, 0);
  canvas.dataset.drawn = "";
}

function start() {
  const context = canvas.getContext("2d");
  const points = scan();
  let colours;
  let last = -Infinity;
  const fit = () => {
    canvas.width = innerWidth;
    canvas.height = innerHeight;
    colours = palette(matchDark());
    draw(context, points, colours, 0.5);
  };
  const turn = (now) => {
    if (!still.matches && now - last > FRAME_MS) {
      last = now;
      draw(context, points, colours, 0.5 + (now / 1000 / TURN_SECONDS) * 2 * Math.PI);
    }
    requestAnimationFrame(turn);
  };
  addEventListener("resize", fit);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", fit);
  fit();
  if (!still.matches) requestAnimationFrame(turn);
}

function matchDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

start();
