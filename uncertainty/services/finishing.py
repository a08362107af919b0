"""Finishing: every number of an evaluation is computed once and stored; from then on nothing of it changes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from scenes.audit import save_audited
from scenes.errors import ConflictError, RefusedError
from scenes.models import Frame
from uncertainty import scores
from uncertainty.models import Evaluation, EvaluationState, SceneScores
from uncertainty.score_store import all_scores
from uncertainty.selectors import progress
from uncertainty.services.access import locked
from uncertainty.services.pushing_down import push_down

TOP_FRAMES = 100
NORMALISED_WIDTH = 0.1
MOST_REASON = 2000
AT_ONCE = 1_000_000
SAME = ("name", "run", "dataset_version", "split", "measure", "custom_name", "normalised", "aggregator", "threshold")
# By the key alone: of a new evaluation the planner knows nothing, and a condition on it would invite a nested loop
# over all of its rows for each.
_RANK = """
    UPDATE uncertainty_scenescores AS kept SET rank = ranked.place
    FROM (SELECT id, row_number() OVER (ORDER BY max DESC, mean DESC, scene_id) AS place
        FROM uncertainty_scenescores WHERE evaluation_id = %s AND n > 0) AS ranked
    WHERE kept.id = ranked.id
"""


@dataclass(frozen=True)
class AllScores:
    """All scores of an evaluation, and where they come from: 4 bytes a frame, twice where frames are not scored.

    `whole` has every frame of the scored scenes, one scene behind the other, float32, NaN where a frame is not scored;
    `values` are those without NaN, float32 (F,). `scenes` are the ids of those scenes, and `ends` where each ends.
    """

    whole: scores.Array
    values: scores.Array
    scenes: scores.Array
    ends: scores.Array

    @classmethod
    def of(cls, evaluation: int) -> "AllScores":
        ids, vectors = [], [np.empty(0, np.float32)]
        for scene, vector in all_scores(evaluation):
            ids.append(scene)
            vectors.append(vector.astype(np.float32))
        ends = np.cumsum([len(vector) for vector in vectors[1:]], dtype=np.int64)
        whole = np.concatenate(vectors)
        unknown = np.isnan(whole)
        return cls(whole, whole[~unknown] if unknown.any() else whole, np.array(ids, np.int64), ends)

    def sums(self) -> tuple[float, float]:
        """The sum of the scores and that of their squares, in float64; so many at once that little is copied."""
        total = squares = 0.0
        for first in range(0, len(self.values), AT_ONCE):
            exact = self.values[first : first + AT_ONCE].astype(np.float64)
            total, squares = total + float(exact.sum()), squares + float(np.dot(exact, exact))
        return total, squares

    def highest(self, most: int) -> tuple[list[int], list[int], list[float]]:
        """Scene, playing position and score of the highest, highest first; of equals the first scene and frame."""
        last = max(0, len(self.values) - most)
        least = np.partition(self.values, last)[last]
        # Places are in the order of scenes and positions, so a stable sort settles equals.
        some = np.flatnonzero(self.whole >= least)
        some = some[np.argsort(-self.whole[some], kind="stable")][:most]
        rows = np.searchsorted(self.ends, some, side="right")
        starts = np.concatenate([[0], self.ends])[rows]
        return self.scenes[rows].tolist(), (some - starts).tolist(), self.whole[some].tolist()


@transaction.atomic
def finish_evaluation(*, evaluation: Evaluation, by: User) -> Evaluation:
    """Compute and store all numbers, rank the scenes, push down what counts, and make the evaluation immutable.

    An older finished evaluation of the same source, dataset split and definition is superseded. Finishing a finished
    one again changes nothing. Raises RefusedError without any score, ConflictError for a superseded or withdrawn one,
    NotAllowedError.
    """
    found = locked(evaluation, by=by)
    if found.state == EvaluationState.FINISHED:
        return found
    found.refuse_unless_draft()
    whole = AllScores.of(found.pk)
    if not len(whole.values):
        raise RefusedError(f"Evaluation {found.pk} has no scores yet. Send them first, or discard it.")
    for name, value in _numbers(found, whole).items():
        setattr(found, name, value)
    with connection.cursor() as cursor:
        cursor.execute(_RANK, [found.pk])
    older = _supersede(found, by)
    found.state, found.finished_by, found.finished_at = EvaluationState.FINISHED, by, timezone.now()
    _close_older(older, found, by)
    save_audited(found, by=by, reason=f"Finished with {found.frame_count:,} of {found.frame_total:,} frames")
    push_down(scenes=_scenes_of([found.pk, *(one.pk for one in older)]))
    return found


def _numbers(evaluation: Evaluation, whole: AllScores) -> dict[str, Any]:
    """Every fact that is stored at finishing, by the name of its column."""
    low, high = evaluation.score_range
    width = NORMALISED_WIDTH if (low, high) == (0.0, 1.0) else None
    edges, counts = scores.histogram(whole.values, low=low, high=high, width=width)
    total, squares = whole.sums()
    return {
        "mean": total / len(whole.values),
        "p95": scores.percentile(whole.values, 0.95),
        "maximum": float(whole.values.max()),
        "sums": [total, squares],
        "histogram": {"edges": edges, "counts": counts},
        "top_frames": _top_frames(evaluation, whole),
        **progress(evaluation),
    }


def _top_frames(evaluation: Evaluation, whole: AllScores) -> list[dict[str, Any]]:
    scenes, positions, values = whole.highest(TOP_FRAMES)
    frames: dict[int, list[int]] = {}
    for scene, frame in (
        Frame.objects.filter(scene__in=set(scenes)).order_by("scene_id", "index").values_list("scene_id", "pk")
    ):
        frames.setdefault(scene, []).append(frame)
    ious = dict(
        SceneScores.objects.filter(evaluation=evaluation, scene__in=set(scenes), ious__isnull=False).values_list(
            "scene_id", "ious"
        )
    )
    found = []
    for scene, position, score in zip(scenes, positions, values, strict=True):
        vector = ious.get(scene)
        iou = vector[position] if vector is not None else None
        known = None if iou is None or np.isnan(iou) else iou
        frame = frames[scene][position]
        found.append({"scene": scene, "frame": frame, "position": position, "score": score, "iou": known})
    return found


def _supersede(evaluation: Evaluation, by: User) -> list[Evaluation]:
    """The finished evaluations of the same source and definition, locked."""
    with connection.cursor() as cursor:
        # Two that would supersede each other wait, so that the later one does.
        name = f"evaluations of {evaluation.dataset_version_id} {evaluation.title}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
    same = {name: getattr(evaluation, name) for name in SAME}
    return list(Evaluation.objects.finished().filter(**same).select_for_update(of=("self",)).order_by("pk"))


def _close_older(older: list[Evaluation], newer: Evaluation, by: User) -> None:
    for one in older:
        one.state, one.superseded_by = EvaluationState.SUPERSEDED, newer
        save_audited(one, by=by, reason=f"Superseded by evaluation {newer.pk}")


def _scenes_of(evaluations: list[int]) -> list[int]:
    rows = SceneScores.objects.filter(evaluation__in=evaluations, n__gt=0).order_by(
        "scene_id"
    )  # not by scene, which has an order of its own
    return list(rows.values_list("scene_id", flat=True).distinct())


@transaction.atomic
def withdraw_evaluation(*, evaluation: Evaluation, reason: str, by: User) -> Evaluation:
    """Say that a finished evaluation is not to be trusted, and why. It stays readable and counts for no scene.

    Raises RefusedError without a reason, ConflictError for one that is not finished, NotAllowedError.
    """
    if not reason.strip() or len(reason) > MOST_REASON:
        raise RefusedError(f"reason: say why, in 1 to {MOST_REASON:,} characters.", field="reason")
    found = locked(evaluation, by=by)
    if found.state != EvaluationState.FINISHED:
        words = "Discard a draft instead." if found.is_draft else "Only a finished one is withdrawn."
        raise ConflictError(f"Evaluation {found.pk} is {found.get_state_display().lower()}. {words}", state=found.state)
    found.state, found.withdrawn_at = EvaluationState.WITHDRAWN, timezone.now()
    found.withdrawal_reason = reason.strip()
    save_audited(found, by=by, reason=f"Withdrawn: {found.withdrawal_reason}")
    push_down(scenes=_scenes_of([found.pk]))
    return found
