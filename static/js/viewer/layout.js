// Which view is where: one over the whole picture, or two beside each other. Rectangles are in CSS pixels from the
// upper left, {number, x, y, width, height}.

export function viewRectangles(count, width, height, blinking, shownView) {
  if (count < 2) return [{ number: 0, x: 0, y: 0, width, height }];
  if (blinking) return [{ number: shownView, x: 0, y: 0, width, height }];
  const half = Math.floor(width / 2);
  return [
    { number: 0, x: 0, y: 0, width: half, height },
    { number: 1, x: half, y: 0, width: width - half, height },
  ];
}

// The same in device pixels from the lower left, as the graphics card counts.
export function deviceRectangle({ number, x, y, width, height }, wholeHeight, pixelRatio) {
  const scaled = (value) => Math.round(value * pixelRatio);
  return {
    number,
    rectangle: { x: scaled(x), y: scaled(wholeHeight - y - height), width: scaled(x + width) - scaled(x), height: scaled(height) },
  };
}

// Where a place on the page is: {number, x, y in -1..1, width, height in CSS pixels, left, top within the picture}.
export function placeIn(rectangles, box, clientX, clientY) {
  const [left, top] = [clientX - box.left, clientY - box.top];
  const view = rectangles.findLast((rectangle) => left >= rectangle.x) ?? rectangles[0];
  return {
    number: view.number,
    x: ((left - view.x) / view.width) * 2 - 1,
    y: 1 - ((top - view.y) / view.height) * 2,
    width: view.width,
    height: view.height,
    left,
    top,
  };
}

const NICE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

// Metres between range rings: ten, more where they would crowd, less where a camera is close.
export function ringSpacing(distance) {
  const wanted = distance < 12 ? distance / 5 : Math.max(distance / 8, 10);
  return NICE.find((step) => step >= wanted) ?? NICE.at(-1);
}

export function themeOf(root = document.documentElement) {
  const chosen = root.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

export function watchTheme(changed, signal) {
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  signal.addEventListener("abort", () => observer.disconnect());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed, { signal });
}
