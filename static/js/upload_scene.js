// One scene on the upload page: its files, how far each is, and the way from "chosen" to "in the library".

import { judge, natural } from "./upload_files.js";
import { bytes, copyOf, plural } from "./upload_words.js";
import { Refused, api, sendFile } from "./upload_transfer.js";

const SENDERS = 3;
const BATCH_FILES = 200;
const BATCH_BYTES = 64 * 1024 * 1024;
const ROWS_SHOWN = 200;
const FOLLOW_MS = 1200;
const WORDS = {
  ready: ["queued", "Ready"],
  sending: ["running", "Uploading"],
  paused: ["queued", "Paused"],
  attention: ["failed", "Needs attention"],
  ingesting: ["running", "Ingesting"],
  done: ["done", "In the library"],
  failed: ["failed", "Failed"],
};
const FILE_WORDS = { ready: "", hashing: "Reading", waiting: "Waiting", "left-out": "Left out", refused: "Refused" };

export class Scene {
  constructor(name, files, page) {
    this.page = page;
    this.state = "ready";
    this.upload = null;
    this.element = copyOf("scene-template");
    this.part = (name) => this.element.querySelector(`[data-${name}]`);
    this.part("name").value = name;
    this.files = [...files].map(([name, file]) => this.sorted(name, file)).sort(natural);
    this.part("name").addEventListener("input", () => this.part("name").setCustomValidity(""));
    this.part("remove").addEventListener("click", () => page.remove(this));
    this.part("retry").addEventListener("click", () => page.start([this]));
    this.part("without").addEventListener("click", () => this.withoutRefused());
    this.showRows();
    this.show("ready");
  }

  sorted(name, file) {
    const { problem, undecided } = judge(name, this.page.rules);
    return { name, file, sent: 0, remote: null, state: problem ? "left-out" : "ready", problem, undecided };
  }

  // Files chosen again, perhaps mended: they take the place of those with their names.
  take(files) {
    for (const [name, file] of files) {
      const known = this.files.find((entry) => entry.name === name);
      if (known) Object.assign(known, { file, digest: undefined });
      else this.files.push(this.sorted(name, file));
    }
    this.files.sort(natural);
    this.showRows();
    this.showProgress();
  }

  get name() {
    return this.part("name").value.trim();
  }
  get wanted() {
    return this.files.filter((entry) => entry.state !== "left-out");
  }
  get refused() {
    return this.files.filter((entry) => entry.state === "refused");
  }
  get size() {
    return this.wanted.reduce((sum, entry) => sum + entry.file.size, 0);
  }
  get sent() {
    return this.wanted.reduce((sum, entry) => sum + (entry.state === "complete" ? entry.file.size : entry.sent), 0);
  }
  get busy() {
    return this.state === "sending";
  }
  get startable() {
    return ["ready", "paused", "attention"].includes(this.state) && this.wanted.length > 0;
  }

  // Rows ------------------------------------------------------------------------------------------------------
  showRows() {
    const list = this.part("files");
    list.replaceChildren();
    for (const entry of this.files.slice(0, ROWS_SHOWN)) list.append(this.row(entry));
    const more = this.files.length - ROWS_SHOWN;
    this.part("more").hidden = more <= 0;
    this.part("more").textContent = `and ${plural(more, "file")} more; those with a problem appear on top`;
  }

  row(entry) {
    entry.row ??= copyOf("file-template");
    entry.row.querySelector("[data-file-name]").textContent = entry.name;
    entry.row.querySelector("[data-file-name]").title = entry.name;
    entry.row.querySelector("[data-file-bar]").setAttribute("aria-label", entry.name);
    this.showFile(entry);
    return entry.row;
  }

  set(entry, state, problem = "") {
    entry.state = state;
    entry.problem = problem.replace(`${entry.name}: `, ""); // the row names the file
    if (state === "refused" && !entry.row) this.part("files").prepend(this.row(entry));
    this.showFile(entry);
    this.showProgress();
  }

  showFile(entry) {
    if (!entry.row) return;
    const size = bytes(entry.file.size);
    const part = entry.file.size ? entry.sent / entry.file.size : 0;
    const sending = entry.state === "sending";
    const words = sending ? `${Math.floor(part * 100)} % of ${size}` : [FILE_WORDS[entry.state], size].filter(Boolean).join(" · ");
    entry.row.dataset.state = entry.state;
    entry.row.querySelector("[data-file-state]").textContent = words;
    entry.row.querySelector("[data-file-bar]").value = entry.state === "complete" ? 1 : part;
    entry.row.querySelector("[data-file-problem]").textContent = entry.problem;
  }

  showProgress() {
    const left = this.files.length - this.wanted.length;
    const count = `${plural(this.wanted.length, "file")} · ${bytes(this.size)}`;
    this.part("count").textContent = left ? `${count} · ${left.toLocaleString("en")} left out` : count;
    if (["sending", "ready", "paused", "attention"].includes(this.state)) {
      this.part("bar").value = this.size ? this.sent / this.size : 0;
    }
    this.page.changed();
  }

  // mark: good, part (some did not go in), bad or busy
  note(words, mark, { retry = false, without = false, scene = null } = {}) {
    const note = this.part("note");
    note.hidden = !words;
    note.dataset.mark = mark ?? "";
    note.classList.toggle("notice-error", mark === "bad");
    note.classList.toggle("notice-warning", mark === "part");
    this.part("note-words").textContent = words;
    this.part("retry").hidden = !retry;
    this.part("without").hidden = !without;
    this.part("open").hidden = scene === null;
    if (scene !== null) this.part("open").href = `/scenes/${scene}/`;
  }

  show(state) {
    this.state = state;
    const [look, words] = WORDS[state];
    this.element.dataset.state = state;
    this.part("status").className = `status status-${look}`;
    this.part("status").textContent = words;
    this.part("name").readOnly = this.upload !== null;
    this.part("remove").hidden = ["sending", "ingesting"].includes(state);
    this.showProgress();
  }

  // The way in ------------------------------------------------------------------------------------------------
  async run(signal) {
    this.note("");
    this.show("sending");
    for (const entry of this.refused) {
      entry.digest = undefined; // the file may have been mended since
      this.set(entry, "ready");
    }
    try {
      await this.open(signal);
      await this.sendAll(signal);
      if (this.refused.length) return this.ask();
      await this.commit();
    } catch (error) {
      this.stopped(error);
    }
  }

  stopped(error) {
    for (const entry of this.wanted) {
      if (["hashing", "waiting", "sending"].includes(entry.state)) this.set(entry, "ready");
    }
    if (error.name === "AbortError") return this.show("paused");
    if (!(error instanceof Refused)) throw error;
    this.show("attention");
    this.note(error.message, "bad", { retry: true });
  }

  ask() {
    this.show("attention");
    const rest = this.wanted.length - this.refused.length;
    const words = `${plural(this.refused.length, "file")} did not go in. Mend and choose again, or leave out.`;
    this.note(words, "part", { retry: true, without: rest > 0 });
  }

  async open(signal) {
    if (this.upload) return;
    const query = new URLSearchParams({ state: "open", scene_name: this.name });
    const found = (await api("GET", `/api/uploads/?${query}`, null, signal)).results;
    this.upload =
      found.find((upload) => upload.owner === this.page.person) ??
      (await api("POST", "/api/uploads/", { scene_name: this.name, ...this.page.wishes() }, signal));
    this.path = `/api/uploads/${this.upload.id}/`;
    this.part("name").readOnly = true;
  }

  // Files are hashed and declared in batches while the senders are at work on those declared before.
  async sendAll(signal) {
    const queue = [];
    let wake = () => {};
    let declaring = true;
    const next = async () => {
      while (!queue.length && declaring) await new Promise((resolve) => (wake = chain(wake, resolve)));
      return queue.shift();
    };
    const sender = async () => {
      for (let entry = await next(); entry; entry = await next()) await this.send(entry, signal);
    };
    const declarer = async () => {
      try {
        for (const batch of this.batches()) {
          queue.push(...(await this.declare(batch, signal)));
          wake();
        }
      } finally {
        declaring = false;
        wake();
      }
    };
    const outcomes = await Promise.allSettled([declarer(), ...Array.from({ length: SENDERS }, sender)]);
    const broken = outcomes.find((outcome) => outcome.status === "rejected");
    if (broken) throw broken.reason;
  }

  *batches() {
    let batch = [];
    let size = 0;
    for (const entry of this.wanted.filter((entry) => entry.state !== "complete")) {
      batch.push(entry);
      size += entry.file.size;
      if (batch.length < BATCH_FILES && size < BATCH_BYTES) continue;
      yield batch;
      [batch, size] = [[], 0];
    }
    if (batch.length) yield batch;
  }

  // Resolves to the files of the batch that have to be sent.
  async declare(batch, signal) {
    for (const entry of batch) {
      signal.throwIfAborted();
      this.set(entry, "hashing");
      entry.digest ??= await this.page.hasher.digest(entry.file);
      this.set(entry, "waiting");
    }
    const files = batch.map(({ name, file, digest }) => ({ name, size: file.size, sha256: digest }));
    let told;
    try {
      told = (await api("POST", `${this.path}files/`, { files }, signal)).files;
    } catch (error) {
      if (!(error instanceof Refused) || !error.body.files?.length) throw error;
      const problems = new Map(error.body.files.map(({ name, problem }) => [name, problem]));
      const taken = batch.filter((entry) => !problems.has(entry.name));
      if (taken.length === batch.length) throw error;
      for (const entry of batch) if (problems.has(entry.name)) this.set(entry, "refused", problems.get(entry.name));
      return taken.length ? this.declare(taken, signal) : [];
    }
    batch.forEach((entry, place) => this.told(entry, told[place]));
    return batch.filter((entry) => entry.state !== "complete");
  }

  told(entry, remote) {
    entry.remote = remote;
    entry.sent = remote.received;
    this.set(entry, remote.state === "complete" ? "complete" : "waiting");
  }

  async send(entry, signal) {
    this.set(entry, "sending");
    const onProgress = (sent) => {
      entry.sent = sent;
      entry.problem = "";
      this.showFile(entry);
      this.showProgress();
    };
    const onTrouble = (error) => this.set(entry, "sending", `${error.message} Trying again by itself.`);
    const path = `${this.path}files/${entry.remote.id}/`;
    const { pieceBytes } = this.page.rules;
    try {
      this.told(entry, await sendFile({ ...entry, path, pieceBytes, onProgress, onTrouble, signal }));
    } catch (error) {
      if (error.name === "AbortError") throw error;
      entry.sent = 0;
      this.set(entry, "refused", error instanceof Refused ? error.message : `The file can't be read: ${error.message}`);
      if ([401, 403, 404].includes(error.status)) throw error;
    }
  }

  async withoutRefused() {
    try {
      for (const entry of this.refused) {
        if (entry.remote) await api("DELETE", `${this.path}files/${entry.remote.id}/`);
        this.set(entry, "left-out", entry.problem);
      }
      await this.commit();
    } catch (error) {
      this.stopped(error);
    }
  }

  async commit() {
    const ingest = await api("POST", `${this.path}commit/`);
    this.show("ingesting");
    this.follow(ingest);
  }

  async follow(ingest) {
    while (["queued", "running"].includes(ingest.state)) {
      const { handled, total } = ingest;
      this.part("bar").value = total ? handled / total : 0;
      const words = ingest.state === "queued" ? "Waiting for a worker" : `${handled.toLocaleString("en")} of ${plural(total, "frame")} read`;
      this.note(words, "busy", { scene: ingest.scene });
      await new Promise((resolve) => setTimeout(resolve, FOLLOW_MS));
      ingest = await api("GET", `${this.path}ingest/`).catch(() => ingest);
    }
    this.finished(ingest);
  }

  finished(ingest) {
    const good = ingest.state === "done";
    this.part("bar").value = 1;
    const by = new Map(this.files.map((entry) => [entry.name, entry]));
    for (const { name, problem } of ingest.problems) if (by.has(name)) this.set(by.get(name), "refused", problem);
    this.show(good ? "done" : "failed");
    const words = good ? `${plural(ingest.total - ingest.quarantined, "frame")} in the library.` : ingest.problem || `The job is ${ingest.state}.`;
    const bad = ingest.quarantined ? ` ${plural(ingest.quarantined, "frame")} quarantined: ${ingest.quarantined > 1 ? "they say" : "it says"} why below.` : "";
    this.note(words + (good ? bad : ""), !good ? "bad" : ingest.quarantined ? "part" : "good", { scene: ingest.scene });
    this.page.changed();
  }
}

const chain = (one, other) => () => {
  one();
  other();
};
