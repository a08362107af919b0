"""The API of runs: retries that duplicate nothing, batches that are whole, faults that are told by name."""

import json

import pytest
from django.contrib.auth.models import Permission, User

from experiments import services
from experiments.models import Artifact, MetricPoint, Run
from experiments.tests.stories import Script, a_person, a_run
from scenes.models import StoredFile

pytestmark = pytest.mark.django_db


@pytest.fixture
def script():
    return Script(a_person())


@pytest.fixture
def run(script):
    answer = script.post("runs/", {"experiment": "night", "parameters": {"lr": 0.01}, "tags": {"night": ""}})
    assert answer.status_code == 201, answer.content
    return answer.json()


def row(step=1, value=0.5, key="loss", **more):
    return {"key": key, "value": value, "step": step, "timestamp": 1000 + step, **more}


class TestMaking:
    def test_answers_with_the_run_and_once_for_each_key(self, script):
        body = {"name": "a", "parameters": {"lr": 0.1}}
        first = script.post("runs/", body, Idempotency_Key="k1")
        again = script.post("runs/", body, Idempotency_Key="k1")
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json()["id"] == again.json()["id"]
        assert first.json()["number"] == f"run-{first.json()['id']}"
        assert script.post("runs/", {"name": "b"}, Idempotency_Key="k1").status_code == 409

    @pytest.mark.parametrize(
        ("body", "status", "field"),
        [
            ({"nam": "x"}, 400, None),
            ({"seed": 2**70}, 400, "seed"),
            ({"seed": "x"}, 400, "seed"),
            ({"parent": 0}, 400, "parent"),
            ({"name": "x" * 501}, 413, "name"),
            ({"name": "a\u0000b"}, 400, "name"),
            ({"tags": {"a\u0000": "b"}}, 400, "tags"),
            ({"parameters": {"x": "y" * 7000}}, 413, "parameters.x"),
            ({"experiment": " "}, 400, "experiment"),
            ({"started_at": "2999-01-01T00:00:00Z"}, 400, "started_at"),
            ([], 400, None),
            (b"{", 400, None),
            (b"\xff", 400, None),
            (b"[" * 100_000, 400, None),
        ],
    )
    def test_says_what_is_wrong_and_where(self, script, body, status, field):
        answer = script.post("runs/", body)
        assert answer.status_code == status, answer.content
        assert answer.json().get("field") == field
        assert not Run.objects.exists()

    def test_a_large_body_is_refused_by_its_length(self, script, settings):
        settings.RUN_MAX_BODY_BYTES = 100
        assert script.post("runs/", {"notes": "x" * 200}).status_code == 413


class TestMetrics:
    def test_rows_and_columns_mean_the_same(self, script, run):
        rows = script.post(f"runs/{run['id']}/metrics/", {"metrics": [row(1, "NaN"), row(2, "-Infinity", epoch=0.5)]})
        assert rows.json() == {"received": 2, "added": 2, "late": False}
        columns = {
            "key": "loss",
            "values": ["NaN", "-Infinity", 3],
            "steps": [1, 2, 3],
            "timestamps": [1001, 1002, 1003],
        }
        told = script.post(f"runs/{run['id']}/metrics/", {"series": [columns]})
        assert told.json() == {"received": 3, "added": 1, "late": False}

    @pytest.mark.parametrize(
        ("bad", "field"),
        [
            (row(value="much"), "metrics[1].value"),
            (row(value=None), "metrics[1].value"),
            (row(step=1.5), "metrics[1].step"),
            (row(step=2**60), "metrics[1].step"),
            (row(step=-(2**70)), "metrics[1].step"),
            (row(key="a\u0000"), "metrics[1].key"),
            (row(key=""), "metrics[1].key"),
            (row(key="k" * 251), "metrics[1].key"),
            (row(unit="m"), "metrics[1]"),
            ({"key": "loss", "value": 1, "step": 1}, "metrics[1]"),
            (3, "metrics[1]"),
        ],
    )
    def test_one_bad_row_and_nothing_is_kept(self, script, run, bad, field):
        answer = script.post(f"runs/{run['id']}/metrics/", {"metrics": [row(), bad]})
        assert answer.status_code == 400, answer.content
        assert answer.json()["field"] == field
        assert field in answer.json()["detail"]
        assert not MetricPoint.objects.exists()

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"steps": [1]}, "series[0].steps"),
            ({"timestamps": [1]}, "series[0].timestamps"),
            ({"epochs": [1]}, "series[0].epochs"),
            ({"values": [1, "x"]}, "series[0].values[1]"),
            ({"steps": [1, 2**60]}, "series[0].steps[1]"),
            ({"key": "?"}, "series[0].key"),
        ],
    )
    def test_columns_that_do_not_fit_are_named(self, script, run, change, field):
        good = {"key": "loss", "values": [1, 2], "steps": [1, 2], "timestamps": 5}
        answer = script.post(f"runs/{run['id']}/metrics/", {"series": [good | change]})
        assert (answer.status_code, answer.json()["field"]) == (400, field)

    @pytest.mark.parametrize("value", ["1e999", "-1e999", "1" * 5000])
    def test_numbers_that_no_double_holds_are_refused(self, script, run, value):
        body = f'{{"metrics": [{{"key": "a", "value": {value}, "step": 1, "timestamp": 1}}]}}'
        answer = script.post(f"runs/{run['id']}/metrics/", body.encode())
        assert answer.status_code == 400, answer.content

    def test_too_many_points_are_too_many(self, script, run, settings):
        settings.METRICS_MAX_POINTS = 2
        answer = script.post(f"runs/{run['id']}/metrics/", {"metrics": [row(1), row(2), row(3)]})
        assert answer.status_code == 413

    def test_somebody_elses_run_is_not_written(self, run):
        answer = Script(a_person("otto")).post(f"runs/{run['id']}/metrics/", {"metrics": [row()]})
        assert answer.status_code == 403

    def test_the_history_streams_every_point(self, script, run):
        script.post(f"runs/{run['id']}/metrics/", {"metrics": [row(2, "NaN"), row(1, 0.25, epoch=1.5)]})
        answer = script.get("metrics/history/", run=run["id"], key="loss")
        (line,) = b"".join(answer.streaming_content).splitlines()
        assert json.loads(line) == {
            "step": [1, 2], "timestamp": [1001, 1002], "value": [0.25, "NaN"], "epoch": [1.5, None],
        }  # fmt: skip
        assert script.get("metrics/history/", run=run["id"], key="none").status_code == 400

    def test_charts_and_summaries_of_several_runs(self, script, run):
        other = script.post("runs/", {"experiment": "night"}).json()
        for one in (run, other):
            script.post(f"runs/{one['id']}/metrics/", {"metrics": [row(1), row(2, "Infinity"), row(1, key="iou")]})
        chart = script.get("metrics/chart/", run=[run["id"], other["id"]], key="loss").json()["curves"]
        assert [(curve["run"], curve["key"], curve["value"]) for curve in chart] == [
            (run["id"], "loss", [0.5, "Infinity"]),
            (other["id"], "loss", [0.5, "Infinity"]),
        ]
        listed = script.get("metrics/", run=[run["id"], other["id"]], key="loss").json()["results"]
        assert [(one["run"], one["last_value"], one["minimum"]) for one in listed] == [
            (run["id"], "Infinity", 0.5),
            (other["id"], "Infinity", 0.5),
        ]
        assert script.get("metrics/keys/", prefix="l").json() == {"metrics": ["loss"], "parameters": ["lr"], "tags": []}

    @pytest.mark.parametrize("query", ["run=1", "key=a", "run=x&key=a", "run=1&key=a&points=0", "run=1&key=a&zoom=2"])
    def test_charts_refuse_what_they_do_not_know(self, script, query):
        assert script.client.get(f"/api/metrics/chart/?{query}").status_code == 400


class TestTheRest:
    def test_the_life_of_a_run(self, script, run):
        address = f"runs/{run['id']}"
        assert script.post(f"{address}/heartbeat/", {"steps_done": 5, "steps_total": 10}).json() == {
            "status": "running"
        }
        assert script.post(f"{address}/parameters/", {"parameters": {"lr": 0.01, "wd": 0}}).json() == {"added": 1}
        assert script.post(f"{address}/parameters/", {"parameters": {"lr": 0.02}}).status_code == 409
        told = script.post(f"{address}/tags/", {"set": {"team": "p"}, "remove": ["night"]}).json()
        assert told["tags"] == {"team": "p"}
        assert script.post(f"{address}/inputs/", {"inputs": [{"name": "kitti"}]}).json() == {"added": 1}
        assert script.patch(f"{address}/", {"notes": "good"}).json()["notes"] == "good"
        environment = script.post(f"{address}/environment/", {"packages": {"numpy": "2"}, "diff": "+a"}).json()
        assert environment["packages"] == {"numpy": "2"}
        assert script.get(f"{address}/environment/").json()["diff"] == "+a"
        ended = script.post(f"{address}/finish/", {"status": "failed", "failure": "Traceback\n"})
        assert (ended.json()["status"], ended.json()["failure"]) == ("failed", "Traceback\n")
        assert script.post(f"{address}/finish/", {"status": "completed"}).status_code == 409
        assert script.post(f"{address}/archive/").json()["archived"] is True
        assert script.post(f"{address}/metrics/", {"metrics": [row()]}).status_code == 409
        assert script.get("runs/").json()["results"] == []
        assert [one["id"] for one in script.get("runs/", archived="yes").json()["results"]] == [run["id"]]
        assert script.post(f"{address}/restore/").json()["archived"] is False
        assert script.post(f"{address}/resume/").json()["status"] == "running"

    def test_a_worker_claims_and_carries_its_claim(self, script):
        queued = Script(a_person("eve", "engineer")).post("runs/", {"queued": True}).json()
        claimed = script.post("runs/claim/", {"worker": "node-1"}).json()
        assert (claimed["id"], claimed["worker"]) == (queued["id"], "node-1")
        assert script.post("runs/claim/", {"worker": "node-1"}).status_code == 204
        address = f"runs/{queued['id']}/heartbeat/"
        assert script.post(address, {}, Run_Claim=claimed["claim"]).status_code == 200
        assert script.post(address, {}, Run_Claim="0" * 32).status_code == 409
        assert "claim" not in script.get(f"runs/{queued['id']}/").json()

    @pytest.mark.parametrize("body", [{"steps_done": -1}, {"steps_done": 2**64}, {"steps_total": 0}, {"done": 1}])
    def test_a_heartbeat_refuses_what_makes_no_sense(self, script, run, body):
        assert script.post(f"runs/{run['id']}/heartbeat/", body).status_code == 400

    @pytest.mark.parametrize(
        ("parameters", "found"),
        [
            ({"tag": "night"}, True),
            ({"tag": ["night", "rain"]}, False),
            ({"tag": "team=q"}, False),
            ({"metric": "loss>0.4"}, True),
            ({"metric": "loss<=0.4"}, False),
            ({"metric": ["loss<1", "nan_one>0"]}, False),
            ({"parameter": "lr<0.1"}, True),
            ({"parameter": "lr!=0.01"}, False),
            ({"status": ["running", "queued"]}, True),
            ({"experiment": "night"}, True),
            ({"search": "run-{id}"}, True),
            ({"search": "nothing"}, False),
            ({"dataset": "Urban@v1"}, False),
            ({"scene": "1"}, False),
            ({"started_by": "tara"}, True),
        ],
    )
    def test_filters(self, script, run, parameters, found):
        points = [row(value=0.5), row(value="NaN", key="nan_one")]
        script.post(f"runs/{run['id']}/metrics/", {"metrics": points})
        filled = {name: value.format(**run) if isinstance(value, str) else value for name, value in parameters.items()}
        answer = script.get("runs/", **filled)
        assert answer.status_code == 200, answer.content
        assert bool(answer.json()["results"]) == found

    @pytest.mark.parametrize("query", ["metric=loss", "metric=loss>x", "parameter=lr<abc", "archived=maybe", "stat=x"])
    def test_filters_refuse_what_they_do_not_understand(self, script, query):
        assert script.client.get(f"/api/runs/?{query}").status_code == 400

    def test_a_list_takes_the_same_queries_for_any_number_of_runs(self, script, django_assert_max_num_queries):
        person = a_person()
        for number in range(8):
            a_run(by=person, tags={"a": str(number)})
        with django_assert_max_num_queries(8) as counted:
            assert len(script.get("runs/").json()["results"]) == 8
        many = len(counted)
        Run.objects.filter(pk__in=Run.objects.order_by("pk").values("pk")[2:]).update(archived_at="2026-01-01T00:00Z")
        with django_assert_max_num_queries(many) as counted:
            assert len(script.get("runs/").json()["results"]) == 2
        assert len(counted) == many

    def test_experiments(self, script):
        made = script.post("experiments/", {"name": "night", "tags": {"a": "b"}})
        assert (made.status_code, made.json()["tags"]) == (201, {"a": "b"})
        assert script.post("experiments/", {"name": "night"}).status_code == 409
        address = f"experiments/{made.json()['id']}/"
        changed = script.patch(address, {"tags": {"a": None, "c": "d"}, "notes": "n"}).json()
        assert (changed["tags"], changed["notes"]) == ({"c": "d"}, "n")
        assert Script(a_person("otto")).patch(address, {"notes": ""}).status_code == 403
        assert script.post(f"{address}archive/").json()["archived"] is True
        assert script.get("experiments/").json()["results"] == []
        assert script.post("runs/", {"experiment": "night"}).status_code == 409
        assert script.post(f"{address}restore/").json()["archived"] is False


@pytest.mark.parametrize(
    ("permission", "method", "path", "status"),
    [
        ("view_run", "GET", "", 200),
        ("view_run", "POST", "metrics/", 403),
        ("view_run", "GET", "metrics/", 403),
        ("add_run", "GET", "metrics/", 405),
        ("add_run", "GET", "", 403),
        ("add_run", "POST", "metrics/", 403),
        ("change_run", "POST", "metrics/", 200),
    ],
)
def test_one_permission_opens_its_door_only(run, permission, method, path, status):
    person = User.objects.create_user("bare")
    person.user_permissions.add(Permission.objects.get(codename=permission))
    answer = Script(person).client.generic(method, f"/api/runs/{run['id']}/{path}", b"{}", "application/json")
    assert answer.status_code == status


class TestArtifacts:
    def test_bytes_come_back_as_they_went_in(self, script, run):
        address = f"runs/{run['id']}/artifacts/checkpoints/best model.pt"
        data = bytes(range(256)) * 5000
        told = script.put(address, data).json()
        assert (told["path"], told["size"]) == ("checkpoints/best model.pt", len(data))
        answer = script.get(address)
        assert b"".join(answer.streaming_content) == data
        assert answer["Content-Disposition"].startswith("attachment")
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert script.client.get(f"/api/{address}", headers={"If-None-Match": answer["ETag"]}).status_code == 304
        listed = script.get(f"runs/{run['id']}/artifacts/", folder="checkpoints").json()["results"]
        assert [(one["path"], one["sha256"]) for one in listed] == [(told["path"], told["sha256"])]

    def test_the_same_path_again_replaces_and_keeps_the_history(self, script, run):
        address = f"runs/{run['id']}/artifacts/a.json"
        script.put(address, b"one")
        script.put(address, b"two")
        script.put(address, b"two")
        assert b"".join(script.get(address).streaming_content) == b"two"
        artifact = Artifact.objects.get()
        assert [row.history_change_reason for row in artifact.history.all()] == ["Replaced", "Uploaded"]
        assert artifact.media_type == "application/json"
        assert script.client.delete(f"/api/{address}").status_code == 204
        assert script.get(address).status_code == 404

    def test_pickles_are_bytes_like_any_other(self, script, run):
        bomb = b"cos\nsystem\n(S'touch /tmp/lamm-was-here'\ntR."
        assert script.put(f"runs/{run['id']}/artifacts/model.pkl", bomb).status_code == 200
        answer = script.get(f"runs/{run['id']}/artifacts/model.pkl")
        assert b"".join(answer.streaming_content) == bomb

    @pytest.mark.parametrize(
        "path",
        ["../x", "a/../../x", "a//b", "./a", "a/.", "a\\b", "C:/x", "a%00b", "a%0Ab", " a", "x" * 501, "a/" * 40 + "a"],
    )
    def test_paths_that_lead_elsewhere_are_refused(self, script, run, path):
        answer = script.put(f"runs/{run['id']}/artifacts/{path}", b"x")
        assert answer.status_code in (400, 404, 413)
        assert not Artifact.objects.exists()

    def test_a_file_is_no_folder(self, script, run):
        script.put(f"runs/{run['id']}/artifacts/a/b", b"x")
        assert script.put(f"runs/{run['id']}/artifacts/a", b"x").status_code == 409
        assert script.put(f"runs/{run['id']}/artifacts/a/b/c", b"x").status_code == 409

    def test_other_bytes_than_announced_are_not_kept(self, script, run):
        before = StoredFile.objects.count()
        answer = script.put(f"runs/{run['id']}/artifacts/a", b"x", Content_SHA256="0" * 64)
        assert answer.status_code == 400
        assert StoredFile.objects.count() == before

    def test_too_large_is_refused_before_reading(self, script, run, settings):
        settings.ARTIFACT_MAX_BYTES = 3
        assert script.put(f"runs/{run['id']}/artifacts/a", b"four").status_code == 413

    def test_an_empty_artifact_is_one(self, script, run):
        assert script.put(f"runs/{run['id']}/artifacts/empty", b"").json()["size"] == 0

    def test_an_upload_is_read_in_blocks(self, run):
        class Counting:
            largest = 0

            def __init__(self, left):
                self.left = left

            def read(self, size):
                self.largest = max(self.largest, size)
                taken = min(size, self.left)
                self.left -= taken
                return b"\0" * taken

        stream, length = Counting(5_000_000), 5_000_000
        by = a_person()
        kept = services.save_artifact(
            run=Run.objects.get(pk=run["id"]), path="zeros", stream=stream, length=length, by=by
        )
        assert kept.file.size == length
        assert stream.largest <= 256 * 1024


def test_an_interrupted_upload_keeps_nothing(script, run):
    from io import BytesIO

    from scenes.errors import RefusedError

    with pytest.raises(RefusedError, match="end 7 before"):
        services.save_artifact(
            run=Run.objects.get(pk=run["id"]), path="cut", stream=BytesIO(b"abc"), length=10, by=a_person()
        )
    assert not Artifact.objects.exists()
