"""Frames of evaluations: their figures, those with most of an error, and what differs between two evaluations."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from django.db import connection

from experiments import metrics
from experiments.evaluation_figures import (
    Counts,
    checked_rule,
    classes_of,
    left_out,
    or_none,
    scene_rows,
)
from experiments.models import FrameSums, RunEvaluation, SceneSums
from scenes.errors import RefusedError
from scenes.models import Frame

# Scenes whose frames are read at once while frames are ranked.
SCENES_AT_ONCE = 10


@dataclass(frozen=True)
class FrameFigures:
    """A frame of an evaluation; `index` is its place when the scene is played, `iou` is by class index."""

    frame: int
    name: str
    index: int
    points: int
    miou: float | None
    iou: list[float | None]
    accuracy: float | None
    correct: int


def frame_figures(evaluation: RunEvaluation, scene_id: int, *, rule: str = "") -> list[FrameFigures]:
    """The compared frames of a scene in playing order; two queries."""
    rule = checked_rule(evaluation, rule)
    ignored = left_out(classes_of(evaluation), evaluation.class_count)
    rows = FrameSums.objects.filter(evaluation=evaluation.pk, scene=scene_id).order_by("frame__index")
    columns = ("frame_id", "frame__name", "frame__index", "points", "correct", "confusion")
    found = []
    for frame, name, index, points, correct, records in rows.values_list(*columns):
        counts = _counts(evaluation, records)
        ious = metrics.iou(counts, rule, ignored)
        rates = or_none(np.array([float(metrics.mean_of(ious)), metrics.accuracy(counts, rule, ignored)]))
        found.append(FrameFigures(frame, name, index, points, rates[0], or_none(ious), rates[1], correct))
    return found


def _counts(evaluation: RunEvaluation, records: bytes) -> Counts:
    size = evaluation.class_count
    return metrics.from_records([records], (size, size))


class ConfusedFrame(NamedTuple):
    """A frame with points of one class that were predicted as another."""

    frame: int
    frame_name: str
    index: int  # type: ignore[assignment]  # its place when the scene is played
    scene: int
    scene_name: str
    points: int


def frames_with_confusion(
    evaluation: RunEvaluation,
    *,
    truth: int,
    predicted: int,
    most: int = 50,
    split: str = "",
    slice: str = "",  # noqa: A002 - the word of datasets
    tag: str = "",
) -> list[ConfusedFrame]:
    """The frames with the most points of class `truth` that were predicted as `predicted`, most first.

    Every scene keeps the largest count of each cell in one of its frames. Walking the scenes by that number, the
    frames of at most `most` of them are read, however large the evaluation is; the answer is exact. Raises
    RefusedError for a class that is not there.
    """
    size = evaluation.class_count
    for name, index in (("truth", truth), ("predicted", predicted)):
        if not 0 <= index < size:
            raise RefusedError(f"{name}: {index} is no class index below {size}.", field=name)
    cell = truth * size + predicted
    rows = scene_rows(evaluation, split=split, slice=slice, tag=tag)
    peaks = dict(_cell_of(list(rows.values_list("scene_id", "peaks")), cell))
    order = sorted(peaks, key=lambda scene: -peaks[scene])
    found: list[tuple[int, int]] = []
    for start in range(0, len(order), SCENES_AT_ONCE):
        if len(found) >= most and found[most - 1][1] >= peaks[order[start]]:
            break
        chosen = FrameSums.objects.filter(evaluation=evaluation.pk, scene__in=order[start : start + SCENES_AT_ONCE])
        found += _cell_of(list(chosen.order_by().values_list("frame_id", "confusion")), cell)
        found.sort(key=lambda pair: (-pair[1], pair[0]))
    return _described(found[:most])


def _cell_of(rows: Sequence[tuple[int, bytes | memoryview]], cell: int) -> list[tuple[int, int]]:
    """(id, points of the cell) of the rows of (id, records) that have any."""
    if not rows:
        return []
    ids, records = zip(*rows, strict=True)
    lengths = np.fromiter(map(len, records), np.int64, len(records)) // metrics.RECORD.itemsize
    together = np.frombuffer(b"".join(records), metrics.RECORD)
    hits = np.flatnonzero(together["cell"] == cell)
    owners = np.searchsorted(np.cumsum(lengths), hits, side="right")
    points: dict[int, int] = {}
    for owner, count in zip(owners.tolist(), together["points"][hits].tolist(), strict=True):
        points[ids[owner]] = points.get(ids[owner], 0) + count
    return list(points.items())


def _described(found: Sequence[tuple[int, int]]) -> list[ConfusedFrame]:
    frames = Frame.objects.filter(pk__in=[frame for frame, _ in found])
    facts = {row[0]: row for row in frames.values_list("pk", "name", "index", "scene_id", "scene__name")}
    return [ConfusedFrame(*facts[frame], points) for frame, points in found]


@dataclass(frozen=True)
class DiffFrame:
    """A frame that two evaluations compared: mIoU in both, and what each class gained (b minus a) by index."""

    frame: int
    name: str
    index: int
    scene: int
    scene_name: str
    before: float
    after: float
    delta: list[float | None]

    @property
    def gain(self) -> float:
        return self.after - self.before


@dataclass(frozen=True)
class EvaluationDiff:
    """What became of the frames that two evaluations share, each list with what changed most first.

    Attributes:
        fixed: frames whose mIoU in `a` is below `hard` and in `b` is not.
        broken: frames whose mIoU in `b` is below `hard` and in `a` is not.
        still_hard: frames below it in both, the worst in `b` first.
        hard: the mIoU below which a frame counts as hard.
        delta: IoU gained by class index over all shared frames; None where a class has none in one of them.
        miou: mIoU of the shared frames in a and in b.
        shared, only_a, only_b: how many frames both compared, or one alone.
        other_labels: shared frames whose labels are not the same in both.
        fixed_count, broken_count, still_hard_count: of all, also those that the lists leave out.
    """

    fixed: list[DiffFrame]
    broken: list[DiffFrame]
    still_hard: list[DiffFrame]
    hard: float
    delta: list[float | None]
    miou: tuple[float | None, float | None]
    shared: int
    only_a: int
    only_b: int
    other_labels: int
    fixed_count: int
    broken_count: int
    still_hard_count: int


HARD = 0.5
DIFF_SCENES_AT_ONCE = 100


_SHARED = """
SELECT a.frame_id, a.confusion, b.confusion, a.labels_digest <> b.labels_digest
FROM experiments_framesums AS a JOIN experiments_framesums AS b ON b.frame_id = a.frame_id
WHERE a.evaluation_id = %(a)s AND a.scene_id = ANY(%(scenes)s)
    AND b.evaluation_id = %(b)s AND b.scene_id = ANY(%(scenes)s)
ORDER BY a.frame_id
"""


@dataclass(frozen=True, eq=False)
class _Shared:
    """Frames of both evaluations as columns: ids (n,), IoU by class in both (n, K), whether their labels differ."""

    frames: npt.NDArray[np.int64]
    before: npt.NDArray[np.float64]
    after: npt.NDArray[np.float64]
    relabelled: int


def evaluation_diff(
    a: RunEvaluation, b: RunEvaluation, *, most: int = 200, rule: str = "", hard: float = HARD
) -> EvaluationDiff:
    """What changed from `a` to `b` on the frames that both compared, under one rule (that of `a` unless given).

    A frame is hard when its mIoU is below `hard`. Raises RefusedError when the ontologies differ, or the rule is
    unknown.
    """
    if a.ontology_id != b.ontology_id or a.class_count != b.class_count:
        raise RefusedError(f"{a} and {b} are in different ontologies, so their classes can't be compared.")
    rule = checked_rule(a, rule)
    ignored = left_out(classes_of(a), a.class_count)
    totals = np.zeros((2, a.class_count, a.class_count), np.int64)
    parts = [_shared(a, b, scenes, rule, ignored, totals) for scenes in _shared_scenes(a, b)]
    frames = np.concatenate([part.frames for part in parts] or [np.empty(0, np.int64)])
    none = np.empty((0, a.class_count))
    before = np.concatenate([part.before for part in parts] or [none])
    after = np.concatenate([part.after for part in parts] or [none])
    means = metrics.mean_of(before), metrics.mean_of(after)
    lists = _sorted_out(*means, hard)
    whole = [metrics.iou(total, rule, ignored) for total in totals]
    mious = or_none(np.array([float(metrics.mean_of(ious)) for ious in whole]))
    fixed, broken, still_hard = _diff_frames([places[:most] for places in lists], frames, before, after, means)
    return EvaluationDiff(
        fixed=fixed,
        broken=broken,
        still_hard=still_hard,
        hard=hard,
        delta=or_none(whole[1] - whole[0]),
        miou=(mious[0], mious[1]),
        shared=len(frames),
        only_a=a.frame_count - len(frames),
        only_b=b.frame_count - len(frames),
        other_labels=sum(part.relabelled for part in parts),
        fixed_count=len(lists[0]),
        broken_count=len(lists[1]),
        still_hard_count=len(lists[2]),
    )


def _shared_scenes(a: RunEvaluation, b: RunEvaluation) -> Iterator[list[int]]:
    """The ids of scenes that both evaluated, some at a time, so that memory does not grow with the evaluations."""
    theirs = SceneSums.objects.filter(evaluation=b.pk, frames__gt=0).values("scene")
    rows = SceneSums.objects.filter(evaluation=a.pk, frames__gt=0, scene__in=theirs).order_by("scene_id")
    ids = list(rows.values_list("scene_id", flat=True))
    for start in range(0, len(ids), DIFF_SCENES_AT_ONCE):
        yield ids[start : start + DIFF_SCENES_AT_ONCE]


def _shared(
    a: RunEvaluation, b: RunEvaluation, scenes: list[int], rule: str, ignored: list[int], totals: Counts
) -> _Shared:
    with connection.cursor() as cursor:
        cursor.execute(_SHARED, {"a": a.pk, "b": b.pk, "scenes": scenes})
        rows = cursor.fetchall()
    if not rows:
        none = np.empty((0, a.class_count))
        return _Shared(np.empty(0, np.int64), none, none, 0)
    frames, before, after, relabelled = zip(*rows, strict=True)
    for place, records in enumerate((before, after)):
        totals[place] += metrics.from_records(records, totals.shape[1:])
    ious = [metrics.iou_of_records(records, a.class_count, rule, ignored) for records in (before, after)]
    return _Shared(np.array(frames, np.int64), ious[0], ious[1], sum(relabelled))


def _sorted_out(
    before: npt.NDArray[np.float64], after: npt.NDArray[np.float64], hard: float
) -> list[npt.NDArray[np.int64]]:
    """Places of fixed, broken and still hard frames, what changed most first; the hardest first of the last."""
    gain = after - before
    groups = [(before < hard) & (after >= hard), (before >= hard) & (after < hard), (before < hard) & (after < hard)]
    keys = [-gain, gain, after]
    found = [np.flatnonzero(group) for group in groups]
    return [places[np.argsort(key[places], kind="stable")] for places, key in zip(found, keys, strict=True)]


def _diff_frames(
    lists: list[npt.NDArray[np.int64]],
    frames: npt.NDArray[np.int64],
    before: npt.NDArray[np.float64],
    after: npt.NDArray[np.float64],
    means: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
) -> list[list[DiffFrame]]:
    """The frames at these places with their names; one query."""
    ids = frames[np.concatenate(lists)].tolist()
    columns = ("pk", "name", "index", "scene_id", "scene__name")
    facts = {row[0]: row for row in Frame.objects.filter(pk__in=ids).values_list(*columns)}

    def row(place: int) -> DiffFrame:
        delta = or_none(after[place] - before[place])
        frame, name, index, scene, scene_name = facts[int(frames[place])]
        rates = float(means[0][place]), float(means[1][place])
        return DiffFrame(frame, name, index, scene, scene_name, rates[0], rates[1], delta)

    return [[row(place) for place in places.tolist()] for places in lists]
