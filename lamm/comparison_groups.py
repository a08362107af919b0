"""Runs in groups: by a parameter, a tag, the architecture or the dataset, each with its mean and interval."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from experiments import charts
from experiments.groups import Band, Interval, band, interval
from experiments.models import MetricSeries, Run, RunParameter
from lamm.comparison_choice import Choice
from lamm.comparison_tables import number, value_of

PARAMETER, TAG = "param:", "tag:"
NONE_SAID = "(none)"
ATTRIBUTES = {"architecture": "Architecture", "dataset": "Dataset", "experiment": "Experiment"}
NAME_SHOWN = 60


@dataclass(frozen=True)
class Group:
    """Runs that agree in what they are grouped by."""

    name: str
    runs: list[Run]

    @property
    def n(self) -> int:
        return len(self.runs)


@dataclass(frozen=True)
class GroupRow:
    """A metric over the groups: text and interval of each, and which has the best mean."""

    key: str
    lower: bool
    cells: list[tuple[Interval, str, str, bool]]


def grouped_by(by: str, runs: Sequence[Run], parameters: Mapping[int, Mapping[str, RunParameter]]) -> list[Group]:
    """The groups in the order of their names, numbers by size; no group if nobody understands `by`."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        value = _value(by, run, parameters[run.pk])
        if value is None:
            return []
        found.setdefault(value[:NAME_SHOWN], []).append(run)
    return [Group(name, found[name]) for name in sorted(found, key=_in_order)]


def _value(by: str, run: Run, parameters: Mapping[str, RunParameter]) -> str | None:
    if by.startswith(PARAMETER):
        row = parameters.get(by.removeprefix(PARAMETER))
        return row.text or NONE_SAID if row else NONE_SAID
    if by.startswith(TAG):
        texts = [tag.value or "yes" for tag in run.tags.all() if tag.key == by.removeprefix(TAG)]
        return texts[0] if texts else NONE_SAID
    told = {
        "architecture": run.architecture,
        "dataset": str(run.dataset_version) if run.dataset_version else "",
        "experiment": run.experiment.name,
    }
    return told[by] or NONE_SAID if by in told else None


def _in_order(name: str) -> tuple[float, str]:
    try:
        return (float(name), name)
    except ValueError:
        return (float("inf"), name)


def ways_to_group(
    runs: Sequence[Run], parameters: Mapping[int, Mapping[str, RunParameter]]
) -> list[tuple[str, list[tuple[str, str]]]]:
    """What the runs may be grouped by: (heading, [(value, label)]), only what makes more than one group."""
    keys = sorted({key for found in parameters.values() for key in found})
    tags = sorted({tag.key for run in runs for tag in run.tags.all()})
    wishes = [
        ("Attributes", list(ATTRIBUTES.items())),
        ("Parameters", [(f"{PARAMETER}{key}", key) for key in keys]),
        ("Tags", [(f"{TAG}{key}", key) for key in tags]),
    ]
    several = [
        (heading, [(by, label) for by, label in ways if 1 < len(grouped_by(by, runs, parameters)) < len(runs)])
        for heading, ways in wishes
    ]
    return [(heading, ways) for heading, ways in several if ways]


def group_rows(
    groups: Sequence[Group], keys: Sequence[str], metrics: Mapping[str, Mapping[int, MetricSeries]], choice: Choice
) -> list[GroupRow]:
    """Mean and interval of each metric in each group."""
    rows = []
    for key in keys:
        lower = choice.lower_is_better(key)
        found = []
        for group in groups:
            values = [value_of(metrics[key].get(run.pk), lower=lower, kind=choice.value) for run in group.runs]
            found.append(interval([value for value in values if value is not None]))
        means = [one.mean for one in found if one.n]
        best = (min if lower else max)(means) if choice.is_judged(key) and len(set(means)) > 1 else None
        cells = [(one, *_words(one), one.n > 0 and one.mean == best) for one in found]
        rows.append(GroupRow(key, lower, cells))
    return rows


def _words(found: Interval) -> tuple[str, str]:
    if not found.n:
        return "–", "no run has a value"  # noqa: RUF001
    if found.n == 1:
        return number(found.mean), "one run: no interval"
    title = f"95 % from {number(found.low)} to {number(found.high)}, standard deviation {number(found.deviation)}"
    return _rounded(found), title


def _rounded(found: Interval) -> str:
    """Mean and half width, both with as many decimals as the half width has that matter: 0.523 ± 0.092."""
    if not 1e-6 < found.half < 1e6:
        return f"{number(found.mean)} ± {number(found.half)}"
    decimals = max(0, 1 - math.floor(math.log10(found.half)))
    return f"{found.mean:,.{decimals}f} ± {found.half:,.{decimals}f}"


def bands(
    groups: Sequence[Group], series: Sequence[MetricSeries], window: charts.Window
) -> list[tuple[Group, str, Band]]:
    """The mean curve of each group and key with its interval, on common places along x.

    Curves of long series are means of the smallest and greatest value of each part, as charts draw them.
    """
    curves = charts.curves(series, window)
    ends = [(x[0], x[-1]) for x in (_x(curve, window.by) for curve in curves) if len(x)]
    if not ends:
        return []
    first, last = min(low for low, _ in ends), max(high for _, high in ends)
    places = np.unique(np.linspace(first, last, max(2, min(window.points // 2, 400))).round())
    found = []
    for key in dict.fromkeys(one.key for one in series):
        by_run = {one.series.run_id: (_x(one, window.by), one.value) for one in curves if one.series.key == key}
        for group in groups:
            own = [by_run[run.pk] for run in group.runs if run.pk in by_run]
            if own:
                found.append((group, key, band(own, places)))
    return found


def _x(curve: charts.Curve, by: str) -> np.ndarray:
    return (curve.step if by == charts.STEP else curve.timestamp).astype(np.float64)
