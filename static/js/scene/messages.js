// What the picture can not say: why a frame is not seen, what an overlay lacks, that something is on its way.

import { element } from "./words.js";

const SLOW_MILLISECONDS = 250;

export class Messages {
  constructor({ catalogue, line, retry, seek }) {
    Object.assign(this, { catalogue, line, retry, seek });
    const find = (name) => document.querySelector(`[data-${name}]`);
    this.parts = { message: find("message"), notes: find("notes"), loading: find("loading"), stage: find("stage") };
    this.parts.message.addEventListener("click", (event) => this.clicked(event));
  }

  began() {
    clearTimeout(this.slow);
    this.slow = setTimeout(() => (this.parts.loading.hidden = false), SLOW_MILLISECONDS);
  }

  ended() {
    clearTimeout(this.slow);
    this.parts.loading.hidden = true;
  }

  clear() {
    this.ended();
    this.parts.message.hidden = true;
    delete this.parts.stage.dataset.unseen;
  }

  say(title, words, ...ways) {
    this.ended();
    const buttons = ways.map(([name, label]) => element("button", { type: "button", className: "button button-small", data: { way: name } }, label));
    this.parts.message.replaceChildren(element("h2", {}, title), element("p", {}, words), element("div", { className: "message-ways" }, ...buttons));
    this.parts.message.hidden = false;
    this.parts.stage.dataset.unseen = "";
    this.parts.notes.replaceChildren();
  }

  unseen(frame) {
    const quarantined = this.line.frames.state[frame] === "quarantined";
    const title = `Frame ${frame} ${quarantined ? "is quarantined" : "is not read yet"}`;
    const ways = [["next", "Next readable frame"]];
    if (document.getElementById("tab-frames")) ways.push(["frames", "Its line in the table"]);
    this.say(title, this.line.problem(frame), ...ways);
  }

  failed(frame, problem) {
    this.say(`Frame ${frame} did not come`, problem, ["retry", "Try again"]);
  }

  empty(ingesting) {
    if (ingesting) this.say("No frame can be seen yet", "The scene is being ingested; its frames appear here as they come in.");
    else this.say("This scene has no frames", "Nothing was ingested into it so far. Frames come by upload, or by manage.py ingest.");
  }

  withoutWebGL(words) {
    this.say("This browser shows no 3D here", `${words} Everything else on this page works.`);
  }

  /** A word on what the person is doing, such as a measured length; empty takes it away. */
  tell(words) {
    const told = document.querySelector("[data-told]");
    told.textContent = words;
    told.hidden = !words;
  }

  /** Notes on overlays that are missing or do not fit, beside a frame that is shown. */
  lacking(held, colours) {
    const wanted = new Set(colours.flatMap((colour) => this.catalogue.needs(colour)));
    const notes = [...held.values()].filter(({ key, attribute }) => wanted.has(key) && !attribute);
    const troubles = (this.catalogue.playback.troubles ?? []).map((words) => element("p", { className: "stage-note" }, words));
    this.parts.notes.replaceChildren(...troubles, ...notes.map((overlay) => this.note(overlay)));
  }

  note({ key, missing, problem }) {
    const source = this.catalogue.sources.get(key);
    const title = source?.title ?? key;
    const what = { truth: "ground truth", prediction: "prediction", uncertainty: "uncertainty" }[source?.role] ?? "values";
    return element("p", { className: "stage-note" }, missing ? `This frame has no ${what} in “${title}”.` : `“${title}” can not be shown. ${problem}`);
  }

  clicked(event) {
    const way = event.target.closest("[data-way]")?.dataset.way;
    if (way === "retry") this.retry();
    if (way === "next") this.seek(1);
    if (way === "frames") document.getElementById("tab-frames").click();
  }
}
