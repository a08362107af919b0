// The explorer's keys and clicks: a row opens its scene, j and k walk the rows.

const empties = (parameters) => Object.keys(parameters).filter((name) => parameters[name] === "");

document.addEventListener("htmx:configRequest", (event) => {
  const { parameters } = event.detail;
  for (const name of empties(parameters)) delete parameters[name];
});

// Every choice asks as soon as it is made: sending the form as well would ask twice.
document.addEventListener("submit", (event) => {
  if (event.target.id === "filters") event.preventDefault();
});

document.addEventListener("click", (event) => {
  const row = event.target.closest("tr[data-href]");
  if (!row || event.target.closest("a, button, input, label")) return;
  if (getSelection().toString()) return; // the person is selecting text to copy
  if (event.ctrlKey || event.metaKey) open(row.dataset.href, "_blank", "noopener");
  else location.assign(row.dataset.href);
});

function walk(step) {
  const links = [...document.querySelectorAll(".scene-link")];
  if (!links.length) return;
  const here = links.indexOf(document.activeElement?.closest("tr")?.querySelector(".scene-link"));
  const next = here === -1 ? (step > 0 ? 0 : links.length - 1) : here + step;
  links[Math.max(0, Math.min(links.length - 1, next))].focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, select, textarea")) return;
  if (event.key === "j") walk(1);
  else if (event.key === "k") walk(-1);
  else return;
  event.preventDefault();
});

// The menu of further filters stays open while its choices replace it.
document.addEventListener("htmx:beforeSwap", () => {
  const menu = document.getElementById("more-filters");
  document.documentElement.toggleAttribute("data-more-filters", Boolean(menu?.open));
});
document.addEventListener("htmx:afterSwap", () => {
  const menu = document.getElementById("more-filters");
  if (menu && document.documentElement.hasAttribute("data-more-filters")) menu.open = true;
});

// Pointing at a thumbnail plays its strip of frames, each as wide as 1.6 times its height. The strip is fetched
// on the first hover; people who asked for less motion keep the still picture.
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
  if (frames < 2 || !picture.matches(":hover") || picture.querySelector(".filmstrip")) return;
  picture.append(strip);
  const steps = { duration: frames * SECONDS_A_FRAME * 1000, iterations: Infinity, easing: `steps(${frames})` };
  strip.animate({ transform: ["none", "translateX(-100%)"] }, steps);
}

document.addEventListener("pointerover", (event) => {
  const picture = event.target.closest?.("[data-filmstrip]");
  if (!picture || picture.contains(event.relatedTarget) || stillness.matches) return;
  play(picture);
});
document.addEventListener("pointerout", (event) => {
  const picture = event.target.closest?.("[data-filmstrip]");
  if (picture && !picture.contains(event.relatedTarget)) picture.querySelector(".filmstrip")?.remove();
});
