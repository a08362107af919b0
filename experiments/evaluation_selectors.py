"""Reads of evaluations: figures of any split, slice, tag, range band or scenes, each from stored sums alone.

Changing the rule or the choice of scenes reads rows of SceneSums and adds them up; no point file is opened.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import F

from datasets.models import SliceItem
from experiments import metrics
from experiments.evaluation_figures import (
    COLUMNS,
    ClassFacts,
    Counts,
    Figures,
    Sums,
    classes_of,
    figures_from,
    figures_of,
    left_out,
    scene_rows,
)
from experiments.evaluation_frames import (
    ConfusedFrame,
    DiffFrame,
    EvaluationDiff,
    FrameFigures,
    evaluation_diff,
    frame_figures,
    frames_with_confusion,
)
from experiments.evaluation_trust import (
    Contamination,
    Mismatch,
    contamination,
    mismatches,
    outdated_sentence,
)
from experiments.models import Run, RunEvaluation
from scenes.errors import RefusedError
from scenes.models import SceneTag

__all__ = [
    "BY",
    "ClassFacts",
    "ConfusedFrame",
    "Contamination",
    "Counts",
    "DiffFrame",
    "EvaluationDiff",
    "Figures",
    "FrameFigures",
    "Mismatch",
    "SceneFigures",
    "classes_of",
    "contamination",
    "evaluation_diff",
    "evaluations_of",
    "figures",
    "figures_by",
    "frame_figures",
    "frames_with_confusion",
    "latest_evaluation",
    "left_out",
    "mismatches",
    "outdated_sentence",
    "range_band_names",
    "scene_figures",
    "scene_rows",
]
BY = ("tag", "slice", "split", "range", "class")
# So many confusions are in memory at once while scenes are sorted by their classes.
SCENES_AT_ONCE = 5000


def latest_evaluation(run: Run | int) -> RunEvaluation | None:
    """The newest finished evaluation of a run; None without one."""
    pk = run if isinstance(run, int) else run.pk
    return evaluations_of([pk]).get(pk)


def evaluations_of(runs: Iterable[Run | int]) -> dict[int, RunEvaluation]:
    """By run id: the newest finished evaluation of each run that has one; one query."""
    ids = [run if isinstance(run, int) else run.pk for run in runs]
    found = RunEvaluation.objects.for_listing().filter(run__in=ids).newest_done()
    return {evaluation.run_id: evaluation for evaluation in found}


def figures(
    evaluation: RunEvaluation,
    *,
    rule: str = "",
    split: str = "",
    slice: str = "",  # noqa: A002 - the word of datasets
    tag: str = "",
    range_band: int | None = None,
    scenes: Iterable[int] | None = None,
) -> Figures:
    """The figures of the whole, or of the scenes in a split, in a slice, with a tag, with these ids; of a range band.

    `rule` is the evaluation's own unless given; band i reaches from edge i-1 to edge i. Two queries whatever the
    number of scenes. Raises RefusedError for an unknown rule or band.
    """
    rows = scene_rows(evaluation, split=split, slice=slice, tag=tag, scenes=scenes)
    return figures_of(evaluation, rows, classes_of(evaluation), rule=rule, band=range_band)


def figures_by(
    evaluation: RunEvaluation, by: str, *, rule: str = "", split: str = "", most: int = 100
) -> list[tuple[str, Figures]]:
    """Figures by tag, slice, split, range band or class, each with its name; three queries.

    By class: of the scenes in which the class truly occurs, as their points are what the class is judged on. The
    `most` tags with the most points. Raises RefusedError for another word.
    """
    if by not in BY:
        raise RefusedError(f"by: {by[:40]!r} is unknown. Use {', '.join(BY)}.", field="by")
    classes = classes_of(evaluation)
    rows = scene_rows(evaluation, split=split)
    if by == "range":
        names = enumerate(range_band_names(evaluation))
        parts = [(name, figures_of(evaluation, rows, classes, rule=rule, band=band)) for band, name in names]
        return [(name, part) for name, part in parts if part.points]
    found = {row[0]: row[1:] for row in rows.values_list("scene_id", *COLUMNS)}
    groups = _groups(evaluation, by, rows, found, classes)
    largest = sorted(groups.items(), key=lambda group: -sum(found[scene][3] for scene in group[1]))[:most]
    return [
        (name, figures_from(evaluation, Sums.of([found[scene] for scene in scenes]), classes, rule=rule))
        for name, scenes in (sorted(largest) if by != "class" else largest)
    ]


def _groups(
    evaluation: RunEvaluation, by: str, rows: Any, found: dict[int, Any], classes: list[ClassFacts]
) -> dict[str, list[int]]:
    """The ids of evaluated scenes by the name of what they have in common."""
    pairs: Iterable[tuple[str, int]]
    if by == "tag":
        links = SceneTag.objects.filter(content_object__in=rows.values("scene")).order_by()
        pairs = links.values_list("tag__name", "content_object")
    elif by == "slice":
        links = SliceItem.objects.filter(slice__version=evaluation.dataset_version_id).order_by()
        pairs = links.values_list("slice__name", "item__scene")
    elif by == "split":
        pairs = rows.values_list("split", "scene")
    else:
        pairs = _by_class(evaluation, found, classes)
    groups: dict[str, list[int]] = defaultdict(list)
    for name, scene in pairs:
        if scene in found:
            groups[name].append(scene)
    return groups


def _by_class(evaluation: RunEvaluation, found: dict[int, Any], classes: list[ClassFacts]) -> Iterable[tuple[str, int]]:
    """(class, scene) for each counted class that truly occurs in a scene."""
    counted = [entry for entry in classes if not entry["ignored"]]
    scenes, size = list(found), evaluation.class_count
    for start in range(0, len(scenes), SCENES_AT_ONCE):
        some = scenes[start : start + SCENES_AT_ONCE]
        occurs = metrics.stacked([found[scene][0] for scene in some], (size, size)).sum(axis=2)
        for place, scene in enumerate(some):
            yield from ((entry["name"], scene) for entry in counted if occurs[place, entry["index"]])


def range_band_names(evaluation: RunEvaluation) -> list[str]:
    """A name for each range band, nearest first: 0-10 m; the last is that of points without a position."""
    edges = [f"{edge:g}" for edge in evaluation.range_edges]
    starts = ["0", *edges]
    return [f"{low}-{high} m" for low, high in zip(starts, edges, strict=False)] + [
        f"from {starts[-1]} m",
        "no position",
    ]


@dataclass(frozen=True)
class SceneFigures:
    """A scene of an evaluation; `iou` by class index, None where there is none. `label_set` is the one it used."""

    scene: int
    name: str
    split: str
    frames: int
    points: int
    miou: float | None
    iou: list[float | None]
    accuracy: float | None
    label_set: int | None
    frames_missing: int


def scene_figures(
    evaluation: RunEvaluation,
    *,
    split: str = "",
    slice: str = "",  # noqa: A002
    tag: str = "",
    order: str = "worst",
    offset: int = 0,
    limit: int = 50,
) -> list[SceneFigures]:
    """The evaluated scenes under the evaluation's rule: worst or best first by mIoU, or worst first by "class:<index>".

    Scenes without the number come last. One query. Raises RefusedError for another order.
    """
    rows = scene_rows(evaluation, split=split, slice=slice, tag=tag).filter(frames__gt=0)
    if order in ("worst", "best"):
        key = F("miou").asc(nulls_last=True) if order == "worst" else F("miou").desc(nulls_last=True)
    else:
        word, _, index = order.partition(":")
        if word != "class" or not index.isdigit() or int(index) >= evaluation.class_count:
            raise RefusedError(f"order: {order[:40]!r} is unknown. Use worst, best or class:<index>.", field="order")
        key = F(f"ious__{int(index)}").asc(nulls_last=True)
    missing = F("without_prediction") + F("without_labels") + F("not_fitting")
    columns = ("scene_id", "scene__name", "split", "frames", "points", "miou", "ious", "accuracy", "label_set_id")
    found = rows.annotate(missing=missing).order_by(key, "scene_id").values_list(*columns, "missing")
    return [SceneFigures(*row) for row in found[offset : offset + limit]]
