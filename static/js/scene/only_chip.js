// Says that only points of one class that were predicted as another stand out, how many, and lets all come back.

import { element, grouped } from "./words.js";

/** How many points have one value in one array and one in another. */
export function pairCount(one, other, [first, second]) {
  let count = 0;
  for (let i = 0; i < one.length; i++) if (one[i] === first && other[i] === second) count++;
  return count;
}

export class OnlyChip {
  constructor({ store, catalogue }) {
    Object.assign(this, { store, catalogue, box: document.querySelector("[data-only]") });
  }

  /** @param held overlays of this frame by key, as the stage holds them */
  show(state, held) {
    if (!this.box) return;
    const compared = state.only && this.catalogue.compared([state.colour, state.right].filter(Boolean));
    this.box.hidden = !compared;
    if (!compared) return;
    const [truth, predicted] = this.catalogue.classNames(compared, state.only);
    const arrays = [compared.truth, compared.prediction].map((key) => held.get(key)?.attribute?.values);
    const points = arrays.every(Boolean) && arrays[0].length === arrays[1].length ? pairCount(...arrays, state.only) : null;
    const back = element("button", { type: "button", className: "button button-small", data: { do: "everything" } }, "All points");
    back.title = "All points again (e)";
    const words = element("span", {}, "Only ", element("b", {}, truth), " predicted as ", element("b", {}, predicted));
    const count = points === null ? "" : element("span", { className: "tabular", data: { onlyPoints: points } }, `${grouped(points)} points`);
    this.box.replaceChildren(words, count, back);
  }
}
