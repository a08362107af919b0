"""Runs side by side: their facts and parameters with what differs, their metrics with the best."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.formats import date_format

from experiments.models import MetricSeries, ParameterKind, Run, RunParameter
from lamm.comparison_choice import BEST, Choice
from lamm.templatetags.formatting import rough_duration

MOST_ROWS = 500
SHOWN_TEXT = 200
LONG_NUMBER = 9


@dataclass(frozen=True)
class Cell:
    """A value of one run. `whole` is the text in full where `text` is cut; `differs` from the baseline, or from
    most of the runs if there is no baseline.
    """

    text: str
    title: str = ""
    whole: str = ""
    differs: bool = False
    missing: bool = False


@dataclass(frozen=True)
class Row:
    key: str
    cells: list[Cell]
    same: bool


@dataclass(frozen=True)
class MetricCell:
    """A metric of one run: its value, whether it is the best, and how far it is from the baseline's.

    `gain` is "better", "worse" or "" where there is no baseline or no difference.
    """

    text: str
    title: str = ""
    best: bool = False
    delta: str = ""
    gain: str = ""


@dataclass(frozen=True)
class MetricRow:
    key: str
    cells: list[MetricCell]
    lower: bool
    judged: bool
    turn: str


def number(value: float | None) -> str:
    """A measured value with up to five digits that matter: 0.08312, 1.204, 3.1e-05, NaN."""
    if value is None:
        return ""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "−∞"  # noqa: RUF001
    return f"{value:.5g}"


def fact_rows(runs: Sequence[Run], baseline: int | None) -> list[Row]:
    """What the runs are, apart from what they were told."""
    facts: dict[str, Callable[[Run], Any]] = {
        "Architecture": lambda run: run.architecture,
        "Dataset": lambda run: run.dataset_version and str(run.dataset_version),
        "Training splits": lambda run: ", ".join(run.train_splits) if run.dataset_version_id else "",
        "Experiment": lambda run: run.experiment.name,
        "Tags": lambda run: ", ".join(sorted(str(tag) for tag in run.tags.all())),
        "Commit": lambda run: run.commit and run.commit[:12] + (" + changes" if run.dirty else ""),
        "Seed": lambda run: run.seed,
        "Duration": lambda run: run.duration and rough_duration(run.duration.total_seconds()),
        "Started": lambda run: run.started_at and date_format(run.started_at, "Y-m-d H:i"),
        "Started by": lambda run: run.started_by.get_full_name() or run.started_by.get_username(),
        "Host": lambda run: run.host,
    }
    rows = [_row(name, [fact(run) for run in runs], runs, baseline) for name, fact in facts.items()]
    return [row for row in rows if not all(cell.missing for cell in row.cells)]


def parameter_rows(
    runs: Sequence[Run], parameters: Mapping[int, Mapping[str, RunParameter]], baseline: int | None
) -> list[Row]:
    """A row for each parameter of any run, at most 500, those that differ first."""
    keys = sorted({key for found in parameters.values() for key in found})
    rows = []
    for key in keys:
        found = [parameters[run.pk].get(key) for run in runs]
        values = [None if one is None else one.text for one in found]
        rows.append(_row(key, values, runs, baseline, [_short(one) for one in found]))
    return sorted(rows, key=lambda row: row.same)[:MOST_ROWS]


def _short(row: RunParameter | None) -> str:
    """A number of many digits in a few; nothing where the text does as it is."""
    long = (
        row is not None and row.kind == ParameterKind.NUMBER and row.number is not None and len(row.text) > LONG_NUMBER
    )
    return f"{row.number:.5g}" if row is not None and long else ""


def _row(key: str, values: Sequence[Any], runs: Sequence[Run], baseline: int | None, shorts: Sequence[str] = ()) -> Row:
    texts = [None if value is None or value == "" else str(value) for value in values]
    usual = Counter(texts).most_common(1)[0][0]
    if baseline is not None:
        usual = texts[[run.pk for run in runs].index(baseline)]
    same = len(set(texts)) == 1
    cells = [
        Cell(
            text=short or (text or "–")[:SHOWN_TEXT],  # noqa: RUF001
            title=text or "",
            whole=text if text and len(text) > SHOWN_TEXT else "",
            differs=not same and text != usual,
            missing=text is None,
        )
        for text, short in zip(texts, shorts or [""] * len(texts), strict=True)
    ]
    return Row(key, cells, same)


def value_of(series: MetricSeries | None, *, lower: bool, kind: str) -> float | None:
    """The last or the best value; None where there is none, NaN only as a last value."""
    if series is None:
        return None
    if kind == BEST:
        return series.minimum if lower else series.maximum
    return series.last_value


def metric_rows(
    runs: Sequence[Run], metrics: Mapping[str, Mapping[int, MetricSeries]], choice: Choice
) -> list[MetricRow]:
    """A row for each metric of any run, at most 500."""
    return [_metric_row(key, series, runs, choice) for key, series in list(metrics.items())[:MOST_ROWS]]


def _metric_row(key: str, series: Mapping[int, MetricSeries], runs: Sequence[Run], choice: Choice) -> MetricRow:
    lower = choice.lower_is_better(key)
    values = [value_of(series.get(run.pk), lower=lower, kind=choice.value) for run in runs]
    finite = [value for value in values if value is not None and math.isfinite(value)]
    judged = choice.is_judged(key)
    best = (min if lower else max)(finite) if judged and len(set(finite)) > 1 else None
    base = value_of(series.get(choice.baseline or 0), lower=lower, kind=choice.value)
    cells = [
        _metric_cell(value, series.get(run.pk), best, base if run.pk != choice.baseline else None, lower, judged)
        for run, value in zip(runs, values, strict=True)
    ]
    return MetricRow(key, cells, lower, judged, choice.with_turned(key))


def _metric_cell(
    value: float | None, series: MetricSeries | None, best: float | None, base: float | None, lower: bool, judged: bool
) -> MetricCell:
    if series is None or value is None:
        return MetricCell("–")  # noqa: RUF001
    title = (
        f"last {number(series.last_value)} at step {series.last_step:,}, min {number(series.minimum)}, "
        f"max {number(series.maximum)}, {series.count:,} points"
    )
    delta, gain = "", ""
    if base is not None and math.isfinite(base) and math.isfinite(value):
        difference = value - base
        delta = f"{difference:+.3g}".replace("-", "−") if difference else "±0"  # noqa: RUF001
        gain = "" if not difference or not judged else "better" if (difference < 0) == lower else "worse"
    return MetricCell(number(value), title, best is not None and value == best, delta, gain)
