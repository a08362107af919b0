// Every key of the page, once: the keys are read by this list, tooltips and the list of keys are written from it.

const GROUPS = {
  Playback: [
    ["Space", "play", "Play, pause"],
    [["ArrowLeft", ","], "previous", "Previous frame"],
    [["ArrowRight", "."], "next", "Next frame"],
    ["Shift+ArrowLeft", "back-ten", "Ten frames back"],
    ["Shift+ArrowRight", "on-ten", "Ten frames on"],
    ["Home", "first", "First frame"],
    ["End", "last", "Last frame"],
    ["g", "go", "Go to a frame"],
    [["+", "="], "faster", "Faster"],
    ["-", "slower", "Slower"],
    ["l", "loop", "Loop"],
    ["a", "whole", "Play all frames again"],
  ],
  Timeline: [
    ["n", "next-spike", "Next spike over the threshold"],
    ["p", "previous-spike", "Previous spike"],
    ["h", "threshold", "Set the threshold"],
    ["x", "axis", "Seconds or frame numbers"],
  ],
  Colours: [
    ["1", "raw", "Raw point cloud"],
    ["2", "truth", "Ground truth labels"],
    ["3", "prediction", "Model prediction; again: the next model"],
    ["4", "error", "Error map: red where the prediction differs"],
    [["5", "u"], "uncertainty", "Uncertainty overlay"],
    ["c", "colour", "Choose the colour"],
    ["v", "right-colour", "Choose the colour of the right view"],
    ["b", "side-by-side", "Two views side by side"],
    ["k", "blink", "Blink between the two views"],
    ["e", "everything", "All points again, after looking for one kind of error"],
    ["i", "legend", "Go to the legend (Enter hides a class, Alt+Enter shows it alone)"],
  ],
  View: [
    ["6", "camera-top", "From above"],
    ["7", "camera-ego", "From the sensor"],
    ["8", "camera-side", "From the side"],
    ["9", "camera-fit", "Everything in view"],
    ["f", "fly", "Fly, orbit"],
    ["[", "smaller", "Smaller points"],
    ["]", "larger", "Larger points"],
    ["o", "edl", "Eye-dome lighting"],
    ["r", "rings", "Range rings"],
    ["z", "slice", "Show only heights between two values"],
    ["m", "measure", "Measure a distance"],
    ["0", "reset", "Reset the view"],
  ],
  Scenes: [
    ["j", "next-scene", "Next scene of the list"],
    ["Shift+J", "previous-scene", "Previous scene of the list"],
    ["t", "other-end", "Worst first, best first"],
    ["q", "next-way", "Side by side, overlay, blink, error map"],
  ],
  Page: [
    ["Shift+C", "comment", "Comment here"],
    ["Shift+S", "screenshot", "Save a picture"],
    ["Shift+F", "full-screen", "Full screen"],
    ["y", "copy-link", "Copy a link to what you see"],
    ["\\", "panel", "Show, hide the panel"],
    ["Escape", "escape", "Close what is open"],
    ["?", "keys", "This list"],
  ],
};
const NAMES = { ArrowLeft: "←", ArrowRight: "→", Shift: "⇧", Escape: "Esc" };

const keysOf = (keys) => [keys].flat();
const shown = (key) => key.split("+").map((part) => NAMES[part] ?? part).filter(Boolean).join(" ") || key; // prettier-ignore
const ARIA = { "+": "Plus", " ": "Space" };

function pressed(event) {
  const key = event.key === " " ? "Space" : event.key;
  const named = key.length > 1 && event.shiftKey;
  const capital = /^[A-Z]$/.test(key);
  return named || capital ? `Shift+${key}` : key;
}

export function bindKeys(actions) {
  const byKey = new Map();
  for (const [keys, action] of Object.values(GROUPS).flat()) for (const key of keysOf(keys)) byKey.set(key, action);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || (event.altKey && event.key !== "Enter")) return;
    const action = byKey.get(pressed(event));
    if (!action || !actions[action] || isBusyElsewhere(event, action)) return;
    event.preventDefault();
    actions[action](event);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button && !button.disabled) actions[button.dataset.do]?.(event);
  });
  writeTooltips();
  writeList(actions);
}

/** Typing, open dialogs, and keys that a focused control uses itself. */
function isBusyElsewhere(event, action) {
  const { target } = event;
  if (target.closest("dialog[open]")) return true;
  if (target.closest("input:not([type=checkbox]):not([type=range]), textarea, [contenteditable]")) return action !== "escape";
  if (target.closest("select")) return true;
  if (target.closest("[role=tab], [role=separator]") && /^(Arrow|Home|End)/.test(event.key)) return true;
  if (target.closest("input[type=range]") && /^(Arrow|Home|End)/.test(event.key)) return true;
  return event.key === " " && Boolean(target.closest("button:not([data-do=play]), summary, input, a"));
}

function writeTooltips() {
  for (const [keys, action, words] of Object.values(GROUPS).flat()) {
    for (const control of document.querySelectorAll(`[data-do="${action}"], [data-key-of="${action}"]`)) {
      control.title = `${words} (${shown(keysOf(keys)[0])})`;
      control.setAttribute("aria-keyshortcuts", keysOf(keys).map((key) => ARIA[key] ?? key).join(" "));
    }
  }
}

/** The list of keys that do something on this page. */
function writeList(actions) {
  const list = document.querySelector("[data-keys]");
  for (const [group, all] of Object.entries(GROUPS)) {
    const entries = all.filter(([, action]) => actions[action]);
    if (!entries.length) continue;
    const section = document.createElement("section");
    const title = document.createElement("h3");
    title.textContent = group;
    const lines = document.createElement("dl");
    for (const [keys, , words] of entries) lines.append(...line(keys, words));
    section.append(title, lines);
    list.append(section);
  }
}

function line(keys, words) {
  const term = document.createElement("dt");
  for (const key of keysOf(keys)) {
    const drawn = document.createElement("kbd");
    drawn.textContent = shown(key);
    term.append(drawn);
  }
  const told = document.createElement("dd");
  told.textContent = words;
  return [term, told];
}
