"""What makes the numbers of an evaluation trusted or not: contamination, other numbers of the trainer, newer facts."""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from datasets.models import Item, Split
from experiments.evaluation_figures import Figures, classes_of, figures_of, scene_rows
from experiments.models import (
    ContaminationState,
    FramePrediction,
    FrameSums,
    LabelChoice,
    MetricSeries,
    Run,
    RunEvaluation,
    SceneSums,
)
from experiments.selectors import lineage
from scenes.models import LabelSet, Scene

TOLERANCE = 0.005


@dataclass(frozen=True)
class Contamination:
    """Whether what was evaluated had been trained on, by the run or by one that it resumed from.

    Attributes:
        clean: it is known that nothing was.
        known: every run of the lineage says what it trained on, or there is contamination all the same.
        scenes: evaluated scenes that were in a training split.
        drives: drives of evaluated scenes that had a scene in a training split.
        drive_scenes: evaluated scenes of those drives.
        runs: ids of the runs that trained on them; where it is not known, of those that do not say.
    """

    state: str
    scenes: int
    drives: int
    drive_scenes: int
    runs: list[int]

    @property
    def clean(self) -> bool:
        return self.state == ContaminationState.CLEAN

    @property
    def known(self) -> bool:
        return self.state != ContaminationState.UNKNOWN

    @property
    def sentence(self) -> str:
        """The fact in words."""
        runs = ", ".join(f"run-{pk}" for pk in self.runs)
        if self.clean:
            return "Clean: no evaluated scene, and none of its drives, was trained on."
        if not self.known:
            return f"Unknown: {runs} does not say which dataset version it trained on."
        scenes = f"{self.scenes:,} evaluated scene{'s were' if self.scenes != 1 else ' was'} trained on"
        drives = f"{self.drives:,} drive{'s' if self.drives != 1 else ''} with {self.drive_scenes:,} evaluated scenes"
        return f"Contaminated: {scenes}; {drives} had scenes in training. By {runs}."


def contamination(evaluation: RunEvaluation) -> Contamination:
    """The fact as it was found when the evaluation was made; no query."""
    return Contamination(
        evaluation.contamination,
        evaluation.trained_scenes,
        evaluation.trained_drives,
        evaluation.trained_drive_scenes,
        list(evaluation.trained_by),
    )


def found_contamination(run: Run, scenes: Iterable[int]) -> Contamination:
    """What of these evaluated scenes was trained on, by a run or by any that it resumed from.

    A scene was trained on when it was in a training split of such a run's dataset version. Three queries for each run
    of the lineage at most.
    """
    evaluated = list(scenes)
    own = dict(Scene.objects.filter(pk__in=evaluated).values_list("pk", "drive"))
    drives = {drive for drive in own.values() if drive is not None}
    trained_scenes: set[int] = set()
    trained_drives: set[int] = set()
    guilty, silent = [], []
    for one in [run, *lineage(run)]:
        if one.dataset_version_id is None:
            silent.append(one.pk)
            continue
        items = Item.objects.filter(version=one.dataset_version_id, split__in=one.train_splits).order_by()
        met = set(items.filter(scene__in=evaluated).values_list("scene", flat=True))
        met_drives = set(items.filter(scene__drive__in=drives).values_list("scene__drive", flat=True))
        if met or met_drives:
            guilty.append(one.pk)
        trained_scenes |= met
        trained_drives |= met_drives
    beside = sum(drive in trained_drives for drive in own.values())
    if guilty:
        state = ContaminationState.CONTAMINATED
    else:
        state = ContaminationState.UNKNOWN if silent else ContaminationState.CLEAN
    return Contamination(state, len(trained_scenes), len(trained_drives), beside, guilty or silent)


@dataclass(frozen=True)
class Mismatch:
    """A number that the trainer reported last and the server computed otherwise, beyond the tolerance."""

    key: str
    what: str
    reported: float
    computed: float
    tolerance: float

    @property
    def sentence(self) -> str:
        return (
            f"{self.what}: the run reports {self.reported:.4f} as {self.key}, the server computed {self.computed:.4f}."
        )


PREFIXES = {"val": Split.VAL, "valid": Split.VAL, "validation": Split.VAL, "eval": "", "test": Split.TEST}
WHOLES = {
    "miou": "miou",
    "mean_iou": "miou",
    "iou": "miou",
    "iou_mean": "miou",
    "fwiou": "fwiou",
    "fw_iou": "fwiou",
    "accuracy": "accuracy",
    "acc": "accuracy",
    "overall_accuracy": "accuracy",
    "ece": "ece",
}
BY_CLASS = {"iou": "iou", "precision": "precision", "recall": "recall"}
MOST_KEYS = 2000


def mismatches(evaluation: RunEvaluation, *, tolerance: float = TOLERANCE) -> list[Mismatch]:
    """Metrics of the run whose last value differs from what the server computed by more than `tolerance`.

    Keys are read without regard to case, with "/", ".", "-" and spaces as "_". A first word val, valid, validation or
    test says which split is meant; eval or none means the whole. What follows is miou (mean_iou, iou), fwiou, accuracy
    (acc), ece, or iou, precision or recall with the name of a class before or after it. Values above 1 and up to 100
    are percentages. Any other key, such as train/miou, says nothing of the evaluation.
    """
    series = MetricSeries.objects.filter(run=evaluation.run_id).order_by("key")
    known: dict[str, Figures] = {}
    found = []
    for key, last in series.values_list("key", "last_value")[:MOST_KEYS]:
        meant = _meant(key, evaluation)
        if meant is None or last is None or not math.isfinite(last):
            continue
        split, name, words = meant
        figures = known.get(split) or known.setdefault(split, _figures(evaluation, split))
        computed = _computed(figures, name, words)
        reported = last / 100 if 1 < last <= 100 else last
        if computed is not None and abs(reported - computed) > tolerance:
            what = name if not words else f"{name} of {words}"
            found.append(Mismatch(key, what, reported, computed, tolerance))
    return found


def _words(text: str) -> str:
    return re.sub(r"[\W_]+", "_", text.lower()).strip("_")


def _meant(key: str, evaluation: RunEvaluation) -> tuple[str, str, str] | None:
    """The split ("" for the whole), the number and the class ("" for all) that a key means; None when it means none."""
    words = _words(key)
    first, _, rest = words.partition("_")
    split = ""
    if first in PREFIXES and rest:
        split, words = PREFIXES[first], rest
        if split and split not in evaluation.splits:
            return None
    if words in WHOLES:
        return _whole(split, evaluation), WHOLES[words], ""
    for word, number in BY_CLASS.items():
        if words.startswith(f"{word}_"):
            return _whole(split, evaluation), number, words.removeprefix(f"{word}_")
        if words.endswith(f"_{word}"):
            return _whole(split, evaluation), number, words.removesuffix(f"_{word}")
    return None


def _whole(split: str, evaluation: RunEvaluation) -> str:
    return "" if evaluation.splits == [split] else split


def _figures(evaluation: RunEvaluation, split: str) -> Figures:
    return figures_of(evaluation, scene_rows(evaluation, split=split), classes_of(evaluation), band=None)


def _computed(figures: Figures, name: str, words: str) -> float | None:
    if not words:
        value: float | None = getattr(figures, name)
        return value
    indices = [entry["index"] for entry in figures.classes if _words(entry["name"]) == words]
    values: list[float | None] = getattr(figures, name)
    return values[indices[0]] if indices and indices[0] < len(values) else None


def newer_labels(evaluation: RunEvaluation) -> QuerySet[SceneSums]:
    """The evaluated scenes of which a newer label set of the same ontology is there than the one that was used."""
    sets = LabelSet.objects.filter(scene=OuterRef("scene"), ontology=evaluation.ontology_id).order_by("-pk")
    rows = SceneSums.objects.filter(evaluation=evaluation.pk).order_by()
    return rows.annotate(newest=Subquery(sets.values("pk")[:1])).filter(newest__gt=Coalesce(F("label_set"), 0))


def other_predictions(evaluation: RunEvaluation) -> int:
    """How many compared frames have other predicted classes by now, and how many were predicted since it began."""
    given = FramePrediction.objects.filter(prediction_set__run=evaluation.run_id).order_by()
    used = FrameSums.objects.filter(evaluation=evaluation.pk, frame=OuterRef("frame"))
    compared = given.annotate(used=Subquery(used.values("predictions_digest")[:1]))
    replaced = compared.filter(used__isnull=False).exclude(used=F("classes__digest")).count()
    scenes = SceneSums.objects.filter(evaluation=evaluation.pk).values("scene")
    late = compared.filter(used=None, scene__in=scenes, recorded_at__gt=evaluation.started_at or evaluation.created_at)
    return replaced + late.count()


def outdated_sentence(evaluation: RunEvaluation) -> str:
    """Why an evaluation is outdated, with counts as they are now; empty when it is not. For one page, not for lists."""
    if not evaluation.outdated:
        return ""
    parts = list(_outdated_parts(evaluation))
    return f"Outdated: {'; '.join(parts) or evaluation.outdated_reason.rstrip('.')}. Compute it again."


def _outdated_parts(evaluation: RunEvaluation) -> Iterator[str]:
    if scenes := newer_labels(evaluation).count():
        used = "the ones it used" if evaluation.labels == LabelChoice.NEWEST else "the pinned ones"
        yield f"{scenes:,} scene{'s have' if scenes != 1 else ' has'} newer labels than {used}"
    if frames := other_predictions(evaluation):
        yield f"{frames:,} frame{'s have' if frames != 1 else ' has'} other predictions now"
