"""Arrays with a value for each point of a frame: checked, kept by content, and rolled up to the frame's scores."""

from dataclasses import dataclass

import numpy as np
from django.contrib.auth.models import User
from django.db import transaction

from experiments.prediction_arrays import NPY, Given, kept_numbers, uncertainty_numbers
from scenes import storage
from scenes.clouds.cloud import CloudError
from scenes.errors import ConflictError, RefusedError
from scenes.models import Frame, FrameState, StoredFile
from uncertainty import scores
from uncertainty.models import Evaluation, PointScores
from uncertainty.places import frame_counts
from uncertainty.services.access import open_draft
from uncertainty.services.recording import record_frame_scores


@dataclass(frozen=True)
class RecordedPoints:
    """The sha256 of the kept array, the frame's score by each aggregator, and whether the array is new."""

    digest: str
    aggregates: dict[str, float]
    new: bool


@transaction.atomic
def record_points(
    *, evaluation: Evaluation, frame: int, values: Given, by: User, kind: str = NPY, replace: bool = False
) -> RecordedPoints:
    """Take the value of each point of a frame into a draft: the viewer's overlay, and the frame's score follow from it.

    `values` are .npy bytes, bytes of `kind` ("float16", "float32", little endian), or an array (points,); NaN where a
    point has none. The same bytes again change nothing, others raise ConflictError unless `replace`. Raises
    RefusedError naming the frame: it is not in the split or not ready, the count is not that of its points, a value
    lies outside of the range.
    """
    draft = open_draft(evaluation, by=by)
    row = _frame(draft, frame)
    checked = _checked(draft, row, values, kind)
    kept = StoredFile.objects.row_for(storage.save_bytes(kept_numbers(checked), storage=storage.ORIGINALS))
    aggregates = _aggregates(draft, checked)
    known = PointScores.objects.select_for_update().filter(evaluation=draft, frame=row).first()
    if known is not None and known.values_id != kept.pk and not replace:
        raise ConflictError(
            f"Frame {row.name} ({row.pk}) has other values already. Say `replace` to correct them.", frame=row.pk
        )
    told = RecordedPoints(kept.digest, dict(zip(scores.AGGREGATORS, aggregates, strict=True)), known is None)
    if known is not None and known.values_id == kept.pk:
        return told
    facts = {"values": kept, "point_count": row.point_count, "aggregates": aggregates, "scene_id": row.scene_id}
    PointScores.objects.update_or_create(evaluation=draft, frame=row, defaults=facts)
    score = np.array([told.aggregates[draft.aggregator]], np.float32)
    record_frame_scores(evaluation=draft, frames=np.array([row.pk]), scores=score, by=by, replace=True)
    return told


def _frame(evaluation: Evaluation, number: int) -> Frame:
    frame = Frame.objects.select_related("scene").filter(pk=number).first()
    if frame is None:
        raise RefusedError(f"There is no frame {number}.", field="frame")
    if frame.scene_id not in frame_counts(evaluation, [frame.scene_id]):
        raise RefusedError(
            f"Frame {frame.name} ({number}) of scene {frame.scene.name} is not in {evaluation.target}.", field="frame"
        )
    if frame.state != FrameState.READY:
        raise RefusedError(
            f"Frame {frame.name} ({number}) is {frame.get_state_display().lower()}, not ready.", field="frame"
        )
    return frame


def _checked(evaluation: Evaluation, frame: Frame, values: Given, kind: str) -> scores.Array:
    try:
        return uncertainty_numbers(
            values, kind=kind, points=frame.point_count, low=evaluation.low, high=evaluation.high
        )
    except CloudError as error:
        raise RefusedError(f"Frame {frame.name} ({frame.pk}): {error}", field="frame", frame=frame.pk) from error


def _aggregates(evaluation: Evaluation, values: scores.Array) -> list[float]:
    """By AGGREGATORS; values that rounding carried over the end of the range count as that end."""
    within = np.clip(values.astype(np.float64), evaluation.low, evaluation.high)
    threshold = scores.DEFAULT_THRESHOLD if evaluation.threshold is None else evaluation.threshold
    return [float(one) for one in scores.aggregate(within, threshold=threshold)]
