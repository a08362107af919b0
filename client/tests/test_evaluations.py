"""Evaluations from a script against the real server: scores, members, points, resuming, refusals."""

from __future__ import annotations

import numpy as np
import pytest

import lamm_client as lamm
from lamm_client import evaluations
from lamm_client.uncertainty import aggregate, measure_of
from uncertainty.models import Evaluation, PointScores, SceneScores
from uncertainty.tests.stories import World, a_world

WISHES = {"name": "ensemble-v2", "measure": "mutual_information", "normalised": True}


@pytest.fixture
def world(transactional_db: None) -> World:
    return a_world()


def frames_of(world: World, scene: int) -> list[int]:
    return list(world.scenes[scene].frames.order_by("index").values_list("pk", flat=True))


def test_scores_of_frames_and_scenes_and_the_end(world: World, connection: lamm.Connection) -> None:
    with connection.evaluation("Urban@v1", **WISHES) as scores:
        for frame, score in zip(frames_of(world, 0), (0.1, np.nan, 0.9), strict=True):
            scores.log(frame, score, iou=0.5)
        scores.log_scene(world.scenes[1].pk, [0.2, 0.3, 0.4])
        scores.flush()
        assert scores.progress()["frame_count"] == 5
    kept = Evaluation.objects.get()
    assert (kept.state, kept.frame_count, kept.created_by.username) == ("finished", 5, "trainer-of-tests")
    assert kept.maximum == pytest.approx(0.9)
    assert SceneScores.objects.get(scene=world.scenes[0]).ious == pytest.approx([0.5, 0.5, 0.5])
    assert scores.facts["state"] == "finished"


def test_members_are_reduced_here(world: World, connection: lamm.Connection) -> None:
    members = np.random.default_rng(1).dirichlet(np.ones(4), (3, 1000))
    frame, other = frames_of(world, 0)[:2]
    with connection.evaluation("Urban@v1", **WISHES, aggregator="p95") as scores:
        values = measure_of(members, "mutual_information", normalised=True)
        assert scores.log_members(frame, iter(members)) == pytest.approx(aggregate(values, "p95"))
        assert scores.log_members(other, members, points=True) == pytest.approx(aggregate(values, "p95"), abs=1e-3)
    assert SceneScores.objects.get().scores[:2] == pytest.approx([aggregate(values, "p95")] * 2, abs=1e-3)
    assert PointScores.objects.get().frame_id == other


def test_a_script_that_was_cut_goes_on_with_its_draft(world: World, connection: lamm.Connection) -> None:
    frames = frames_of(world, 0)
    scores = connection.evaluation("Urban@v1", **WISHES)
    scores.log(frames[0], 0.1)
    scores.flush()
    with pytest.raises(ZeroDivisionError), scores:
        _ = 1 / 0
    assert Evaluation.objects.get().state == "draft"
    with connection.evaluation("Urban@v1", **WISHES) as again:
        assert again.id == scores.id
        for frame in frames:
            again.log(frame, 0.1)
    assert Evaluation.objects.get().frame_count == 3


def test_refusals_name_the_frame_and_what_waits_is_kept(world: World, connection: lamm.Connection) -> None:
    scores = connection.evaluation("Urban@v1", **WISHES)
    frame = frames_of(world, 0)[0]
    scores.log(frame, 7.0)
    with pytest.raises(lamm.RefusedError, match=r"000000\.pcd"):
        scores.flush()
    scores.log(frame, 0.7)
    scores.flush()
    with pytest.raises(lamm.ConflictError, match=r"has the score 0\.7 already"):
        scores.log_scene(world.scenes[0].pk, [0.1, 0.2, 0.3])
    corrected = connection.evaluation("Urban@v1", **WISHES, replace=True)
    corrected.log_scene(world.scenes[0].pk, [0.1, 0.2, 0.3])
    with pytest.raises(lamm.LammError, match="one vector for each scene"):
        corrected.log_scenes([1, 2], [[0.1]])


def test_a_run_is_evaluated(world: World, connection: lamm.Connection, spool: object) -> None:
    with connection.run(capture=False) as run, run.evaluation("Urban@v1", measure="variance") as scores:
        scores.log_scene(world.scenes[0].pk, [0.01, 0.02, 0.03])
    kept = Evaluation.objects.get()
    assert (kept.run_id, kept.title) == (run.id, f"run-{run.id}")
    assert isinstance(scores, evaluations.Evaluation)
