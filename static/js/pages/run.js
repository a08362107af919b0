// What every tab of a run's page has: dialogs, filters of long tables, forms that follow a choice, printing.

import "../explorer/dialogs.js";

/** Shows the rows whose words hold what was typed; headings of groups stay while one of their rows does. */
function filterRows(field) {
  const wanted = field.value.trim().toLowerCase();
  for (const row of document.querySelectorAll(field.dataset.filterRows)) {
    if ("words" in row.dataset) row.hidden = !row.dataset.words.includes(wanted);
  }
  for (const heading of document.querySelectorAll("[data-filter-keep]")) {
    heading.hidden = ![...heading.parentElement.children].some((row) => row !== heading && !row.hidden);
  }
}

document.addEventListener("input", (event) => event.target.dataset?.filterRows && filterRows(event.target));
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-submit-on-change]");
  if (form) form.requestSubmit();
});
document.addEventListener("click", (event) => event.target.closest("[data-print]") && window.print());
for (const field of document.querySelectorAll("[data-filter-rows]")) if (field.value) filterRows(field);
for (const log of document.querySelectorAll("[data-scroll-end]")) log.scrollTop = log.scrollHeight;
