// The pages of the model registry: their dialogs, and forms that ask again when a choice changes.

import "../explorer/dialogs.js";

document.querySelector("dialog[data-open-now]")?.showModal();
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit-on-change]")) event.target.form.requestSubmit();
});

// Comparing needs two ticked versions.
const compare = document.getElementById("compare-form");
if (compare) {
  const button = compare.querySelector("[data-compare]");
  const count = () => document.querySelectorAll('input[name="version"]:checked').length;
  const update = () => {
    button.disabled = count() < 2;
    button.querySelector("[data-count]").textContent = count() ? ` (${count()})` : "";
  };
  document.addEventListener("change", update);
  document.addEventListener("htmx:afterSettle", update);
  update();
}

// What a kind of gate asks for: words for its threshold, and which fields it has.
const kind = document.querySelector("[data-gate-kind]");
if (kind) {
  const show = () => {
    for (const part of document.querySelectorAll("[data-for-kinds]")) {
      part.hidden = !part.dataset.forKinds.split(" ").includes(kind.value);
      for (const field of part.querySelectorAll("input, select")) field.disabled = part.hidden;
    }
  };
  kind.addEventListener("change", show);
  show();
}
