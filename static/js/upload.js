// The upload page: choosing and dropping, what holds for all scenes, the total, and going on after a break.

import { fromDrop, fromInput, grouped, isSystemFile, nameFor } from "./upload_files.js";
import { Scene } from "./upload_scene.js";
import { Hasher, Refused, api } from "./upload_transfer.js";
import { bytes, duration, plural } from "./upload_words.js";

const root = document.getElementById("upload");
const drop = document.getElementById("drop");
const form = document.getElementById("wishes");
const foot = document.getElementById("foot");
const live = document.getElementById("live");
const grouping = document.getElementById("grouping");
const rules = JSON.parse(document.getElementById("upload-rules").textContent);
const footPart = (name) => foot.querySelector(`[data-${name}]`);

const chosen = new Map(); // path -> file, of the scenes that have not started
let scenes = [];
let goingOn = null; // the open upload that the next files belong to
let stop = null; // ends the running upload
let painted = false;
let speed = { at: 0, sent: 0, rate: 0 };
let told = -1;

const page = {
  rules,
  person: root.dataset.person,
  hasher: new Hasher(root.dataset.hashWorker),
  changed: () => {
    if (painted) return;
    painted = true;
    requestAnimationFrame(showTotal);
  },
  wishes: () => {
    const value = (name) => form.elements[name].value.trim();
    return {
      drive: value("drive"),
      tags: value("tags").split(",").map((tag) => tag.trim()).filter(Boolean),
      captured_at: value("captured_at") ? `${value("captured_at")}Z` : null,
      rate_hz: value("rate_hz") ? Number(value("rate_hz")) : null,
      format: form.elements.format.closest(".wish").hidden ? "" : value("format"),
    };
  },
  remove: (scene) => {
    scenes = scenes.filter((other) => other !== scene);
    for (const entry of scene.files) for (const [path, file] of chosen) if (file === entry.file) chosen.delete(path);
    scene.element.remove();
    arrange();
    document.getElementById("choose-folder").focus();
  },
  start,
};

// Choosing --------------------------------------------------------------------------------------------------------
function add(files) {
  const useful = files.filter(({ path }) => !isSystemFile(path));
  if (!useful.length) {
    say(files.length ? "Only files of the system were chosen; they are left out." : "The folder is empty.");
    return;
  }
  if (goingOn) addTo(goingOn, useful);
  else {
    for (const { path, file } of useful) chosen.set(path, file);
    rebuild();
  }
  say(`${plural(useful.length, "file")} chosen.`);
  footPart("start").focus();
}

// Files for an upload that was left: one scene with the name it has.
function addTo(upload, files) {
  const [[, inside]] = grouped(files, "folder", upload.scene);
  scenes = scenes.filter((scene) => scene.name !== upload.scene || scene.state !== "ready");
  place(new Scene(upload.scene, inside, page));
  goingOn = null;
  document.getElementById("continuing").hidden = true;
  arrange();
}

function place(scene) {
  scenes.push(scene);
  scene.element.classList.add("upload-scene-new");
  document.getElementById("scenes").append(scene.element);
}

// The scenes that have not started, made anew from all that is chosen.
function rebuild() {
  const choice = grouping.querySelector("[aria-pressed=true]").dataset.grouping;
  const names = new Map(scenes.filter((scene) => scene.key !== undefined).map((scene) => [scene.key, scene.name]));
  for (const scene of scenes) if (scene.key !== undefined && scene.state === "ready") scene.element.remove();
  scenes = scenes.filter((scene) => scene.key === undefined || scene.state !== "ready");
  for (const [key, files] of grouped(waitingFiles(), choice)) {
    const stopped = scenes.find((scene) => scene.key === key && ["attention", "paused"].includes(scene.state));
    if (stopped) {
      stopped.take(files);
      continue;
    }
    const scene = new Scene(names.get(key) ?? (key || nameFor(files)), files, page);
    scene.key = key;
    place(scene);
  }
  arrange();
}

function waitingFiles() {
  const taken = new Set(scenes.filter((scene) => scene.state !== "ready").flatMap((scene) => scene.files.map((entry) => entry.file)));
  return [...chosen].filter(([, file]) => !taken.has(file)).map(([path, file]) => ({ path, file }));
}

function arrange() {
  const tops = new Set([...chosen.keys()].map((path) => (path.includes("/") ? path.split("/")[0] : "")));
  const undecided = scenes.some((scene) => scene.state === "ready" && scene.files.some((entry) => entry.undecided));
  grouping.hidden = tops.size < 2;
  document.getElementById("format-wish").hidden = !undecided;
  root.toggleAttribute("data-chosen", scenes.length > 0);
  showTotal();
}

// Starting and stopping -------------------------------------------------------------------------------------------
function complaint() {
  const format = form.elements.format;
  const names = scenes.filter((scene) => scene.startable).map((scene) => scene.part("name"));
  const seen = new Set();
  for (const name of names) {
    name.setCustomValidity(!name.value.trim() ? "Give the scene an ID." : seen.has(name.value.trim()) ? "Two scenes can't have one ID." : "");
    seen.add(name.value.trim());
  }
  format.setCustomValidity(!format.closest(".wish").hidden && !format.value ? "Say which format the .bin files have." : "");
  return [...names, ...form.elements].find((field) => field.checkValidity && !field.checkValidity());
}

async function start(some) {
  if (stop) return;
  const bad = complaint();
  if (bad) return bad.reportValidity();
  stop = new AbortController();
  speed = { at: performance.now(), sent: sentBytes(), rate: 0 };
  document.getElementById("open-uploads")?.remove();
  for (const scene of some ?? scenes.filter((scene) => scene.startable)) {
    if (stop.signal.aborted) break;
    await scene.run(stop.signal);
  }
  say(stop.signal.aborted ? "Paused." : closing());
  stop = null;
  arrange();
}

const closing = () =>
  scenes.some((scene) => scene.state === "attention") ? "Some files need attention." : "Everything is uploaded.";

// The total -------------------------------------------------------------------------------------------------------
const sentBytes = () => scenes.reduce((sum, scene) => sum + scene.sent, 0);

function showTotal() {
  painted = false;
  const size = scenes.reduce((sum, scene) => sum + scene.size, 0);
  const sent = sentBytes();
  const waiting = scenes.filter((scene) => scene.startable);
  foot.hidden = scenes.length === 0;
  footPart("total-bar").value = size ? sent / size : 0;
  footPart("total-words").textContent = words(size, sent);
  footPart("total-rate").textContent = stop ? rate(size, sent) : "";
  footPart("pause").hidden = !stop;
  footPart("explorer").hidden = Boolean(stop) || !scenes.some((scene) => ["ingesting", "done"].includes(scene.state));
  footPart("start").hidden = Boolean(stop) || waiting.length === 0;
  footPart("start").querySelector("[data-words]").textContent = manner(waiting);
  tell(size, sent);
}

function manner(waiting) {
  if (waiting.some((scene) => scene.state === "paused")) return "Go on";
  return waiting.every((scene) => scene.state === "attention") ? "Try again" : `Upload ${plural(waiting.length, "scene")}`;
}

function words(size, sent) {
  const troubled = scenes.filter((scene) => scene.state === "attention").length;
  if (!stop && troubled) return `${plural(troubled, "scene")} ${troubled > 1 ? "need" : "needs"} attention`;
  const files = scenes.reduce((sum, scene) => sum + scene.wanted.length, 0);
  if (!stop && sent === 0) return `${plural(files, "file")} in ${plural(scenes.length, "scene")}, ${bytes(size)}`;
  if (sent === size) return `All ${bytes(size)} are on the server`;
  return `${bytes(sent)} of ${bytes(size)}`;
}

function rate(size, sent) {
  const now = performance.now();
  if (now - speed.at > 1000) {
    const fresh = ((sent - speed.sent) / (now - speed.at)) * 1000;
    speed = { at: now, sent, rate: speed.rate ? 0.7 * speed.rate + 0.3 * fresh : fresh };
  }
  if (speed.rate < 1 || sent >= size) return "";
  return `${bytes(speed.rate)}/s, about ${duration((size - sent) / speed.rate)} left`;
}

// For those who listen: each tenth, not each piece.
function tell(size, sent) {
  const tenth = stop && size ? Math.floor((10 * sent) / size) : -1;
  if (tenth > told && tenth > 0) say(`${tenth * 10} percent uploaded.`);
  told = tenth;
}

function say(text) {
  live.textContent = text;
}

// Going on --------------------------------------------------------------------------------------------------------
function goOn(line) {
  const { scene, drive, tags, captured, rate, format } = line.dataset;
  goingOn = { scene };
  for (const [name, value] of Object.entries({ drive, tags, captured_at: captured, rate_hz: rate, format })) {
    form.elements[name].value = value;
  }
  const note = document.getElementById("continuing");
  note.hidden = false;
  note.querySelector("[data-words]").textContent = `Choose or drop the files of ${scene} again: what is here already is not sent twice.`;
  document.getElementById("choose-folder").focus();
}

async function discard(line, button) {
  if (!("sure" in button.dataset)) {
    button.dataset.sure = "";
    button.querySelector("[data-words]").textContent = "Really discard?";
    return;
  }
  try {
    await api("DELETE", `/api/uploads/${line.dataset.upload}/`);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    button.querySelector("[data-words]").textContent = error.message;
    return;
  }
  const list = line.parentElement;
  line.remove();
  say(`The upload of ${line.dataset.scene} is discarded.`);
  if (!list.children.length) document.getElementById("open-uploads").remove();
}

// Events ----------------------------------------------------------------------------------------------------------
for (const input of document.querySelectorAll("#drop input")) {
  input.addEventListener("change", () => {
    const files = fromInput(input);
    input.value = ""; // so that the same folder can be chosen again
    add(files);
  });
}

let over = 0;
const dragsFiles = (event) => event.dataTransfer?.types.includes("Files");
addEventListener("dragenter", (event) => dragsFiles(event) && drop.toggleAttribute("data-over", ++over > 0));
addEventListener("dragleave", (event) => dragsFiles(event) && drop.toggleAttribute("data-over", --over > 0));
addEventListener("dragover", (event) => dragsFiles(event) && event.preventDefault());
addEventListener("drop", async (event) => {
  if (!dragsFiles(event)) return;
  event.preventDefault();
  over = 0;
  drop.removeAttribute("data-over");
  try {
    add(await fromDrop(event.dataTransfer));
  } catch (error) {
    say(`The files can't be read: ${error.message}`);
  }
});

root.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const line = button.closest(".open-upload");
  if ("continue" in button.dataset) goOn(line);
  if ("discard" in button.dataset) discard(line, button);
  if ("start" in button.dataset) start();
  if ("pause" in button.dataset) stop?.abort();
  if ("grouping" in button.dataset) {
    for (const other of grouping.querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button));
    rebuild();
  }
});
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", (event) => event.target.setCustomValidity(""));
addEventListener("beforeunload", (event) => stop && event.preventDefault());
root.setAttribute("data-live", "");
