"""Where the members of an ensemble disagree, from the predictions that their runs have stored already."""

from collections.abc import Iterator
from typing import NoReturn

import numpy as np
from django.contrib.auth.models import User

from datasets.models import Item
from experiments.models import FramePrediction, PredictionSet
from experiments.prediction_arrays import read_classes
from scenes.errors import RefusedError
from uncertainty import scores
from uncertainty.models import Evaluation, EvaluationMember, Measure
from uncertainty.services.access import check_writer
from uncertainty.services.point_arrays import record_points

BY_VOTES = {Measure.DISAGREEMENT: scores.disagreement, Measure.VARIATION_RATIO: scores.variation_ratio}


def score_members(*, evaluation: Evaluation, by: User) -> Iterator[tuple[int, int]]:
    """Fill a draft from its members' stored classes, point by point: (frames looked at, frames in all) as it goes on.

    The measure is disagreement or variation ratio, which need votes and no probabilities. Frames that some member did
    not predict, or with another number of points, are left out; those that have their values already are not computed
    again. Raises RefusedError for another measure, fewer than two members, members without predictions or in several
    ontologies; ConflictError once the evaluation is finished.
    """
    check_writer(evaluation, by)
    evaluation.refuse_unless_draft()
    sets = _predictions(evaluation)
    done = set(evaluation.point_scores.values_list("frame_id", flat=True))
    frames = _predicted_by_all(evaluation, sets)
    for place, frame in enumerate(frames, start=1):
        if frame not in done:
            values = _values(evaluation, frame, sets)
            if values is not None:
                record_points(evaluation=evaluation, frame=frame, values=values, by=by)
        yield place, len(frames)


def _refuse(words: str) -> NoReturn:
    raise RefusedError(words, field="members")


def _predictions(evaluation: Evaluation) -> list[PredictionSet]:
    if evaluation.measure not in BY_VOTES:
        known = " or ".join(BY_VOTES)
        raise RefusedError(f"{evaluation.measure_title} needs probabilities. Votes tell {known}.", field="measure")
    runs = list(EvaluationMember.objects.filter(evaluation=evaluation).values_list("run_id", flat=True))
    if len(runs) < 2:
        _refuse("Name the runs of two members or more when the evaluation is made.")
    sets = list(PredictionSet.objects.filter(run__in=runs))
    missing = sorted(set(runs) - {one.run_id for one in sets})
    if missing:
        _refuse(f"run-{missing[0]} has no predictions. Log them first.")
    if len({one.ontology_id for one in sets}) > 1:
        _refuse("The members predict in several ontologies, so their votes don't compare.")
    return sets


def _predicted_by_all(evaluation: Evaluation, sets: list[PredictionSet]) -> list[int]:
    """The frames of the split that every member predicts, scene by scene in playing order."""
    items = Item.objects.filter(version=evaluation.dataset_version_id)
    if evaluation.split:
        items = items.filter(split=evaluation.split)
    rows = FramePrediction.objects.filter(prediction_set__in=sets, scene__in=items.order_by().values("scene"))
    votes: dict[int, int] = {}
    for frame in rows.order_by("scene_id", "frame__index").values_list("frame_id", flat=True):
        votes[frame] = votes.get(frame, 0) + 1
    return [frame for frame, count in votes.items() if count == len(sets)]


def _values(evaluation: Evaluation, frame: int, sets: list[PredictionSet]) -> scores.Array | None:
    """float16 (points,); None when the predictions are of clouds with other numbers of points."""
    rows = FramePrediction.objects.filter(prediction_set__in=sets, frame=frame).select_related("classes", "frame")
    given = list(rows)
    points = given[0].frame.point_count
    if any(one.point_count != points for one in given):
        return None
    classes = [read_classes(one.classes.read(), points=points) for one in given]
    kinds = max(int(one.max(initial=0)) for one in classes) + 1
    votes = np.zeros((points, kinds), np.int16)
    for one in classes:
        votes[np.arange(points), one] += 1
    return BY_VOTES[Measure(evaluation.measure)](votes).astype("<f2")
