"""How well uncertainty ranks errors: risk-coverage and sparsification.

All functions take bins, int64 (bins, 2) with points and wrong points, the most certain first: those of
`distinct_bins` give exact numbers, the 256 of `uncertainty_bins` nearly the same (within 0.04 % on millions of
points). Points of one bin are equally uncertain, so every order among them is as good: numbers are the expectation.

AURC: Geifman & El-Yaniv 2017 (arXiv 1705.08500); E-AURC: Geifman et al. 2019 (arXiv 1805.08206). Sparsification and
AUSE: Ilg et al. 2018 (arXiv 1802.07095), the error of a point being 1 where it is wrong and 0 where it is right.
"""

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
Curve = npt.NDArray[np.float64]
EULER = 0.57721566490153286061
EXACT_HARMONIC = 64


def aurc(bins: Counts) -> float:
    """The mean, over all coverages k/n, of the share of wrong points among the k most certain; NaN without points.

    Within a bin of n points with w wrong, after N with W: sum of (W + j w/n) / (N + j) for j = 1..n, in closed form.
    """
    filled = bins[bins[:, 0] > 0].astype(np.float64)
    if not len(filled):
        return float("nan")
    points, wrong = filled.T
    ends, faults = np.cumsum(points), np.cumsum(wrong)
    before, faults_before = ends - points, faults - wrong
    rate = wrong / points
    area = rate * points + (faults_before - rate * before) * (_harmonic(ends) - _harmonic(before))
    return float(area.sum() / ends[-1])


def _harmonic(n: Curve) -> Curve:
    """1 + 1/2 + ... + 1/n of each, within 1e-12 (Euler-Maclaurin beyond 64)."""
    small = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, EXACT_HARMONIC + 1))])
    large = np.maximum(n, EXACT_HARMONIC)
    series = np.log(large) + EULER + 1 / (2 * large) - 1 / (12 * large**2) + 1 / (120 * large**4)
    return np.where(n <= EXACT_HARMONIC, small[np.minimum(n, EXACT_HARMONIC).astype(np.int64)], series)


def optimal_aurc(bins: Counts) -> float:
    """AURC of the best order: all right points before the wrong ones."""
    points, wrong = bins.sum(axis=0)
    return aurc(np.array([[points - wrong, 0], [wrong, wrong]], np.int64))


def e_aurc(bins: Counts) -> float:
    """AURC beyond that of the best order; 0 when errors are ranked perfectly."""
    return aurc(bins) - optimal_aurc(bins)


def error_rate(bins: Counts) -> float:
    """The share of wrong points; NaN without points."""
    points, wrong = bins.sum(axis=0)
    return float(wrong / points) if points else float("nan")


def ause(bins: Counts) -> float:
    """The area between the sparsification curve and the oracle's, both starting at 1; NaN when nothing is wrong.

    With errors of 0 and 1 the remaining error is the risk at that coverage, so that AUSE = E-AURC / error rate.
    """
    rate = error_rate(bins)
    return e_aurc(bins) / rate if rate > 0 else float("nan")


def risk_coverage(bins: Counts) -> tuple[Curve, Curve]:
    """Coverage 0..1 and the share of wrong points among those covered, at the end of each filled bin."""
    filled = bins[bins[:, 0] > 0]
    points, wrong = np.cumsum(filled, axis=0).T
    return points / points[-1:], wrong / points


def sparsification(bins: Counts) -> tuple[Curve, Curve, Curve]:
    """Fraction removed (ascending from 0), the remaining error, and the oracle's; errors relative to that of all.

    At the end of each filled bin, so that something always remains. The curves are NaN when nothing is wrong.
    """
    coverage, risk = risk_coverage(bins)
    if not len(coverage):
        return coverage, risk, risk
    points, wrong = bins.sum(axis=0)
    kept = coverage * points
    oracle = np.maximum(kept - (points - wrong), 0) / kept
    whole = risk[-1] if risk[-1] > 0 else np.nan
    return 1 - coverage[::-1], risk[::-1] / whole, oracle[::-1] / whole
