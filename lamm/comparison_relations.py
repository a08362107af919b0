"""How parameters and metrics of runs hang together: rows for parallel axes and scatters, importance of parameters."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.importance import Importance, Value, importance
from experiments.models import MetricSeries, Run, RunParameter
from experiments.selectors import parameters_of, series_of
from lamm.comparison_choice import Choice
from lamm.comparison_tables import value_of

MOST_AXES = 40
# Importance over an experiment reads so many of its newest runs.
MOST_RUNS = 500
COMPARED, EXPERIMENT = "compared", "experiment"


def plain(row: RunParameter | None) -> Value:
    """A parameter as a number where it is one, else as text."""
    if row is None:
        return None
    return row.number if row.number is not None else row.text


def axes(
    runs: Sequence[Run],
    parameters: Mapping[int, Mapping[str, RunParameter]],
    metrics: Mapping[str, Mapping[int, MetricSeries]],
    choice: Choice,
) -> list[dict[str, Any]]:
    """What may stand on an axis, at most 40: parameters that differ, then metrics; one value a run or None."""
    found: list[dict[str, Any]] = []
    for key in sorted({key for own in parameters.values() for key in own}):
        values = [plain(parameters[run.pk].get(key)) for run in runs]
        if len(set(values)) > 1:
            found.append({"key": key, "kind": "parameter", "values": _alike(values)})
    told = []
    for key, series in metrics.items():
        lower = choice.lower_is_better(key)
        numbers = [value_of(series.get(run.pk), lower=lower, kind=choice.value) for run in runs]
        finite = [value if value is not None and math.isfinite(value) else None for value in numbers]
        told.append({"key": key, "kind": "metric", "lower": lower, "values": finite})
    return found[: max(MOST_AXES // 2, MOST_AXES - len(told))] + told[: max(MOST_AXES // 2, MOST_AXES - len(found))]


def _alike(values: list[Value]) -> list[Value]:
    """All numbers or all texts: an axis can't be both."""
    if any(isinstance(value, str) for value in values):
        return [None if value is None else value[:60] if isinstance(value, str) else f"{value:g}" for value in values]
    return values


def importance_of(runs: Sequence[Run], key: str, *, over: str, choice: Choice) -> Importance:
    """What a metric depends on: over the compared runs, or the newest 500 of their experiments; four queries."""
    ids = [run.pk for run in runs]
    if over == EXPERIMENT:
        wider = Run.objects.filter(experiment__in={run.experiment_id for run in runs}, archived_at=None)
        ids = list(wider.order_by("-pk").values_list("pk", flat=True)[:MOST_RUNS])
    lower = choice.lower_is_better(key)
    values = {one.run_id: value_of(one, lower=lower, kind=choice.value) for one in series_of(ids, [key])}
    known = {pk: value for pk, value in values.items() if value is not None}
    rows = parameters_of(list(known))
    told = [{name: plain(row) for name, row in rows[pk].items()} for pk in known]
    return importance(told, list(known.values()))
