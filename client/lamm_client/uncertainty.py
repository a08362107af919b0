"""How uncertain an ensemble is, computed here: what travels is a number a frame, not the members' probabilities.

The definitions are those of the server (docs/uncertainty.md); its tests compare the two on golden values and on random
data. With the members' probabilities p_m over K classes and their mean p:

    predictive_entropy   H = -sum_c p_c ln p_c                       expected_entropy   E = mean_m H(p_m)
    mutual_information   H - E, clamped at 0                         variation_ratio    1 - most votes / members
    disagreement         share of pairs of members that disagree     variance           mean_c var_m p_mc
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from lamm_client.errors import LammError

Values = npt.NDArray[np.float64]
MEASURES = (
    "predictive_entropy", "mutual_information", "expected_entropy", "variation_ratio", "disagreement", "variance",
)  # fmt: skip
AGGREGATORS = ("mean", "p95", "p99.9", "max", "top-0.1%", "fraction>t")
# What 16-bit floats make of a softmax over some dozens of classes.
SUM_MAY_MISS = 0.02


def measure_of(members: Iterable[npt.ArrayLike], measure: str, *, normalised: bool = False) -> Values:
    """The measure at each point, float64 (N,), of the members' probabilities, each (N, K).

    Members may come one after the other from a generator: memory does not grow with their number. CPU tensors are
    taken, too. `normalised` divides entropies and mutual information by ln K. Raises LammError for what are no
    probabilities, members of different shapes, none at all, or an unknown measure.
    """
    if measure not in MEASURES:
        raise LammError(f"There is no measure {measure!r}. Use one of: {', '.join(MEASURES)}.")
    count = 0
    mean: Values = np.empty((0, 0))
    spread, votes, entropies = mean, mean, mean
    for given in members:
        probabilities = _checked(given, count, mean.shape if count else None)
        if not count:
            mean, spread, votes = (np.zeros(probabilities.shape) for _ in range(3))
            entropies = np.zeros(len(probabilities))
        count += 1
        away = probabilities - mean
        mean = mean + away / count
        spread += away * (probabilities - mean)
        entropies += _entropy(probabilities)
        votes[np.arange(len(votes)), probabilities.argmax(axis=1)] += 1
    if not count:
        raise LammError("No member was given.")
    unit = np.log(max(2, mean.shape[1])) if normalised else 1.0
    match measure:
        case "predictive_entropy":
            found = _entropy(mean) / unit
        case "expected_entropy":
            found = entropies / count / unit
        case "mutual_information":
            found = np.maximum(_entropy(mean) - entropies / count, 0.0) / unit
        case "variation_ratio":
            found = 1.0 - votes.max(axis=1, initial=0.0) / count
        case "disagreement":
            agreeing = (votes * (votes - 1)).sum(axis=1) / max(1, count * (count - 1))
            found = 1.0 - agreeing if count > 1 else np.zeros(len(votes))
        case _:
            found = (spread / count).mean(axis=1)
    return np.asarray(found, np.float64)


def _checked(given: npt.ArrayLike, member: int, shape: Any) -> Values:
    """float64 (N, K) that sum to 1 by row."""
    probabilities = np.asarray(given, np.float64)
    if probabilities.ndim != 2 or not probabilities.shape[1]:
        raise LammError(f"Member {member} has the shape {probabilities.shape}. Give probabilities (points, classes).")
    if shape is not None and probabilities.shape != shape:
        raise LammError(f"Member {member} has the shape {probabilities.shape}, those before have {shape}.")
    sums = probabilities.sum(axis=1, keepdims=True)
    bad = ~((probabilities >= 0).all(axis=1) & (np.abs(sums[:, 0] - 1) <= SUM_MAY_MISS))
    if bad.any():
        point = int(bad.argmax())
        raise LammError(f"Member {member}, point {point}: probabilities are 0 or more and sum to 1. Apply softmax.")
    return np.asarray(probabilities / sums)


def _entropy(probabilities: Values) -> Values:
    logarithms = np.log(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    return np.maximum(-(probabilities * logarithms).sum(axis=-1), 0.0)


def aggregate(values: npt.ArrayLike, aggregator: str = "mean", *, threshold: float | None = None) -> float:
    """A frame's score of its points' values (N,); NaN points are left out, and NaN comes of none.

    Percentiles are linearly interpolated; "top-0.1%" is the mean of the highest thousandth of the points, one at least;
    "fraction>t" the share above `threshold`. Raises LammError for an unknown aggregator or a missing threshold.
    """
    given = np.asarray(values, np.float64)
    known = given[~np.isnan(given)]
    if aggregator not in AGGREGATORS:
        raise LammError(f"There is no aggregator {aggregator!r}. Use one of: {', '.join(AGGREGATORS)}.")
    if aggregator == "fraction>t" and threshold is None:
        raise LammError("fraction>t needs a threshold.")
    if not len(known):
        return float("nan")
    if aggregator in ("p95", "p99.9"):
        return float(np.percentile(known, float(aggregator[1:])))
    if aggregator == "max":
        return float(known.max())
    if aggregator == "top-0.1%":
        top = max(1, int(np.ceil(0.001 * len(known))))
        return float(np.partition(known, len(known) - top)[len(known) - top :].mean())
    if aggregator == "fraction>t":
        return float(np.count_nonzero(known > np.float64(threshold or 0.0)) / len(known))
    return float(known.mean())
