"""Bins of confidence and of uncertainty, and calibration error from them.

ECE and MCE: Naeini et al. 2015 and Guo et al. 2017 (arXiv 1706.04599), 15 bins of equal width on the confidence of
the predicted class. A confidence on an edge belongs to the bin below it, as in those papers.
"""

from collections.abc import Callable
from functools import lru_cache

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
    if confidence.dtype == np.float16 and not (confidence.view(np.uint16) > HALF_ONE).any():
        return _half_confidence_bins(confidence, right, bins)
    places = _placed(confidence, _confidence_places, 0.0, 1.0, bins)
    values = confidence if confidence.dtype == np.float64 else confidence.astype(np.float32)
    sums = np.empty((bins, CONFIDENCE_SUMS))
    sums[:, [0, 2]] = _counted(places, right, bins)
    sums[:, 1] = np.bincount(places, weights=values, minlength=bins + 1)[:bins]
    return sums


HALF_ONE = 0x3C00  # 1.0 in half precision: all numbers from 0 to 1 are the bit patterns up to it


def _half_confidence_bins(confidence: Values, right: Rights, bins: int) -> Sums:
    """The same from how often each of the half-precision numbers from 0 to 1 occurs: one count of points."""
    kinds = HALF_ONE + 1
    joint = confidence.view(np.uint16) + right * np.uint16(kinds)
    found = np.bincount(joint, minlength=2 * kinds).reshape(2, kinds)
    numbers = np.arange(kinds, dtype=np.uint16).view(np.float16)
    places, points = _table(_confidence_places, 0.0, 1.0, bins)[:kinds], found.sum(axis=0)
    weights = (points, points * numbers.astype(np.float64), found[1])
    return np.stack([np.bincount(places, weights=row, minlength=bins)[:bins] for row in weights], axis=1)


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
    return _counted(uncertainty_places(uncertainty, low, high, bins), wrong, bins)


def distinct_bins(uncertainty: Values, wrong: Rights) -> Counts:
    """A bin for each value that occurs, ascending, int64 (values, 2): what makes the numbers of `ranking` exact."""
    _, places = np.unique(uncertainty, return_inverse=True)
    points = np.bincount(places)
    return np.stack([points, np.bincount(places, weights=wrong, minlength=len(points)).astype(np.int64)], axis=1)
