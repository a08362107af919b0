// What is done to charts by hand stands in the address: the look of all of them, and each one's own view.

const OWN = ["x", "log", "smoothing", "outliers", "from", "to", "hidden"];
const SHARED = ["x", "log", "smoothing", "outliers"];

function write(change) {
  const parameters = new URLSearchParams(location.search);
  change(parameters);
  history.replaceState(null, "", `${location.pathname}?${parameters}`);
}

/** One chart's own view as text: loss~from=100~to=200. */
const written = (key, view) => [key, ...Object.entries(view).map(([name, value]) => `${name}=${value}`)].join("~");

function readViews() {
  const views = new Map();
  for (const text of new URLSearchParams(location.search).getAll("view")) {
    const [key, ...parts] = text.split("~");
    const view = Object.fromEntries(parts.map((part) => [part.slice(0, part.indexOf("=")), part.slice(part.indexOf("=") + 1)]));
    views.set(key, Object.fromEntries(Object.entries(view).filter(([name]) => OWN.includes(name))));
  }
  return views;
}

export function bindCharts() {
  const area = document.querySelector("[data-charts]");
  if (!area) return;
  const charts = [...area.querySelectorAll("[data-curve-chart]")];
  const views = readViews();
  const shared = Object.fromEntries(charts.slice(0, 1).flatMap((chart) => SHARED.map((name) => [name, chart.dataset[name] ?? ""])));
  for (const chart of charts) {
    for (const [name, value] of Object.entries(views.get(chart.dataset.keys) ?? {})) chart.dataset[name] = value;
  }
  area.addEventListener("chartstate", (event) => {
    const chart = event.target;
    const own = OWN.filter((name) => (chart.dataset[name] ?? "") !== (shared[name] ?? "") || (name === "outliers" && name in chart.dataset && !shared.outliersOn));
    const view = Object.fromEntries(own.map((name) => [name, chart.dataset[name] ?? ""]));
    if (Object.keys(view).length) views.set(chart.dataset.keys, view);
    else views.delete(chart.dataset.keys);
    write((parameters) => {
      parameters.delete("view");
      for (const [key, one] of views) parameters.append("view", written(key, one));
    });
    addHidden();
  });
  bindLook(charts, shared);
}

/** The page's forms send what the address holds. */
function addHidden() {
  for (const form of document.querySelectorAll("form[data-look], form[data-run-picker]")) {
    for (const field of form.querySelectorAll("input[type=hidden][name=view]")) field.remove();
    for (const view of new URLSearchParams(location.search).getAll("view")) {
      form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "view", value: view }));
    }
  }
}

function bindLook(charts, shared) {
  const form = document.querySelector("form[data-look]:has([name=log])");
  if (!form) return;
  const apply = () => {
    const data = new FormData(form);
    const look = { x: data.get("x") ?? "step", smoothing: data.get("smoothing") ?? "0", log: data.getAll("log").sort().join(" "), outliers: data.has("outliers") };
    Object.assign(shared, { x: look.x, smoothing: look.smoothing === "0" ? "" : look.smoothing, log: look.log, outliersOn: look.outliers });
    for (const { dataset } of charts) {
      if (dataset.x !== look.x) {
        delete dataset.from;
        delete dataset.to;
      }
      dataset.x = look.x;
      dataset.log = look.log;
      if (Number(look.smoothing)) dataset.smoothing = look.smoothing;
      else delete dataset.smoothing;
      if (look.outliers) dataset.outliers = "";
      else delete dataset.outliers;
    }
    write((parameters) => {
      for (const name of SHARED) parameters.delete(name);
      if (look.x !== "step") parameters.set("x", look.x);
      if (Number(look.smoothing)) parameters.set("smoothing", look.smoothing);
      if (look.log) parameters.set("log", look.log);
      if (look.outliers) parameters.set("outliers", "1");
    });
  };
  shared.outliersOn = form.querySelector("[name=outliers]")?.checked ?? false;
  form.addEventListener("input", (event) => event.target.matches("[name=x], [name=log], [name=smoothing], [name=outliers]") && apply());
}
