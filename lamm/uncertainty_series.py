"""The scores along a scene's time: a series for each finished evaluation that scored it."""

from collections.abc import Sequence

import numpy as np

from experiments.evaluation_frames import frame_figures
from experiments.evaluation_selectors import evaluations_of
from experiments.models import FramePrediction
from lamm.overlays import ScoreSeries
from scenes.models import Scene
from uncertainty.models import Evaluation, PointScores
from uncertainty.selectors import SceneSeries, series_of_scene

PREFIX = "uncertainty:evaluation-"
MOST_IOUS = 3
PERMISSION = "uncertainty.view_evaluation"
# Six digits tell scores apart; the exact halves of a float32 would only be longer to send.
DIGITS = 6


def evaluation_key(evaluation: Evaluation | int) -> str:
    """What names the series of an evaluation, and the overlay of its points, in the address of the scene page."""
    return f"{PREFIX}{evaluation if isinstance(evaluation, int) else evaluation.pk}"


def evaluation_series(scene: Scene, frames: Sequence[int]) -> list[ScoreSeries]:
    """By playing position; the evaluation that counts for the scene first, then the newest.

    IoU is what the evaluation itself was told, else what the server computed for the run, of the first few.
    """
    found = series_of_scene(scene.pk)
    found.sort(key=lambda one: one.evaluation.pk != scene.uncertainty_evaluation)
    kept = [one for one in found if len(one.scores) <= len(frames)]
    ious, overlays = _computed_ious(scene, frames, kept), _overlays(scene, kept)
    return [_series(one, len(frames), ious.get(one.evaluation.pk), overlays[one.evaluation.pk]) for one in kept]


def _overlays(scene: Scene, series: Sequence[SceneSeries]) -> dict[int, str]:
    """By evaluation: the overlay with the points behind its scores, its own or that of the run it evaluates; "" = none.

    The run's counts when it gives the same measure in the same unit. Two queries.
    """
    own = set(PointScores.objects.filter(scene=scene).order_by().values_list("evaluation_id", flat=True).distinct())
    runs = [one.evaluation.run_id for one in series if one.evaluation.run_id]
    rows = FramePrediction.objects.filter(scene=scene, prediction_set__run__in=runs, uncertainty__isnull=False)
    names = [f"prediction_set__{name}" for name in ("run_id", "measure", "unit")]
    given = set(rows.order_by().values_list(*names).distinct()) if runs else set()
    found = {}
    for one in series:
        facts = (one.evaluation.run_id, one.evaluation.measure, one.evaluation.unit)
        of_run = f"uncertainty:{one.evaluation.run_id}" if facts in given else ""
        found[one.evaluation.pk] = evaluation_key(one.evaluation) if one.evaluation.pk in own else of_run
    return found


def _series(series: SceneSeries, frames: int, computed: list[float | None] | None, overlay: str) -> ScoreSeries:
    low, high = series.evaluation.score_range
    own = None if series.ious is None else _padded(series.ious, frames)
    return ScoreSeries(
        key=evaluation_key(series.evaluation),
        title=series.evaluation.title,
        measure=", ".join([series.evaluation.measure_title, series.evaluation.aggregator_title]),
        unit=series.evaluation.unit,
        low=low,
        high=high,
        values=_padded(series.scores, frames),
        iou=own or computed,
        permission=PERMISSION,
        overlay=overlay,
    )


def _padded(values: np.ndarray, frames: int) -> list[float | None]:
    """As many as there are frames now: frames that came later have none."""
    known = [None if one != one else one for one in values.astype(np.float64).round(DIGITS).tolist()]
    return known + [None] * (frames - len(known))


def _computed_ious(scene: Scene, frames: Sequence[int], series: Sequence[SceneSeries]) -> dict[int, list[float | None]]:
    """By evaluation: the mIoU of each frame as the server computed it for the evaluated run."""
    wanted = [one for one in series if one.ious is None and one.evaluation.run_id is not None][:MOST_IOUS]
    computed = evaluations_of([one.evaluation.run_id for one in wanted if one.evaluation.run_id]) if wanted else {}
    found: dict[int, list[float | None]] = {}
    for one in wanted:
        evaluation = computed.get(one.evaluation.run_id or 0)
        if evaluation is None:
            continue
        by_frame = {figures.frame: figures.miou for figures in frame_figures(evaluation, scene.pk)}
        if by_frame:
            found[one.evaluation.pk] = [by_frame.get(frame) for frame in frames]
    return found
