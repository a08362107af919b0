"""The API of predictions: declared, asked for, sent in batches whose sizes are checked before they are read."""

import json
import struct

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from experiments.models import FramePrediction, PredictionSet
from experiments.prediction_arrays import kept_numbers
from experiments.prediction_selectors import classes_of, confidence_of
from experiments.tests.prediction_stories import predict, truth_of
from experiments.tests.stories import Script, a_person, a_run
from scenes.tests.factories import a_labelled_scene

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene():
    return a_labelled_scene(frames=3, points=40)


@pytest.fixture
def run(scene):
    return a_run()


@pytest.fixture
def script(run):
    return Script(run.started_by)


def framed(header, arrays=b"", magic=b"LPB1"):
    said = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<4sI", magic, len(said)) + said + arrays


def a_batch(frames, *, numbers=None, replace=False):
    """All frames with their classes (zeros), and confidence as raw float16 where `numbers` are given."""
    rows, arrays = [], []
    for frame in frames:
        one = {"frame": frame.pk, "classes": frame.point_count}
        arrays.append(np.zeros(frame.point_count, np.uint8).tobytes())
        if numbers is not None:
            arrays.append(np.full(frame.point_count, numbers, "<f2").tobytes())
            one["confidence"] = len(arrays[-1])
        rows.append(one)
    header = {"frames": rows, "kinds": {"confidence": "float16"}, "replace": replace}
    return framed(header, b"".join(arrays))


def declare(script, run, **facts):
    said = {"ontology": "SemanticKITTI", **facts}
    return script.put(f"runs/{run.pk}/predictions/", json.dumps(said).encode())


class TestDeclaring:
    def test_by_name_or_number_and_read_again(self, script, run):
        assert script.get(f"runs/{run.pk}/predictions/").status_code == 404
        told = declare(script, run, measure="mutual_information", unit="normalised")
        assert told.status_code == 200, told.content
        assert told.json()["ontology"] == "SemanticKITTI"
        assert (told.json()["low"], told.json()["high"]) == (0, 1)
        again = declare(script, run, ontology=told.json()["ontology_id"])
        assert again.json() == told.json() == script.get(f"runs/{run.pk}/predictions/").json()

    @pytest.mark.parametrize(
        ("facts", "field"),
        [({"ontology": "Kiti"}, "ontology"), ({"ontology": 2**70}, "ontology"), ({"measure": "x"}, "measure")],
    )
    def test_what_is_wrong_is_named(self, script, run, facts, field):
        answer = declare(script, run, **facts)
        assert answer.status_code == 400, answer.content
        assert answer.json()["field"] == field

    def test_unknown_fields_and_strangers_are_refused(self, script, run):
        assert declare(script, run, ontologie="x").status_code == 400
        assert declare(Script(a_person("other")), run).status_code == 403
        assert declare(Script(a_person("vera", "viewer")), run).status_code == 403
        assert not PredictionSet.objects.exists()


class TestBatches:
    def test_arrays_come_in_and_go_out_byte_for_byte(self, script, run, scene):
        declare(script, run)
        answer = script.post(f"runs/{run.pk}/predictions/frames/", a_batch(scene.frames.all(), numbers=0.5))
        assert answer.json() == {"stored": 3, "already": 0, "replaced": 0}
        again = script.post(f"runs/{run.pk}/predictions/frames/", a_batch(scene.frames.all(), numbers=0.5))
        assert again.json() == {"stored": 0, "already": 3, "replaced": 0}
        row = FramePrediction.objects.select_related("classes", "confidence").first()
        assert classes_of(row).tolist() == [0] * 40
        assert confidence_of(row).tolist() == [0.5] * 40
        listed = script.get("predictions/", run=run.pk, scene=scene.pk).json()["results"]
        content = script.client.get(listed[0]["confidence"]["content"])
        assert b"".join(content.streaming_content) == kept_numbers(np.full(40, 0.5, np.float16))
        etag = f'"{listed[0]["confidence"]["sha256"]}"'
        assert content["ETag"] == etag
        unchanged = script.client.get(listed[0]["confidence"]["content"], headers={"If-None-Match": etag})
        assert unchanged.status_code == 304

    def test_which_frames_are_there_already(self, script, run, scene):
        first, second, _ = scene.frames.order_by("index")
        address = f"runs/{run.pk}/predictions/known/"
        assert script.post(address, {"frames": [first.pk]}).json() == {"frames": []}
        declare(script, run)
        script.post(f"runs/{run.pk}/predictions/frames/", a_batch([second]))
        (known,) = script.post(address, {"frames": [first.pk, second.pk]}).json()["frames"]
        kept = FramePrediction.objects.get().classes.digest
        assert known == {"frame": second.pk, "classes": kept, "confidence": "", "uncertainty": ""}
        assert script.post(address, {"frames": list(range(1, 10_002))}).status_code == 400

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            (b"", "no batch of predictions"),
            (b"LPB1", "no batch of predictions"),
            (framed({"frames": []}, magic=b"LPB2"), "no batch of predictions"),
            (struct.pack("<4sI", b"LPB1", 2**32 - 1), "no batch of predictions"),
            (framed(b"{"), "header"),
            (framed({"frames": [], "more": 1}), "unknown field"),
            (framed({"frames": [{"frame": 1, "classes": -1}]}), "header"),
            (framed({"frames": [{"frame": 1, "classes": 10}]}, b"123"), "announces 10 bytes"),
            (framed({"frames": []}, b"123"), "3 follow"),
            (framed({"frames": [], "kinds": {"classes": "guess"}}), "'guess' is not known"),
        ],
    )
    def test_what_is_no_batch_is_refused(self, script, run, body, words):
        declare(script, run)
        answer = script.post(f"runs/{run.pk}/predictions/frames/", body)
        assert answer.status_code == 400, answer.content
        assert words in answer.json()["detail"]

    def test_sizes_that_do_not_fit_name_frame_and_field(self, script, run, scene):
        declare(script, run)
        frame = scene.frames.first()
        header = {"frames": [{"frame": frame.pk, "classes": 40, "confidence": 79}], "kinds": {"confidence": "float16"}}
        answer = script.post(f"runs/{run.pk}/predictions/frames/", framed(header, bytes(119)))
        assert answer.status_code == 400
        assert (answer.json()["frame"], answer.json()["field"]) == (frame.pk, "confidence")
        assert frame.name in answer.json()["detail"]

    def test_other_bytes_conflict_unless_they_shall_replace(self, script, run, scene):
        declare(script, run)
        address = f"runs/{run.pk}/predictions/frames/"
        script.post(address, a_batch(scene.frames.all()))
        answer = script.post(address, a_batch(scene.frames.all(), numbers=0.5))
        assert answer.status_code == 409
        assert answer.json()["field"] == "confidence"
        assert script.post(address, a_batch(scene.frames.all(), numbers=0.5, replace=True)).json()["replaced"] == 3

    def test_large_bodies_are_refused_by_their_length(self, script, run, scene, settings):
        settings.PREDICTIONS_MAX_BODY_BYTES = 100
        answer = script.post(f"runs/{run.pk}/predictions/frames/", a_batch(scene.frames.all()))
        assert answer.status_code == 413

    def test_only_writers_of_the_run(self, script, run, scene):
        declare(script, run)
        for person in (a_person("other"), a_person("vera", "viewer")):
            answer = Script(person).post(f"runs/{run.pk}/predictions/frames/", a_batch(scene.frames.all()))
            assert answer.status_code == 403
        claimed = script.post(f"runs/{run.pk}/predictions/frames/", a_batch(scene.frames.all()), Run_Claim="f" * 32)
        assert claimed.status_code == 409
        assert not FramePrediction.objects.exists()

    def test_withdrawn_as_a_whole(self, script, run, scene):
        declare(script, run)
        script.post(f"runs/{run.pk}/predictions/frames/", a_batch(scene.frames.all()))
        answer = script.client.delete(f"/api/runs/{run.pk}/predictions/")
        assert answer.json() == {"frames": 3}
        assert script.get("predictions/", run=run.pk).json()["results"] == []


class TestReading:
    def test_lists_take_the_same_queries_however_many(self, script, scene):
        counts = []
        for _ in range(2):
            predict(a_run(), scene, truth_of(scene), confidence=0.5)
            with CaptureQueriesContext(connection) as queries:
                found = script.get("predictions/", scene=scene.pk).json()["results"]
                sets = script.get("prediction-sets/", scene=scene.pk).json()["results"]
            counts.append((len(queries), len(found), len(sets)))
        assert counts[0][0] == counts[1][0]
        assert [found for _, found, _ in counts] == [3, 6]
        assert [sets for _, _, sets in counts] == [1, 2]

    def test_pages_hold_every_row_once(self, script, scene):
        for _ in range(2):
            predict(a_run(), scene, truth_of(scene))
        seen, page = [], script.get("predictions/", page_size=2).json()
        while True:
            seen += [row["id"] for row in page["results"]]
            if not page["next"]:
                break
            page = script.client.get(page["next"]).json()
        assert sorted(seen) == sorted(FramePrediction.objects.values_list("pk", flat=True))

    def test_a_run_that_predicts_nothing_has_none(self, script, run, scene):
        predict(a_run(), scene, truth_of(scene))
        assert script.get("predictions/", run=run.pk).json()["results"] == []

    def test_unknown_filters_are_refused(self, script):
        assert script.get("predictions/", runs=1).status_code == 400

    def test_files_ask_for_permission_before_they_are_looked_for(self, script, scene, client):
        predict(a_run(), scene, truth_of(scene))
        content = script.get("predictions/", scene=scene.pk).json()["results"][0]["classes"]["content"]
        assert script.client.get(content).status_code == 200
        assert client.get(content).status_code == 302
        other = content.replace("classes", "confidence")
        assert script.client.get(other).status_code == 404
        assert script.client.get(content.replace("classes", "cloud")).status_code == 404
