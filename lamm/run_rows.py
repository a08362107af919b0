"""Runs as the tracker draws them: the values of the chosen columns, progress, the best of a column, the distance to a
baseline, and the server's own evaluation where there is one."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Case, Exists, OuterRef, Q, Value, When
from django.utils import timezone

from experiments.evaluation_selectors import evaluations_of
from experiments.models import (
    Artifact,
    ContaminationState,
    MetricSeries,
    Run,
    RunEvaluation,
    RunParameter,
    RunStatus,
    RunTag,
)
from experiments.run_conditions import SUMMARIES
from experiments.run_fields import METRIC, PARAMETER
from experiments.run_figures import HIGH
from experiments.run_listing import RunValues, run_values
from lamm.run_artifacts import MODEL_WORDS, MODELS
from lamm.run_columns import Column, Layout
from lamm.training_runs import run_page
from scenes.models import SemanticClass

SMALLEST_CHANGE = 0.00005  # smaller ones would read as 0.0000


@dataclass
class Cell:
    """What a row says in a column. `number` is what is compared; `better` says whether the change from the baseline is
    one for the better; `source` is "server" for figures of the server's own evaluation."""

    column: Column
    text: str = ""
    title: str = ""
    number: float | None = None
    best: bool = False
    change: str = ""
    better: bool | None = None
    source: str = ""
    contaminated: bool = False


@dataclass
class RunRow:
    """A run with everything that a row of the tracker says of it."""

    run: Run
    url: str
    cells: list[Cell]
    model: Artifact | None = None
    baseline: bool = False
    may_write: bool = False
    now: datetime = field(default_factory=timezone.now)

    @property
    def active(self) -> bool:
        return not self.run.ended

    @property
    def share(self) -> float | None:
        """How much of the run is done, 0 to 1, where it says so."""
        done, total = self.run.steps_done, self.run.steps_total
        return min(1.0, done / total) if done is not None and total else None

    @property
    def percent(self) -> int | None:
        return None if self.share is None else math.floor(100 * self.share)

    @property
    def seconds(self) -> float | None:
        duration = self.run.duration
        return None if duration is None else duration.total_seconds()

    @property
    def seconds_left(self) -> float | None:
        """How long it goes on at the pace so far."""
        if not self.share or self.seconds is None or self.run.status != RunStatus.RUNNING:
            return None
        return self.seconds * (1 - self.share) / self.share

    @property
    def silence(self) -> float | None:
        """Seconds since the last sign of life."""
        seen = self.run.heartbeat_at
        return None if seen is None else max(0.0, (self.now - seen).total_seconds())

    @property
    def tags(self) -> list[Any]:
        return list(self.run.tags.all())


def run_rows(
    runs: Sequence[Run], shown: Layout, *, baseline: Run | None = None, writable: frozenset[int] = frozenset()
) -> list[RunRow]:
    """The rows of these runs, in up to five queries for any number of them; the baseline need not be among them."""
    everyone = [*runs, *([baseline] if baseline and baseline.pk not in {run.pk for run in runs} else [])]
    ids = [run.pk for run in everyone]
    facts = _facts(ids, shown)
    models = model_artifacts(ids) if shown.shows("model") else {}
    rows = {
        run.pk: RunRow(
            run,
            run_page(run.pk),
            [_cell(run, column, facts) for column in shown.columns],
            models.get(run.pk),
            baseline is not None and run.pk == baseline.pk,
            run.pk in writable,
        )
        for run in everyone
    }
    if baseline is not None:
        for row in rows.values():
            _compare(row, rows[baseline.pk])
    _mark_best([rows[run.pk] for run in runs])
    found = [rows[run.pk] for run in runs]
    if baseline is not None:
        return [rows[baseline.pk], *(row for row in found if not row.baseline)]
    return found


def model_artifacts(run_ids: Sequence[int]) -> dict[int, Artifact]:
    """By run id: the artifact that is its model, by the rule of run_artifacts.model_artifact; one query."""
    tagged = Exists(RunTag.objects.filter(run=OuterRef("run"), key="model_path", value=OuterRef("path")))
    likely = Q(tagged)
    for ending in MODELS:
        likely |= Q(path__iendswith=ending)
    words = [When(path__icontains=word, then=Value(place)) for place, word in enumerate(MODEL_WORDS, start=1)]
    rank = Case(When(tagged, then=Value(0)), *words, default=Value(len(MODEL_WORDS) + 1))
    found = Artifact.objects.filter(likely, run__in=run_ids).select_related("file")
    return {row.run_id: row for row in found.order_by("run_id", rank, "path").distinct("run_id")}


@dataclass(frozen=True)
class _Facts:
    values: RunValues
    evaluations: Mapping[int, RunEvaluation]
    classes: Mapping[tuple[int, str], int]


def _facts(ids: list[int], shown: Layout) -> _Facts:
    names = {column.figure.class_name for column in shown.columns if column.figure and column.figure.class_name}
    evaluations = evaluations_of(ids) if names else {}
    classes: dict[tuple[int, str], int] = {}
    if evaluations:
        ontologies = {evaluation.ontology_id for evaluation in evaluations.values()}
        rows = SemanticClass.objects.filter(ontology__in=ontologies).values_list("ontology", "name", "index")
        classes = {(ontology, name.lower()): index for ontology, name, index in rows}
    return _Facts(run_values(ids, shown.fields), evaluations, classes)


def _cell(run: Run, column: Column, facts: _Facts) -> Cell:
    if column.kind == "fact":
        return Cell(column)
    kind = column.fields[0].kind
    if kind == METRIC:
        return _evaluated(run, column, facts) or _metric(column, facts.values.metrics[run.pk])
    if kind == PARAMETER:
        return _parameter(column, facts.values.parameters[run.pk])
    key = column.fields[0].key
    tag = next((tag for tag in run.tags.all() if tag.key == key), None)
    return Cell(column, "" if tag is None else tag.value or "yes")


def _evaluated(run: Run, column: Column, facts: _Facts) -> Cell | None:
    """The server's own figure goes before what the script reported."""
    evaluation = facts.evaluations.get(run.pk)
    if evaluation is None or column.figure is None or not column.figure.class_name:
        return None
    index = facts.classes.get((evaluation.ontology_id, column.figure.class_name))
    value = evaluation.ious[index] if index is not None and index < len(evaluation.ious) else None
    if value is None:
        return None
    reported = _metric(column, facts.values.metrics[run.pk])
    words = [f"Computed by LAMM on {evaluation.dataset_version}, {', '.join(evaluation.splits)}: {value!r}"]
    if reported.text:
        words.append(f"Reported by the run as {reported.text}")
    contaminated = evaluation.contamination == ContaminationState.CONTAMINATED
    if contaminated:
        words.append("Contaminated: the run trained on evaluated scenes, or on their drives")
    if evaluation.outdated_at:
        words.append(f"Outdated: {evaluation.outdated_reason}")
    title = "\n".join(words)
    return Cell(column, figure_text(value), title, value, source="server", contaminated=contaminated)


def _metric(column: Column, metrics: Mapping[str, MetricSeries]) -> Cell:
    for wanted in column.fields:
        series = metrics.get(wanted.key)
        if series is None:
            continue
        value = getattr(series, SUMMARIES[wanted.aggregate])
        if value is None:
            return Cell(column)
        at = f", step {series.last_step:,}" if wanted.aggregate == "last" and series.last_step is not None else ""
        others = f"; lowest {figure_text(series.minimum)}, highest {figure_text(series.maximum)}"
        return Cell(column, figure_text(value), f"{wanted.key} = {value!r}{at}{others}", value)
    return Cell(column)


def _parameter(column: Column, parameters: Mapping[str, RunParameter]) -> Cell:
    row = parameters.get(column.fields[0].key)
    if row is None:
        return Cell(column)
    text = row.text if len(row.text) <= 40 else row.text[:39] + "\N{HORIZONTAL ELLIPSIS}"
    return Cell(column, text, row.text, row.number)


def figure_text(value: float | None) -> str:
    """A metric in about five digits: 0.7312, 12.04, 1.2e-05, 5.1e+08."""
    if value is None:
        return ""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "\N{INFINITY}" if value > 0 else "\N{MINUS SIGN}\N{INFINITY}"
    size = abs(value)
    if size and not 0.001 <= size < 1_000_000:
        return f"{value:.2e}"
    return f"{value:,.4f}" if size < 10 else f"{value:,.2f}" if size < 10_000 else f"{value:,.0f}"


def _compare(row: RunRow, baseline: RunRow) -> None:
    """The distance of each number to the baseline's."""
    if row is baseline:
        return
    for cell, base in zip(row.cells, baseline.cells, strict=True):
        if cell.number is None or base.number is None or not math.isfinite(cell.number - base.number):
            continue
        change = cell.number - base.number
        sign = "+" if change > 0 else "\N{MINUS SIGN}" if change < 0 else "\N{PLUS-MINUS SIGN}"
        fine = SMALLEST_CHANGE <= abs(change) < 10
        cell.change = f"{sign}{(f'{abs(change):.4f}' if fine else figure_text(abs(change))) if change else '0'}"
        if change and cell.column.better:
            cell.better = (change > 0) == (cell.column.better == HIGH)


def _mark_best(rows: Sequence[RunRow]) -> None:
    """Mark the best value of each column whose direction is known, where they differ. Contaminated ones don't count."""
    for place in range(len(rows[0].cells) if rows else 0):
        cells = [row.cells[place] for row in rows]
        found = [one.number for one in cells if one.number is not None and math.isfinite(one.number)]
        way = cells[0].column.better
        counted = [c for c in cells if c.number in found and not c.contaminated] if way else []
        if len({cell.number for cell in counted}) < 2:
            continue
        best = (max if way == HIGH else min)(cell.number for cell in counted if cell.number is not None)
        for cell in counted:
            cell.best = cell.number == best
