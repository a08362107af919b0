// Columns of any metric, parameter or tag in the chooser, and which metrics stand for the figures.

import { current, go } from "../explorer/state.js";

const dialog = document.getElementById("dialog-columns");
const list = dialog.querySelector("[data-columns]");
const key = document.getElementById("column-key");
const aggregate = document.getElementById("column-aggregate");
const names = document.getElementById("column-keys");
const metrics = document.getElementById("column-keys-metrics");
const language = JSON.parse(document.getElementById("query-language").textContent);

const quoted = (name) => (/^[\w\-/:]+(\.[\w\-/:]+)*$/.test(name) && !/\.(last|min|max)$/.test(name) ? name : `"${name.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`);

/** What there is to add, asked for when a dialog opens. */
async function offer() {
  const answer = await fetch(language.keys).catch(() => null);
  if (!answer?.ok) return;
  const found = await answer.json();
  const all = ["metrics", "params", "tags"].flatMap((kind) => found[kind].map((name) => `${kind}.${quoted(name)}`));
  names.replaceChildren(...all.map((name) => new Option(name, name)));
  metrics.replaceChildren(...found.metrics.map((name) => new Option(name, name)));
}
dialog.addEventListener("explorer:open", offer);
document.getElementById("dialog-figures").addEventListener("explorer:open", offer);

function add() {
  let name = key.value.trim();
  if (!name) return;
  if (!/^(metrics|params|tags)\./.test(name)) name = `metrics.${quoted(name)}`;
  if (name.startsWith("metrics.") && aggregate.value) name += `.${aggregate.value}`;
  let entry = [...list.children].find((other) => other.dataset.name === name);
  if (!entry) {
    const sample = [...list.children].find((other) => !("pinned" in other.dataset));
    entry = sample.cloneNode(true);
    entry.dataset.name = entry.dataset.label = name;
    entry.querySelector("label span").textContent = name;
    for (const button of entry.querySelectorAll("[data-move]")) {
      button.querySelector(".unseen").textContent = `Move ${name} ${button.dataset.move === "1" ? "down" : "up"}`;
    }
    const shown = [...list.children].filter((other) => other.querySelector("input").checked);
    (shown.at(-1) ?? list.lastElementChild).after(entry);
  }
  entry.querySelector("input").checked = true;
  entry.querySelector("input").focus();
  entry.scrollIntoView({ block: "nearest" });
  dialog.querySelector("[data-said]").textContent = `${name} is added`;
  key.value = "";
}
dialog.querySelector("[data-add-column]").addEventListener("click", add);
key.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  add();
});

const figures = document.getElementById("figures");
figures.addEventListener("submit", async (event) => {
  event.preventDefault();
  const problem = figures.querySelector("[data-figures-problem]");
  const token = document.querySelector("#preferences input[name=csrfmiddlewaretoken]").value;
  const body = new URLSearchParams(new FormData(figures));
  const answer = await fetch(dialog.dataset.url, { method: "POST", body, headers: { "X-CSRFToken": token } }).catch(() => null);
  if (answer?.ok) {
    document.getElementById("dialog-figures").close();
    const next = current();
    for (const input of figures.querySelectorAll("input[name]")) next.delete(input.name);
    go(next);
    return;
  }
  problem.textContent = answer ? (await answer.json().catch(() => ({}))).detail ?? "That could not be kept." : "The server could not be reached.";
  problem.hidden = false;
});
