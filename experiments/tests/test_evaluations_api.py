"""The API of evaluations, and the command."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from experiments import evaluation_selectors as selectors
from experiments.models import RunEvaluation
from experiments.services import evaluating
from experiments.tests.evaluation_stories import (
    a_pinned_version,
    a_run_on,
    a_scene_of,
    an_evaluation,
    predict_wrongly,
)
from experiments.tests.stories import Script, a_person

pytestmark = pytest.mark.django_db
ROAD = 9


@pytest.fixture
def run():
    scenes = [a_scene_of("north", name="one"), a_scene_of("south", name="two")]
    run = a_run_on(a_pinned_version(train=scenes[:1], val=scenes[1:]))
    predict_wrongly(run, scenes[1], 0.2)
    return run


@pytest.fixture
def script(run):
    return Script(run.started_by)


def test_an_evaluation_is_started_watched_and_read(run, script):
    answer = script.post("run-evaluations/", {"run": run.pk, "rule": "nuscenes"})
    assert answer.status_code == 201, answer.content
    number = answer.json()["id"]
    assert (answer.json()["state"], answer.json()["frames_total"]) == ("queued", 2)
    early = script.get(f"run-evaluations/{number}/figures/")
    assert early.status_code == 409
    assert "queued" in early.json()["detail"]
    evaluating.work(number)
    told = script.get(f"run-evaluations/{number}/").json()
    assert (told["state"], told["rule"], told["frame_count"]) == ("done", "nuscenes", 2)
    assert told["contamination"]["state"] == "clean"
    assert told["mismatches"] == []
    figures = script.get(f"run-evaluations/{number}/figures/", rule="semantic-kitti", split="val").json()
    assert figures["miou"] == selectors.figures(RunEvaluation.objects.get(), rule="semantic-kitti").miou
    assert len(figures["confusion"]) == 20
    assert script.post("run-evaluations/", {"run": run.pk, "rule": "nuscenes"}).json()["id"] == number


def test_parts_scenes_frames_and_confusions_are_told(run, script):
    evaluation = an_evaluation(run)
    base = f"run-evaluations/{evaluation.pk}"
    scene = selectors.scene_figures(evaluation)[0]
    assert [row["name"] for row in script.get(f"{base}/breakdown/", by="split").json()] == ["val"]
    assert [row["name"] for row in script.get(f"{base}/scenes/", order="worst").json()] == ["two"]
    frames = script.get(f"{base}/frames/", scene=scene.scene).json()
    assert [frame["index"] for frame in frames] == [0, 1]
    worst = script.get(f"{base}/confusion/", truth=ROAD, predicted=1, most=1).json()
    assert worst[0]["scene_name"] == "two"
    diff = script.get(f"{base}/diff/", other=evaluation.pk).json()
    assert (diff["shared"], diff["fixed_count"], diff["broken_count"]) == (2, 0, 0)


def test_misunderstandings_are_refused_by_name(run, script):
    evaluation = an_evaluation(run)
    base = f"run-evaluations/{evaluation.pk}"
    for address, parameters, word in [
        ("figures/", {"clas": 3}, "clas"),
        ("figures/", {"rule": "waymo"}, "rule"),
        ("figures/", {"range_band": 50}, "range_band"),
        ("breakdown/", {}, "by"),
        ("confusion/", {"truth": 1}, "predicted"),
        ("scenes/", {"order": "prettiest"}, "order"),
        ("", {"verbose": 1}, "verbose"),
    ]:
        answer = script.get(f"{base}/{address}", **parameters)
        assert answer.status_code == 400, (address, parameters)
        assert word in json.dumps(answer.json())
    assert script.get(f"{base}/diff/", other=10**6).status_code == 404
    assert script.post("run-evaluations/", {"run": run.pk, "speed": 3}).status_code == 400
    assert script.post("run-evaluations/", {"run": run.pk, "splits": ["test"]}).status_code == 409


def test_the_list_is_filtered_and_has_a_constant_number_of_queries(run, script, django_assert_max_num_queries):
    evaluation = an_evaluation(run)
    newer = an_evaluation(run, rule="nuscenes")
    with django_assert_max_num_queries(8):
        rows = script.get("run-evaluations/", run=run.pk).json()["results"]
    assert [row["id"] for row in rows] == [newer.pk]
    assert {row["id"] for row in script.get("run-evaluations/", current="all").json()["results"]} == {
        newer.pk,
        evaluation.pk,
    }
    for wishes, count in [
        ({"contamination": "contaminated"}, 0),
        ({"contamination": "clean", "state": "done", "rule": "nuscenes", "split": "val"}, 1),
        ({"outdated": "true"}, 0),
        ({"outdated": "false"}, 1),
        ({"run": f"{run.pk},999"}, 1),
    ]:
        assert len(script.get("run-evaluations/", **wishes).json()["results"]) == count, wishes


def test_only_who_may_write_the_run_starts_or_repeats(run):
    evaluation = an_evaluation(run)
    viewer = Client()
    viewer.force_login(a_person("vera", "viewer"))
    assert viewer.get(f"/api/run-evaluations/{evaluation.pk}/").status_code == 200
    assert viewer.post(f"/api/run-evaluations/{evaluation.pk}/recompute/").status_code == 403
    other = Script(a_person("tom", "trainer"))
    assert other.post(f"run-evaluations/{evaluation.pk}/recompute/").status_code == 403
    again = Script(run.started_by).post(f"run-evaluations/{evaluation.pk}/recompute/", {"labels": "newest"}).json()
    assert (again["state"], again["labels"], again["supersedes"]) == ("queued", "newest", evaluation.pk)


def test_the_command_evaluates_and_tells(run, capsys):
    call_command("evaluate_run", f"run-{run.pk}", "--rule", "semantic-kitti")
    told = capsys.readouterr().out
    assert "road" in told
    assert "mIoU" in told
    assert "(semantic-kitti), 2 frames" in told
    assert "Clean" in told
    with pytest.raises(CommandError, match="no run-9"):
        call_command("evaluate_run", "run-999999")
    with pytest.raises(CommandError, match="no scene in test"):
        call_command("evaluate_run", f"run-{run.pk}", "--split", "test")
