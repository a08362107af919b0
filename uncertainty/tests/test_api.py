"""Evaluations through the API: both forms of scores, points, resuming, finishing; refusals by name."""

import io
import json
import struct

import numpy as np
import pytest
from django.contrib.auth.models import User

from experiments.tests.stories import Script
from uncertainty.models import Evaluation, SceneScores
from uncertainty.tests.stories import a_finished, a_world, an_account

pytestmark = pytest.mark.django_db
BINARY = "application/vnd.lamm.scores"
WISHES = {"dataset": "Urban@v1", "measure": "mutual_information", "normalised": True, "name": "ensemble-v2"}


@pytest.fixture
def world():
    return a_world()


@pytest.fixture
def script(world):
    return Script(world.engineer)


@pytest.fixture
def draft(script):
    return script.post("evaluations/", WISHES).json()["id"]


def packed(header: dict, *arrays: np.ndarray) -> bytes:
    text = json.dumps(header).encode()
    return b"LAMMSC01" + struct.pack("<I", len(text)) + text + b"".join(one.tobytes() for one in arrays)


def send(script, draft, body: bytes):
    return script.client.post(f"/api/evaluations/{draft}/scores/", body, content_type=BINARY)


def of_scenes(scenes, vectors, **header):
    lengths = np.array([len(one) for one in vectors], "<i4")
    ids = np.array([scene.pk for scene in scenes], "<i8")
    facts = {"kind": "scenes", "count": len(ids), **header}
    return packed(facts, ids, lengths, np.concatenate(vectors).astype("<f4"))


def test_a_whole_evaluation_from_wishes_to_numbers(world, script):
    made = script.post("evaluations/", WISHES)
    assert (made.status_code, made.json()["state"]) == (201, "draft")
    again = script.post("evaluations/", WISHES)
    assert (again.status_code, again.json()["id"]) == (200, made.json()["id"])
    address = f"evaluations/{made.json()['id']}/"
    first, second, third = world.scored
    body = {"scenes": [{"scene": first.pk, "scores": [0.1, None, 0.3], "ious": [0.8, None, 0.6]}]}
    assert script.post(f"{address}scores/", body).json() == {"received": 2, "scenes": 1, "new": 1}
    frames = list(second.frames.order_by("index").values_list("pk", flat=True))
    body = {"frames": {"frame": frames[:2], "score": [0.9, 0.2]}}
    assert script.post(f"{address}scores/", body).json()["received"] == 2
    assert script.get(f"{address}progress/").json() == {
        "scene_count": 2, "scene_total": 3, "frame_count": 4, "frame_total": 9,
    }  # fmt: skip
    told = script.post(f"{address}finish/").json()
    assert (told["state"], told["frame_count"], told["maximum"]) == ("finished", 4, pytest.approx(0.9))
    assert told["definition"] == "Mutual information, normalised, mean"
    assert next((one["scene_name"], one["position"]) for one in told["top_frames"]) == (second.name, 0)
    ranking = script.get(f"{address}scenes/").json()["results"]
    assert [(one["scene_name"], one["rank"], one["frames"]) for one in ranking] == [
        (second.name, 1, 3), (first.name, 2, 3),
    ]  # fmt: skip
    assert script.get(f"{address}scores/", scene=first.pk).json()["scores"] == [
        pytest.approx(0.1),
        None,
        pytest.approx(0.3),
    ]
    assert script.get(f"{address}scores/", scene=third.pk).status_code == 404


class TestBinary:
    def test_vectors_of_scenes(self, world, script, draft):
        body = of_scenes(world.scored, [np.array([0.1, np.nan, 0.3]), np.full(3, 0.2), np.full(3, 0.4)])
        assert send(script, draft, body).json() == {"received": 8, "scenes": 3, "new": 3}
        assert send(script, draft, body).json() == {"received": 8, "scenes": 3, "new": 0}
        assert SceneScores.objects.get(scene=world.scored[0]).n == 2

    def test_scores_and_ious_of_frames(self, world, script, draft):
        frames = np.array(world.scored[0].frames.order_by("index").values_list("pk", flat=True), "<i8")
        scores, ious = np.array([0.1, 0.2, 0.3], "<f4"), np.array([0.9, 0.8, 0.7], "<f4")
        body = packed({"kind": "frames", "count": 3, "ious": True}, frames, scores, ious)
        assert send(script, draft, body).json()["received"] == 3
        assert SceneScores.objects.get(scene=world.scored[0]).ious == pytest.approx([0.9, 0.8, 0.7])

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            (b"LAMM", "does not begin with LAMMSC01"),
            (b"LAMMSC01\xff\xff\xff\xff", "4,096 are allowed"),
            (packed({"kind": "clouds", "count": 1}), "header is not as documented"),
            (packed({"kind": "scenes", "count": 1, "spare": 1}), "header is not as documented"),
            (packed({"kind": "scenes", "count": 2}, np.zeros(1, "<i8")), "16 bytes are needed for the scenes"),
            (packed({"kind": "frames", "count": 0}, np.zeros(1, "<i8")), "8 bytes are left behind"),
            (packed({"kind": "scenes", "count": 1}, np.ones(1, "<i8"), np.array([-1], "<i4")), "negative number"),
        ],
    )
    def test_damaged_bodies_are_refused_in_words(self, script, draft, body, words):
        answer = send(script, draft, body)
        assert answer.status_code == 400
        assert words in answer.json()["detail"]


class TestPoints:
    def put(self, script, draft, frame, values, query=""):
        file = io.BytesIO()
        np.save(file, values)
        return script.put(f"evaluations/{draft}/points/{frame}/{query}", file.getvalue())

    def test_an_array_gives_every_aggregate_and_is_listed_for_resuming(self, world, script, draft):
        frame = world.scored[0].frames.order_by("index").first()
        told = self.put(script, draft, frame.pk, np.linspace(0, 1, 1000).astype(np.float32)).json()
        assert told["aggregates"]["mean"] == pytest.approx(0.5)
        assert told["aggregates"]["max"] == 1.0
        assert told["new"]
        listed = script.get(f"evaluations/{draft}/points/").json()["results"]
        assert listed == [{"scene": frame.scene_id, "frame": frame.pk, "point_count": 1000, "sha256": told["sha256"]}]
        raw = script.put(
            f"evaluations/{draft}/points/{frame.pk}/?kind=float32&replace=true", np.full(1000, 0.25, "<f4").tobytes()
        )
        assert raw.json()["aggregates"]["mean"] == 0.25

    def test_a_wrong_count_is_refused_with_the_frame(self, world, script, draft):
        frame = world.scored[0].frames.first()
        answer = self.put(script, draft, frame.pk, np.zeros(3, np.float32))
        assert answer.status_code == 400
        assert answer.json()["frame"] == frame.pk


class TestRefusals:
    def test_unknown_fields_and_parameters_are_named(self, script, draft):
        assert "spare" in script.post("evaluations/", {**WISHES, "spare": 1}).json()["detail"]
        assert "spare" in script.post(f"evaluations/{draft}/scores/", {"spare": []}).json()["detail"]
        assert script.get("evaluations/", spare=1).status_code == 400
        assert script.get(f"evaluations/{draft}/progress/", spare=1).status_code == 400

    def test_places_in_bodies_are_told(self, script, draft):
        answer = script.post(f"evaluations/{draft}/scores/", {"scenes": [{"scene": 1, "scores": [0.1, "x"]}]})
        assert answer.json()["field"] == "scenes[0].scores[1]"
        answer = script.post(f"evaluations/{draft}/scores/", {"frames": {"frame": [1, 2], "score": [0.1]}})
        assert answer.json()["field"] == "frames.score"

    def test_what_is_finished_takes_nothing(self, world, script):
        finished = a_finished(world, [[0.1, 0.2, 0.3]])
        body = {"scenes": [{"scene": world.scenes[1].pk, "scores": [0.1, 0.2, 0.3]}]}
        answer = script.post(f"evaluations/{finished.pk}/scores/", body)
        assert (answer.status_code, answer.json()["state"]) == (409, "finished")
        assert script.client.delete(f"/api/evaluations/{finished.pk}/").status_code == 409

    def test_viewers_read_and_do_not_write(self, world, draft):
        viewer = Script(an_account("vera", "viewer"))
        assert viewer.get(f"evaluations/{draft}/").status_code == 200
        assert viewer.post("evaluations/", WISHES).status_code == 403
        assert viewer.post(f"evaluations/{draft}/finish/").status_code == 403
        assert User.objects.get(username="vera").has_perm("uncertainty.view_evaluation")


class TestLists:
    def test_they_are_found_by_what_they_are(self, world, script):
        own = a_finished(world, [[0.1, 0.2, 0.3]], name="", run=world.run.pk)
        ensemble = a_finished(world, [[0.1, 0.2, 0.2]], measure="variance", normalised=False, members=[world.run.pk])
        a_draft_id = script.post("evaluations/", WISHES).json()["id"]

        def found(**parameters):
            return [one["id"] for one in script.get("evaluations/", **parameters).json()["results"]]

        assert found() == [a_draft_id, ensemble.pk, own.pk]
        assert found(run=world.run.pk) == [own.pk]
        assert found(member=world.run.pk) == [ensemble.pk]
        assert found(measure="variance") == [ensemble.pk]
        assert found(state="draft") == [a_draft_id]
        assert found(scene=world.scenes[0].pk) == [ensemble.pk, own.pk]
        assert found(dataset="Urban@v1", search="ensemble") == [a_draft_id, ensemble.pk]
        assert found(split="test") == []

    def test_queries_do_not_grow_with_rows(self, world, script, django_assert_max_num_queries):
        for number in range(4):
            a_finished(world, [[0.1, 0.2, 0.3]], name=f"model-{number}")
        with django_assert_max_num_queries(8):
            assert len(script.get("evaluations/").json()["results"]) == 4

    def test_withdrawing_says_why(self, world, script):
        finished = a_finished(world, [[0.1, 0.2, 0.3]])
        assert script.post(f"evaluations/{finished.pk}/withdraw/", {}).status_code == 400
        told = script.post(f"evaluations/{finished.pk}/withdraw/", {"reason": "Wrong checkpoint"}).json()
        assert (told["state"], told["withdrawal_reason"]) == ("withdrawn", "Wrong checkpoint")

    def test_a_draft_is_discarded(self, script, draft):
        assert script.client.delete(f"/api/evaluations/{draft}/").status_code == 204
        assert not Evaluation.objects.exists()
