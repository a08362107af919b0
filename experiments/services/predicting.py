"""Predictions: recorded in batches of frames, each batch whole or not at all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from experiments import prediction_arrays as arrays
from experiments.models import FramePrediction, PredictionSet, Run, RunStatus
from experiments.prediction_arrays import ArrayKinds, check_size
from experiments.services.access import check_writer, open_run
from experiments.services.running import note_life
from scenes import storage
from scenes.clouds.cloud import CloudError
from scenes.errors import ConflictError, RefusedError, TooLargeError
from scenes.labelling import ClassTable
from scenes.models import Frame, FrameState, StoredFile

MOST_FRAMES = 1000
FIELDS = ("classes", "confidence", "uncertainty")
# What may wait in memory for the disk.
MOST_WAITING_BYTES = 64 * 1024**2
DECLARED = ("ontology_id", "measure", "unit", "low", "high")


@dataclass(frozen=True)
class LateArray:
    """An array that is still on its way: its size in bytes, and how to read it when its turn comes."""

    size: int
    read: Callable[[], bytes]


Given = bytes | np.ndarray | LateArray


@dataclass(frozen=True)
class GivenPrediction:
    """What is said of one frame: arrays of as many values as its file has points, in their order.

    Bytes lie as the batch's ArrayKinds declare; arrays are integers, and float16 or float32. Late arrays are read in
    the order frame by frame, classes, confidence, uncertainty.
    """

    frame_id: int
    classes: Given
    confidence: Given | None = None
    uncertainty: Given | None = None


@dataclass(frozen=True)
class RecordedPredictions:
    """So many frames of a batch were new, were there already with the same bytes, or were replaced."""

    stored: int
    already: int
    replaced: int = 0


@dataclass(frozen=True)
class _Checked:
    """A good prediction of a frame, its bytes being kept and not yet in the database."""

    frame: Frame
    files: dict[str, storage.StoredBytes | None]
    counts: list[int]


def record_predictions(
    *,
    run: Run,
    batch: Sequence[GivenPrediction],
    by: User,
    claim: str = "",
    kinds: ArrayKinds | None = None,
    replace: bool = False,
) -> RecordedPredictions:
    """Keep the predictions of some frames, all or none. The same bytes again change nothing.

    Sizes are checked before the first late array is read, and one frame is in memory at a time. Raises RefusedError
    that names frame and field (a count that is not the frame's, an id that the ontology does not know, a value beyond
    its range), ConflictError when a frame is there with other bytes and `replace` is not said, or the run is queued or
    archived. What is replaced is audited.
    """
    check_writer(run, by)
    kinds = kinds or ArrayKinds()
    declared = PredictionSet.objects.filter(run=run).select_related("ontology").first()
    if declared is None:
        raise RefusedError(f"{run} has not said what it predicts. Declare its ontology first.", field="ontology")
    frames = _frames(batch, declared, kinds)
    with storage.BackgroundWrites() as writes:
        checker = _Checker(declared, kinds, writes)
        checked = [checker.check(given, frames[given.frame_id]) for given in batch]
        writes.settle()
    return _write(run, declared, checked, by=by, claim=claim, replace=replace)


def _frames(batch: Sequence[GivenPrediction], declared: PredictionSet, kinds: ArrayKinds) -> dict[int, Frame]:
    """The frames of a batch by id, once nothing that is known without reading speaks against it."""
    if len(batch) > MOST_FRAMES:
        raise TooLargeError(f"{len(batch):,} frames, {MOST_FRAMES:,} a call are allowed. Send them in several.")
    columns = ("name", "state", "point_count", "scene__name")
    frames = Frame.objects.select_related("scene").only(*columns).in_bulk([given.frame_id for given in batch])
    seen: set[int] = set()
    for given in batch:
        frame = frames.get(given.frame_id)
        if frame is None:
            raise RefusedError(f"There is no frame {given.frame_id}. Take ids from /api/frames/.", frame=given.frame_id)
        if given.frame_id in seen:
            raise RefusedError(f"{_named(frame)} is there twice. Give it once a batch.", frame=frame.pk)
        seen.add(given.frame_id)
        if frame.state != FrameState.READY:
            state = frame.get_state_display().lower()
            raise RefusedError(f"{_named(frame)} is {state}. Predict it once it is ready.", frame=frame.pk)
        if given.uncertainty is not None and not declared.measure:
            raise RefusedError(
                f"{_named(frame)}: uncertainty is given, but not what it measures. Declare its measure first.",
                frame=frame.pk,
                field="uncertainty",
            )
        _check_sizes(given, frame, kinds)
    return frames


def _check_sizes(given: GivenPrediction, frame: Frame, kinds: ArrayKinds) -> None:
    for field in FIELDS:
        array = getattr(given, field)
        if isinstance(array, LateArray):
            try:
                check_size(array.size, kind=getattr(kinds, field), points=frame.point_count, field=field)
            except CloudError as error:
                raise _refusal(frame, error) from error


def _named(frame: Frame) -> str:
    return f"Frame {frame.name} ({frame.pk}) of scene {frame.scene.name}"


def _refusal(frame: Frame, error: CloudError) -> RefusedError:
    words = f"{_named(frame)}: {error.field}: {error.reason}. {error.remedy}"
    return RefusedError(words, frame=frame.pk, field=error.field)


class _Checker:
    """Checks frame by frame, and keeps what is good while the next one is checked."""

    def __init__(self, declared: PredictionSet, kinds: ArrayKinds, writes: storage.BackgroundWrites) -> None:
        table = ClassTable.of(declared.ontology)
        self._raw_ids, self._total = table.indices, table.total
        self._known = {index: index for index in declared.ontology.classes.values_list("index", flat=True)}
        self._ends = (declared.low or 0.0, declared.high or 0.0)
        self._kinds, self._writes, self._waiting = kinds, writes, 0

    def check(self, given: GivenPrediction, frame: Frame) -> _Checked:
        points, kinds = frame.point_count, self._kinds
        files: dict[str, storage.StoredBytes | None] = dict.fromkeys(FIELDS)
        try:
            indices = arrays.class_indices(
                _read(given.classes), kind=kinds.classes, points=points, known=self._known, raw_ids=self._raw_ids
            )
            files["classes"] = self._keep(arrays.kept_classes(indices))
            if given.confidence is not None:
                sure = arrays.confidence_numbers(_read(given.confidence), kind=kinds.confidence, points=points)
                files["confidence"] = self._keep(arrays.kept_numbers(sure))
            if given.uncertainty is not None:
                low, high = self._ends
                unsure = arrays.uncertainty_numbers(
                    _read(given.uncertainty), kind=kinds.uncertainty, points=points, low=low, high=high
                )
                files["uncertainty"] = self._keep(arrays.kept_numbers(unsure))
        except CloudError as error:
            raise _refusal(frame, error) from error
        return _Checked(frame, files, np.bincount(indices, minlength=self._total).tolist())

    def _keep(self, data: bytes) -> storage.StoredBytes:
        """Originals: what a trainer computed can't be rebuilt here, unlike display files."""
        self._waiting += len(data)
        if self._waiting > MOST_WAITING_BYTES:
            self._writes.settle()
            self._waiting = 0
        return self._writes.save(data, storage=storage.ORIGINALS)


def _read(given: Given) -> bytes | np.ndarray:
    return given.read() if isinstance(given, LateArray) else given


@transaction.atomic
def _write(
    run: Run, declared: PredictionSet, checked: list[_Checked], *, by: User, claim: str, replace: bool
) -> RecordedPredictions:
    run = open_run(run, by=by, claim=claim)
    if run.status == RunStatus.QUEUED:
        raise ConflictError(f"{run} is queued. Start or claim it first.", status=run.status)
    present = PredictionSet.objects.get(pk=declared.pk)
    if [getattr(present, name) for name in DECLARED] != [getattr(declared, name) for name in DECLARED]:
        raise ConflictError(f"What {run} predicts was declared otherwise meanwhile. Send the batch again.")
    kept = StoredFile.objects.rows_for(file for one in checked for file in one.files.values() if file)
    there = _there(present, checked)
    now = timezone.now()
    new, other = [], []
    for one in checked:
        facts = _facts(one, kept, by, now)
        row = there.get(one.frame.pk)
        if row is None:
            new.append(FramePrediction(prediction_set=present, scene_id=one.frame.scene_id, frame=one.frame, **facts))
        elif _differing(row, facts):
            other.append((row, facts))
    if other and not replace:
        raise _conflict(run, *other[0])
    FramePrediction.objects.bulk_create(new, batch_size=500)
    _replace(other, by=by)
    note_life(run)
    return RecordedPredictions(len(new), len(checked) - len(new) - len(other), len(other))


def _there(present: PredictionSet, checked: list[_Checked]) -> dict[int, FramePrediction]:
    rows = present.frames.filter(frame__in=[one.frame.pk for one in checked])
    return {row.frame_id: row for row in rows.select_related("frame__scene", "recorded_by", *FIELDS)}


def _facts(one: _Checked, kept: dict[storage.StoredBytes, StoredFile], by: User, now: datetime) -> dict[str, Any]:
    files = {field: kept[file] if file else None for field, file in one.files.items()}
    return {
        **files,
        "point_count": one.frame.point_count,
        "class_counts": one.counts,
        "recorded_by": by,
        "recorded_at": now,
    }


def _differing(row: FramePrediction, facts: dict[str, Any]) -> list[str]:
    return [field for field in FIELDS if getattr(row, field) != facts[field]]


def _conflict(run: Run, row: FramePrediction, facts: dict[str, Any]) -> ConflictError:
    fields = _differing(row, facts)
    return ConflictError(
        f"{_named(row.frame)}: {run} predicted it already, with other {' and '.join(fields)}. "
        "Log to another run, or say replace to have these instead; evaluations of the others are then outdated.",
        frame=row.frame_id,
        field=fields[0],
    )


def _replace(other: list[tuple[FramePrediction, dict[str, Any]]], *, by: User) -> None:
    """Give rows other bytes. Their history begins with what they were, and names what went."""
    rows = [row for row, _ in other]
    told = set(FramePrediction.history.filter(id__in=[row.pk for row in rows]).values_list("id", flat=True))
    for row in rows:
        row._history_date, row._history_user = row.recorded_at, row.recorded_by  # type: ignore[attr-defined]
    untold = [row for row in rows if row.pk not in told]
    FramePrediction.history.bulk_history_create(untold, default_change_reason="Recorded")
    for row, facts in other:
        gone = [f"{field} {old}" for field in _differing(row, facts) if (old := getattr(row, field))]
        row._change_reason = f"Replaced {', '.join(gone) or 'nothing'}"  # type: ignore[attr-defined]
        row._history_date, row._history_user = facts["recorded_at"], by  # type: ignore[attr-defined]
        for name, value in facts.items():
            setattr(row, name, value)
    names = [*FIELDS, "point_count", "class_counts", "recorded_by", "recorded_at"]
    FramePrediction.objects.bulk_update(rows, names, batch_size=200)
    FramePrediction.history.bulk_history_create(rows, update=True)
