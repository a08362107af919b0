"""What the server knew of a run when a version was registered from it: figures by class, slice, split and tag.

The figures are those of the run's newest evaluation on the server; what the trainer reported stands apart.
"""

from dataclasses import dataclass, field
from typing import Any

from experiments import evaluation_selectors as evaluations
from experiments.models import Run, RunEvaluation
from experiments.selectors import summaries
from experiments.serializers import json_number

# Splits, slices and tags are bounded so that a version stays a row that lists can read.
MOST_PARTS = 100
MOST_REPORTED = 200
RATES = ("miou", "fwiou", "accuracy", "ece", "mce", "aurc", "ause")
PARTS = ("slice", "split", "tag")


@dataclass(frozen=True)
class Snapshot:
    """The document as it is kept in ModelVersion.metrics, and the figures that lists sort by."""

    document: dict[str, Any] = field(default_factory=dict)
    miou: float | None = None
    ece: float | None = None
    ause: float | None = None
    contaminated: bool | None = None


def take(run: Run | None) -> Snapshot:
    """The figures of now; a run that was not evaluated has only what it reported.

    The document: `evaluation`, `dataset`, `dataset_version`, `splits`, `rule`, `outdated`, `contamination` ({"state",
    "scenes", "drives", "runs"}), `overall` (RATES with points, frames, scenes), `classes` ([{"name", "colour",
    "iou", "precision", "recall", "support"}]), `slice`, `split`, `tag` (lists of {"name", RATES..., "ious": by name of
    class}) and `reported` (last values by metric key). Rates are None where there is none.
    """
    if run is None:
        return Snapshot()
    document: dict[str, Any] = {"reported": _reported(run)}
    evaluation = evaluations.latest_evaluation(run)
    if evaluation is None:
        return Snapshot(document)
    figures = evaluations.figures(evaluation)
    document |= _facts(evaluation) | {"overall": _rates(figures), "classes": _classes(figures)}
    for part in PARTS:
        found = evaluations.figures_by(evaluation, part)[:MOST_PARTS]
        document[part] = [{"name": name, **_rates(one), "ious": _ious(one)} for name, one in found]
    contaminated = {"clean": False, "contaminated": True}.get(evaluation.contamination)
    return Snapshot(document, figures.miou, figures.ece, figures.ause, contaminated)


def _facts(evaluation: RunEvaluation) -> dict[str, Any]:
    return {
        "evaluation": evaluation.pk,
        "dataset": str(evaluation.dataset_version),
        "dataset_version": evaluation.dataset_version_id,
        "splits": list(evaluation.splits),
        "rule": evaluation.rule,
        "outdated": evaluation.outdated,
        "contamination": {
            "state": evaluation.contamination,
            "scenes": evaluation.trained_scenes,
            "drives": evaluation.trained_drives,
            "runs": list(evaluation.trained_by),
        },
    }


def _rates(figures: evaluations.Figures) -> dict[str, Any]:
    counts = {"points": figures.points, "frames": figures.frames, "scenes": figures.scenes}
    return {name: getattr(figures, name) for name in RATES} | counts


def _classes(figures: evaluations.Figures) -> list[dict[str, Any]]:
    """The classes that were seen in truth or predictions, ignored ones left out."""
    found = []
    for kind in figures.classes:
        index = kind["index"]
        if kind["ignored"] or index >= len(figures.iou) or figures.iou[index] is None:
            continue
        found.append(
            {
                "name": kind["name"],
                "colour": kind["colour"],
                "iou": figures.iou[index],
                "precision": figures.precision[index],
                "recall": figures.recall[index],
                "support": int(figures.support[index]),
            }
        )
    return found


def _ious(figures: evaluations.Figures) -> dict[str, float]:
    named = ((kind["name"], figures.of_class(kind["index"])) for kind in figures.classes if not kind["ignored"])
    return {name: iou for name, iou in named if iou is not None}


def _reported(run: Run) -> dict[str, Any]:
    series = summaries([run])[run.pk]
    return {key: json_number(row.last_value) for key, row in list(series.items())[:MOST_REPORTED]}
