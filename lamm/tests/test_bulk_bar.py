"""What is done with selected scenes from the explorer: dialogs, answers, undo, progress, exports, and who may."""

import html
import json
import re

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse

from datasets.models import Dataset, DatasetVersion
from lamm.tables import SceneTable
from scenes.exporting import exported_columns
from scenes.models import BulkChange, LabelingStatus, Scene, SceneExport
from scenes.services import bulk, curating
from scenes.tests.workflows import a_plain_scene, worked

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def somebody(name: str, role: str) -> User:
    person = User.objects.create_user(name)
    person.groups.add(Group.objects.get(name=role))
    return person


@pytest.fixture
def carla(client) -> User:
    carla = somebody("carla", "curator")
    client.force_login(carla)
    return carla


@pytest.fixture
def library() -> list[Scene]:
    return [a_plain_scene(f"rainy-{number}") for number in range(3)] + [a_plain_scene("dry")]


def ids(scenes) -> str:
    return ",".join(str(scene.pk) for scene in scenes)


def post(client, route, *args, **given):
    return client.post(reverse(route, args=args), given, headers=HTMX)


def words(answer) -> str:
    text = html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode()))
    return re.sub(r"\s+", " ", text).strip()


def tagged(name: str) -> set[str]:
    return set(Scene.objects.filter(tags__name=name).values_list("name", flat=True))


class TestChanges:
    def test_tags_are_added_to_the_selected_and_the_answer_offers_the_undo(self, client, carla, library):
        library[0].tags.add("wet")
        answer = post(client, "explorer-bulk", "add-tags", scenes=ids(library[:2]), tags="wet", reason="radar")
        assert answer.status_code == 200
        assert "1 of 2 scenes changed" in words(answer)
        assert "1 left alone" in words(answer)
        assert "has these tags already" in words(answer)
        assert (answer["HX-Retarget"], answer["HX-Trigger"]) == ("#bulk-said", "explorer:changed")
        assert tagged("wet") == {"rainy-0", "rainy-1"}
        change = BulkChange.objects.get()
        assert (change.door, change.reason, change.actor) == ("page", "radar", carla)
        assert reverse("explorer-bulk-undo", args=[change.pk]) in answer.content.decode()
        undone = post(client, "explorer-bulk-undo", change.pk)
        assert "1 of 2 scenes changed" in words(undone)
        assert tagged("wet") == {"rainy-0"}

    def test_all_that_match_are_a_rule_and_the_look_of_the_list_does_not_count(self, client, carla, library):
        query = "search=rainy&sort=-points&page=2&rows=25&columns=name"
        answer = post(client, "explorer-bulk", "add-tags", matching=query, tags="wet, cold")
        assert "3 of 3 scenes changed" in words(answer)
        assert tagged("wet") == tagged("cold") == {"rainy-0", "rainy-1", "rainy-2"}

    def test_the_exact_number_that_match_is_told(self, client, carla, library):
        answer = client.get(reverse("explorer-bulk-matching"), {"search": "rainy", "sort": "name"})
        assert answer.json() == {"count": 3}

    def test_assigning_says_what_was_left_alone_and_why(self, client, carla, library):
        bea = somebody("bea", "labeler")
        Scene.objects.filter(pk=library[0].pk).update(**worked(LabelingStatus.LABELED))
        answer = post(
            client, "explorer-bulk", "assign", scenes=ids(library[:2]), labeler="bea", due_on="2027-01-31", priority="4"
        )
        assert "1 of 2 scenes changed" in words(answer)
        assert "labeled" in words(answer)
        found = Scene.objects.get(pk=library[1].pk)
        assert (found.labeler, found.priority, str(found.due_on)) == (bea, 4, "2027-01-31")

    def test_sending_back_needs_a_reason_and_the_dialog_says_so(self, client, carla, library):
        answer = post(client, "explorer-bulk", "status", scenes=ids(library), status="in_progress")
        assert answer.status_code == 400
        assert "Say why the labels go back" in words(answer)
        assert not BulkChange.objects.exists()

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({}, "No scene is selected"),
            ({"scenes": "1,x"}, "can't be read"),
            ({"matching": "stauts=x"}, "stauts"),
        ],
    )
    def test_a_selection_that_means_nothing_is_refused(self, client, carla, library, given, said):
        answer = post(client, "explorer-bulk", "add-tags", tags="wet", **given)
        assert answer.status_code == 400
        assert said in words(answer)
        assert tagged("wet") == set()

    def test_a_long_one_shows_progress_until_it_has_ended(self, client, carla, library, monkeypatch):
        monkeypatch.setattr(bulk, "AT_ONCE", 2)
        monkeypatch.setattr(bulk, "wake", lambda change_id: None)
        answer = post(client, "explorer-bulk", "add-tags", scenes=ids(library), tags="wet")
        change = BulkChange.objects.get()
        address = reverse("explorer-bulk-state", args=[change.pk])
        assert f'hx-get="{address}"' in answer.content.decode()
        assert "0 of 4 scenes" in words(answer)
        bulk._next_batch(change.pk)
        half = client.get(address)
        assert "2 of 4 scenes" in words(half)
        assert "HX-Trigger" not in half
        bulk.work(change.pk)
        done = client.get(address)
        assert "4 of 4 scenes changed" in words(done)
        assert "hx-trigger" not in done.content.decode()
        assert done["HX-Trigger"] == "explorer:changed"

    def test_people_see_their_own_last_changes_in_constant_queries(
        self, client, carla, library, django_assert_max_num_queries
    ):
        dora = somebody("dora", "curator")
        for number in range(10):
            curating.add_tags(scenes=[library[0].pk], tags=[f"mine-{number}"], by=carla)
        theirs = curating.add_tags(scenes=[library[0].pk], tags=["theirs"], by=dora)
        client.get(reverse("explorer-bulk-mine"))
        with django_assert_max_num_queries(6):
            said = words(client.get(reverse("explorer-bulk-mine")))
        assert "mine-9" in said
        assert "mine-1:" not in said
        assert "theirs" not in said
        assert client.get(reverse("explorer-bulk-state", args=[theirs.pk])).status_code == 404
        assert post(client, "explorer-bulk-undo", theirs.pk).status_code == 404


class TestDialogs:
    def test_tags_to_remove_are_those_of_the_selected(self, client, carla, library):
        library[0].tags.add("wet")
        library[3].tags.add("sunny")
        dialog = post(client, "explorer-bulk-ask", "remove-tags", scenes=ids(library[:2]))
        assert "wet (1)" in words(dialog)
        assert "sunny" not in words(dialog)
        assert "2 scenes" in words(dialog)

    def test_statuses_are_counted_and_only_labelers_are_offered(self, client, carla, library):
        somebody("bea", "labeler")
        Scene.objects.filter(pk=library[0].pk).update(**worked(LabelingStatus.LABELED))
        dialog = words(post(client, "explorer-bulk-ask", "assign", matching=""))
        assert "Labeled 1" in dialog
        assert "Unlabeled 3" in dialog
        assert "bea" in dialog
        assert "some-labeler" not in dialog

    def test_what_was_typed_stays_when_it_is_refused(self, client, carla, library):
        answer = post(client, "explorer-bulk", "add-tags", scenes=ids(library), tags="x" * 120, reason="because")
        assert answer.status_code == 400
        assert "longer than 100 characters" in words(answer)
        assert "because" in answer.content.decode()

    def test_an_action_that_is_none_is_not_found(self, client, carla, library):
        assert post(client, "explorer-bulk-ask", "explode", scenes=ids(library)).status_code == 404
        assert post(client, "explorer-bulk", "export", scenes=ids(library)).status_code == 404


class TestDatasets:
    def test_scenes_go_into_a_new_draft_and_into_one_that_is_there(self, client, carla, library):
        answer = post(client, "explorer-bulk-dataset", scenes=ids(library[:2]), name="Rainy")
        assert answer.status_code == 200, words(answer)
        assert "2 scenes added" in words(answer)
        version = DatasetVersion.objects.get()
        again = post(client, "explorer-bulk-dataset", matching="search=rainy", version=version.pk)
        assert "1 scene added, 2 were in it already" in words(again)
        assert version.items.count() == 3

    def test_a_name_that_is_taken_or_none_leaves_nothing_behind(self, client, carla, library):
        post(client, "explorer-bulk-dataset", scenes=ids(library[:1]), name="Rainy")
        for name, said in (("Rainy", "already"), ("two words", "letters, digits"), ("", "name a new dataset")):
            answer = post(client, "explorer-bulk-dataset", scenes=ids(library), name=name)
            assert answer.status_code in (400, 409)
            assert said in words(answer)
        assert Dataset.objects.count() == 1


class TestExports:
    def test_a_small_list_comes_at_once_with_the_columns_shown(self, client, carla, library):
        given = {"format": "csv", "which": "shown", "shown": "thumbnail,name,points,no-such-column"}
        answer = post(client, "explorer-bulk-export", matching="search=rainy", **given)
        address = re.search(r'href="(/files/exports/\d+/)"', answer.content.decode()).group(1)
        assert "data-download-now" in answer.content.decode()
        file = client.get(address)
        assert file["Content-Disposition"].startswith("attachment; filename=")
        lines = file.getvalue().decode().splitlines()
        assert lines[0] == "id,name,point_count"
        assert len(lines) == 4

    def test_a_large_one_is_followed_and_downloaded(self, client, carla, library, monkeypatch):
        from scenes.services import exporting

        monkeypatch.setattr(exporting, "DIRECT_ROWS", 1)
        monkeypatch.setattr(exporting, "wake", lambda export_id: None)
        answer = post(client, "explorer-bulk-export", scenes=ids(library), format="jsonl", which="all", shown="")
        assert "0 of 4 scenes written" in words(answer)
        export = SceneExport.objects.get()
        exporting.work(export.pk)
        state = client.get(reverse("explorer-bulk-export-state", args=[export.pk]))
        assert "is ready" in words(state)
        file = client.get(reverse("scene-export-file", args=[export.pk]))
        assert [json.loads(line)["name"] for line in file.getvalue().splitlines()] == [s.name for s in library]

    def test_every_column_of_the_explorer_means_facts(self):
        assert exported_columns(SceneTable.base_columns)[0] == "id"

    def test_nobody_gets_the_export_of_another(self, client, carla, library):
        post(client, "explorer-bulk-export", matching="", format="csv", which="all")
        export = SceneExport.objects.get()
        client.force_login(somebody("dora", "curator"))
        assert client.get(reverse("scene-export-file", args=[export.pk])).status_code == 404
        assert client.get(reverse("explorer-bulk-export-state", args=[export.pk])).status_code == 404


class TestWhoMay:
    def test_a_viewer_is_offered_the_export_only_and_refused_the_rest(self, client, library):
        client.force_login(somebody("vera", "viewer"))
        page = client.get(reverse("explorer")).content.decode()
        offered = set(re.findall(r'data-bulk="([^"]+)"', page))
        assert offered == {"export"}
        for action in ("add-tags", "remove-tags", "assign", "status", "dataset"):
            assert post(client, "explorer-bulk-ask", action, scenes=ids(library)).status_code == 403
        assert post(client, "explorer-bulk", "add-tags", scenes=ids(library), tags="wet").status_code == 403
        assert post(client, "explorer-bulk-dataset", scenes=ids(library), name="Mine").status_code == 403
        assert post(client, "explorer-bulk-ask", "export", scenes=ids(library)).status_code == 200
        assert (tagged("wet"), Dataset.objects.count()) == (set(), 0)

    def test_a_curator_is_offered_everything(self, client, carla, library):
        page = client.get(reverse("explorer")).content.decode()
        assert set(re.findall(r'data-bulk="([^"]+)"', page)) == {
            "add-tags", "remove-tags", "assign", "status", "dataset", "export",
        }  # fmt: skip
