// Colours of the design as a canvas takes them. They follow the theme.

const NAMES = {
  text: "--text-soft", faint: "--text-faint", line: "--line", strong: "--line-strong", red: "--red", amber: "--amber",
  green: "--green", violet: "--violet", accent: "--accent", surface: "--surface", pressed: "--pressed",
}; // prettier-ignore

export function inks() {
  const probe = document.createElement("span");
  document.body.append(probe);
  const found = {};
  for (const [name, token] of Object.entries(NAMES)) {
    probe.style.color = `var(${token})`;
    found[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return found;
}

export function onThemeChange(listener) {
  new MutationObserver(listener).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", listener);
}

/** A colour with another opacity. */
export const faded = (colour, percent) => `color-mix(in srgb, ${colour} ${percent}%, transparent)`;
