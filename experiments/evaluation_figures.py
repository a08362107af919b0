"""Figures from stored sums: which rows are meant, and every rate that follows from their sum."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db.models import QuerySet

from datasets.models import Item
from experiments import metrics
from experiments.models import EvaluationRule, RunEvaluation, SceneSums
from scenes.errors import RefusedError
from scenes.models import SceneTag, SemanticClass

Counts = npt.NDArray[np.int64]
ClassFacts = dict[str, Any]
CONFIDENCE_SHAPE = (-1, metrics.CONFIDENCE_BINS, metrics.CONFIDENCE_SUMS)
UNCERTAINTY_SHAPE = (metrics.UNCERTAINTY_BINS, 2)


@dataclass(frozen=True, eq=False)
class Figures:
    """What a set of frames says of a run, under one rule; everything follows from `confusion` and the bins.

    Attributes:
        confusion: int64 (K, K), rows = truth; K is one more than the largest class index.
        classes: {"index", "name", "colour", "ignored"} of the ontology, by index.
        rule: semantic-kitti, nuscenes or mmdet3d.
        iou, precision, recall: by class index (K,); None for ignored classes and where there is none.
        support: counted true points by class index (K,).
        miou, fwiou, accuracy: None when nothing is counted.
        ece, mce: of the confidence of the points whose truth is not ignored; None without confidence.
        aurc, e_aurc, ause: of the uncertainty; None without one, `ause` also when nothing is wrong.
        points: all compared ones, those of ignored classes included.
    """

    confusion: Counts
    classes: list[ClassFacts]
    rule: str
    iou: list[float | None]
    precision: list[float | None]
    recall: list[float | None]
    support: list[int]
    miou: float | None
    fwiou: float | None
    accuracy: float | None
    ece: float | None
    mce: float | None
    aurc: float | None
    e_aurc: float | None
    ause: float | None
    points: int
    frames: int
    scenes: int
    confidence: npt.NDArray[np.float64] | None = None
    uncertainty: Counts | None = None

    def of_class(self, index: int) -> float | None:
        """The IoU of a class; None when it has none."""
        return self.iou[index] if 0 <= index < len(self.iou) else None


def classes_of(evaluation: RunEvaluation) -> list[ClassFacts]:
    """The classes of the evaluation's ontology by index; one query."""
    rows = SemanticClass.objects.filter(ontology=evaluation.ontology_id).order_by("index")
    return [dict(row) for row in rows.values("index", "name", "colour", "ignored")]


def left_out(classes: Sequence[ClassFacts], count: int) -> list[int]:
    """The indices below `count` that no rate is computed of: ignored classes, and those that are no class."""
    used = {entry["index"] for entry in classes if not entry["ignored"]}
    return [index for index in range(count) if index not in used]


def checked_rule(evaluation: RunEvaluation, rule: str) -> str:
    """The rule that is meant: the evaluation's own when none is said. Raises RefusedError for an unknown one."""
    if rule and rule not in EvaluationRule.values:
        raise RefusedError(f"rule: {rule[:40]!r} is unknown. Use {', '.join(EvaluationRule.values)}.", field="rule")
    return rule or evaluation.rule


def scene_rows(
    evaluation: RunEvaluation,
    *,
    split: str = "",
    slice: str = "",  # noqa: A002 - the word of datasets
    tag: str = "",
    scenes: Iterable[int] | None = None,
) -> QuerySet[SceneSums]:
    """The sums of the scenes in a split, in a slice of the dataset version, with a tag, with these ids."""
    rows = SceneSums.objects.filter(evaluation=evaluation.pk).order_by()
    if split:
        rows = rows.filter(split=split)
    if slice:
        version = evaluation.dataset_version_id
        members = Item.objects.filter(slice_links__slice__name=slice, slice_links__slice__version=version)
        rows = rows.filter(scene__in=members.filter(version=version).values("scene"))
    if tag:
        rows = rows.filter(scene__in=SceneTag.objects.filter(tag__name=tag).values("content_object"))
    return rows if scenes is None else rows.filter(scene__in=list(scenes))


@dataclass(frozen=True, eq=False)
class Sums:
    """The rows of some scenes or frames, as columns; `banded` where the confusions are by range band."""

    confusions: list[bytes]
    confidences: list[bytes]
    uncertainties: list[bytes]
    points: int
    frames: int
    scenes: int

    @classmethod
    def of(cls, rows: Sequence[Sequence[Any]]) -> "Sums":
        """Rows of (confusion, confidence, uncertainty, points, frames)."""
        if not rows:
            return cls([], [], [], 0, 0, 0)
        confusions, confidences, uncertainties, points, frames = zip(*rows, strict=True)
        given = [list(filter(None, column)) for column in (confusions, confidences, uncertainties)]
        return cls(given[0], given[1], given[2], sum(points), sum(frames), len(rows))


COLUMNS = ("confusion", "confidence", "uncertainty", "points", "frames")


def figures_of(
    evaluation: RunEvaluation, rows: QuerySet[SceneSums], classes: list[ClassFacts], *, rule: str = "", band: int | None
) -> Figures:
    """The figures of scenes; of those of their points in a range band. One query."""
    if band is None:
        return figures_from(evaluation, Sums.of(list(rows.values_list(*COLUMNS))), classes, rule=rule)
    bands = band_count(evaluation)
    if not 0 <= band < bands:
        raise RefusedError(f"range_band: {band} is not within 0..{bands - 1}.", field="range_band")
    found = list(rows.exclude(bands=b"").values_list("bands", "frames"))
    size = evaluation.class_count
    counts = metrics.from_records([row[0] for row in found], (bands, size, size))[band]
    sums = Sums([metrics.to_records(counts)], [], [], int(counts.sum()), sum(row[1] for row in found), len(found))
    return figures_from(evaluation, sums, classes, rule=rule)


def band_count(evaluation: RunEvaluation) -> int:
    """How many range bands there are; the last is that of points without a finite position."""
    return len(evaluation.range_edges) + 2


def figures_from(evaluation: RunEvaluation, sums: Sums, classes: list[ClassFacts], *, rule: str = "") -> Figures:
    """Every rate that follows from the sums, under a rule (the evaluation's own unless given)."""
    rule = checked_rule(evaluation, rule)
    size = evaluation.class_count
    counts = metrics.from_records(sums.confusions, (size, size))
    ignored = left_out(classes, size)
    confidence = uncertainty = None
    if sums.confidences:
        confidence = np.frombuffer(b"".join(sums.confidences), np.float64).reshape(CONFIDENCE_SHAPE).sum(axis=0)
    if sums.uncertainties:
        uncertainty = metrics.from_records(sums.uncertainties, UNCERTAINTY_SHAPE)
    ece, mce = metrics.ece_mce(confidence) if confidence is not None else (math.nan, math.nan)
    ranked = uncertainty if uncertainty is not None else np.zeros(UNCERTAINTY_SHAPE, np.int64)
    rates = {
        "miou": metrics.miou(counts, rule, ignored),
        "fwiou": metrics.fwiou(counts, rule, ignored),
        "accuracy": metrics.accuracy(counts, rule, ignored),
        "ece": ece,
        "mce": mce,
        "aurc": metrics.aurc(ranked),
        "e_aurc": metrics.e_aurc(ranked),
        "ause": metrics.ause(ranked),
    }
    return Figures(
        confusion=counts,
        classes=classes,
        rule=rule,
        iou=or_none(metrics.iou(counts, rule, ignored)),
        precision=or_none(metrics.precision(counts, rule, ignored)),
        recall=or_none(metrics.recall(counts, rule, ignored)),
        support=metrics.support(counts, rule, ignored).tolist(),
        **{name: None if math.isnan(value) else value for name, value in rates.items()},
        points=sums.points,
        frames=sums.frames,
        scenes=sums.scenes,
        confidence=confidence,
        uncertainty=uncertainty,
    )


def or_none(values: npt.NDArray[np.float64]) -> list[float | None]:
    """Numbers as JSON and arrays of the database know them: None instead of NaN."""
    return [None if math.isnan(value) else value for value in values.tolist()]
