"""Saved views and exports by script: made, listed, followed and refused."""

import csv
import io

import pytest
from django.contrib.auth.models import Group, User

from scenes.models import SavedView, SceneExport
from scenes.selectors import explorer_preferences
from scenes.services import exporting
from scenes.tests.workflows import a_plain_scene

pytestmark = pytest.mark.django_db
VIEWS, EXPORTS = "/api/saved-views/", "/api/scene-exports/"


def somebody(name: str) -> User:
    person = User.objects.create_user(name)
    person.groups.add(Group.objects.get(name="viewer"))
    return person


@pytest.fixture
def vera(client) -> User:
    vera = somebody("vera")
    client.force_login(vera)
    return vera


def send(client, method, path, **body):
    return getattr(client, method)(path, body, content_type="application/json")


class TestViews:
    def test_a_view_is_saved_listed_opened_and_used_as_a_rule(self, client, vera):
        a_plain_scene("one", point_count=5)
        a_plain_scene("two", point_count=500)
        made = send(client, "post", VIEWS, name="Large", query="points_min=100&sort=-points&page=4")
        assert made.status_code == 201, made.content
        told = made.json()
        assert (told["query"], told["matching"], told["owner"]) == (
            "points_min=100&sort=-points", "points_min=100", "vera",
        )  # fmt: skip
        assert "two" in client.get(told["url"]).content.decode()
        assert [view["name"] for view in client.get(VIEWS).json()["results"]] == ["Large"]
        found = client.get(f"/api/scenes/?{told['matching']}").json()["results"]
        assert [scene["name"] for scene in found] == ["two"]

    def test_a_view_is_changed_made_default_and_removed(self, client, vera):
        number = send(client, "post", VIEWS, name="Large").json()["id"]
        changed = send(client, "patch", f"{VIEWS}{number}/", shared=True, query="status=labeled")
        assert (changed.json()["shared"], changed.json()["query"]) == (True, "status=labeled")
        assert client.post(f"{VIEWS}{number}/make-default/").status_code == 204
        assert explorer_preferences(vera).default_view_id == number
        assert client.delete(f"{VIEWS}{number}/").status_code == 204
        assert not SavedView.objects.exists()

    def test_views_of_others_are_seen_when_shared_and_never_changed(self, client, vera):
        karl = somebody("karl")
        shared = SavedView.objects.create(owner=karl, name="Shared", shared=True)
        private = SavedView.objects.create(owner=karl, name="Private")
        assert [view["name"] for view in client.get(VIEWS).json()["results"]] == ["Shared"]
        assert client.get(f"{VIEWS}{private.pk}/").status_code == 404
        assert send(client, "patch", f"{VIEWS}{shared.pk}/", name="Mine").status_code == 403
        assert client.delete(f"{VIEWS}{shared.pk}/").status_code == 403
        assert SavedView.objects.count() == 2

    @pytest.mark.parametrize(
        ("body", "status", "words"),
        [
            ({"name": "x", "query": "stauts=labeled"}, 400, "stauts"),
            ({"name": "x", "colour": "red"}, 400, "colour"),
            ({"query": ""}, 400, "name"),
            ({"name": "Taken"}, 409, "already"),
        ],
    )
    def test_what_makes_no_sense_is_refused_with_words(self, client, vera, body, status, words):
        SavedView.objects.create(owner=vera, name="taken")
        answer = send(client, "post", VIEWS, **body)
        assert (answer.status_code, words in answer.content.decode()) == (status, True)
        assert SavedView.objects.count() == 1

    def test_the_list_costs_the_same_for_any_number(self, client, vera, django_assert_max_num_queries):
        for number in range(12):
            SavedView.objects.create(owner=vera, name=f"view {number}")
        with django_assert_max_num_queries(6):
            assert len(client.get(VIEWS).json()["results"]) == 12


class TestExports:
    def test_a_small_list_is_ready_with_the_answer(self, client, vera):
        a_plain_scene("one", point_count=5)
        made = send(client, "post", EXPORTS, format="csv", matching="", columns=["name", "points"])
        assert made.status_code == 202, made.content
        told = made.json()
        assert (told["state"], told["total"], told["columns"]) == ("direct", 1, ["id", "name", "point_count"])
        rows = list(csv.DictReader(io.StringIO(client.get(told["url"]).getvalue().decode())))
        assert [(row["name"], row["point_count"]) for row in rows] == [("one", "5")]

    def test_a_large_one_is_followed_until_it_has_an_address(self, client, vera, monkeypatch):
        monkeypatch.setattr(exporting, "DIRECT_ROWS", 0)
        monkeypatch.setattr(exporting, "wake", lambda export_id: None)
        scene = a_plain_scene("one")
        told = send(client, "post", EXPORTS, format="parquet", scenes=[scene.pk]).json()
        assert (told["state"], told["url"], told["done"]) == ("queued", None, 0)
        exporting.work(told["id"])
        done = client.get(f"{EXPORTS}{told['id']}/").json()
        assert (done["state"], done["done"]) == ("done", 1)
        answer = client.get(done["url"])
        data = answer.getvalue()
        assert (data[:4], len(data)) == (b"PAR1", done["size"])
        assert answer["ETag"] == f'"{done["digest"]}"'

    def test_everybody_sees_their_own_only(self, client, vera):
        export = SceneExport.objects.create(owner=somebody("karl"), format="csv", columns=["id"], state="direct")
        assert client.get(EXPORTS).json()["results"] == []
        assert client.get(f"{EXPORTS}{export.pk}/").status_code == 404
        assert client.get(f"/files/exports/{export.pk}/").status_code == 404

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ({"format": "csv"}, "one of them"),
            ({"format": "csv", "matching": "", "scenes": [1]}, "one of them"),
            ({"format": "xlsx", "matching": ""}, "xlsx"),
            ({"format": "csv", "matching": "sort=-points"}, "sort"),
            ({"format": "csv", "matching": "", "columns": ["colour"]}, "colour"),
        ],
    )
    def test_what_makes_no_sense_is_refused_with_words(self, client, vera, body, words):
        a_plain_scene("one")
        answer = send(client, "post", EXPORTS, **body)
        assert (answer.status_code, words in answer.content.decode()) == (400, True)
        assert not SceneExport.objects.exists()
