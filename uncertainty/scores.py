"""How uncertain an ensemble is: measures of its members' probabilities, points to frames, and vectors of frames.

PURE NumPy: no Django. Definitions:
predictive entropy, expected entropy and mutual information (BALD) as in Houlsby et al. 2011 (arXiv 1112.5745) and
Depeweg et al. 2018 (arXiv 1710.07283); variation ratio as in Gal 2016. With the members' probabilities p_m over K
classes and their mean p:

    predictive entropy   H = -sum_c p_c ln p_c                       0..ln K nats
    expected entropy     E = mean_m H(p_m)                           0..ln K nats
    mutual information   I = H - E, clamped at 0                     0..ln min(M, K) nats
    variation ratio      1 - (most votes for a class) / M            0..1
    disagreement         share of pairs of members that disagree     0..1
    variance             mean_c var_m p_mc, by M (not M - 1)         0..0.25

Entropies and mutual information divided by ln K are "normalised": 0..1.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

PREDICTIVE_ENTROPY, EXPECTED_ENTROPY, MUTUAL_INFORMATION = (
    "predictive_entropy",
    "expected_entropy",
    "mutual_information",
)
VARIATION_RATIO, DISAGREEMENT, VARIANCE, CUSTOM = "variation_ratio", "disagreement", "variance", "custom"
MEASURES = (
    PREDICTIVE_ENTROPY, MUTUAL_INFORMATION, EXPECTED_ENTROPY, VARIATION_RATIO, DISAGREEMENT, VARIANCE,
)  # fmt: skip
IN_NATS = frozenset({PREDICTIVE_ENTROPY, EXPECTED_ENTROPY, MUTUAL_INFORMATION})

MEAN, P95, P999, MAX, TOP, FRACTION = "mean", "p95", "p99.9", "max", "top-0.1%", "fraction>t"
AGGREGATORS = (MEAN, P95, P999, MAX, TOP, FRACTION)
TOP_SHARE = 0.001
DEFAULT_THRESHOLD = 0.5
# What 16-bit floats make of a softmax over some dozens of classes.
SUM_MAY_MISS = 0.02
VARIANCE_HIGH = 0.25


class MemberSums:
    """What is kept of the members seen so far, so that memory does not grow with their number.

    `add` takes the probabilities (N, K) of one member after the other; `measures` tells of all that were added.
    """

    def __init__(self) -> None:
        self.members = 0
        self._mean: Array = np.empty((0, 0))
        self._squares: Array = np.empty((0, 0))
        self._entropy: Array = np.empty(0)
        self._votes: Array = np.empty((0, 0), np.int32)

    def add(self, probabilities: Array) -> None:
        """One member's probabilities, (N, K) floats. Raises ValueError for what are none, or not of the same shape."""
        given = checked_probabilities(probabilities)
        if not self.members:
            self._mean, self._squares = np.zeros(given.shape), np.zeros(given.shape)
            self._entropy, self._votes = np.zeros(len(given)), np.zeros(given.shape, np.int32)
        elif given.shape != self._mean.shape:
            raise ValueError(
                f"Member {self.members} has probabilities of the shape {given.shape}, those before have "
                f"{self._mean.shape}: all members see the same points and classes."
            )
        self.members += 1
        # Welford's update: equal members have a variance of exactly 0.
        away = given - self._mean
        self._mean += away / self.members
        self._squares += away * (given - self._mean)
        self._entropy += entropy(given)
        if given.size:
            self._votes[np.arange(len(given)), given.argmax(axis=1)] += 1

    def measures(self, *, normalised: bool = False) -> dict[str, Array]:
        """By name (MEASURES): float64 (N,). `normalised` divides those in nats by ln K.

        Raises ValueError when no member was added.
        """
        if not self.members:
            raise ValueError("No member was added.")
        unit = np.log(max(2, self._mean.shape[1])) if normalised else 1.0
        predictive, expected = entropy(self._mean), self._entropy / self.members
        return {
            PREDICTIVE_ENTROPY: predictive / unit,
            MUTUAL_INFORMATION: np.maximum(predictive - expected, 0.0) / unit,
            EXPECTED_ENTROPY: expected / unit,
            VARIATION_RATIO: variation_ratio(self._votes),
            DISAGREEMENT: disagreement(self._votes),
            VARIANCE: (self._squares / self.members).mean(axis=1) if self._squares.size else np.zeros(len(predictive)),
        }


def measures(members: Iterable[Array], *, normalised: bool = False) -> dict[str, Array]:
    """All measures of members' probabilities, each (N, K), given as an array (M, N, K) or one after the other."""
    sums = MemberSums()
    for probabilities in members:
        sums.add(probabilities)
    return sums.measures(normalised=normalised)


def checked_probabilities(probabilities: Array) -> Array:
    """float64 (N, K) that sum to 1 by row. Raises ValueError naming the first point that has no probabilities."""
    given = np.asarray(probabilities, np.float64)
    if given.ndim != 2 or not given.shape[1]:
        raise ValueError(f"Probabilities have the shape {given.shape}; give (points, classes).")
    sums = given.sum(axis=1, keepdims=True)
    bad = ~((given >= 0).all(axis=1) & (np.abs(sums[:, 0] - 1) <= SUM_MAY_MISS))
    if bad.any():
        point = int(bad.argmax())
        raise ValueError(f"Point {point} has no probabilities: they must be 0 or more and sum to 1. Apply softmax.")
    return given / sums


def entropy(probabilities: Array) -> Array:
    """-sum_c p ln p over the last axis in nats; 0 ln 0 is 0."""
    logarithms = np.log(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    return np.maximum(-np.einsum("...c,...c->...", probabilities, logarithms), 0.0)


def variation_ratio(votes: Array) -> Array:
    """1 - most votes / M of vote counts (N, K), whose rows sum to M."""
    if not votes.size:
        return np.zeros(len(votes))
    return np.asarray(1.0 - votes.max(axis=1) / votes.sum(axis=1))


def disagreement(votes: Array) -> Array:
    """1 - sum_c C(n_c, 2) / C(M, 2): the share of pairs that disagree, of vote counts (N, K). 0 for one member."""
    if not votes.size:
        return np.zeros(len(votes))
    counts = votes.astype(np.int64)
    members = counts.sum(axis=1)
    pairs = members * (members - 1)
    agreeing = (counts * (counts - 1)).sum(axis=1)
    return np.where(pairs > 0, 1.0 - agreeing / np.maximum(pairs, 1), 0.0)


def range_of(measure: str, *, normalised: bool, classes: int | None, members: int | None) -> tuple[float, float] | None:
    """The ends of a measure's range; None where they follow from facts that are not given (nats without classes)."""
    if measure in (VARIATION_RATIO, DISAGREEMENT):
        return 0.0, 1.0
    if measure == VARIANCE:
        return 0.0, VARIANCE_HIGH
    if measure not in IN_NATS:
        return None
    if normalised:
        return 0.0, 1.0
    if not classes or classes < 2:
        return None
    states = min(classes, members) if measure == MUTUAL_INFORMATION and members and members > 1 else classes
    return 0.0, float(np.log(states))


# Points to frames ---------------------------------------------------------------------------------------------


def percentile(values: Array, share: float) -> float:
    """The value below which `share` (0..1) of the finite values lie, linearly interpolated; NaN of none.

    NumPy's method "linear", which is percentile_cont of SQL; float64 whatever the values are.
    """
    count = len(values)
    if not count:
        return float("nan")
    place = share * (count - 1)
    lower = int(place)
    upper = min(lower + 1, count - 1)
    found = np.partition(values, (lower, upper))
    low, high = float(found[lower]), float(found[upper])
    return low + (high - low) * (place - lower)


def aggregate(values: Array, *, threshold: float = DEFAULT_THRESHOLD) -> Array:
    """A frame's score by each of AGGREGATORS, float64 (6,), of its points' values (N,); NaN points are left out.

    `top-0.1%` is the mean of the highest thousandth of the points, one at least; `fraction>t` the share of points
    above `threshold`. NaN throughout when no point has a value.
    """
    known = values[~np.isnan(values)].astype(np.float64)
    count = len(known)
    if not count:
        return np.full(len(AGGREGATORS), np.nan)
    top = max(1, int(np.ceil(TOP_SHARE * count)))
    ordered = np.partition(known, sorted({count - top, *_places(count, 0.95), *_places(count, 0.999)}))
    return np.array(
        [
            known.mean(),
            _between(ordered, 0.95),
            _between(ordered, 0.999),
            ordered[count - top :].max(),
            ordered[count - top :].mean(),
            np.count_nonzero(known > threshold) / count,
        ]
    )


def _places(count: int, share: float) -> tuple[int, int]:
    lower = int(share * (count - 1))
    return lower, min(lower + 1, count - 1)


def _between(ordered: Array, share: float) -> float:
    lower, upper = _places(len(ordered), share)
    rest = share * (len(ordered) - 1) - lower
    return float(ordered[lower] + (ordered[upper] - ordered[lower]) * rest)


# Vectors of frames --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class VectorFacts:
    """What is kept of each of S vectors beside its scores, arrays (S,); NaN and -1 where a vector has no score."""

    n: Array
    max: Array
    mean: Array
    p95: Array
    argmax: Array
    total: Array
    total_squares: Array


def vector_facts(scores: Array, lengths: Array) -> VectorFacts:
    """Facts of S vectors that lie one behind the other: scores float32 (sum of lengths,) >= 0 or NaN, lengths (S,).

    Sums are taken in float64; p95 is linearly interpolated; argmax is the first place within the vector.
    """
    vectors = len(lengths)
    starts = np.concatenate([[0], np.cumsum(lengths)])[:-1]
    owner = np.repeat(np.arange(vectors), lengths)
    known = np.flatnonzero(~np.isnan(scores))
    of, values = owner[known], scores[known]
    n = np.bincount(of, minlength=vectors)
    exact = values.astype(np.float64)
    total = np.bincount(of, exact, minlength=vectors)
    squares = np.bincount(of, exact * exact, minlength=vectors)
    # Bits of floats from 0 on are in the order of the floats: one sort of integers orders all vectors at once.
    keys = np.sort((of.astype(np.uint64) << np.uint64(32)) | (values + np.float32(0)).view(np.uint32))
    ordered = (keys & np.uint64(0xFFFFFFFF)).astype(np.uint32).view(np.float32).astype(np.float64)
    ends = np.cumsum(n)
    begins = ends - n
    some = n > 0
    facts = {name: np.full(vectors, np.nan) for name in ("max", "mean", "p95")}
    facts["max"][some] = ordered[ends[some] - 1]
    facts["mean"][some] = total[some] / n[some]
    facts["p95"][some] = _percentiles(ordered, begins[some], n[some], 0.95)
    argmax = np.full(vectors, -1, np.int64)
    highest = known[exact == facts["max"][of]]
    owners, first = np.unique(owner[highest], return_index=True)
    argmax[owners] = highest[first] - starts[owners]
    return VectorFacts(n, facts["max"], facts["mean"], facts["p95"], argmax, total, squares)


def _percentiles(ordered: Array, begins: Array, counts: Array, share: float) -> Array:
    """Linearly interpolated percentile of each of several sorted stretches of an array."""
    places = share * (counts - 1)
    lower = places.astype(np.int64)
    low = ordered[begins + lower]
    high = ordered[begins + np.minimum(lower + 1, counts - 1)]
    return np.asarray(low + (high - low) * (places - lower))


def histogram(scores: Array, *, low: float, high: float, width: float | None = None) -> tuple[list[float], list[int]]:
    """Edges (B + 1) and counts (B) of the scores that are not NaN in equal buckets over low..high, the last closed.

    `width` is that of a bucket; without one there are 20. Scores beyond the ends are counted in the outer buckets.
    """
    buckets = 20 if width is None else max(1, round((high - low) / width))
    edges = np.linspace(low, high, buckets + 1)
    known = scores[~np.isnan(scores)]
    counts, _ = np.histogram(np.clip(known, low, high), bins=buckets, range=(low, high))
    return [round(float(edge), 12) for edge in edges], [int(count) for count in counts]
