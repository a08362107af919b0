// Rows of runs: a click opens the run, keys walk. Links that change only this page go through the explorer's state.

export const rows = () => [...document.querySelectorAll("#results tr[data-run]")];
export const here = () => document.activeElement?.closest?.("tr[data-run]") ?? null;

export function walk(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(here());
  const next = at === -1 ? (step > 0 ? 0 : all.length - 1) : Math.max(0, Math.min(all.length - 1, at + step));
  all[next].querySelector(".run-link").focus();
}

document.addEventListener("click", (event) => {
  const row = event.target.closest?.("tr[data-href]");
  if (!row || !row.dataset.href || event.target.closest("a, button, input, label, textarea, form")) return;
  if (getSelection().toString()) return; // the person is selecting text to copy
  if (event.ctrlKey || event.metaKey) open(row.dataset.href, "_blank", "noopener");
  else location.assign(row.dataset.href);
});
