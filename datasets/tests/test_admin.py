"""The admin of datasets: scenes are added from their list, drafts are planned, and who may not does not see the way."""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from datasets.models import DatasetVersion
from datasets.tests.stories import a_draft, a_person, some_scenes

pytestmark = pytest.mark.django_db
SCENES = "admin:scenes_scene_changelist"


@pytest.fixture
def carla(client):
    carla = a_person()
    User.objects.filter(pk=carla.pk).update(is_staff=True)
    client.force_login(carla)
    return carla


def ask(client, scenes, **answers):
    given = {"action": "add_to_dataset", "_selected_action": [scene.pk for scene in scenes], **answers}
    return client.post(reverse(SCENES), given, follow=True)


def test_ticked_scenes_go_to_a_new_dataset_and_then_to_its_draft(client, carla):
    scenes = some_scenes(3, frames=0, labels=False)
    asked = ask(client, scenes[:2])
    assert b"Or a new dataset" in asked.content
    assert not DatasetVersion.objects.exists()
    done = ask(client, scenes[:2], step="confirm", new_name="Urban")
    assert b"2 scenes were added to Urban@v1." in done.content
    draft = DatasetVersion.objects.get()
    again = ask(client, scenes, step="confirm", version=draft.pk)
    assert b"1 scenes were added to Urban@v1. 2 were in already." in again.content
    assert draft.items.count() == 3


def test_all_that_match_go_in(client, carla):
    scenes = some_scenes(3, frames=0, labels=False)
    some_scenes(2, frames=0, labels=False, name="other")
    given = {"action": "add_to_dataset", "_selected_action": [scenes[0].pk], "select_across": "1"}
    client.post(reverse(SCENES) + "?q=scene-", given | {"step": "confirm", "new_name": "Urban"})
    assert DatasetVersion.objects.get().items.count() == 3


def test_nonsense_is_told_and_nothing_is_made(client, carla):
    scenes = some_scenes(1, frames=0, labels=False)
    for answers, words in (({}, b"one of the two"), ({"new_name": "a b"}, b"Use letters")):
        assert words in ask(client, scenes, step="confirm", **answers).content
    assert not DatasetVersion.objects.exists()


def test_who_may_not_build_is_not_offered_it(client):
    olga = a_person("olga", "operator")
    User.objects.filter(pk=olga.pk).update(is_staff=True)
    client.force_login(olga)
    scenes = some_scenes(1, frames=0, labels=False)
    assert b"add_to_dataset" not in client.get(reverse(SCENES)).content
    ask(client, scenes, step="confirm", new_name="Urban")
    assert not DatasetVersion.objects.exists()


def test_the_plan_of_a_draft_is_changed_with_history(client, carla):
    draft = a_draft(some_scenes(1, frames=0, labels=False), by=carla)
    page = reverse("admin:datasets_datasetversion_change", args=[draft.pk])
    form = client.get(page).context["adminform"].form
    values = {name: form.initial.get(name) for name in form.fields if form.initial.get(name) not in (None, False)}
    for part in ("items", "slices", "acknowledgements"):
        values |= {f"{part}-TOTAL_FORMS": 0, f"{part}-INITIAL_FORMS": 0}
    answer = client.post(page, values | {"grouping": "day", "notes": "by hand"})
    assert answer.status_code == 302, answer.context["errors"]
    draft.refresh_from_db()
    assert (draft.grouping, draft.notes) == ("day", "by hand")
    assert {row.history_user for row in draft.history.all()} == {carla}
