"""The server's evaluations of several runs side by side: by class, slice, split, tag or range band."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from experiments.evaluation_selectors import evaluations_of, figures, figures_by
from experiments.models import Run, RunEvaluation
from lamm.comparison_choice import Choice

WAYS = {"class": "IoU by class", "slice": "mIoU by slice", "split": "by split", "tag": "by tag", "range": "by range"}
MOST_ROWS = 100


@dataclass(frozen=True)
class EvaluationColumn:
    """One run's evaluation. `faults` tells why its numbers can't be held against the others'."""

    run: Run
    evaluation: RunEvaluation | None
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class RateCell:
    """A rate of one run, 0..1 or None; `delta` against the baseline, or None."""

    rate: float | None
    best: bool = False
    delta: float | None = None


@dataclass(frozen=True)
class RateRow:
    name: str
    cells: list[RateCell]
    colour: str = ""


@dataclass(frozen=True)
class ComparedEvaluations:
    columns: list[EvaluationColumn]
    rows: list[RateRow]
    by: str
    reference: str

    @property
    def ways(self) -> dict[str, str]:
        return WAYS

    @property
    def any(self) -> bool:
        return any(column.evaluation for column in self.columns)

    @property
    def faulty(self) -> list[EvaluationColumn]:
        return [column for column in self.columns if column.faults]


def compared_evaluations(runs: Sequence[Run], choice: Choice) -> ComparedEvaluations:
    """The newest finished evaluation of each run, its rates by what `by` of the address says.

    The baseline's evaluation, else the first there is, is what the others must agree with in dataset version, splits,
    labels and rule to be comparable; those that do not are named.
    """
    found = evaluations_of(runs)
    reference = found.get(choice.baseline or 0) or next((found[run.pk] for run in runs if run.pk in found), None)
    columns = [_column(run, found.get(run.pk), reference) for run in runs]
    by = choice.parameters.get("by", "class")
    by = by if by in WAYS else "class"
    rates = {pk: _rates(evaluation, by) for pk, evaluation in found.items()}
    names = list(dict.fromkeys(name for run in runs for name in rates.get(run.pk, {})))[:MOST_ROWS]
    comparable = {column.run.pk for column in columns if column.evaluation and not column.faults}
    colours = {entry: colour for own in rates.values() for entry, (_, colour) in own.items()}
    rows = [
        RateRow(
            name,
            _cells([rates.get(run.pk, {}).get(name, (None, ""))[0] for run in runs], runs, comparable, choice.baseline),
            colours.get(name, ""),
        )
        for name in names
    ]
    return ComparedEvaluations(columns, rows, by, _facts(reference) if reference else "")


def _column(run: Run, evaluation: RunEvaluation | None, reference: RunEvaluation | None) -> EvaluationColumn:
    faults: list[str] = []
    if evaluation is not None and reference is not None:
        checks = {
            "another dataset version": (evaluation.dataset_version_id, reference.dataset_version_id),
            "other splits": (sorted(evaluation.splits), sorted(reference.splits)),
            "other classes": (evaluation.ontology_id, reference.ontology_id),
            "another rule": (evaluation.rule, reference.rule),
            "other labels": (evaluation.labels, reference.labels),
        }
        faults = [words for words, (own, other) in checks.items() if own != other]
    return EvaluationColumn(run, evaluation, faults)


def _facts(evaluation: RunEvaluation) -> str:
    splits = ", ".join(evaluation.splits)
    return f"{evaluation.dataset_version}, {splits}, rule {evaluation.get_rule_display()}"


def _rates(evaluation: RunEvaluation, by: str) -> dict[str, tuple[float | None, str]]:
    """By name: the rate and a colour or ""."""
    if by != "class":
        return {"all": (figures(evaluation).miou, "")} | {
            name: (part.miou, "") for name, part in figures_by(evaluation, by, most=MOST_ROWS)
        }
    whole = figures(evaluation)
    classes = [entry for entry in whole.classes if not entry["ignored"]]
    return {"mIoU": (whole.miou, "")} | {
        entry["name"]: (whole.iou[entry["index"]], str(entry["colour"])) for entry in classes
    }


def _cells(
    rates: Sequence[float | None], runs: Sequence[Run], comparable: set[int], baseline: int | None
) -> list[RateCell]:
    """The best among those that may be compared, and the distance to the baseline."""
    fair = [rate for rate, run in zip(rates, runs, strict=True) if rate is not None and run.pk in comparable]
    best = max(fair) if len(set(fair)) > 1 else None
    base = next((rate for rate, run in zip(rates, runs, strict=True) if run.pk == baseline), None)
    return [
        RateCell(
            rate,
            best=rate is not None and rate == best and run.pk in comparable,
            delta=rate - base
            if rate is not None and base is not None and run.pk != baseline and run.pk in comparable
            else None,
        )
        for rate, run in zip(rates, runs, strict=True)
    ]
