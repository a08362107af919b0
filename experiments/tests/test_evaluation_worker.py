"""A real worker evaluates and is killed in the middle of it; another goes on: nothing is lost or counted twice."""

import numpy as np
import pytest

from experiments import evaluation_selectors as selectors
from experiments import metrics, services
from experiments.models import EvaluationState, FrameSums, RunEvaluation, SceneSums
from experiments.tasks import wake_stuck_evaluations
from experiments.tests.evaluation_stories import a_pinned_version, a_run_on, a_scene_of, predict_wrongly
from experiments.tests.prediction_stories import truth_of
from scenes.tests.test_worker import LEASE_SECONDS, eventually, kill, start_worker  # noqa: F401 - a fixture

pytestmark = [pytest.mark.worker, pytest.mark.django_db(transaction=True)]


def test_a_killed_worker_loses_nothing(start_worker, settings):  # noqa: F811
    settings.INGEST_LEASE_SECONDS = LEASE_SECONDS
    scenes = [a_scene_of("north", name=f"scene-{number}", frames=25, points=200) for number in range(4)]
    run = a_run_on(a_pinned_version(val=scenes))
    predicted = [one for scene in scenes for one in predict_wrongly(run, scene, 0.3)]
    first = start_worker()
    evaluation = services.start_evaluation(run=run, by=run.started_by)

    def now() -> RunEvaluation:
        return RunEvaluation.objects.get(pk=evaluation.pk)

    assert eventually(lambda: now().frames_done > 0)
    kill(first)
    start_worker()

    def done() -> bool:
        wake_stuck_evaluations()
        return now().state == EvaluationState.DONE

    assert eventually(done)
    assert (FrameSums.objects.count(), SceneSums.objects.count(), now().frame_count) == (100, 4, 100)
    truth = [one for scene in scenes for one in truth_of(scene)]
    counts = metrics.confusion(np.concatenate(truth), np.concatenate(predicted), now().class_count)
    assert (selectors.figures(now()).confusion == counts).all()
