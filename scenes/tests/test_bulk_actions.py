"""The bulk actions of the scene list: ask, show, confirm; who may; what they say afterwards."""

import csv
import json
import re

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from scenes import services
from scenes.models import BulkChange, BulkKind, BulkState, Drive, LabelingStatus, Scene, SceneTag, Tag
from scenes.services import bulk, curating
from scenes.tests.test_curating import a_person, ids, some_scenes

pytestmark = pytest.mark.django_db
LIST = "admin:scenes_scene_changelist"


@pytest.fixture
def carla(client) -> User:
    services.sync_roles()
    carla = a_person("carla", "curator")
    carla.is_staff = True
    carla.save()
    client.force_login(carla)
    return carla


@pytest.fixture
def bea(carla) -> User:
    return a_person("bea", "labeler")


def ask(client, action, scenes, query="", **answers):
    """The page of the action, after `answers` are shown when there are any."""
    given = {"action": action, "_selected_action": ids(scenes)} | answers
    given |= {"step": "preview"} if answers else {}
    return client.post(reverse(LIST) + query, given)


def confirm(client, action, scenes, query="", **answers):
    shown = ask(client, action, scenes, query, **answers)
    given = {"action": action, "_selected_action": ids(scenes), "step": "confirm"} | answers
    given["previewed"] = shown.context["digest"]
    return client.post(reverse(LIST) + query, given, follow=True)


def words(page) -> str:
    text = re.sub(r"<[^>]+>", "", page.content.decode())
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize(
    "action",
    ["add_tags", "remove_tags", "assign", "set_status", "set_drive", "reingest", "rebuild_thumbnails",
     "rebuild_display", "export"],
)  # fmt: skip
def test_each_action_opens_a_page_that_counts_and_changes_nothing(client, carla, action):
    scenes = some_scenes(3)
    page = ask(client, action, scenes)
    assert page.status_code == 200
    assert re.search(r"<strong>3</strong> scenes selected", page.content.decode())
    assert all(scene.name in page.content.decode() for scene in scenes)
    assert not BulkChange.objects.exists()


def test_tags_are_shown_before_and_after_then_added_and_undone(client, carla):
    scenes = some_scenes(2)
    scenes[0].tags.add("rain")
    shown = words(ask(client, "add_tags", scenes, new_tags="night", reason="Weather"))
    assert "night, rain" in shown
    assert not SceneTag.objects.filter(tag__name="night").exists()
    answer = confirm(client, "add_tags", scenes, new_tags="night", reason="Weather")
    assert "Add tags: 2 of 2 scenes changed." in words(answer)
    change = BulkChange.objects.get()
    assert (change.actor, change.reason, change.door) == (carla, "Weather", "admin")
    undo = reverse("admin:scenes_bulkchange_undo", args=[change.pk])
    assert undo in answer.content.decode()
    assert "Add tags night" in words(client.get(undo))
    answer = client.post(undo, {"reason": "Not this list"}, follow=True)
    assert "Undo: 2 of 2 scenes changed." in words(answer)
    assert not SceneTag.objects.filter(tag__name="night").exists()
    assert SceneTag.history.first().door == "admin"


def test_a_confirmation_counts_only_for_what_was_shown(client, carla):
    scenes = some_scenes(3)
    shown = ask(client, "add_tags", scenes[:2], new_tags="night").context["digest"]
    given = {"action": "add_tags", "step": "confirm", "previewed": shown, "new_tags": "night"}
    for other in ({"_selected_action": ids(scenes)}, {"_selected_action": ids(scenes[:2]), "new_tags": "day"}):
        page = client.post(reverse(LIST), given | other)
        assert "not what was shown before" in words(page)
    assert not BulkChange.objects.exists()


def test_all_that_match_are_carried_as_the_filter(client, carla):
    some_scenes(120)
    tagged = some_scenes(70)
    curating.add_tags(scenes=ids(tagged), tags=["rain"], by=carla)
    tag = Tag.objects.get()
    query = f"?tags__id__exact={tag.pk}"
    answers = {"select_across": "1", "new_tags": "wet"}
    page = ask(client, "add_tags", tagged[:50], query, **answers)
    assert page.content.decode().count('name="_selected_action"') == 1
    assert "70 scenes selected: all that match" in words(page)
    assert "10 of" not in words(page)
    confirm(client, "add_tags", tagged[:1], query, **answers)
    assert set(SceneTag.objects.filter(tag__name="wet").values_list("content_object", flat=True)) == set(ids(tagged))


def test_assigning_says_what_is_left_alone_and_why(client, carla, bea):
    scenes = some_scenes(3)
    Scene.objects.filter(pk=scenes[0].pk).update(status=LabelingStatus.IN_REVIEW, labeler=bea)
    shown = words(ask(client, "assign", scenes, labeler=bea.pk, priority="4"))
    assert "2 unlabeled: assigned" in shown
    assert "1 in review: left alone" in shown
    answer = words(confirm(client, "assign", scenes, labeler=bea.pk, priority="4", reason="Rain"))
    assert "2 of 3 scenes changed. Left alone: in review: a reviewer accepts it or sends it back first (1)" in answer
    assert Scene.objects.filter(labeler=bea, priority=4).count() == 2


def test_only_people_who_may_label_are_offered(client, carla, bea):
    a_person("vera", "viewer")
    gone = a_person("gone", "labeler")
    gone.is_active = False
    gone.save()
    page = ask(client, "assign", some_scenes(1)).content.decode()
    assert ">bea<" in page
    assert ">vera<" not in page
    assert ">gone<" not in page


def test_a_drive_and_a_status_are_set(client, carla, bea):
    drive, scenes = Drive.objects.create(name="monday"), some_scenes(2)
    confirm(client, "set_drive", scenes, drive=drive.pk)
    assert Scene.objects.filter(drive=drive).count() == 2
    Scene.objects.filter(pk=scenes[0].pk).update(status=LabelingStatus.IN_REVIEW, labeler=bea)
    shown = words(ask(client, "set_status", scenes, status="labeled"))
    assert "1 in review: become labeled" in shown
    assert "1 unlabeled: left alone" in shown
    confirm(client, "set_status", scenes, status="labeled")
    assert Scene.objects.get(status=LabelingStatus.LABELED).reviewer == carla
    assert "Say why" in words(ask(client, "set_status", scenes, status="in_progress"))


def test_what_a_service_refuses_is_said_on_the_page(client, carla, monkeypatch):
    monkeypatch.setattr(bulk, "MOST_SCENES", 1)
    scenes = some_scenes(2)
    answer = words(confirm(client, "add_tags", scenes, new_tags="night"))
    assert "2 scenes are selected, 1 can be changed at once" in answer


def test_a_large_change_leads_to_its_progress(client, carla, monkeypatch):
    monkeypatch.setattr(bulk, "AT_ONCE", 2)
    scenes = some_scenes(5)
    page = confirm(client, "add_tags", scenes, new_tags="night")
    change = BulkChange.objects.get()
    assert page.redirect_chain[-1][0] == reverse("admin:scenes_bulkchange_change", args=[change.pk])
    assert "Queued: 0 of 5 scenes handled" in words(page)
    assert 'http-equiv="refresh"' in page.content.decode()
    steps = iter([True, False])
    bulk.work(change.pk, go_on=lambda: next(steps))
    address = reverse("admin:scenes_bulkchange_change", args=[change.pk])
    assert "Running: 2 of 5 scenes handled, 2 changed" in words(client.get(address))
    bulk.work(change.pk)
    page = client.get(address)
    assert "Done: 5 of 5 scenes handled" in words(page)
    assert 'http-equiv="refresh"' not in page.content.decode()
    assert reverse("admin:scenes_bulkchange_undo", args=[change.pk]) in page.content.decode()


class TestExport:
    def test_streams_the_selection_as_csv_without_formulas(self, client, carla):
        scenes = some_scenes(2)
        Scene.objects.filter(pk=scenes[0].pk).update(
            name="=HYPERLINK(1)", notes="-1+1", position_state="known", start_latitude=-33.5, start_longitude=18.0,
            end_latitude=-33.4, end_longitude=18.1,
        )  # fmt: skip
        scenes[1].tags.add("night", "@rain")
        given = {"action": "export", "_selected_action": ids(scenes), "step": "confirm", "format": "csv"}
        answer = client.post(reverse(LIST), given)
        assert answer.streaming
        assert answer["Content-Disposition"].startswith('attachment; filename="scenes-')
        rows = list(csv.DictReader(answer.getvalue().decode().splitlines()))
        assert [row["name"] for row in rows] == ["'=HYPERLINK(1)", scenes[1].name]
        assert (rows[0]["notes"], rows[0]["start_latitude"]) == ("'-1+1", "-33.5")
        assert rows[1]["tags"] == "'@rain, night"

    def test_streams_json_lines(self, client, carla, bea):
        scenes = some_scenes(2, labeler=bea)
        scenes[0].tags.add("night")
        given = {"action": "export", "_selected_action": ids(scenes), "step": "confirm", "format": "jsonl"}
        lines = [json.loads(line) for line in client.post(reverse(LIST), given).getvalue().splitlines()]
        assert [(line["id"], line["labeler"], line["tags"]) for line in lines] == [
            (scenes[0].pk, "bea", ["night"]), (scenes[1].pk, "bea", []),
        ]  # fmt: skip

    def test_costs_the_same_queries_for_any_number(self, client, carla, django_assert_num_queries):
        from scenes.exporting import export_pieces

        for number in (2, 30):
            some_scenes(number)
            with django_assert_num_queries(1):
                list(export_pieces(Scene.objects.all(), "csv"))


class TestPermissions:
    @pytest.fixture
    def reader(self, client) -> User:
        reader = User.objects.create_user("reader", is_staff=True)
        reader.user_permissions.add(
            *Permission.objects.filter(codename__in=["view_scene", "view_bulkchange", "enter_admin"])
        )
        client.force_login(reader)
        return reader

    @pytest.mark.parametrize("action", ["add_tags", "remove_tags", "assign", "set_status", "set_drive", "reingest"])
    def test_who_may_only_look_is_not_offered_an_action_and_can_not_post_it(self, client, reader, action):
        scenes = some_scenes(1)
        page = client.get(reverse(LIST)).content.decode()
        assert f'value="{action}"' not in page
        assert 'value="export"' in page
        ask(client, action, scenes, new_tags="night", status="unlabeled", reason="because")
        client.post(reverse(LIST), {"action": action, "_selected_action": ids(scenes), "step": "confirm"})
        assert not BulkChange.objects.exists()

    def test_who_may_not_change_scenes_may_look_but_not_undo(self, client, reader):
        services.sync_roles()
        change = curating.add_tags(scenes=ids(some_scenes(1)), tags=["night"], by=a_person("cora", "curator"))
        page = client.get(reverse("admin:scenes_bulkchange_change", args=[change.pk]))
        assert page.status_code == 200
        assert "undo/" not in page.content.decode()
        undo = reverse("admin:scenes_bulkchange_undo", args=[change.pk])
        assert client.get(undo).status_code == 403
        assert client.post(undo).status_code == 403
        assert SceneTag.objects.exists()

    def test_nobody_types_a_bulk_change(self, client, carla):
        assert client.get(reverse("admin:scenes_bulkchange_add")).status_code == 403


def test_pages_cost_the_same_queries_for_any_number_of_scenes(client, carla, bea, django_assert_num_queries):
    few, many = some_scenes(4), some_scenes(60)
    ask(client, "add_tags", few, new_tags="night")
    for action, answers in [("add_tags", {"new_tags": "night"}), ("assign", {"labeler": bea.pk})]:
        with CaptureQueriesContext(connection) as counted:
            ask(client, action, few, **answers)
        with django_assert_num_queries(len(counted)):
            ask(client, action, many, **answers)


def test_the_list_of_bulk_changes_costs_the_same_for_any_number(client, carla, django_assert_num_queries):
    address, scenes = reverse("admin:scenes_bulkchange_changelist"), ids(some_scenes(2))
    curating.undo_bulk(change=curating.add_tags(scenes=scenes, tags=["a"], by=carla), by=carla)
    client.get(address)
    with CaptureQueriesContext(connection) as counted:
        assert client.get(address).status_code == 200
    for name in "bcdef":
        curating.undo_bulk(change=curating.add_tags(scenes=scenes, tags=[name], by=carla), by=carla)
    with django_assert_num_queries(len(counted)):
        page = client.get(address)
    assert "Add tags f" in words(page)
    assert BulkChange.objects.filter(kind=BulkKind.UNDO, state=BulkState.DONE).count() == 6
    assert Group.objects.filter(name="curator").exists()
