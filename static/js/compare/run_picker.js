// The field that adds a run: numbers and names are offered while one types.

export function bindPicker() {
  const field = document.querySelector("[data-run-picker] [name=add]");
  const list = document.getElementById("run-choices");
  if (!field || !list) return;
  let control = null;
  const offer = async () => {
    control?.abort();
    control = new AbortController();
    const address = new URL("/api/runs/", location.href);
    if (field.value.trim()) address.searchParams.set("search", field.value.trim());
    address.searchParams.set("page_size", "20");
    try {
      const answer = await fetch(address, { signal: control.signal, headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      const there = new Set(new URLSearchParams(location.search).getAll("run"));
      const found = (await answer.json()).results.filter((run) => !there.has(String(run.id)));
      list.replaceChildren(...found.map((run) => Object.assign(document.createElement("option"), { value: `run-${run.id}`, label: [run.name, run.architecture, run.status].filter(Boolean).join(" · ") })));
    } catch {
      // A newer request took over, or the network is gone: the number can still be typed.
    }
  };
  let wait = null;
  field.addEventListener("focus", offer);
  field.addEventListener("input", () => {
    clearTimeout(wait);
    wait = setTimeout(offer, 200);
  });
}
