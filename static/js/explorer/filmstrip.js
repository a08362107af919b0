// Pointing at a thumbnail, or walking to its scene by keys, plays its strip of frames, each as wide as 1.6 times its
// height. The strip is fetched the first time; people who asked for less motion keep the still picture.

const stillness = matchMedia("(prefers-reduced-motion: reduce)");
const SECONDS_A_FRAME = 0.22;

async function play(picture) {
  const strip = new Image();
  strip.alt = "";
  strip.className = "filmstrip";
  strip.src = picture.dataset.filmstrip;
  try {
    await strip.decode();
  } catch {
    return; // the strip is gone: the still picture stays
  }
  const frames = Math.round(strip.naturalWidth / (strip.naturalHeight * 1.6));
  const wanted = picture.matches(":hover") || picture.closest("[data-scene]")?.contains(document.activeElement);
  if (frames < 2 || !wanted || picture.querySelector(".filmstrip")) return;
  strip.style.width = `${frames * 100}%`; // one frame is as wide as the picture, whatever its shape
  picture.append(strip);
  const steps = { duration: frames * SECONDS_A_FRAME * 1000, iterations: Infinity, easing: `steps(${frames})` };
  strip.animate({ transform: ["none", "translateX(-100%)"] }, steps);
}

// A picture whose file is gone says so, like one that was never drawn.
function missing(image) {
  const picture = image.closest(".cell-picture .picture");
  if (!picture || image.className === "filmstrip") return;
  picture.classList.add("picture-none");
  picture.title = "The file of this picture is missing. An operator can rebuild pictures, and look for missing files.";
  const words = document.createElement("span");
  words.textContent = "File missing";
  image.replaceWith(words);
}
document.addEventListener("error", (event) => event.target.tagName === "IMG" && missing(event.target), true);
for (const image of document.querySelectorAll("#rows img")) {
  if (image.complete && !image.naturalWidth) missing(image); // failed before this module ran
}

const stop = (picture) => picture?.querySelector(".filmstrip")?.remove();
const ofRow = (element) => element?.closest?.("[data-scene]")?.querySelector("[data-filmstrip]");

document.addEventListener("pointerover", (event) => {
  const picture = event.target.closest?.("[data-filmstrip]");
  if (!picture || picture.contains(event.relatedTarget) || stillness.matches) return;
  play(picture);
});
document.addEventListener("pointerout", (event) => {
  const picture = event.target.closest?.("[data-filmstrip]");
  if (picture && !picture.contains(event.relatedTarget)) stop(picture);
});
document.addEventListener("focusin", (event) => {
  if (!event.target.classList?.contains("scene-link") || stillness.matches) return;
  const picture = ofRow(event.target);
  if (picture) play(picture);
});
document.addEventListener("focusout", (event) => {
  if (event.target.classList?.contains("scene-link")) stop(ofRow(event.target));
});
