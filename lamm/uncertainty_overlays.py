"""The uncertainty of single points, as it was given to evaluations: an overlay for each finished one.

Its key is that of the evaluation's series, so that a click on a peak shows the points behind it. Frames without an
array are coloured as a whole by the series.
"""

from lamm.label_overlays import mismatch
from lamm.overlays import UNCERTAINTY, OverlaySource, Sources
from lamm.uncertainty_series import PERMISSION, PREFIX, evaluation_key
from scenes.models import FrameState, Scene
from uncertainty.models import Evaluation, EvaluationState, PointScores
from uncertainty.selectors import point_digests

MOST_EVALUATIONS = 12


def evaluation_sources(scene: Scene, *, key: str = "", frame: int | None = None) -> list[OverlaySource]:
    """The newest evaluations that have values of the scene's points; four queries whatever their number."""
    if key and frame is not None:
        return _one(scene, key, frame)
    found = point_digests(scene.pk)
    kept = sorted(found, reverse=True)[:MOST_EVALUATIONS]
    if key:
        kept = [pk for pk in found if evaluation_key(pk) == key]
    if not kept:
        return []
    evaluations = Evaluation.objects.for_listing().in_bulk(kept)
    frames = dict(scene.frames.filter(state=FrameState.READY).order_by().values_list("pk", "point_count"))
    sources = Sources(_source(evaluations[pk], found[pk], frames) for pk in kept)
    if not key and len(found) > len(kept):
        sources.left_out = (
            f"Only the newest {len(kept)} of {len(found)} evaluations with values of points. "
            "Open an older one from its page."
        )
    return sources


def _source(evaluation: Evaluation, given: dict[int, tuple[str, int]], frames: dict[int, int]) -> OverlaySource:
    fitting = {frame: digest for frame, (digest, points) in given.items() if frames.get(frame) == points}
    strange = {frame: points for frame, (_, points) in given.items() if frames.get(frame, points) != points}
    return OverlaySource(
        key=evaluation_key(evaluation),
        kind=UNCERTAINTY,
        role=UNCERTAINTY,
        title=f"{evaluation.title}, {evaluation.measure_title.lower()}",
        low=evaluation.low,
        high=evaluation.high,
        unit=evaluation.unit,
        digests=fitting,
        missing=max(0, len(frames) - len(fitting)),
        problems={frame: mismatch(points, frames[frame]) for frame, points in strange.items()},
        encoding="npy",
        permission=PERMISSION,
    )


def _one(scene: Scene, key: str, frame: int) -> list[OverlaySource]:
    """The one evaluation that bytes are asked of, with one frame: one query."""
    number = key.removeprefix(PREFIX)
    if not key.startswith(PREFIX) or not number.isascii() or not number.isdigit() or len(number) > 18:
        return []
    rows = PointScores.objects.filter(
        evaluation=int(number), evaluation__state=EvaluationState.FINISHED, frame=frame, scene=scene
    ).select_related("evaluation", "values", "frame")
    return [
        OverlaySource(
            key, UNCERTAINTY, UNCERTAINTY, row.evaluation.title, low=row.evaluation.low, high=row.evaluation.high,
            unit=row.evaluation.unit, encoding="npy", permission=PERMISSION,
            digests={frame: row.values.digest} if row.point_count == row.frame.point_count else {},
            problems={} if row.point_count == row.frame.point_count
            else {frame: mismatch(row.point_count, row.frame.point_count)},
        )
        for row in rows
    ]  # fmt: skip
