"""Which parameters a metric depends on, over some runs. Pure NumPy with scikit-learn and SciPy.

Importance: a random forest learns the metric from the parameters; the importance of a parameter is how much worse the
forest becomes when its column is shuffled (permutation importance, Breiman 2001, "Random Forests"), as a share of all.
It knows interactions and says nothing of the direction. Correlation: Spearman's rank correlation of a numeric parameter
with the metric; it knows the direction and sees monotonic dependence only. `fit` is the forest's R2 on runs that a tree
did not see (out of bag): at or below zero it has learned nothing, and the shares mean nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Value = float | str | None
FEWEST_RUNS, FEWEST_FOR_TRUST, MOST_PARAMETERS = 8, 25, 100
TREES, REPEATS, SEED = 150, 10, 0
_MISSING = -1.0


@dataclass(frozen=True)
class ParameterImportance:
    """One parameter: its share of the importance (0..1), rank correlation (-1..1) or None, number of its values."""

    key: str
    share: float
    correlation: float | None
    values: int
    runs: int


@dataclass(frozen=True)
class Importance:
    """What was found over so many runs, most important first. `problem` says why nothing could be found."""

    parameters: list[ParameterImportance]
    runs: int
    fit: float | None = None
    problem: str = ""
    constant: int = 0

    @property
    def warning(self) -> str:
        """What to keep in mind when reading the shares."""
        if self.fit is not None and self.fit <= 0:
            return "The forest predicts unseen runs no better than their mean would: these shares are noise."
        if self.runs < FEWEST_FOR_TRUST:
            return f"Only {self.runs} runs: read this as a hint. From about {FEWEST_FOR_TRUST} on it can be relied on."
        return ""


def importance(parameters: Sequence[Mapping[str, Value]], metric: Sequence[float]) -> Importance:
    """How much each parameter matters for a metric; one mapping and one value a run, NaN and infinities left out.

    Parameters that are the same in all runs can't be judged; `constant` counts them. A missing parameter counts as
    a value of its own. At most 100 parameters are judged, those with the fewest values first.
    """
    target = np.asarray(metric, np.float64)
    kept = np.flatnonzero(np.isfinite(target)).tolist()
    rows, target = [parameters[place] for place in kept], target[kept]
    keys = sorted({key for row in rows for key in row})
    varied = [key for key in keys if len({row.get(key) for row in rows}) > 1]
    constant = len(keys) - len(varied)
    problem = _problem(len(rows), target, varied)
    if problem:
        return Importance([], len(rows), problem=problem, constant=constant)
    varied = sorted(varied, key=lambda key: (len({row.get(key) for row in rows}), key))[:MOST_PARAMETERS]
    columns = np.column_stack([_column([row.get(key) for row in rows]) for key in varied])
    shares, fit = _forest(columns, target)
    found = [
        ParameterImportance(key, float(share), *_seen([row.get(key) for row in rows], target))
        for key, share in zip(varied, shares, strict=True)
    ]
    found.sort(key=lambda one: (-one.share, one.key))
    return Importance(found, len(rows), fit=fit, constant=constant)


def _problem(runs: int, target: np.ndarray, varied: list[str]) -> str:
    if runs < FEWEST_RUNS:
        return f"{runs} of these runs have the metric. From {FEWEST_RUNS} on, importance can be estimated."
    if np.ptp(target) == 0:
        return "The metric is the same in all runs: there is nothing to explain."
    if not varied:
        return "Every parameter is the same in all runs: nothing can explain the difference."
    return ""


def _column(values: list[Value]) -> np.ndarray:
    """A parameter as numbers: numbers as they are, texts by their place in the alphabet. float64 (runs,)."""
    texts = sorted({value for value in values if isinstance(value, str)})
    numbers = [value for value in values if value is not None and not isinstance(value, str)]
    above = max(numbers, default=0.0) + 1
    missing = min(numbers, default=0.0) + _MISSING
    places = {text: above + place for place, text in enumerate(texts)}
    return np.asarray(
        [missing if value is None else places[value] if isinstance(value, str) else value for value in values],
        np.float64,
    )


def _forest(columns: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float]:
    """The shares of the columns, float64 (columns,), and R2 out of bag."""
    from sklearn.ensemble import RandomForestRegressor  # slow to import, and few requests need it
    from sklearn.inspection import permutation_importance

    forest = RandomForestRegressor(TREES, max_features=0.6, oob_score=True, random_state=SEED, n_jobs=1)
    forest.fit(columns, target)
    worse = permutation_importance(forest, columns, target, n_repeats=REPEATS, random_state=SEED, n_jobs=1)
    losses = np.clip(worse.importances_mean, 0, None)
    total = losses.sum()
    return (losses / total if total > 0 else losses), float(forest.oob_score_)


def _seen(values: list[Value], target: np.ndarray) -> tuple[float | None, int, int]:
    """Rank correlation where the parameter is a number, how many values it has, and in how many runs."""
    numeric = [place for place, value in enumerate(values) if isinstance(value, int | float)]
    there = sum(value is not None for value in values)
    different = len({value for value in values if value is not None})
    own = np.asarray([values[place] for place in numeric], np.float64)
    if len(numeric) < there or len(numeric) < 4 or np.ptp(own) == 0 or np.ptp(target[numeric]) == 0:
        return None, different, there
    from scipy.stats import spearmanr

    return float(spearmanr(own, target[numeric]).statistic), different, there
