"""Bulk changes by script: chosen by ids or by the list's filters, followed, and undone."""

import pytest
from django.contrib.auth.models import Group, User

from scenes.models import BulkState, Scene
from scenes.tests.factories import a_ready_scene

pytestmark = pytest.mark.django_db
ADDRESS = "/api/bulk-changes/"


@pytest.fixture
def curator(client):
    person = User.objects.create_user("carla")
    person.groups.add(Group.objects.get(name="curator"))
    client.force_login(person)
    return client


def ask(client, **body):
    return client.post(ADDRESS, body, content_type="application/json")


def tagged(name: str) -> set[str]:
    return set(Scene.objects.filter(tags__name=name).values_list("name", flat=True))


def test_scenes_that_match_get_tags_and_lose_them_by_undo(curator):
    for name in ("rainy-01", "rainy-02", "dry-01"):
        a_ready_scene(name=name)
    answer = ask(curator, kind="add_tags", matching="search=rainy", tags=["wet"], reason="weather")
    assert answer.status_code == 202, answer.content
    change = answer.json()
    assert (change["state"], change["total"], change["changed"]) == (BulkState.DONE, 2, 2)
    assert tagged("wet") == {"rainy-01", "rainy-02"}
    undone = curator.post(f"{ADDRESS}{change['id']}/undo/", {}, content_type="application/json")
    assert undone.status_code == 202, undone.content
    assert tagged("wet") == set()
    assert curator.get(f"{ADDRESS}{change['id']}/").json()["undone_by"] == undone.json()["id"]


def test_scenes_are_assigned_by_their_ids(curator):
    scenes = [a_ready_scene(name=f"scene-{number}") for number in range(2)]
    labeler = User.objects.create_user("bea")
    labeler.groups.add(Group.objects.get(name="labeler"))
    answer = ask(curator, kind="assign", scenes=[scenes[0].pk], labeler="bea", priority=4, due_on="2027-01-31")
    assert answer.status_code == 202, answer.content
    found = Scene.objects.get(pk=scenes[0].pk)
    assert (found.labeler, found.priority, str(found.due_on)) == (labeler, 4, "2027-01-31")
    assert Scene.objects.get(pk=scenes[1].pk).labeler is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"kind": "add_tags", "tags": ["a"]}, "by their ids or by matching"),
        ({"kind": "add_tags", "tags": ["a"], "scenes": [1], "matching": ""}, "by their ids or by matching"),
        ({"kind": "add_tags", "matching": ""}, "needs tags"),
        ({"kind": "add_tags", "matching": "", "tags": ["a"], "labeler": "carla"}, "labeler"),
        ({"kind": "add_tags", "matching": "stauts=labeled", "tags": ["a"]}, "stauts"),
        ({"kind": "add_tags", "matching": "status=labelled", "tags": ["a"]}, "matching"),
        ({"kind": "remove_tags", "matching": "", "tags": ["nowhere"]}, "no tag nowhere"),
    ],
)
def test_a_body_that_makes_no_sense_is_refused_with_words(curator, body, words):
    a_ready_scene()
    answer = ask(curator, **body)
    assert answer.status_code == 400
    assert words in answer.content.decode()


def test_who_only_sees_bulk_changes_may_not_tag(client):
    a_ready_scene(name="one")
    person = User.objects.create_user("olga")
    person.groups.add(Group.objects.get(name="operator"))
    client.force_login(person)
    assert ask(client, kind="add_tags", matching="", tags=["a"]).status_code == 403
    assert tagged("a") == set()


def test_the_list_costs_the_same_for_any_number_of_changes(
    curator, django_assert_num_queries, django_assert_max_num_queries
):
    a_ready_scene(name="one")
    ask(curator, kind="add_tags", matching="", tags=["a"])
    with django_assert_max_num_queries(8) as few:
        curator.get(ADDRESS)
    count = len(few)  # before another request clears the log
    for tag in "bcdef":
        ask(curator, kind="add_tags", matching="", tags=[tag])
    with django_assert_num_queries(count):
        assert len(curator.get(ADDRESS).json()["results"]) == 6
