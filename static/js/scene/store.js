// The page's state in one place. Parts subscribe to the names they show; one change is told once to each.

export class Store {
  constructor(state) {
    this.state = state;
    this.listeners = [];
  }

  /** `listener(state, changed)` is called after any of these names changed. */
  on(names, listener) {
    this.listeners.push({ names: new Set(names), listener });
  }

  set(patch) {
    const changed = new Set(Object.keys(patch).filter((name) => !alike(this.state[name], patch[name])));
    if (!changed.size) return;
    this.state = { ...this.state, ...patch };
    for (const { names, listener } of this.listeners) {
      if ([...changed].some((name) => names.has(name))) listener(this.state, changed);
    }
  }
}

function alike(one, other) {
  if (one === other) return true;
  return typeof one === "object" && typeof other === "object" && JSON.stringify(one) === JSON.stringify(other);
}
