// The pages of the labelling workflow: dialogs, panels, keys, and label files sent as one pack.

document.addEventListener("htmx:configRequest", (event) => {
  const { parameters, elt } = event.detail;
  if (elt.closest("#filters")) {
    for (const name of Object.keys(parameters)) if (parameters[name] === "") delete parameters[name];
  }
  const form = elt.closest("form[data-pack]");
  if (form) pack(form, event.detail.formData);
});

// A form may hold a limited number of files. Any number of them go as one, with names and sizes beside it.
function pack(form, data) {
  const files = [...form.elements.files.files];
  data.delete("files");
  if (!files.length || form.elements.kind.value === "field") return;
  data.set("sizes", JSON.stringify(files.map((file) => [file.name, file.size])));
  data.set("pack", new File(files, "labels.pack"));
}

// A refusal is shown in its place like any answer.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, elt } = event.detail;
  if (![400, 403, 409, 413].includes(xhr.status) || !elt.closest(".task, .workflow")) return;
  event.detail.shouldSwap = true;
  event.detail.isError = false;
});

// What had the focus is replaced: the person goes on from the same scene.
document.addEventListener("htmx:afterRequest", (event) => {
  event.detail.elt.closest("dialog")?.close();
});
document.addEventListener("htmx:load", (event) => {
  const row = event.detail.elt;
  if (row.classList?.contains("task")) row.querySelector(".task-link").focus({ preventScroll: true });
});

document.addEventListener("submit", (event) => {
  if (event.target.id === "filters") event.preventDefault(); // every choice asks as soon as it is made
});

function toggle(button) {
  const panel = document.getElementById(button.dataset.togglePanel);
  panel.hidden = !panel.hidden;
  button.setAttribute("aria-expanded", String(!panel.hidden));
  if (!panel.hidden) panel.querySelector("select, input:not([type=hidden])")?.focus();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.openDialog) document.getElementById(button.dataset.openDialog).showModal();
  if ("closeDialog" in button.dataset) button.closest("dialog").close();
  if (button.dataset.togglePanel) toggle(button);
});

// Labels that are a field of the clouds come without files.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-pack]");
  if (form && event.target.name === "kind") form.elements.files.disabled = event.target.value === "field";
});

function walk(step) {
  const links = [...document.querySelectorAll(".task-link")];
  const here = links.indexOf(document.activeElement?.closest(".task")?.querySelector(".task-link"));
  const next = here === -1 ? (step > 0 ? 0 : links.length - 1) : here + step;
  links[Math.max(0, Math.min(links.length - 1, next))]?.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.closest("input, select, textarea, dialog")) return;
  const within = document.activeElement?.closest(".task");
  const button = within?.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  const ofPage = document.querySelector(`[data-key-page="${CSS.escape(event.key)}"]`);
  if (event.key === "j") walk(1);
  else if (event.key === "k") walk(-1);
  else if (button) button.click();
  else if (ofPage) ofPage.click();
  else return;
  event.preventDefault();
});
