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
