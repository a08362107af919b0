"""Finishing stores every number; what is finished stays; and what counts stands on the scenes."""

import numpy as np
import pytest
from django.db import IntegrityError, connection, transaction

from scenes.errors import ConflictError, NotAllowedError, RefusedError
from scenes.models import Scene
from scenes.services.uncertainty import SceneUncertainty, record_uncertainty
from uncertainty import selectors, services
from uncertainty.models import Evaluation, EvaluationMember, PointScores, SceneScores
from uncertainty.tests.stories import a_draft, a_finished, a_world, an_account, vectors

NAN = float("nan")
SCORES = [[0.1, 0.2, 0.3], [0.9, NAN, 0.5], [0.4, 0.4, 0.45]]


@pytest.fixture
def world(db):
    return a_world()


def said(scene):
    """What stands on a scene: highest, mean, source, measure, evaluation."""
    names = ("max_frame_uncertainty", "mean_frame_uncertainty", "uncertainty_source", "uncertainty_measure")
    return Scene.objects.values_list(*names, "uncertainty_evaluation").get(pk=scene.pk)


class TestNumbers:
    def test_all_are_stored_and_exact(self, world):
        finished = Evaluation.objects.get(pk=a_finished(world, SCORES).pk)
        flat = np.array(SCORES, np.float32).ravel().astype(np.float64)
        known = flat[~np.isnan(flat)]
        assert finished.mean == pytest.approx(known.mean())
        assert finished.p95 == pytest.approx(np.percentile(known, 95))
        assert finished.maximum == known.max()
        assert finished.sums == pytest.approx([known.sum(), (known**2).sum()])
        assert (finished.scene_count, finished.scene_total) == (3, 3)
        assert (finished.frame_count, finished.frame_total) == (8, 9)
        assert finished.coverage == pytest.approx(8 / 9)
        assert sum(finished.histogram["counts"]) == 8
        assert len(finished.histogram["counts"]) == 10
        assert finished.finished_by == world.engineer

    def test_top_frames_are_the_highest_with_their_places(self, world):
        draft = a_draft(world)
        ious = {scene.pk: [0.5, 0.6, 0.7] for scene in world.scored}
        given = {scene.pk: one for scene, one in zip(world.scored, SCORES, strict=True)}
        services.record_scores(evaluation=draft, vectors=vectors(given, ious), by=world.engineer)
        finished = services.finish_evaluation(evaluation=draft, by=world.engineer)
        top = selectors.top_frames(finished, most=3)
        assert [(one.scene, one.position) for one in top] == [("scene-001", 0), ("scene-001", 2), ("scene-002", 2)]
        assert [one.name for one in top] == ["000000.pcd", "000002.pcd", "000002.pcd"]
        assert (top[0].score, top[0].iou) == (pytest.approx(0.9), pytest.approx(0.5))

    def test_scenes_have_ranks_inside_their_evaluation(self, world, django_assert_max_num_queries):
        finished = a_finished(world, SCORES)
        with django_assert_max_num_queries(3):
            ranked = selectors.ranked_scenes(finished)
        assert [(one.scene.name, one.rank, one.argmax) for one in ranked] == [
            ("scene-001", 1, 0), ("scene-002", 2, 2), ("scene-000", 3, 2),
        ]  # fmt: skip
        assert [one.rank for one in selectors.ranked_scenes(finished, after=1, most=1)] == [2]
        night = Scene.objects.filter(pk=world.scenes[0].pk)
        assert [one.rank for one in selectors.ranked_scenes(finished, scenes=night)] == [3]

    def test_ranks_compare_where_raw_scores_do_not(self, world):
        a_finished(world, SCORES)
        a_finished(world, [[2.5, 2.5, 2.5], [0.1, 0.1, 0.1], [0.2, 0.2, 0.2]], normalised=False, classes=20)
        found = selectors.standings([world.scenes[0].pk])[world.scenes[0].pk]
        assert [(one.rank, one.scenes) for one in found] == [(1, 3), (3, 3)]
        assert found[0].percentile == 1.0

    def test_nothing_is_finished_without_scores(self, world):
        draft = a_draft(world)
        with pytest.raises(RefusedError, match="no scores yet"):
            services.finish_evaluation(evaluation=draft, by=world.engineer)

    def test_finishing_again_changes_nothing(self, world):
        finished = a_finished(world, SCORES)
        again = services.finish_evaluation(evaluation=finished, by=world.engineer)
        assert again.finished_at == finished.finished_at
        assert Evaluation.history.filter(id=finished.pk).count() == 2


class TestWhatIsFinishedStays:
    @pytest.fixture
    def finished(self, world):
        made = a_finished(world, SCORES, members=[world.run.pk])
        return Evaluation.objects.get(pk=made.pk)

    def test_services_refuse(self, world, finished):
        given = vectors({world.scenes[0].pk: [0.1, 0.2, 0.4]})
        frame = world.scenes[0].frames.first().pk
        attempts = [
            lambda: services.record_scores(evaluation=finished, vectors=given, by=world.engineer, replace=True),
            lambda: services.record_points(
                evaluation=finished, frame=frame, values=np.zeros(1000, "<f4"), by=world.engineer
            ),
            lambda: services.discard_draft(evaluation=finished, by=world.engineer),
            lambda: services.change_notes(evaluation=finished, notes="later", by=world.engineer),
        ]
        for attempt in attempts:
            with pytest.raises(ConflictError, match="is finished: nothing of it changes any more"):
                attempt()

    @pytest.mark.parametrize(
        "write",
        [
            lambda one: SceneScores.objects.filter(evaluation=one).update(max=0.99),
            lambda one: SceneScores.objects.filter(evaluation=one).delete(),
            lambda one: SceneScores.objects.create(
                evaluation=one, scene=Scene.objects.first(), scores=[0.1], sums=[0, 0]
            ),
            lambda one: EvaluationMember.objects.filter(evaluation=one).update(position=7),
            lambda one: EvaluationMember.objects.filter(evaluation=one).delete(),
            lambda one: PointScores.objects.create(
                evaluation=one, scene=Scene.objects.first(), frame=Scene.objects.first().frames.first(),
                values=Scene.objects.first().frames.first().cloud, point_count=1, aggregates=[0] * 6,
            ),
            lambda one: Evaluation.objects.filter(pk=one.pk).update(mean=0.0),
            lambda one: Evaluation.objects.filter(pk=one.pk).update(notes="later"),
            lambda one: Evaluation.objects.filter(pk=one.pk)._raw_delete("default"),
        ],
    )  # fmt: skip
    def test_the_database_refuses_whoever_writes(self, finished, write):
        with pytest.raises(IntegrityError, match="finished"), transaction.atomic():
            write(finished)

    def test_tables_with_finished_evaluations_are_not_emptied(self, finished):
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lamm.guard_truncate = 'on'")
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            with pytest.raises(IntegrityError, match="not emptied"), transaction.atomic():
                cursor.execute("TRUNCATE uncertainty_scenescores")

    def test_what_is_withdrawn_stays_withdrawn(self, world, finished):
        services.withdraw_evaluation(evaluation=finished, reason="Wrong checkpoint", by=world.engineer)
        with pytest.raises(ConflictError, match="Only a finished one"):
            services.withdraw_evaluation(evaluation=finished, reason="again", by=world.engineer)
        with pytest.raises(IntegrityError), transaction.atomic():
            Evaluation.objects.filter(pk=finished.pk).update(state="finished", withdrawn_at=None)


class TestWhatStandsOnScenes:
    def test_finishing_pushes_down_what_the_explorer_sorts_by(self, world):
        finished = a_finished(world, SCORES)
        definition = "Predictive entropy, normalised, mean"
        highest, mean, *rest = said(world.scenes[1])
        assert (highest, mean) == pytest.approx((0.9, 0.7))
        assert rest == ["ensemble-v2", definition, finished.pk]
        assert said(world.scenes[-1]) == (None, None, "", "", None)

    def test_of_several_the_highest_counts(self, world):
        a_finished(world, SCORES)
        higher = a_finished(world, [[0.7, 0.1, 0.1], [0.2, 0.2, 0.2], [0.2, 0.2, 0.2]], name="", run=world.run.pk)
        assert said(world.scenes[0])[2::2] == (str(world.run), higher.pk)
        assert said(world.scenes[1])[2] == "ensemble-v2"

    def test_scores_between_0_and_1_count_before_others(self, world):
        nats = a_finished(world, [[2.0] * 3, [2.0] * 3, [2.0] * 3], normalised=False, classes=20)
        assert said(world.scenes[0])[4] == nats.pk
        share = a_finished(world, SCORES)
        assert said(world.scenes[0])[4] == share.pk

    def test_an_installation_may_name_the_definition_that_counts(self, world, settings):
        settings.UNCERTAINTY_COUNTS = "mutual_information/normalised"
        a_finished(world, SCORES)
        assert said(world.scenes[0])[0] is None
        wanted = a_finished(world, [[0.01] * 3] * 3, measure="mutual_information")
        assert said(world.scenes[0])[4] == wanted.pk

    def test_the_newer_evaluation_of_the_same_supersedes(self, world):
        older = a_finished(world, SCORES)
        newer = a_finished(world, [[0.05] * 3] * 3)
        older.refresh_from_db()
        assert (older.state, older.superseded_by_id) == ("superseded", newer.pk)
        assert said(world.scenes[1])[0] == pytest.approx(0.05)
        assert selectors.evaluations_of_model("ensemble-v2") == [newer]

    def test_withdrawing_takes_it_back(self, world):
        first = a_finished(world, SCORES)
        second = a_finished(world, [[0.95] * 3, [0.1] * 3, [0.1] * 3], name="other")
        services.withdraw_evaluation(evaluation=second, reason="Wrong checkpoint", by=world.engineer)
        assert said(world.scenes[0])[2::2] == ("ensemble-v2", first.pk)
        services.withdraw_evaluation(evaluation=first, reason="Wrong data", by=world.engineer)
        assert said(world.scenes[0]) == (None, None, "", "", None)
        assert Evaluation.history.filter(id=first.pk).first().history_change_reason == "Withdrawn: Wrong data"

    def test_only_finished_ones_are_withdrawn_by_those_who_may(self, world):
        draft = a_draft(world)
        with pytest.raises(ConflictError, match="Discard a draft instead"):
            services.withdraw_evaluation(evaluation=draft, reason="no", by=world.engineer)
        with pytest.raises(RefusedError, match="say why"):
            services.withdraw_evaluation(evaluation=draft, reason=" ", by=world.engineer)
        with pytest.raises(NotAllowedError):
            services.withdraw_evaluation(evaluation=draft, reason="no", by=an_account("vera", "viewer"))

    def test_a_rebuild_mends_and_a_check_tells(self, world):
        a_finished(world, SCORES)
        assert list(services.uncertainty_differences()) == []
        wrong = SceneUncertainty(world.scenes[0].pk, 0.99, 0.5, "somebody", "some measure", 1)
        record_uncertainty(scores=[wrong, SceneUncertainty(world.scenes[-1].pk, 0.5, 0.5, "nobody", "m", 2)])
        found = [(one.name, one.said, one.counts) for one in services.uncertainty_differences()]
        assert found == [("scene-000", 0.99, pytest.approx(0.3)), ("scene-003", 0.5, None)]
        assert list(services.rebuild_uncertainty()) == [(4, 2)]
        assert list(services.uncertainty_differences()) == []


class TestReading:
    def test_evaluations_of_a_run_are_its_own_and_those_it_is_a_member_of(self, world, django_assert_num_queries):
        own = a_finished(world, SCORES, name="", run=world.run.pk)
        ensemble = a_finished(world, SCORES, members=[world.run.pk])
        with django_assert_num_queries(1):
            assert selectors.evaluations_for(world.run) == [ensemble, own]
        assert selectors.evaluations_for(world.run, members=False) == [own]
        assert selectors.latest_for_run(world.run) == own
        assert selectors.latest_for_run(world.run, split="test") is None
        assert selectors.latest_for_runs([world.run]) == {world.run.pk: own}

    def test_a_scene_has_a_series_for_each_finished_evaluation(self, world, django_assert_num_queries):
        a_finished(world, SCORES)
        draft = a_draft(world, name="draft")
        services.record_scores(evaluation=draft, vectors=vectors({world.scenes[0].pk: [0.5] * 3}), by=world.engineer)
        with django_assert_num_queries(2):
            (series,) = selectors.series_of_scene(world.scenes[1].pk)
        assert series.scores == pytest.approx([0.9, NAN, 0.5], nan_ok=True)
        assert (series.rank, series.evaluation.title) == (1, "ensemble-v2")
