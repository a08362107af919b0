"""Several runs as one: mean and confidence interval of values and of curves. Pure NumPy and SciPy.

The interval is Student's: mean +- t(1 - (1 - level) / 2, n - 1) * s / sqrt(n), with s the standard deviation of the
sample (divisor n - 1). It supposes that the runs of a group are independent and about normally distributed; of a
single run there is none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """Of n values: their mean and standard deviation, and from where to where the mean lies with 95 % confidence.

    NaN where there is none: the mean of no value, deviation and interval of fewer than two.
    """

    n: int
    mean: float
    deviation: float
    low: float
    high: float

    @property
    def half(self) -> float:
        """Half the width of the interval."""
        return self.high - self.mean


@dataclass(frozen=True)
class Band:
    """The mean of several curves with its interval: float64 (points,) each; `n` int64 (points,) counts the curves.

    Where fewer than two curves have a value, `low` and `high` are the mean itself.
    """

    x: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    n: np.ndarray


def interval(values: Sequence[float]) -> Interval:
    """Mean and interval of the finite ones among some values."""
    finite = np.asarray([value for value in values if np.isfinite(value)], np.float64)
    n = len(finite)
    if not n:
        return Interval(0, np.nan, np.nan, np.nan, np.nan)
    mean = float(finite.mean())
    if n == 1:
        return Interval(1, mean, np.nan, np.nan, np.nan)
    deviation = float(finite.std(ddof=1))
    half = float(_quantiles(np.asarray([n]))[0]) * deviation / n**0.5
    return Interval(n, mean, deviation, mean - half, mean + half)


def band(curves: Sequence[tuple[np.ndarray, np.ndarray]], x: np.ndarray) -> Band:
    """The mean of curves at the places x (ascending, float64), each curve as (x, value) of float64 (n,), x ascending.

    A curve's points are averaged over the cells between the places, empty cells lie on the line between their
    neighbours, and before its first and after its last point a curve has no part in the mean. Values that are not
    finite are left out.
    """
    rows = np.stack([_on_places(own, value, x) for own, value in curves]) if curves else np.empty((0, len(x)))
    there = np.isfinite(rows)
    n = there.sum(axis=0)
    kept = n > 0
    x, rows, there, n = x[kept], rows[:, kept], there[:, kept], n[kept]
    mean = np.where(there, rows, 0).sum(axis=0) / n
    squares = np.where(there, (rows - mean) ** 2, 0).sum(axis=0)
    several = n > 1
    half = np.zeros(len(n))
    half[several] = _quantiles(n[several]) * np.sqrt(squares[several] / (n[several] - 1) / n[several])
    return Band(x, mean, mean - half, mean + half, n)


def _on_places(own: np.ndarray, value: np.ndarray, x: np.ndarray) -> np.ndarray:
    """A curve at the places, NaN outside of it. float64 (places,)."""
    finite = np.isfinite(value) & np.isfinite(own)
    own, value = own[finite], value[finite]
    if not len(own):
        return np.full(len(x), np.nan)
    if len(x) == 1:
        return np.asarray([value.mean()])
    cell = np.searchsorted((x[1:] + x[:-1]) / 2, own, side="right")
    counts = np.bincount(cell, minlength=len(x))
    sums = np.bincount(cell, weights=value, minlength=len(x))
    filled = counts > 0
    found = np.interp(x, x[filled], sums[filled] / counts[filled])
    first, last = cell.min(), cell.max()
    found[:first] = found[last + 1 :] = np.nan
    return found


def _quantiles(n: np.ndarray) -> np.ndarray:
    """Student's t for two-sided intervals of n values. float64 (n,)."""
    from scipy.stats import t  # slow to import, and few requests need it

    quantiles: np.ndarray = t.ppf(1 - (1 - LEVEL) / 2, np.asarray(n) - 1)
    return quantiles
