"""Scores come into drafts: by scene, by frame, by point; what does not fit is refused by name and writes nothing."""

import numpy as np
import pytest
from django.db import connection

from experiments.tests.stories import a_run, a_version
from registry.services import register_version
from registry.tests.stories import log_artifact
from scenes.errors import ConflictError, MissingError, NotAllowedError, RefusedError
from uncertainty import scores, selectors, services
from uncertainty.models import Evaluation, PointScores, SceneScores
from uncertainty.score_store import SceneVectors
from uncertainty.tests.stories import a_draft, a_finished, a_world, an_account, vectors
from uncertainty.wishes import EvaluationWishes

pytestmark = pytest.mark.django_db
NAN = float("nan")


@pytest.fixture
def world():
    return a_world()


def record(draft, given, **wishes):
    return services.record_scores(
        evaluation=draft, vectors=vectors(given), by=wishes.pop("by", draft.created_by), **wishes
    )


def scores_in(draft, scene):
    return SceneScores.objects.get(evaluation=draft, scene=scene).scores


class TestDrafts:
    def test_a_definition_says_its_unit_and_range(self, world):
        nats = a_draft(world, measure="mutual_information", normalised=False, classes=20, members=[world.run.pk])
        assert (nats.unit, nats.low, nats.high) == ("nats", 0.0, pytest.approx(np.log(20)))
        assert nats.definition == "Mutual information, nats, mean"
        share = a_draft(world, aggregator="fraction>t", threshold=0.3)
        assert share.definition == "Predictive entropy, normalised, share above 0.3"

    def test_a_script_that_asks_again_goes_on_with_its_draft(self, world):
        wishes = EvaluationWishes(dataset="Urban@v1", measure="variance", run=world.run.pk)
        first = services.create_evaluation(wishes=wishes, by=world.engineer)
        again = services.create_evaluation(wishes=wishes, by=world.engineer)
        assert (first.new, again.new, again.evaluation.pk) == (True, False, first.evaluation.pk)
        others = services.create_evaluation(wishes=wishes, by=an_account("otto"))
        assert others.evaluation.pk != first.evaluation.pk

    def test_a_registered_model_brings_its_name_and_its_run(self, world):
        log_artifact(world.run, "best.pt", b"weights", world.engineer)
        version = register_version(model="classifier", run=world.run, by=world.engineer)
        draft = a_draft(world, name="", model="classifier@latest")
        assert (draft.model_version, draft.run, draft.title) == (version, world.run, "classifier v1")
        with pytest.raises(RefusedError, match="model: There is no model 'other'"):
            a_draft(world, name="", model="other")

    def test_a_registered_ensemble_brings_its_members(self, world):
        members = [world.run, a_run(by=world.engineer)]
        version = register_version(model="ensemble", members=members, by=world.engineer)
        draft = a_draft(world, name="", model="ensemble@v1")
        assert [member.run for member in draft.members.order_by("position")] == members
        finished = a_finished(world, [[0.1, 0.2, 0.3]] * 3, name="", model="ensemble@v1")
        assert selectors.evaluations_of_version(version) == [finished]

    @pytest.mark.parametrize(
        ("wishes", "words"),
        [
            ({"measure": "entropy"}, "measure: there is no 'entropy'"),
            ({"aggregator": "median"}, "aggregator: there is no 'median'"),
            ({"split": "dev"}, "split: there is no 'dev'"),
            ({"name": ""}, "name the model or ensemble"),
            ({"normalised": False}, "the range of predictive entropy is not known"),
            ({"measure": "variance"}, "has no normalised form"),
            ({"measure": "custom", "high": 1.0}, "a custom measure needs a name"),
            ({"high": 3.0}, "lies in 0..1"),
            ({"aggregator": "fraction>t"}, "fraction>t needs one"),
            ({"threshold": 0.5}, "mean has none"),
            ({"members": [999999]}, "there is no run-999999"),
            ({"dataset": "Urban@v9"}, "has no v9"),
        ],
    )
    def test_wishes_that_mean_nothing_are_refused_by_field(self, world, wishes, words):
        with pytest.raises(RefusedError, match=words.replace("(", r"\(")):
            a_draft(world, **wishes)

    def test_only_frozen_data_is_evaluated(self, world):
        a_version("Open", state="draft", val=world.scenes)
        with pytest.raises(ConflictError, match="Evaluate on a frozen one"):
            a_draft(world, dataset="Open@v1")

    def test_who_only_looks_makes_none(self, world):
        with pytest.raises(NotAllowedError):
            a_draft(world, by=an_account("vera", "viewer"))

    def test_a_draft_is_discarded_with_its_scores(self, world):
        draft = a_draft(world)
        record(draft, {world.scenes[0].pk: [0.1, 0.2, 0.3]})
        services.discard_draft(evaluation=draft, by=world.engineer)
        assert not Evaluation.objects.exists()
        assert not SceneScores.objects.exists()


class TestScoresOfScenes:
    def test_facts_of_a_scene_stand_beside_its_vector(self, world):
        draft = a_draft(world)
        told = record(draft, {world.scenes[0].pk: [0.1, NAN, 0.3], world.scenes[1].pk: [NAN, NAN, NAN]})
        assert (told.received, told.scenes, told.new) == (2, 2, 2)
        row = SceneScores.objects.get(evaluation=draft, scene=world.scenes[0])
        assert row.scores == pytest.approx([0.1, NAN, 0.3], nan_ok=True)
        assert (row.n, row.argmax) == (2, 2)
        assert (row.max, row.mean, row.p95) == pytest.approx((0.3, 0.2, 0.29), abs=1e-6)
        assert row.sums == pytest.approx([0.4, 0.1], abs=1e-6)
        assert SceneScores.objects.get(evaluation=draft, scene=world.scenes[1]).max is None

    def test_the_same_again_changes_nothing_and_the_rest_may_follow(self, world):
        draft, scene = a_draft(world), world.scenes[0].pk
        record(draft, {scene: [0.1, NAN, NAN]})
        again = record(draft, {scene: [0.1, NAN, NAN]})
        assert again.new == 0
        record(draft, {scene: [NAN, 0.5, 0.6]})
        assert scores_in(draft, scene) == pytest.approx([0.1, 0.5, 0.6])

    def test_another_score_is_a_correction_that_must_be_said(self, world):
        draft, scene = a_draft(world), world.scenes[0]
        record(draft, {scene.pk: [0.1, 0.2, 0.3]})
        with pytest.raises(ConflictError, match=r"Frame 000001.pcd .* has the score 0.2 already, now 0.9"):
            record(draft, {scene.pk: [0.1, 0.9, 0.3]})
        record(draft, {scene.pk: [NAN, 0.9, NAN]}, replace=True)
        row = SceneScores.objects.get(evaluation=draft, scene=scene)
        assert row.scores == pytest.approx([0.1, 0.9, 0.3])
        assert (row.max, row.argmax) == (pytest.approx(0.9), 1)

    @pytest.mark.parametrize(
        ("bad", "words"),
        [
            (lambda w: {w.scenes[1].pk: [0.1, 1.2, 0.3]}, "Frame 000001.pcd .* scene-001: .* is 1.2, it lies in 0..1"),
            (lambda w: {w.scenes[1].pk: [0.1, float("inf"), 0.3]}, "is inf, it lies in"),
            (lambda w: {w.scenes[1].pk: [-0.5, 0.1, 0.3]}, "is -0.5"),
            (lambda w: {w.scenes[1].pk: [0.1, 0.2]}, "scene-001 .* has 3 frames, 2 scores were given"),
            (lambda w: {w.scenes[-1].pk: [0.1, 0.2, 0.3]}, "scene-003 .* is not in Urban@v1 · val"),
            (lambda w: {987654: [0.1]}, "There is no scene 987654"),
        ],
    )
    def test_what_does_not_fit_is_refused_by_name_and_nothing_is_written(self, world, bad, words):
        draft = a_draft(world)
        with pytest.raises(RefusedError, match=words):
            record(draft, {world.scenes[0].pk: [0.1, 0.2, 0.3], **bad(world)})
        assert not SceneScores.objects.exists()

    def test_a_scene_that_stands_twice_is_refused(self, world):
        scene = world.scenes[0].pk
        twice = SceneVectors(np.array([scene, scene]), np.array([3, 3]), np.full(6, 0.5, np.float32))
        with pytest.raises(RefusedError, match="stands twice"):
            services.record_scores(evaluation=a_draft(world), vectors=twice, by=world.engineer)

    def test_rounding_over_the_end_of_the_range_counts_as_the_end(self, world):
        draft = a_draft(world)
        record(draft, {world.scenes[0].pk: [1.0005, 0.2, 0.3]})
        assert scores_in(draft, world.scenes[0])[0] == 1.0

    def test_ious_come_beside_and_are_shares(self, world):
        draft, scene = a_draft(world), world.scenes[0].pk
        known = {scene: [0.5, NAN, 0.7]}
        services.record_scores(evaluation=draft, vectors=vectors({scene: [0.1, 0.2, NAN]}, known), by=world.engineer)
        record(draft, {scene: [NAN, NAN, 0.3]})
        assert SceneScores.objects.get(scene=scene).ious == pytest.approx([0.5, NAN, 0.7], nan_ok=True)
        with pytest.raises(RefusedError, match=r"the IoU is 1\.5"):
            services.record_scores(
                evaluation=draft, vectors=vectors({scene: [0.1, 0.2, 0.3]}, {scene: [1.5, 0, 0]}), by=world.engineer
            )

    def test_only_its_owner_and_engineers_write_it(self, world):
        trainer, other = an_account("tara", "trainer"), an_account("theo", "trainer")
        draft = a_draft(world, by=trainer)
        given = {world.scenes[0].pk: [0.1, 0.2, 0.3]}
        with pytest.raises(NotAllowedError, match="not yours"):
            record(draft, given, by=other)
        record(draft, given, by=world.engineer)


class TestScoresOfFrames:
    def test_frames_find_their_places(self, world):
        draft = a_draft(world)
        frames = [*world.scenes[0].frames.order_by("index"), *world.scenes[1].frames.order_by("index")]
        chosen = np.array([frames[4].pk, frames[0].pk, frames[2].pk])
        told = services.record_frame_scores(
            evaluation=draft, frames=chosen, scores=np.array([0.4, 0.1, 0.2], np.float32), by=world.engineer
        )
        assert told.received == 3
        assert scores_in(draft, world.scenes[0]) == pytest.approx([0.1, NAN, 0.2], nan_ok=True)
        assert scores_in(draft, world.scenes[1]) == pytest.approx([NAN, 0.4, NAN], nan_ok=True)

    def test_unknown_frames_are_named(self, world):
        known = world.scenes[0].frames.first().pk
        with pytest.raises(RefusedError, match="There is no frame 424242"):
            services.record_frame_scores(
                evaluation=a_draft(world), frames=np.array([known, 424242]), scores=np.zeros(2, np.float32),
                by=world.engineer,
            )  # fmt: skip
        with pytest.raises(RefusedError, match="stands twice"):
            services.record_frame_scores(
                evaluation=a_draft(world), frames=np.array([known, known]), scores=np.zeros(2, np.float32),
                by=world.engineer,
            )  # fmt: skip


class TestScoresOfPoints:
    def test_an_array_gives_the_frames_score_by_every_aggregator(self, world):
        draft = a_draft(world, aggregator="p95")
        frame = world.scenes[0].frames.order_by("index")[1]
        values = np.random.default_rng(1).random(1000).astype(np.float16)
        values[:10] = np.nan
        told = services.record_points(evaluation=draft, frame=frame.pk, values=values, by=world.engineer)
        exact = scores.aggregate(values.astype(np.float64))
        assert list(told.aggregates.values()) == pytest.approx(list(exact), abs=1e-6)
        assert scores_in(draft, world.scenes[0])[1] == pytest.approx(exact[1], abs=1e-6)
        row = PointScores.objects.get(evaluation=draft, frame=frame)
        assert (row.values.digest, row.point_count) == (told.digest, 1000)
        again = services.record_points(evaluation=draft, frame=frame.pk, values=values, by=world.engineer)
        assert not again.new

    def test_other_values_are_a_correction_that_must_be_said(self, world):
        draft, frame = a_draft(world), world.scenes[0].frames.first()
        services.record_points(evaluation=draft, frame=frame.pk, values=np.full(1000, 0.1, "<f4"), by=world.engineer)
        other = np.full(1000, 0.7, "<f4")
        with pytest.raises(ConflictError, match="has other values already"):
            services.record_points(evaluation=draft, frame=frame.pk, values=other, by=world.engineer)
        services.record_points(evaluation=draft, frame=frame.pk, values=other, by=world.engineer, replace=True)
        assert scores_in(draft, world.scenes[0])[0] == pytest.approx(0.7)

    @pytest.mark.parametrize(
        ("values", "words"),
        [
            (np.full(999, 0.5, "<f4"), "1,000 points"),
            (np.full(1000, 1.5, "<f4"), "outside 0..1"),
            (np.full(1000, 1, np.int32), "type int32"),
            (b"no array", "no .npy file"),
        ],
    )
    def test_arrays_that_do_not_fit_are_refused_with_their_frame(self, world, values, words):
        frame = world.scenes[0].frames.first()
        with pytest.raises(RefusedError, match=f"Frame 000000.pcd .*{words}"):
            services.record_points(evaluation=a_draft(world), frame=frame.pk, values=values, by=world.engineer)
        assert not PointScores.objects.exists()

    def test_frames_outside_of_the_split_are_refused(self, world):
        frame = world.scenes[-1].frames.first()
        with pytest.raises(RefusedError, match="is not in Urban@v1"):
            services.record_points(
                evaluation=a_draft(world), frame=frame.pk, values=np.zeros(1000, "<f4"), by=world.engineer
            )


class TestTheWire:
    def test_vectors_are_read_as_the_database_sends_them(self):
        with connection.cursor() as cursor:
            cursor.execute("SELECT array_send('{}'::float4[]), array_send('{1.5,NaN,0}'::float4[])")
            nothing, three = cursor.fetchone()
        np.testing.assert_array_equal(selectors.sent_vector(nothing), np.empty(0, np.float32))
        np.testing.assert_array_equal(selectors.sent_vector(three), np.array([1.5, NAN, 0], np.float32))

    def test_scores_for_a_draft_that_was_discarded_meanwhile_are_refused(self, world):
        draft = a_draft(world)
        services.discard_draft(evaluation=Evaluation.objects.get(pk=draft.pk), by=world.engineer)
        with pytest.raises(MissingError, match=f"no evaluation {draft.pk}"):
            record(draft, {world.scenes[0].pk: [0.1, 0.2, 0.3]})
