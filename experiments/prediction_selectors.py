"""Reads of predictions, each in a constant number of queries."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from django.db.models import Count, QuerySet

from experiments.models import FramePrediction, PredictionSet, Run
from experiments.prediction_arrays import Numbers, read_classes, read_numbers
from scenes.models import Frame, FrameState


@dataclass(frozen=True)
class PredictedScene:
    """A run that predicts in a scene: what it declared, and how many of the scene's frames it covers."""

    run: Run
    predictions: PredictionSet
    frames: int
    with_uncertainty: int


@dataclass(frozen=True)
class FrameDigests:
    """The sha256 of what is kept of a frame's prediction; empty where it gives none."""

    classes: str
    confidence: str
    uncertainty: str
    point_count: int


def prediction_sets_of_scene(scene_id: int, *, run: int | None = None, most: int = 1000) -> list[PredictedScene]:
    """The runs that predict in a scene and are not archived, newest first, in two queries; or the one run, as it is."""
    counts = {"frames": Count("pk"), "unsure": Count("uncertainty_id")}
    rows = FramePrediction.objects.filter(scene=scene_id).order_by()
    sets = PredictionSet.objects.filter(run__archived_at=None)
    if run is not None:
        rows, sets = rows.filter(prediction_set__run=run), PredictionSet.objects.filter(run=run)
    found = {pk: (frames, unsure) for pk, frames, unsure in rows.values_list("prediction_set_id").annotate(**counts)}
    newest = sets.filter(pk__in=found).select_related("run", "ontology").defer("run__failure").order_by("-run_id")
    return [PredictedScene(one.run, one, *found[one.pk]) for one in newest[:most]]


def digests_of(
    predictions: PredictionSet, *, scene_id: int | None = None, frame_ids: Iterable[int] | None = None
) -> dict[int, FrameDigests]:
    """By frame id: the digests of what is kept, of one scene, of some frames, or of all; one query."""
    rows = frames_of(predictions)
    if scene_id is not None:
        rows = rows.filter(scene=scene_id)
    if frame_ids is not None:
        rows = rows.filter(frame__in=list(frame_ids))
    columns = ("frame_id", "classes__digest", "confidence__digest", "uncertainty__digest", "point_count")
    return {
        frame: FrameDigests(classes, confidence or "", uncertainty or "", points)
        for frame, classes, confidence, uncertainty, points in rows.order_by().values_list(*columns)
    }


def frames_of(predictions: PredictionSet) -> QuerySet[FramePrediction]:
    """The frames of a run's predictions with their files, in playing order of each scene."""
    files = ("classes", "confidence", "uncertainty")
    return predictions.frames.select_related("frame", *files).order_by("scene_id", "frame__index")


def scenes_predicted(predictions: PredictionSet) -> dict[int, int]:
    """By scene id: how many of its frames a run predicts; one query."""
    rows = predictions.frames.order_by().values_list("scene_id").annotate(frames=Count("pk"))
    return dict(rows)


def frames_without(predictions: PredictionSet, scene_ids: Iterable[int]) -> dict[int, int]:
    """By scene id: how many ready frames a run does not predict; scenes without any are left out; one query."""
    missing = Frame.objects.filter(scene__in=list(scene_ids), state=FrameState.READY).exclude(
        pk__in=predictions.frames.values("frame_id")
    )
    return dict(missing.order_by().values_list("scene_id").annotate(frames=Count("pk")))


def classes_of(row: FramePrediction) -> npt.NDArray[np.uint8]:
    """The predicted class index of each point, uint8, shape (points,). Raises CloudError when bytes are damaged."""
    return read_classes(row.classes.read(), points=row.point_count)


def confidence_of(row: FramePrediction) -> Numbers | None:
    """The confidence of each point, float16 or float32, shape (points,); None where none was given."""
    return read_numbers(row.confidence.read(), points=row.point_count) if row.confidence else None


def uncertainty_of(row: FramePrediction) -> Numbers | None:
    """The uncertainty of each point, float16 or float32, NaN = none, shape (points,); None where none was given."""
    return read_numbers(row.uncertainty.read(), points=row.point_count) if row.uncertainty else None
