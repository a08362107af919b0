// Shares of the splits: whole percentages that sum to 100, whatever is moved. Pure.

/**
 * The shares after one of them was set to `value`. The others keep their proportion to each other; locked ones stay,
 * so the value may be held back by them. Shares are [train, val, test]; `locked` says for each whether it is kept.
 */
export function rebalanced(shares, index, value, locked = [false, false, false]) {
  const others = [0, 1, 2].filter((other) => other !== index);
  const free = others.filter((other) => !locked[other]);
  const kept = others.filter((other) => locked[other]).reduce((sum, other) => sum + shares[other], 0);
  const next = [...shares];
  if (!free.length) {
    next[index] = 100 - kept;
    return next;
  }
  next[index] = Math.max(0, Math.min(100 - kept, Math.round(value) || 0));
  const rest = 100 - kept - next[index];
  if (free.length === 1) {
    next[free[0]] = rest;
    return next;
  }
  const [one, other] = free;
  const before = shares[one] + shares[other];
  next[one] = before ? Math.round((rest * shares[one]) / before) : Math.round(rest / 2);
  next[other] = rest - next[one];
  return next;
}
