// What every page has: theme choice, rail, menus, the search key, copy buttons.

const root = document.documentElement;

function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Storage is switched off: the choice lasts for this page.
  }
}

function showTheme() {
  const chosen = root.dataset.theme ?? "system";
  for (const button of document.querySelectorAll("[data-choose-theme]")) {
    button.setAttribute("aria-pressed", String(button.dataset.chooseTheme === chosen));
  }
}

function chooseTheme(theme) {
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
  // The admin reads and writes the same entry, so that both parts of the site change together.
  remember("adminTheme", JSON.stringify(theme === "system" ? "auto" : theme));
  showTheme();
}

function toggleRail(button) {
  root.dataset.rail = root.dataset.rail === "narrow" ? "wide" : "narrow";
  remember("lamm-rail", root.dataset.rail);
  showRail(button);
}

function showRail(button) {
  button?.setAttribute("aria-expanded", String(root.dataset.rail !== "narrow"));
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    return; // not allowed here: the text can still be selected by hand
  }
  button.dataset.copied = "";
  setTimeout(() => delete button.dataset.copied, 1200);
}

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu !== except) menu.open = false;
  }
}

document.addEventListener("click", (event) => {
  closeMenus(event.target.closest("details.menu"));
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.chooseTheme) chooseTheme(button.dataset.chooseTheme);
  if ("toggleRail" in button.dataset) toggleRail(button);
  if (button.dataset.copy) copy(button);
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea, [contenteditable]");
  if (event.key === "Escape") {
    const open = document.querySelector("details.menu[open]");
    if (open) open.querySelector("summary").focus();
    closeMenus(null);
  }
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const field = document.querySelector("[data-search]");
    if (!field) return;
    event.preventDefault();
    field.focus();
    field.select();
  }
});

showTheme();
showRail(document.querySelector("[data-toggle-rail]"));
