"""The API of datasets: the spec's workflow by script, refusals by name, and lists that cost the same at any size."""

import hashlib
import json

import pytest

from datasets import selectors, services
from datasets.models import DatasetVersion
from datasets.tests.stories import a_draft, a_person, an_ontology, some_scenes

pytestmark = pytest.mark.django_db


@pytest.fixture
def carla(client):
    carla = a_person()
    client.force_login(carla)
    return carla


def post(client, path, body=None, status=200):
    answer = client.post(f"/api/{path}", json.dumps(body or {}), content_type="application/json")
    assert answer.status_code == status, answer.content
    return answer.json()


def test_the_workflow_from_a_name_to_a_second_version(client, carla):
    scenes = some_scenes(6, drives=3)
    draft = post(client, "datasets/", {"name": "Urban_Night_Scenes", "notes": "nights"}, 201)
    assert (draft["name"], draft["state"]) == ("Urban_Night_Scenes@v1", "draft")
    place = f"dataset-versions/{draft['id']}"
    assert post(client, f"{place}/add/", {"matching": "search=scene"}) == {"added": 6, "already": 0}
    assert post(client, f"{place}/remove/", {"scenes": [scenes[0].pk]}) == {"changed": 1}
    assert post(client, f"{place}/add/", {"scenes": [scenes[0].pk]}) == {"added": 1, "already": 0}
    plan = {"train_percent": 34, "val_percent": 33, "test_percent": 33, "plan_number": draft["plan_number"]}
    assert post(client, f"{place}/plan/", plan)["plan_number"] == 2
    conflict = post(client, f"{place}/plan/", {"seed": 3, "plan_number": 1}, 409)
    assert (conflict["changed_by"], conflict["plan_number"]) == ("carla", 2)
    assert post(client, f"{place}/draw/")["explanations"] == []
    told = client.get(f"/api/{place}/statistics/").json()
    assert [told["splits"][split]["scenes"] for split in ("train", "val", "test")] == [2, 2, 2]
    assert client.get(f"/api/{place}/certificate/").json()["clean"] is True
    assert client.get(f"/api/{place}/manifest/").status_code == 409
    kept = post(client, f"{place}/freeze/")
    assert (kept["state"], kept["frozen_by"], kept["scene_count"]) == ("frozen", "carla", 6)
    manifest = client.get(f"/api/{place}/manifest/")
    assert hashlib.sha256(b"".join(manifest.streaming_content)).hexdigest() == kept["digest"]
    assert manifest.headers["ETag"] == f'"{kept["digest"]}"'
    second = post(client, f"{place}/new-version/", {"notes": "more"})
    assert (second["name"], second["parent"]) == ("Urban_Night_Scenes@v2", draft["id"])
    post(client, f"dataset-versions/{second['id']}/remove/", {"scenes": [scenes[0].pk]})
    diff = client.get(f"/api/dataset-versions/{second['id']}/diff/{draft['id']}/").json()
    assert diff["counts"]["removed"] == 1
    assert diff["some"]["removed"][0]["scene"] == "scene-000"
    assert post(client, f"{place}/deprecate/", {"reason": "v2 is better"})["deprecated_by"] == "carla"
    verification = post(client, f"{place}/verify/")
    assert client.get(f"/api/verifications/{verification['id']}/").json()["total"] == 6
    assert client.delete(f"/api/dataset-versions/{second['id']}/").status_code == 204


def test_a_freeze_that_is_not_acknowledged_names_the_warnings(client, carla):
    draft = a_draft(some_scenes(2, labels=False), by=carla)
    refused = post(client, f"dataset-versions/{draft.pk}/freeze/", {}, 409)
    names = [one["name"] for one in refused["warnings"]]
    assert "unlabelled-scenes" in names
    kept = post(client, f"dataset-versions/{draft.pk}/freeze/", {"acknowledged": names})
    assert kept["state"] == "frozen"
    told = client.get(f"/api/dataset-versions/{draft.pk}/certificate/").json()
    assert {one["warning"] for one in told["acknowledged"]} == set(names)


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("add/", {}, "ids or by matching"),
        ("add/", {"scenes": [1], "matching": ""}, "ids or by matching"),
        ("add/", {"matching": "stauts=labeled"}, "stauts"),
        ("add/", {"scene": [1]}, "Unknown fields: scene"),
        ("set-split/", {"matching": "", "split": "dev"}, "split"),
        ("plan/", {"train_percent": 90}, "110 %"),
        ("plan/", {"speed": 3}, "Unknown fields: speed"),
        ("plan/", {"ontology": "None such"}, "ontology"),
        ("draw/", {"seed": 3}, "Unknown fields: seed"),
        ("freeze/", {"force": True}, "Unknown fields: force"),
    ],
)
def test_what_nobody_knows_is_refused_by_name(client, carla, path, body, words):
    draft = services.create_dataset(name="Urban", by=carla)
    assert words in post(client, f"dataset-versions/{draft.pk}/{path}", body, 400)["detail"]


def test_a_plan_can_name_its_ontology(client, carla):
    draft = services.create_dataset(name="Urban", by=carla)
    kept = post(client, f"dataset-versions/{draft.pk}/plan/", {"ontology": an_ontology().name, "stratify_tags": True})
    assert (kept["ontology"], kept["stratify_tags"]) == ("Three classes", True)


def test_a_taken_name_is_a_conflict_and_a_bad_one_a_refusal(client, carla):
    post(client, "datasets/", {"name": "Urban"}, 201)
    assert "already" in post(client, "datasets/", {"name": "Urban"}, 409)["detail"]
    assert "Use letters" in post(client, "datasets/", {"name": "a b"}, 400)["detail"]


def test_trainers_read_and_change_nothing(client, carla):
    draft = a_draft(some_scenes(2), by=carla)
    client.force_login(a_person("tom", "trainer"))
    assert client.get(f"/api/dataset-items/?version={draft.pk}").status_code == 200
    assert client.get(f"/api/dataset-versions/{draft.pk}/statistics/").status_code == 200
    for path in ("add", "remove", "set-split", "plan", "draw", "freeze", "deprecate", "new-version", "verify"):
        post(client, f"dataset-versions/{draft.pk}/{path}/", {}, 403)
    post(client, "datasets/", {"name": "Mine"}, 403)
    post(client, "dataset-slices/", {}, 403)


def test_slices_are_made_read_and_removed(client, carla):
    scenes = some_scenes(3)
    draft = a_draft(scenes, by=carla)
    made = post(client, "dataset-slices/", {"version": draft.pk, "name": "must-pass", "scenes": [scenes[0].pk]}, 201)
    items = client.get(f"/api/dataset-items/?slice={made['id']}").json()["results"]
    assert [one["scene_name"] for one in items] == ["scene-000"]
    assert client.delete(f"/api/dataset-slices/{made['id']}/").status_code == 204


@pytest.mark.parametrize(
    "path", ["datasets/", "dataset-versions/", "dataset-items/", "dataset-slices/", "verifications/"]
)
def test_lists_cost_the_same_for_any_number_of_rows(client, carla, path, django_assert_num_queries):
    def another(name):
        scenes = some_scenes(3, name=name)
        draft = a_draft(scenes, by=carla, name=name)
        services.set_slice(version=draft, name=name, scenes=[scenes[0].pk], by=carla)
        services.draw_splits(version=draft, by=carla)
        told = selectors.certificate(DatasetVersion.objects.get(pk=draft.pk))["warnings"]
        services.freeze(version=draft, acknowledged=[one["name"] for one in told], by=carla)
        services.verify(version=draft, by=carla)

    another("a")
    client.get(f"/api/{path}")
    with django_assert_num_queries(5):
        client.get(f"/api/{path}")
    another("b")
    another("c")
    with django_assert_num_queries(5):
        assert len(client.get(f"/api/{path}").json()["results"]) >= 3


def test_items_come_in_keyset_pages(client, carla):
    draft = a_draft(some_scenes(5, frames=0), by=carla)
    first = client.get(f"/api/dataset-items/?version={draft.pk}&page_size=2").json()
    second = client.get(first["next"]).json()
    names = [one["scene_name"] for page in (first, second) for one in page["results"]]
    assert names == [f"scene-{number:03d}" for number in range(4)]
