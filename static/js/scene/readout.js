// What is known of a picked point.

import { element, grouped, measured } from "./words.js";

const ROLES = { truth: "Ground truth", prediction: "Prediction", uncertainty: "Uncertainty" };

export class Readout {
  constructor({ catalogue, data, comment }) {
    Object.assign(this, { catalogue, data, comment, picked: null });
    this.box = document.querySelector("[data-readout]");
    this.box.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button?.dataset.point === "close") this.close();
      if (button?.dataset.point === "comment") this.comment(this.picked);
    });
  }

  close() {
    this.picked = null;
    this.box.hidden = true;
  }

  /** Shows a pick {originalIndex, storedIndex, position, range, intensity} of the frame at a position. */
  async show(pick, frame) {
    if (!pick) return this.close();
    this.picked = { ...pick, frame };
    const lines = [
      ["x, y, z", `${pick.position.map((value) => value.toFixed(2)).join(", ")} m`],
      ["Range", `${pick.range.toFixed(2)} m`],
      ["Intensity", pick.intensity === null ? "–" : measured(pick.intensity)],
    ];
    this.draw(lines);
    const found = await this.overlays(pick, frame);
    if (this.picked?.storedIndex === pick.storedIndex && this.picked.frame === frame) this.draw([...lines, ...found]);
  }

  draw(lines) {
    const { originalIndex } = this.picked;
    const index = originalIndex === null || originalIndex === undefined ? "" : grouped(originalIndex);
    this.box.replaceChildren(
      element("p", { className: "readout-head" }, element("strong", {}, "Point ", element("span", { className: "tabular", data: { pointIndex: "" } }, index)),
        element("button", { type: "button", className: "tool", data: { point: "close" }, aria: { label: "Close" } }, "×")),
      element("dl", {}, ...lines.flatMap(([name, value]) => [element("dt", {}, name), element("dd", { className: "tabular" }, value)])),
      ...(document.querySelector("[data-comment-form]") ? [element("button", { type: "button", className: "button button-small", data: { point: "comment" } }, "Comment here")] : []),
    ); // prettier-ignore
    this.box.hidden = false;
  }

  /** The newest ground truth, and every prediction and uncertainty, at this point. */
  async overlays(pick, frame) {
    const { truths, predictions, uncertainties } = this.catalogue;
    const sources = [...truths.slice(0, 1), ...predictions, ...uncertainties].filter(({ digests }) => digests[frame]);
    const values = await Promise.all(sources.map((source) => this.value(source, pick, frame)));
    return sources.map((source, place) => [this.name(source), values[place]]);
  }

  name(source) {
    const several = this.catalogue.ofRole(source.role).length > 1 && source.role !== "truth";
    return several ? `${ROLES[source.role]}, ${source.title}` : ROLES[source.role];
  }

  async value(source, pick, frame) {
    const value = await this.data.valueAt(source.key, frame, pick.storedIndex);
    if (value === null || value === undefined) return "–";
    if (source.kind !== "classes") return `${measured(value)} ${source.unit ?? ""}`.trim();
    return source.ontology?.classes.find(({ index }) => index === value)?.name ?? `class ${value}`;
  }
}
