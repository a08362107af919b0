"""Figures of evaluations: any slice from sums, trusted or not, and what differs between two runs."""

import numpy as np
import pytest
from django.contrib.auth.models import User

from experiments import evaluation_selectors as selectors
from experiments import metrics, services
from experiments.models import RunEvaluation
from experiments.tests.evaluation_stories import (
    a_pinned_version,
    a_run_on,
    a_scene_of,
    an_evaluation,
    predict_wrongly,
)
from experiments.tests.prediction_stories import predict, truth_of, wrong_by
from experiments.tests.stories import a_batch, a_run
from scenes.errors import RefusedError
from scenes.models import Scene

pytestmark = pytest.mark.django_db
ROAD, BUILDING = 9, 13


@pytest.fixture
def scenes() -> list[Scene]:
    """Three scenes of two drives; the first has the tag night."""
    made = [
        a_scene_of("north", name="one", frames=3),
        a_scene_of("north", name="two"),
        a_scene_of("south", name="three"),
    ]
    made[0].tags.add("night")
    return made


@pytest.fixture
def evaluation(scenes) -> RunEvaluation:
    """The first two are for validation, the third is a test scene; errors grow from scene to scene."""
    version = a_pinned_version(val=scenes[:2], test=scenes[2:], slices={"easy": scenes[:1]})
    run = a_run_on(version)
    for scene, share in zip(scenes, (0.05, 0.2, 0.5), strict=True):
        predict_wrongly(run, scene, share)
    return an_evaluation(run, splits=["val", "test"])


def counts_of(evaluation, scenes, shares):
    total = np.zeros((evaluation.class_count,) * 2, np.int64)
    for scene, share in zip(scenes, shares, strict=True):
        for truth, said in zip(truth_of(scene), wrong_by(truth_of(scene), share), strict=True):
            total += metrics.confusion(truth, said, evaluation.class_count)
    return total


class TestFigures:
    def test_any_choice_of_scenes_is_one_sum(self, evaluation, scenes, django_assert_num_queries):
        cases = [
            ({}, scenes, (0.05, 0.2, 0.5)),
            ({"split": "val"}, scenes[:2], (0.05, 0.2)),
            ({"slice": "easy"}, scenes[:1], (0.05,)),
            ({"tag": "night"}, scenes[:1], (0.05,)),
            ({"scenes": [scenes[2].pk]}, scenes[2:], (0.5,)),
        ]
        for scope, meant, shares in cases:
            with django_assert_num_queries(2):
                figures = selectors.figures(evaluation, **scope)
            assert (figures.confusion == counts_of(evaluation, meant, shares)).all(), scope
            assert (figures.scenes, figures.frames) == (len(meant), sum(scene.frames.count() for scene in meant))

    def test_a_rule_changes_rates_and_reads_no_file(self, evaluation, monkeypatch):
        monkeypatch.setattr("scenes.storage.open_bytes", None)
        found = {rule: selectors.figures(evaluation, rule=rule).miou for rule in metrics.RULES}
        assert found["semantic-kitti"] < found["mmdet3d"]
        with pytest.raises(RefusedError, match="waymo"):
            selectors.figures(evaluation, rule="waymo")

    def test_parts_by_what_they_have_in_common(self, evaluation, scenes, django_assert_max_num_queries):
        names = {
            "tag": ["night"],
            "slice": ["easy"],
            "split": ["test", "val"],
        }
        for by, expected in names.items():
            with django_assert_max_num_queries(3):
                found = dict(selectors.figures_by(evaluation, by))
            assert list(found) == expected
        split = dict(selectors.figures_by(evaluation, "split"))
        assert split["test"].miou < split["val"].miou
        bands = selectors.figures_by(evaluation, "range")
        assert sum(part.points for _, part in bands) == selectors.figures(evaluation).points
        assert {"road", "building"} <= {name for name, _ in selectors.figures_by(evaluation, "class")}
        with pytest.raises(RefusedError, match="by:"):
            selectors.figures_by(evaluation, "weather")

    def test_scenes_come_worst_first(self, evaluation, scenes, django_assert_num_queries):
        with django_assert_num_queries(1):
            worst = selectors.scene_figures(evaluation)
        assert [row.name for row in worst] == ["three", "two", "one"]
        assert [row.name for row in selectors.scene_figures(evaluation, order="best", limit=1)] == ["one"]
        by_class = selectors.scene_figures(evaluation, order=f"class:{ROAD}", split="val")
        assert [row.name for row in by_class] == ["two", "one"]
        assert by_class[0].iou[ROAD] < by_class[1].iou[ROAD]
        with pytest.raises(RefusedError, match="order"):
            selectors.scene_figures(evaluation, order="class:99")

    def test_frames_of_a_scene_come_in_playing_order(self, evaluation, scenes):
        found = selectors.frame_figures(evaluation, scenes[0].pk)
        assert [(row.index, row.points) for row in found] == [(0, 500), (1, 500), (2, 500)]
        assert sum(row.correct for row in found) == np.trace(selectors.figures(evaluation, slice="easy").confusion)

    def test_the_newest_of_many_runs_in_one_query(self, evaluation, django_assert_num_queries):
        other = a_run()
        with django_assert_num_queries(1):
            assert selectors.evaluations_of([evaluation.run_id, other]) == {evaluation.run_id: evaluation}
        assert selectors.latest_evaluation(other) is None


class TestConfusedFrames:
    def test_those_with_the_most_points_come_first_and_none_is_forgotten(self, evaluation, scenes, monkeypatch):
        monkeypatch.setattr("experiments.evaluation_frames.SCENES_AT_ONCE", 1)
        total = selectors.figures(evaluation).confusion[ROAD, 1]
        found = selectors.frames_with_confusion(evaluation, truth=ROAD, predicted=1)
        assert sum(row.points for row in found) == total
        assert [row.points for row in found] == sorted((row.points for row in found), reverse=True)
        assert found[0].scene_name == "three"
        first = selectors.frames_with_confusion(evaluation, truth=ROAD, predicted=1, most=2)
        assert first == found[:2]
        assert {
            row.scene for row in selectors.frames_with_confusion(evaluation, truth=ROAD, predicted=1, tag="night")
        } == {scenes[0].pk}
        with pytest.raises(RefusedError, match="truth"):
            selectors.frames_with_confusion(evaluation, truth=99, predicted=1)


class TestDiff:
    def test_frames_are_fixed_broken_or_still_hard(self, scenes):
        version = a_pinned_version(val=scenes)
        runs = [a_run_on(version), a_run_on(version)]
        for run, shares in zip(runs, ((0.9, 0.0, 0.9), (0.0, 0.9, 0.8)), strict=True):
            for scene, share in zip(scenes, shares, strict=True):
                predict_wrongly(run, scene, share)
        before, after = (an_evaluation(run) for run in runs)
        diff = selectors.evaluation_diff(before, after)
        assert {row.scene_name for row in diff.fixed} == {"one"}
        assert {row.scene_name for row in diff.broken} == {"two"}
        assert {row.scene_name for row in diff.still_hard} == {"three"}
        assert (diff.fixed_count, diff.broken_count, diff.still_hard_count, diff.shared) == (3, 2, 2, 7)
        assert diff.fixed[0].gain > 0 > diff.broken[0].gain
        assert diff.delta[ROAD] == pytest.approx(
            selectors.figures(after).iou[ROAD] - selectors.figures(before).iou[ROAD]
        )
        assert diff.miou == (pytest.approx(before.miou), pytest.approx(after.miou))
        assert len(selectors.evaluation_diff(before, after, most=1).fixed) == 1
        assert (diff.only_a, diff.only_b, diff.other_labels) == (0, 0, 0)


class TestContamination:
    def test_a_clean_run(self, scenes):
        run = a_run_on(a_pinned_version(train=scenes[:2], val=scenes[2:]))
        predict_wrongly(run, scenes[2])
        found = selectors.contamination(an_evaluation(run))
        assert found.clean
        assert found.sentence.startswith("Clean")

    def test_a_drive_that_was_trained_on(self, scenes):
        run = a_run_on(a_pinned_version(train=scenes[:1], val=scenes[1:]))
        for scene in scenes[1:]:
            predict_wrongly(run, scene)
        found = selectors.contamination(an_evaluation(run))
        assert (found.clean, found.scenes, found.drives, found.drive_scenes) == (False, 0, 1, 1)
        assert found.runs == [run.pk]

    def test_what_a_run_resumed_from_had_seen(self, scenes):
        older = a_run_on(a_pinned_version("Older", train=scenes[2:], val=scenes[:1]))
        run = a_run_on(a_pinned_version(train=scenes[:2], val=scenes[2:]), resumed_from=str(older.pk))
        predict_wrongly(run, scenes[2])
        found = selectors.contamination(an_evaluation(run))
        assert (found.clean, found.scenes, found.runs) == (False, 1, [older.pk])
        assert f"run-{older.pk}" in found.sentence

    def test_a_silent_past_is_unknown_and_not_clean(self, scenes):
        run = a_run_on(a_pinned_version(train=scenes[:2], val=scenes[2:]), resumed_from=str(a_run().pk))
        predict_wrongly(run, scenes[2])
        found = selectors.contamination(an_evaluation(run))
        assert (found.clean, found.known) == (False, False)


class TestMismatches:
    def test_numbers_of_the_trainer_are_compared_with_the_servers(self, scenes):
        run = a_run_on(a_pinned_version(val=scenes[:1]))
        predict_wrongly(run, scenes[0], 0.2)
        evaluation = an_evaluation(run)
        figures = selectors.figures(evaluation)
        reported = {
            "val_miou": figures.miou + 0.02,
            "val/mIoU": 100 * figures.miou,
            "iou/road": figures.iou[ROAD] - 0.1,
            "val_building_iou": figures.iou[BUILDING],
            "validation/accuracy": figures.accuracy + 0.001,
            "train/miou": 0.99,
            "test_miou": 0.5,
            "loss": 3.0,
            "iou/unicorn": 0.3,
        }
        for key, value in reported.items():
            services.record_metrics(run=run, batch=a_batch(key, steps=[1], values=[value]), by=run.started_by)
        found = {one.key: one for one in selectors.mismatches(evaluation)}
        assert set(found) == {"val_miou", "iou/road"}
        assert found["val_miou"].computed == pytest.approx(figures.miou)
        assert found["iou/road"].reported == pytest.approx(figures.iou[ROAD] - 0.1)
        assert "the run reports" in found["iou/road"].sentence

    def test_a_key_of_one_split_is_compared_with_that_split(self, evaluation):
        run, by = evaluation.run, User.objects.get(username="tara")
        test = selectors.figures(evaluation, split="test")
        for key, value in {"val_miou": test.miou, "test_miou": test.miou}.items():
            services.record_metrics(run=run, batch=a_batch(key, steps=[1], values=[value]), by=by)
        assert [one.key for one in selectors.mismatches(evaluation)] == ["val_miou"]


def test_only_what_was_predicted_is_compared(scenes):
    run = a_run_on(a_pinned_version(val=scenes))
    predict(run, scenes[0], truth_of(scenes[0]))
    evaluation = an_evaluation(run)
    assert [row.name for row in selectors.scene_figures(evaluation)] == ["one"]
    assert evaluation.miou == 1.0
