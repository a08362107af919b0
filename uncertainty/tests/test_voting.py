"""Disagreement of an ensemble's members, from the predictions that their runs have stored."""

from io import StringIO

import numpy as np
import pytest
from django.core.management import call_command

from experiments.tests.prediction_stories import predict
from experiments.tests.stories import a_run, a_version
from scenes.errors import RefusedError
from scenes.tests.factories import a_ready_scene
from uncertainty import services
from uncertainty.models import Evaluation, PointScores, SceneScores
from uncertainty.tests.stories import an_account
from uncertainty.wishes import EvaluationWishes

pytestmark = pytest.mark.django_db
POINTS = 500


@pytest.fixture
def scene():
    made = a_ready_scene(frames=2, points=POINTS)
    a_version("Urban", val=[made])
    return made


def member(scene, *classes):
    run = a_run(by=an_account())
    if classes:
        predict(run, scene, [np.full(POINTS, one, np.uint8) if one is not None else None for one in classes])
    return run


def a_vote(members, **wishes) -> Evaluation:
    facts = {
        "dataset": "Urban@v1",
        "measure": "disagreement",
        "name": "ensemble",
        "members": [one.pk for one in members],
    }
    return services.create_evaluation(wishes=EvaluationWishes(**{**facts, **wishes}), by=an_account()).evaluation


def test_votes_become_values_of_points_and_scores_of_frames(scene):
    members = [member(scene, 1, 1), member(scene, 1, 2), member(scene, 1, 3)]
    draft = a_vote(members)
    assert list(services.score_members(evaluation=draft, by=draft.created_by)) == [(1, 2), (2, 2)]
    assert SceneScores.objects.get(evaluation=draft).scores == [0.0, 1.0]
    out = StringIO()
    call_command("score_members", str(draft.pk), user="erin", finish=True, stdout=out)
    assert "2 frames" in out.getvalue()
    draft.refresh_from_db()
    assert (draft.state, draft.maximum) == ("finished", 1.0)


def test_the_variation_ratio_counts_the_majority_and_missing_frames_are_left_out(scene):
    members = [member(scene, 1, 1), member(scene, 1, None), member(scene, 2, 1)]
    draft = a_vote(members, measure="variation_ratio")
    assert list(services.score_members(evaluation=draft, by=draft.created_by)) == [(1, 1)]
    assert SceneScores.objects.get(evaluation=draft).scores[0] == pytest.approx(1 / 3, abs=1e-3)
    assert PointScores.objects.get().point_count == POINTS


def test_what_can_not_vote_is_named(scene):
    one, other, silent = member(scene, 1, 1), member(scene, 2, 2), member(scene)
    for members, wishes, words in (
        ([one, other], {"measure": "variance"}, "needs probabilities"),
        ([one], {}, "two members or more"),
        ([one, silent], {}, f"run-{silent.pk} has no predictions"),
    ):
        draft = a_vote(members, **wishes)
        with pytest.raises(RefusedError, match=words):
            list(services.score_members(evaluation=draft, by=draft.created_by))
