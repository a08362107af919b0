"""Bins of confidence and of uncertainty, and calibration error from them.

ECE and MCE: Naeini et al. 2015 and Guo et al. 2017 (arXiv 1706.04599), 15 bins of equal width on the confidence of
the predicted class. A confidence on an edge belongs to the bin below it, as in those papers.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

CONFIDENCE_BINS = 15
CONFIDENCE_SUMS = 3  # points, sum of confidence, right points
UNCERTAINTY_BINS = 256

Values = npt.NDArray[np.floating]
Rights = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]
Sums = npt.NDArray[np.float64]
Places = npt.NDArray[np.uint16]
Placing = Callable[[Values, float, float, int], Places]


def confidence_bins(confidence: Values, right: Rights, bins: int = CONFIDENCE_BINS) -> Sums:
    """Points, sum of confidence and right points of each bin, float64 (bins, 3).

    `confidence` is 0..1 (n,), `right` bool (n,). Points without a finite confidence are left out.
    """
    if confidence.dtype == np.float16:
        return confidence_bins_of(half_counts(confidence, right), bins)
    places = _confidence_places(confidence, 0.0, 1.0, bins)
    values = confidence if confidence.dtype == np.float64 else confidence.astype(np.float32)
    sums = np.empty((bins, CONFIDENCE_SUMS))
    sums[:, [0, 2]] = _counted(places, right, bins)
    sums[:, 1] = np.bincount(places, weights=values, minlength=bins + 1)[:bins]
    return sums


def half_counts(values: Values, right: Rights, left_out: Rights | None = None) -> Counts:
    """How many wrong and right points have each half-precision number, int64 (2, numbers) by its bit pattern.

    `values` is float16 (n,), `right` bool (n,); points that `left_out` (n,) marks are not counted. All bins follow
    from these counts, so that the points are counted once, however many kinds of bins are wanted.
    """
    patterns = values.view(np.uint16)
    numbers = int(patterns.max(initial=0)) + 1
    groups = right.view(np.uint8) if left_out is None else right.view(np.uint8) | (left_out.view(np.uint8) << 1)
    kinds = 2 if left_out is None else 4
    size = np.uint16 if kinds * numbers <= 2**16 else np.uint32
    joint = np.multiply(groups, size(numbers), dtype=size)
    np.add(joint, patterns, out=joint)
    return np.bincount(joint, minlength=kinds * numbers)[: 2 * numbers].reshape(2, numbers)


def confidence_bins_of(counts: Counts, bins: int = CONFIDENCE_BINS) -> Sums:
    """What `confidence_bins` gives, from `half_counts` of the confidence."""
    points = counts.sum(axis=0)
    rows = [points, points * _half_numbers()[: len(points)], counts[1]]
    return _grouped(rows, _confidence_places, 0.0, 1.0, bins).T


@lru_cache(1)
def _half_numbers() -> Sums:
    """All half-precision numbers by bit pattern, float64 (65536,); 0 for those that are not finite, of no bin."""
    with np.errstate(invalid="ignore"):
        numbers = np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float64)
    return np.nan_to_num(numbers, nan=0.0, posinf=0.0, neginf=0.0)


def uncertainty_bins_of(counts: Counts, low: float, high: float, bins: int = UNCERTAINTY_BINS) -> Counts:
    """What `uncertainty_bins` gives, from `half_counts` of the uncertainty."""
    points = counts.sum(axis=0)
    return _grouped([points, counts[0]], _uncertainty_places, float(low), float(high), bins).T.astype(np.int64)


def _grouped(rows: Sequence[npt.NDArray[Any]], place: Placing, low: float, high: float, bins: int) -> Sums:
    """Rows of sums by half-precision number as sums by bin, float64 (rows, bins): exact, as sums stay below 2**53."""
    starts, places = _runs(place, low, high, bins)
    many = int(np.searchsorted(starts, len(rows[0])))
    runs = [np.add.reduceat(row, starts[:many]) for row in rows]
    return np.stack([np.bincount(places[:many], weights=run, minlength=bins + 1)[:bins] for run in runs])


@lru_cache(32)
def _runs(place: Placing, low: float, high: float, bins: int) -> tuple[npt.NDArray[np.intp], Places]:
    """Where, among all half-precision numbers by bit pattern, a run of them in one bin begins, and which bin it is."""
    table = _table(place, low, high, bins)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(table)) + 1])
    return starts, table[starts]


# Tells an edge such as 0.6 * 15 from the next number above it, in spite of rounding.
EDGE = 1e-6


def _confidence_places(values: Values, low: float, high: float, bins: int) -> Places:
    scaled = np.ceil(values.astype(np.float64) * bins - EDGE) - 1
    return np.where(np.isfinite(scaled), np.clip(scaled, 0, bins - 1), bins).astype(np.uint16)


def _counted(places: Places, marked: Rights, bins: int) -> Counts:
    """Points and marked points of each bin, int64 (bins, 2); those in the place after the last are left out."""
    joint = places + marked * np.uint16(bins + 1)
    found = np.bincount(joint, minlength=2 * (bins + 1)).reshape(2, bins + 1)[:, :bins]
    return np.stack([found.sum(axis=0), found[1]], axis=1)


def _placed(values: Values, place: Placing, low: float, high: float, bins: int) -> Places:
    """The bin of each value. Half precision knows 65,536 values, so those are looked up: several times faster."""
    if values.dtype == np.float16:
        return _table(place, low, high, bins)[values.view(np.uint16)]
    return place(values, low, high, bins)


@lru_cache(32)
def _table(place: Placing, low: float, high: float, bins: int) -> Places:
    with np.errstate(all="ignore"):
        return place(np.arange(2**16, dtype=np.uint16).view(np.float16), low, high, bins)


def ece_mce(sums: Sums) -> tuple[float, float]:
    """Expected and maximum calibration error of sums (bins, 3) as `confidence_bins` gives them; NaN if empty."""
    points = sums[:, 0]
    filled = points > 0
    if not filled.any():
        return float("nan"), float("nan")
    gaps = np.abs(sums[filled, 2] - sums[filled, 1]) / points[filled]
    return float((gaps * points[filled]).sum() / points.sum()), float(gaps.max())


def uncertainty_places(uncertainty: Values, low: float, high: float, bins: int = UNCERTAINTY_BINS) -> Places:
    """The bin of each uncertainty, uint16 (n,): beyond the two ends the outer ones, `bins` where it is NaN."""
    return _placed(uncertainty, _uncertainty_places, float(low), float(high), bins)


def _uncertainty_places(values: Values, low: float, high: float, bins: int) -> Places:
    scaled = (values.astype(np.float32) - np.float32(low)) * np.float32(bins / (high - low) if high != low else 0.0)
    return np.where(np.isnan(scaled), bins, np.clip(scaled, 0, bins - 1)).astype(np.uint16)


def uncertainty_bins(
    uncertainty: Values, wrong: Rights, low: float, high: float, bins: int = UNCERTAINTY_BINS
) -> Counts:
    """Points and wrong points of each bin, int64 (bins, 2), bins of equal width from `low` to `high`.

    `uncertainty` is (n,), `wrong` bool (n,). Points whose uncertainty is NaN are left out. `low` is the most
    certain end: a confidence is binned from 1 to 0.
    """
    if uncertainty.dtype == np.float16:
        return uncertainty_bins_of(half_counts(uncertainty, ~wrong), low, high, bins)
    return _counted(uncertainty_places(uncertainty, low, high, bins), wrong, bins)


def distinct_bins(uncertainty: Values, wrong: Rights) -> Counts:
    """A bin for each value that occurs, ascending, int64 (values, 2): what makes the numbers of `ranking` exact."""
    _, places = np.unique(uncertainty, return_inverse=True)
    points = np.bincount(places)
    return np.stack([points, np.bincount(places, weights=wrong, minlength=len(points)).astype(np.int64)], axis=1)
