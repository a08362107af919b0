"""Evaluations are computed from stored predictions and pinned labels, and their numbers stay."""

import numpy as np
import pytest
from django.db import IntegrityError, transaction

from experiments import evaluating as evaluating_work
from experiments import evaluation_selectors as selectors
from experiments import metrics, services, tasks
from experiments.models import EvaluationState, FrameSums, LabelChoice, RunEvaluation, SceneSums
from experiments.services import evaluating, evaluation_batches
from experiments.tests.evaluation_stories import (
    a_pinned_version,
    a_run_on,
    a_scene_of,
    an_evaluation,
    label_again,
    predict_wrongly,
)
from experiments.tests.prediction_stories import predict, truth_of, wrong_by
from experiments.tests.stories import a_person, a_run, a_version
from scenes.errors import ConflictError, NotAllowedError, RefusedError
from scenes.models import Frame
from scenes.tests.factories import a_ready_scene

pytestmark = pytest.mark.django_db


def a_predicted_run(scenes, share=0.1, **given):
    """A run on a version that has these scenes for validation, which it predicts with a share of wrong points."""
    run = a_run_on(a_pinned_version(val=scenes))
    for scene in scenes:
        predict_wrongly(run, scene, share, **given)
    return run


class TestNumbers:
    def test_they_are_those_of_all_points_together(self):
        scenes = [a_scene_of("north", name="one"), a_scene_of("south", name="two", frames=3)]
        run = a_run_on(a_pinned_version(val=scenes))
        truth = [one for scene in scenes for one in truth_of(scene)]
        shares = (0.1, 0.4)
        predicted = [
            one for scene, share in zip(scenes, shares, strict=True) for one in predict_wrongly(run, scene, share)
        ]
        evaluation = an_evaluation(run)
        counts = metrics.confusion(np.concatenate(truth), np.concatenate(predicted), evaluation.class_count)
        figures = selectors.figures(evaluation)
        assert (figures.confusion == counts).all()
        assert evaluation.state == EvaluationState.DONE
        assert evaluation.miou == figures.miou == pytest.approx(metrics.miou(counts, "mmdet3d", [0]))
        assert (evaluation.frame_count, evaluation.scene_count, evaluation.point_count) == (5, 2, 2500)
        assert (evaluation.frames_done, evaluation.frames_total, evaluation.frames_missing) == (5, 5, 0)
        assert evaluation.ece is None
        rows = SceneSums.objects.filter(evaluation=evaluation).order_by("scene_id")
        assert [row.frames for row in rows] == [2, 3]
        assert [row.label_set for row in rows] == [scene.label_sets.get() for scene in scenes]

    def test_confidence_and_uncertainty_give_calibration_and_ranking(self):
        scene = a_scene_of("north", name="one")
        run = a_run_on(a_pinned_version(val=[scene]))
        classes = wrong_by(truth_of(scene), 0.2)
        random = np.random.default_rng(0)
        sure = [random.random(500).astype(np.float16) for _ in classes]
        doubt = [(random.random(500) * 2).astype(np.float32) for _ in classes]
        predict(run, scene, classes, confidence=sure, uncertainty=doubt)
        evaluation = an_evaluation(run)
        truth, said = np.concatenate(truth_of(scene)), np.concatenate(classes)
        ece, mce = metrics.ece_mce(metrics.confidence_bins(np.concatenate(sure), truth == said))
        assert (evaluation.ece, evaluation.mce) == (pytest.approx(ece), pytest.approx(mce))
        bins = metrics.distinct_bins(np.concatenate(doubt), truth != said)
        assert evaluation.aurc == pytest.approx(metrics.aurc(bins), rel=0.01)
        assert evaluation.ranked_by == "uncertainty"

    def test_without_a_measure_the_confidence_ranks(self):
        scene = a_scene_of("north", name="one")
        evaluation = an_evaluation(a_predicted_run([scene], confidence=0.75))
        assert (evaluation.ranked_by, evaluation.low, evaluation.high) == ("confidence", 0.0, 1.0)
        assert evaluation.ece == pytest.approx(abs(0.75 - evaluation.accuracy), abs=1e-6)
        assert evaluation.aurc == pytest.approx(1 - evaluation.accuracy, abs=1e-6)

    def test_range_bands_hold_the_points_at_these_distances(self):
        scene = a_scene_of("north", name="one", frames=1)
        evaluation = an_evaluation(a_predicted_run([scene]), range_edges=[10, 25])
        cloud = scene.frames.get().read_cloud().positions()
        distance = np.sqrt((cloud.astype(np.float64) ** 2).sum(axis=1))
        expected = [(distance < 10).sum(), ((distance >= 10) & (distance < 25)).sum(), (distance >= 25).sum(), 0]
        found = [selectors.figures(evaluation, range_band=band).points for band in range(4)]
        assert found == expected
        assert [name for name, _ in selectors.figures_by(evaluation, "range")] == ["0-10 m", "10-25 m", "from 25 m"]

    def test_ranges_are_the_same_from_what_is_drawn_and_from_the_original(self):
        scene = a_scene_of("north", name="one", frames=1)
        frame = scene.frames.select_related("display", "cloud", "octree_index").get()
        drawn = evaluating_work._bands(frame, [10, 25])
        frame.finite_count -= 1  # as where points are left out of the display chunk
        assert (evaluating_work._bands(frame, [10, 25]) == drawn).all()
        assert set(drawn.tolist()) == {0, 1, 2}

    def test_points_whose_cloud_is_gone_are_in_the_band_of_no_position(self):
        scene = a_scene_of("north", name="one", frames=1)
        run = a_predicted_run([scene])
        scene.frames.get().display.local_path().unlink()
        evaluation = an_evaluation(run)
        assert [(name, part.points) for name, part in selectors.figures_by(evaluation, "range")] == [
            ("no position", 500)
        ]
        assert evaluation.point_count == 500


class TestCoverage:
    def test_frames_that_can_not_be_compared_are_counted_and_named(self):
        bare, half = a_scene_of("north", name="bare"), a_scene_of("north", name="half", frames=3)
        run = a_run_on(a_pinned_version(val=[bare, half]))
        predict(run, half, [*wrong_by(truth_of(half), 0.1)[:2], None])
        Frame.objects.filter(scene=half, index=1).update(point_count=7)
        evaluation = an_evaluation(run)
        assert (evaluation.frame_count, evaluation.frames_total) == (1, 5)
        assert (evaluation.without_prediction, evaluation.not_fitting, evaluation.without_labels) == (3, 1, 0)
        assert {"scene": "half", "frame": "000001.pcd", "why": "not fitting"} in evaluation.missing
        assert [one["scene"] for one in evaluation.missing].count("bare") == 2

    def test_an_evaluation_of_nothing_fails_and_says_why(self):
        scene, other = a_scene_of("north", name="one"), a_scene_of("north", name="two")
        run = a_run_on(a_pinned_version(val=[scene], test=[other]))
        predict_wrongly(run, other)
        evaluation = an_evaluation(run)
        assert evaluation.state == EvaluationState.FAILED
        assert "2 frames without a prediction" in evaluation.failure
        again = an_evaluation(run, splits=["val"])
        assert again.pk != evaluation.pk

    def test_scenes_without_labels_are_counted(self):
        scene, bare = a_scene_of("north", name="one"), a_ready_scene(name="bare", points=500)
        run = a_run_on(a_pinned_version(val=[scene, bare]))
        predict_wrongly(run, scene)
        predict(run, bare, truth_of(scene)[:1])
        evaluation = an_evaluation(run)
        assert (evaluation.frame_count, evaluation.without_labels, evaluation.scene_count) == (2, 1, 1)


class TestWork:
    def test_it_goes_on_where_another_worker_stopped(self, monkeypatch):
        monkeypatch.setattr(evaluation_batches, "FRAMES_AT_ONCE", 2)
        scenes = [a_scene_of("north", name="one", frames=3), a_scene_of("north", name="two", frames=2)]
        run = a_predicted_run(scenes)
        started = services.start_evaluation(run=run, by=run.started_by)
        steps = iter([True, False])
        assert evaluating.work(started.pk, go_on=lambda: next(steps))
        part = RunEvaluation.objects.get(pk=started.pk)
        assert (part.state, part.frames_done) == (EvaluationState.RUNNING, 2)
        assert not SceneSums.objects.exists()
        kept = set(FrameSums.objects.values_list("pk", flat=True))
        assert not evaluating.work(started.pk)
        done = RunEvaluation.objects.get(pk=started.pk)
        assert (done.state, done.frames_done, FrameSums.objects.count()) == (EvaluationState.DONE, 5, 5)
        assert kept < set(FrameSums.objects.values_list("pk", flat=True))
        assert not evaluating.work(started.pk)

    def test_one_that_breaks_again_and_again_fails_and_names_the_frame(self):
        scene = a_scene_of("north", name="one")
        run = a_predicted_run([scene])
        file = run.predictions.frames.first().classes
        file.local_path().unlink()
        started = services.start_evaluation(run=run, by=run.started_by)
        for _ in range(evaluating.MOST_ATTEMPTS):
            with pytest.raises(Exception, match="can't be evaluated"):
                evaluating.work(started.pk)
        failed = RunEvaluation.objects.get(pk=started.pk)
        assert failed.state == EvaluationState.FAILED
        assert "000000.pcd" in failed.failure

    def test_silent_ones_are_woken(self, monkeypatch, settings):
        run = a_predicted_run([a_scene_of("north", name="one")])
        started = services.start_evaluation(run=run, by=run.started_by)
        settings.INGEST_LEASE_SECONDS = -1
        woken = []
        monkeypatch.setattr(evaluating, "wake", woken.append)
        tasks.wake_stuck_evaluations()
        assert woken == [started.pk]
        tasks.work_on_evaluation(started.pk)
        tasks.wake_stuck_evaluations()
        assert woken == [started.pk]

    def test_a_finished_run_is_evaluated_by_itself(self, django_capture_on_commit_callbacks, monkeypatch, settings):
        woken = []
        monkeypatch.setattr(evaluating, "wake", woken.append)
        run = a_predicted_run([a_scene_of("north", name="one")])
        with django_capture_on_commit_callbacks(execute=True):
            services.finish_run(run=run, by=run.started_by, status="completed")
        assert woken == [run.evaluations.get().pk]
        settings.EVALUATE_FINISHED_RUNS = False
        other = a_predicted_run([a_scene_of("north", name="two")])
        services.finish_run(run=other, by=other.started_by, status="completed")
        assert not other.evaluations.exists()

    def test_a_run_without_predictions_finishes_as_before(self):
        run = a_run()
        services.finish_run(run=run, by=run.started_by, status="completed")
        assert not run.evaluations.exists()


class TestStarting:
    def test_the_same_again_is_the_same_one(self):
        run = a_predicted_run([a_scene_of("north", name="one")])
        started = services.start_evaluation(run=run, by=run.started_by)
        assert services.start_evaluation(run=run, by=run.started_by) == started
        evaluating.work(started.pk)
        assert services.start_evaluation(run=run, by=run.started_by) == started

    def test_what_can_not_be_evaluated_is_refused(self):
        scene = a_scene_of("north", name="one")
        run = a_run_on(a_pinned_version(val=[scene]))
        with pytest.raises(ConflictError, match="no predictions"):
            services.start_evaluation(run=run, by=run.started_by)
        predict_wrongly(run, scene)
        for wishes, error, words in [
            ({"splits": ["validation"]}, RefusedError, "is no split"),
            ({"splits": ["test"]}, ConflictError, "has no scene in test"),
            ({"rule": "waymo"}, RefusedError, "semantic-kitti"),
            ({"range_edges": [20, 10]}, RefusedError, "ascending"),
            ({"dataset_version": a_version("Draft", state="draft", val=[scene])}, ConflictError, "is a draft"),
        ]:
            with pytest.raises(error, match=words):
                services.start_evaluation(run=run, by=run.started_by, **wishes)
        with pytest.raises(NotAllowedError):
            services.start_evaluation(run=run, by=a_person("vera", "viewer"))
        bare = a_run()
        predict(bare, scene, truth_of(scene))
        with pytest.raises(ConflictError, match="no dataset version"):
            services.start_evaluation(run=bare, by=bare.started_by)


class TestOutdated:
    def test_newer_labels_outdate_it_and_one_step_computes_again(self, tmp_path, monkeypatch):
        changed, same = a_scene_of("north", name="one"), a_scene_of("north", name="two")
        run = a_predicted_run([changed, same])
        first = an_evaluation(run)
        assert not first.outdated
        label_again(changed, tmp_path)
        first.refresh_from_db()
        assert "1 scene has newer labels than the pinned ones" in selectors.outdated_sentence(first)
        second = services.recompute(evaluation=first, by=run.started_by)
        assert (second.labels, second.current, second.supersedes) == (LabelChoice.NEWEST, False, first)
        evaluating.work(second.pk)
        first.refresh_from_db()
        second.refresh_from_db()
        assert (first.current, second.current, second.outdated) == (False, True, False)
        assert selectors.latest_evaluation(run) == second
        used = {row.scene_id: row.label_set.version for row in SceneSums.objects.filter(evaluation=second)}
        assert used == {changed.pk: 2, same.pk: 1}

    def test_what_did_not_change_is_not_read_again(self, tmp_path, monkeypatch):
        run = a_predicted_run([a_scene_of("north", name="one"), a_scene_of("north", name="two")])
        first = an_evaluation(run)
        monkeypatch.setattr(evaluation_batches, "frame_sums", None)
        second = an_evaluation(run, rule="semantic-kitti")
        assert second.pk != first.pk
        assert (selectors.figures(second).confusion == selectors.figures(first).confusion).all()
        assert second.miou == selectors.figures(first, rule="semantic-kitti").miou != first.miou

    def test_replaced_predictions_outdate_it(self):
        scene = a_scene_of("north", name="one")
        run = a_predicted_run([scene])
        evaluation = an_evaluation(run)
        predict_wrongly(run, scene, 0.3, replace=True)
        evaluation.refresh_from_db()
        assert "2 frames have other predictions now" in selectors.outdated_sentence(evaluation)
        again = services.recompute(evaluation=evaluation, by=run.started_by)
        evaluating.work(again.pk)
        again.refresh_from_db()
        assert again.miou < evaluation.miou
        assert selectors.outdated_sentence(again) == ""

    def test_late_predictions_outdate_it(self):
        scene = a_scene_of("north", name="one")
        run = a_run_on(a_pinned_version(val=[scene]))
        predict(run, scene, [truth_of(scene)[0], None])
        evaluation = an_evaluation(run)
        predict(run, scene, truth_of(scene))
        evaluation.refresh_from_db()
        assert evaluation.outdated

    def test_pinned_labels_that_were_old_already_outdate_it_at_once(self, tmp_path):
        scene = a_scene_of("north", name="one")
        run = a_run_on(a_pinned_version(val=[scene]))
        label_again(scene, tmp_path)
        predict_wrongly(run, scene)
        assert an_evaluation(run).outdated


class TestItStays:
    def test_the_database_refuses_to_change_a_finished_one(self):
        evaluation = an_evaluation(a_predicted_run([a_scene_of("north", name="one")]))
        rows = [
            lambda: RunEvaluation.objects.filter(pk=evaluation.pk).update(miou=1.0),
            lambda: RunEvaluation.objects.filter(pk=evaluation.pk)._raw_delete("default"),
            lambda: FrameSums.objects.filter(evaluation=evaluation).update(correct=0),
            lambda: SceneSums.objects.filter(evaluation=evaluation)._raw_delete("default"),
            lambda: FrameSums.objects.create(evaluation=evaluation, scene_id=1, frame_id=1, points=0, correct=0),
        ]
        for change in rows:
            with pytest.raises(IntegrityError, match="stay"), transaction.atomic():
                change()

    def test_its_history_tells_who_and_what(self):
        run = a_predicted_run([a_scene_of("north", name="one")])
        evaluation = an_evaluation(run)
        told = list(
            evaluation.history.order_by("history_id").values_list("history_change_reason", "history_user__username")
        )
        assert told == [("Evaluation started", "tara"), ("Evaluation runs", None), ("Evaluated", None)]
