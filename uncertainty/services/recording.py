"""Scores come in: vectors by scene or single frames, each checked before anything is written."""

from dataclasses import dataclass

import numpy as np
from django.contrib.auth.models import User
from django.db import transaction

from scenes.errors import ConflictError, RefusedError
from scenes.models import Frame, Scene
from uncertainty.models import Evaluation
from uncertainty.places import frame_counts, positions_of
from uncertainty.score_store import SceneVectors, insert_vectors, kept_vectors, update_vectors
from uncertainty.scores import Array
from uncertainty.services.access import open_draft

MOST_FRAMES = 4_000_000
# Rounding to 16 or 32 bits may carry a score over the end of its range by so much of it.
TOLERANCE = 1e-3


@dataclass(frozen=True)
class Recorded:
    """`received` scores that are not NaN; `scenes` were touched, of which `new` had none before."""

    received: int
    scenes: int
    new: int


@transaction.atomic
def record_scores(*, evaluation: Evaluation, vectors: SceneVectors, by: User, replace: bool = False) -> Recorded:
    """Take the scores of whole scenes into a draft, all or none; NaN says nothing of a frame, what is there stays.

    The same scores again change nothing. Another score for a frame that has one raises ConflictError naming the frame,
    unless `replace`. Raises RefusedError that names the scene or frame: a scene outside of the split or that stands
    twice, a vector that is not as long as the scene has frames, a score outside of the range of the evaluation.
    """
    draft = open_draft(evaluation, by=by)
    _check_scenes(draft, vectors)
    checked = _within(draft, vectors)
    new = insert_vectors(draft.pk, checked) if len(checked.scenes) else set()
    others = np.flatnonzero(~np.isin(checked.scenes, list(new)))
    if len(others):
        _merge(draft, checked.of(others), replace)
    return Recorded(int(np.count_nonzero(~np.isnan(checked.scores))), len(checked.scenes), len(new))


def record_frame_scores(
    *, evaluation: Evaluation, frames: Array, scores: Array, ious: Array | None = None, by: User, replace: bool = False
) -> Recorded:
    """Take the scores of single frames by their ids, int64 (n,) and float32 (n,). As `record_scores`."""
    if len(np.unique(frames)) < len(frames):
        values, counts = np.unique(frames, return_counts=True)
        raise RefusedError(f"Frame {values[counts.argmax()]} stands twice in one call.", field="frames")
    vectors = vectors_of_frames(frames, scores, ious)
    return record_scores(evaluation=evaluation, vectors=vectors, by=by, replace=replace)


def vectors_of_frames(frames: Array, scores: Array, ious: Array | None) -> SceneVectors:
    """The scores of single frames as vectors of their scenes, NaN elsewhere. Raises RefusedError for unknown frames."""
    ids, scenes, positions = positions_of(frames.tolist())
    places = np.minimum(np.searchsorted(ids, frames), max(0, len(ids) - 1))
    unknown = frames[ids[places] != frames] if len(ids) else frames
    if len(unknown):
        raise RefusedError(f"There is no frame {unknown[0]} ({len(unknown):,} of them are unknown).", field="frames")
    wanted, lengths = np.unique(scenes, return_counts=True)
    starts = np.cumsum(lengths) - lengths
    at = starts[np.searchsorted(wanted, scenes[places])] + positions[places]
    whole = np.full(int(lengths.sum()), np.nan, np.float32)
    whole[at] = scores
    some = None
    if ious is not None:
        some = np.full(len(whole), np.nan, np.float32)
        some[at] = ious
    return SceneVectors(wanted, lengths, whole, some)


def _check_scenes(evaluation: Evaluation, vectors: SceneVectors) -> None:
    if len(np.unique(vectors.scenes)) < len(vectors.scenes):
        raise RefusedError("A scene stands twice in one call.", field="scenes")
    known = frame_counts(evaluation, vectors.scenes.tolist())
    for scene, length in zip(vectors.scenes.tolist(), vectors.lengths.tolist(), strict=True):
        if known.get(scene) == length:
            continue
        if scene not in known:
            raise RefusedError(_not_there(evaluation, scene), field="scenes")
        raise RefusedError(
            f"{_named(scene)} has {known[scene]:,} frames, {length:,} scores were given. Give one for each frame in "
            "playing order, NaN for those without.",
            field="scores",
        )


def _not_there(evaluation: Evaluation, scene: int) -> str:
    name = Scene.objects.filter(pk=scene).values_list("name", flat=True).first()
    if name is None:
        return f"There is no scene {scene}."
    return f"Scene {name} ({scene}) is not in {evaluation.target}, which is evaluated."


def _named(scene: int) -> str:
    return f"Scene {Scene.objects.filter(pk=scene).values_list('name', flat=True).first()} ({scene})"


def _within(evaluation: Evaluation, vectors: SceneVectors) -> SceneVectors:
    """The same with scores clipped to the range that they may miss by rounding; ious are checked to be shares."""
    low, high = evaluation.score_range
    scores = _clipped(vectors, vectors.scores, low, high, f"the score of {evaluation.definition}")
    ious = None if vectors.ious is None else _clipped(vectors, vectors.ious, 0.0, 1.0, "the IoU")
    return SceneVectors(vectors.scenes, vectors.lengths, scores, ious)


def _clipped(vectors: SceneVectors, values: Array, low: float, high: float, what: str) -> Array:
    slack = TOLERANCE * (high - low)
    bad = (values < low - slack) | (values > high + slack)
    if bad.any():
        place = int(bad.argmax())
        scene, position = _place(vectors, place)
        raise RefusedError(
            f"{_frame(scene, position)}: {what} is {values[place]:g}, it lies in {low:g}..{high:g}.",
            field="scores",
            scene=scene,
            position=position,
        )
    return np.clip(values, np.float32(low), np.float32(high))


def _place(vectors: SceneVectors, place: int) -> tuple[int, int]:
    """Scene id and playing position of a place in the vectors."""
    row = int(np.searchsorted(vectors.ends, place, side="right"))
    return int(vectors.scenes[row]), place - int(vectors.ends[row] - vectors.lengths[row])


def _frame(scene: int, position: int) -> str:
    rows = Frame.objects.filter(scene=scene).order_by("index").values_list("pk", "name", "scene__name")
    found = list(rows[position : position + 1])
    return f"Frame {found[0][1]} ({found[0][0]}) of scene {found[0][2]}" if found else f"Frame {position} of {scene}"


def _merge(evaluation: Evaluation, vectors: SceneVectors, replace: bool) -> None:
    """What was said before, and what is said now of those scenes, together."""
    kept = kept_vectors(evaluation.pk, vectors.scenes.tolist())
    before = [kept[scene] for scene in vectors.scenes.tolist()]
    scores = _merged(vectors, [one[0] for one in before], vectors.scores, replace, "score")
    ious = vectors.ious
    if ious is not None or any(one[1] is not None for one in before):
        nothing = [np.full(len(one[0]), np.nan, np.float32) for one in before]
        given = np.full(len(scores), np.nan, np.float32) if ious is None else ious
        known = [empty if one[1] is None else one[1] for one, empty in zip(before, nothing, strict=True)]
        ious = _merged(vectors, known, given, replace, "IoU")
    update_vectors(evaluation.pk, SceneVectors(vectors.scenes, vectors.lengths, scores, ious))


def _merged(vectors: SceneVectors, before: list[Array], given: Array, replace: bool, what: str) -> Array:
    for row, one in enumerate(before):
        if len(one) != vectors.lengths[row]:
            raise ConflictError(
                f"{_named(int(vectors.scenes[row]))} had {len(one):,} frames when it was scored first. "
                "Discard this evaluation and make a new one."
            )
    was = np.concatenate(before)
    other = ~np.isnan(was) & ~np.isnan(given) & (was != given)
    if other.any() and not replace:
        place = int(other.argmax())
        scene, position = _place(vectors, place)
        raise ConflictError(
            f"{_frame(scene, position)} has the {what} {was[place]:g} already, now {given[place]:g} is given. "
            "Say `replace` to correct it.",
            scene=scene,
            position=position,
        )
    return np.where(np.isnan(given), was, given).astype(np.float32)
