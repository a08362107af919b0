// Comments on the scene, a frame or a point: list, write, reply, resolve; a click on an anchor goes there.

import { element } from "./words.js";

const find = (name) => document.querySelector(`[data-${name}]`);

export class Comments {
  /** @param go (frame position, camera, 3D position) -> shows what a comment is about */
  constructor({ store, line, facts, camera, picked, go }) {
    Object.assign(this, { store, line, facts, camera, picked, go, threads: [], next: null, show: "open", loaded: false, anchor: "scene" });
    this.list = find("comment-list");
    this.form = find("comment-form");
    this.bind();
    store.on(["tab"], (state) => this.wanted(state));
    store.on(["frame"], () => find("comments-here").checked && this.draw());
    this.wanted(store.state);
    this.count();
  }

  wanted(state) {
    if (state.tab === "comments" && !this.loaded) this.load();
  }

  async ask(path, options = {}) {
    const headers = { Accept: "application/json", "X-CSRFToken": this.form?.elements.csrfmiddlewaretoken.value ?? "" };
    if (options.body) headers["Content-Type"] = "application/json";
    const answer = await fetch(path, { ...options, headers, credentials: "same-origin" });
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(said(told) || `The site answered ${answer.status}.`);
    return told;
  }

  async load(more = null) {
    this.loaded = true;
    try {
      const { results, next } = await this.ask(more ?? `${this.facts.comments}?scene=${this.facts.scene}&page_size=200`);
      this.threads = [...(more ? this.threads : []), ...results];
      this.next = next;
      this.draw();
    } catch (problem) {
      this.loaded = false;
      this.told(problem.message);
    }
  }

  /** The number beside the tab, before anybody opens it. */
  async count() {
    await this.load();
  }

  told(words) {
    const problem = find("comment-problem") ?? find("comments-empty");
    problem.textContent = words;
    problem.hidden = !words;
  }

  /** Threads as they are shown: the roots with their replies, oldest reply first. */
  grouped() {
    const roots = this.threads.filter(({ parent }) => !parent);
    const here = find("comments-here").checked ? this.line.frames.id[this.store.state.frame] : null;
    return roots
      .filter((root) => this.show === "all" || !root.resolved_at)
      .filter((root) => here === null || root.frame === here)
      .map((root) => ({ root, replies: this.threads.filter(({ parent }) => parent === root.id).reverse() }));
  }

  draw() {
    const threads = this.grouped();
    this.list.replaceChildren(...threads.map((thread) => this.thread(thread)));
    const open = this.threads.filter((comment) => !comment.parent && !comment.resolved_at).length;
    find("comment-count").textContent = open;
    find("comment-count").hidden = !open;
    const empty = find("comments-empty");
    empty.hidden = threads.length > 0;
    empty.textContent = this.threads.length ? "Nothing here: all is resolved, or about other frames." : this.invitation();
    find("comments-more").hidden = !this.next;
  }

  invitation() {
    const how = this.form ? " Pick a point in the viewer and comment right there, or write about the scene below." : "";
    return `No comments yet.${how}`;
  }

  thread({ root, replies }) {
    const body = element("li", { className: `comment-thread${root.resolved_at ? " comment-resolved" : ""}`, data: { comment: root.id } },
      this.said(root, true), ...replies.map((reply) => this.said(reply, false))); // prettier-ignore
    if (root.resolved_at) body.append(element("p", { className: "faint comment-by" }, `Resolved by ${root.resolved_by}`));
    if (this.form) body.append(this.ways(root));
    return body;
  }

  said(comment, isRoot) {
    const time = element("time", { className: "faint tabular", dateTime: comment.created_at, title: comment.created_at }, when(comment.created_at));
    const anchor = isRoot && comment.frame ? this.anchorOf(comment) : "";
    return element("div", { className: `comment${isRoot ? "" : " comment-reply"}` },
      element("p", { className: "comment-by" }, element("strong", {}, comment.author), time, anchor), element("p", { className: "comment-text" }, comment.text)); // prettier-ignore
  }

  anchorOf(comment) {
    const frame = this.line.positionOf(comment.frame);
    const words = comment.position ? `Point in frame ${frame}` : `Frame ${frame}`;
    return element("button", { type: "button", className: "tag", data: { go: comment.id }, title: "Show what this is about" }, words);
  }

  ways(root) {
    const button = (name, words) => element("button", { type: "button", className: "button button-small button-quiet", data: { [name]: root.id } }, words);
    return element("div", { className: "comment-ways" }, button("reply", "Reply"), root.resolved_at ? button("reopen", "Reopen") : button("resolve", "Resolve"));
  }

  bind() {
    this.list.addEventListener("click", (event) => this.clicked(event));
    find("comments-more").addEventListener("click", () => this.load(this.next));
    find("comments-here").addEventListener("change", () => this.draw());
    for (const button of document.querySelectorAll("[data-comments-show]")) {
      button.addEventListener("click", () => {
        this.show = button.dataset.commentsShow;
        press("comments-show", this.show);
        this.draw();
      });
    }
    if (!this.form) return;
    this.form.addEventListener("submit", (event) => this.submit(event));
    this.form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.form.requestSubmit();
    });
    for (const button of this.form.querySelectorAll("[data-anchor]")) {
      button.addEventListener("click", () => this.about(button.dataset.anchor));
    }
  }

  clicked(event) {
    const { dataset } = event.target.closest("button") ?? { dataset: {} };
    const comment = this.threads.find(({ id }) => id === Number(dataset.go));
    if (comment) this.go(this.line.positionOf(comment.frame), comment.camera, comment.position);
    for (const step of ["resolve", "reopen"]) if (dataset[step]) this.act(`${this.facts.comments}${dataset[step]}/${step}/`, {});
    if (dataset.reply) this.writeReply(event.target.closest("li"), Number(dataset.reply));
  }

  writeReply(thread, id) {
    if (thread.querySelector("form")) return thread.querySelector("textarea").focus();
    const text = element("textarea", { className: "field", rows: 2, maxLength: 4000, required: true, placeholder: "Reply", ariaLabel: "Reply" });
    const form = element("form", { className: "comment-form" }, text, element("button", { className: "button button-primary button-small" }, "Reply"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.act(this.facts.comments, { parent: id, text: text.value });
    });
    thread.append(form);
    text.focus();
  }

  /** What the next comment is about: "scene", "frame" or "point". */
  about(anchor) {
    this.anchor = anchor;
    press("anchor", anchor);
  }

  /** A picked point may be commented on; without one it can not. */
  offerPoint(pick) {
    if (!this.form) return;
    this.form.querySelector('[data-anchor="point"]').disabled = !pick;
    if (!pick && this.anchor === "point") this.about("frame");
  }

  /** Opens the form for a point, or for the frame when none is picked. */
  begin() {
    if (!this.form) return;
    this.store.set({ tab: "comments" });
    this.offerPoint(this.picked());
    this.about(this.picked() ? "point" : "frame");
    this.form.elements.text.focus();
  }

  async submit(event) {
    event.preventDefault();
    const text = this.form.elements.text.value;
    if (await this.act(this.facts.comments, { scene: this.facts.scene, text, ...this.anchored() })) this.form.reset();
  }

  anchored() {
    const pick = this.picked();
    const frame = this.line.frames.id[this.store.state.frame];
    if (this.anchor === "scene" || frame === undefined) return {};
    if (this.anchor === "frame" || !pick) return { frame, camera: this.camera() };
    const point = Number.isInteger(pick.originalIndex) ? { point_index: pick.originalIndex } : {};
    return { frame, camera: this.camera(), position: [...pick.position], ...point };
  }

  async act(path, body) {
    try {
      await this.ask(path, { method: "POST", body: JSON.stringify(body) });
      this.told("");
      await this.load();
      return true;
    } catch (problem) {
      this.told(problem.message);
      return false;
    }
  }
}

const press = (name, value) => {
  for (const button of document.querySelectorAll(`[data-${name}]`)) button.setAttribute("aria-pressed", String(button.getAttribute(`data-${name}`) === value));
};

function when(text) {
  return new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

/** The words of a refusal: its detail, or what the first field says. */
function said(told) {
  if (told.detail) return told.detail;
  const [first] = Object.values(told).flat();
  return typeof first === "string" ? first : "";
}
