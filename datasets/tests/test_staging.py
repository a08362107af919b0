"""Drafts: scenes come and go as sets, by several people at once, and nobody's change is lost."""

import threading

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from datasets import services
from datasets.models import Dataset, DatasetVersion, Item
from datasets.tests.stories import a_draft, a_person, some_scenes
from scenes.errors import ConflictError, NotAllowedError, RefusedError
from scenes.models import Scene

pytestmark = pytest.mark.django_db


@pytest.fixture
def carla():
    return a_person()


def test_a_dataset_begins_with_a_draft_and_a_history(carla):
    version = services.create_dataset(name="Urban_Night_Scenes", notes="nights", by=carla)
    assert (str(version), version.state, version.ratios) == (
        "Urban_Night_Scenes@v1",
        "draft",
        {"train": 80, "val": 10, "test": 10},
    )
    assert version.history.get().history_user == carla
    assert version.dataset.history.get().history_user == carla


@pytest.mark.parametrize("name", ["", "a b", "../up", "-x", "a/b", "x" * 101])
def test_a_name_that_is_no_name_is_refused(carla, name):
    with pytest.raises(ValidationError):
        services.create_dataset(name=name, by=carla)
    assert not Dataset.objects.exists()


def test_a_taken_name_is_refused_with_the_remedy(carla):
    services.create_dataset(name="Urban", by=carla)
    with pytest.raises(ConflictError, match="Make a new version"):
        services.create_dataset(name="Urban", by=carla)


def test_who_may_not_build_is_told_whom_to_ask(carla):
    viewer = a_person("vera", "viewer")
    with pytest.raises(NotAllowedError, match="Ask a curator"):
        services.create_dataset(name="Urban", by=viewer)
    draft = a_draft(some_scenes(1), by=carla)
    for call in (services.add_scenes, services.remove_scenes):
        with pytest.raises(NotAllowedError):
            call(version=draft, scenes=Scene.objects.all(), by=viewer)


class TestScenes:
    def test_come_in_once_with_history(self, carla):
        scenes = some_scenes(3, labels=False)
        draft = services.create_dataset(name="Urban", by=carla)
        ids = [scene.pk for scene in scenes]
        assert services.add_scenes(version=draft, scenes=ids[:2], by=carla) == services.Added(2, 0)
        assert services.add_scenes(version=draft, scenes=Scene.objects.all(), by=carla) == services.Added(1, 2)
        rows = Item.history.filter(version_id=draft.pk)
        assert {(row.history_type, row.history_user, row.scene_id) for row in rows} == {("+", carla, pk) for pk in ids}

    def test_leave_with_history(self, carla):
        draft = a_draft(some_scenes(3, labels=False), by=carla)
        gone = Scene.objects.earliest("pk")
        assert services.remove_scenes(version=draft, scenes=[gone.pk], by=carla) == 1
        assert services.remove_scenes(version=draft, scenes=[gone.pk], by=carla) == 0
        assert Item.history.filter(history_type="-").get().scene_id == gone.pk
        assert draft.items.count() == 2

    def test_that_are_not_there_are_refused_and_nothing_is_added(self, carla):
        (scene,) = some_scenes(1, labels=False)
        draft = services.create_dataset(name="Urban", by=carla)
        with pytest.raises(RefusedError, match="no scene with the id 999999"):
            services.add_scenes(version=draft, scenes=[scene.pk, 999999], by=carla)
        with pytest.raises(RefusedError, match="No scene is selected"):
            services.add_scenes(version=draft, scenes=[], by=carla)
        assert not draft.items.exists()

    def test_can_be_said_to_be_in_a_split(self, carla):
        draft = a_draft(some_scenes(3, labels=False), by=carla)
        assert services.set_split(version=draft, scenes=[Scene.objects.earliest("pk").pk], split="test", by=carla) == 1
        assert draft.items.filter(fixed_split="test").count() == 1
        assert Item.history.filter(history_change_reason="Said to be in test").count() == 1
        with pytest.raises(RefusedError, match="no split dev"):
            services.set_split(version=draft, scenes=Scene.objects.all(), split="dev", by=carla)

    def test_cost_as_many_queries_for_many_as_for_few(self, carla, django_assert_num_queries):
        draft = services.create_dataset(name="Urban", by=carla)
        some_scenes(2, labels=False)
        with django_assert_num_queries(9):
            services.add_scenes(version=draft, scenes=Scene.objects.all(), by=type(carla).objects.get(pk=carla.pk))
        some_scenes(9, labels=False, name="more")
        with django_assert_num_queries(9):
            services.add_scenes(version=draft, scenes=Scene.objects.all(), by=type(carla).objects.get(pk=carla.pk))


@pytest.mark.django_db(transaction=True)
def test_people_who_add_and_remove_at_once_lose_nothing():
    carla = a_person()
    scenes = some_scenes(40, frames=0, labels=False)
    ids = [scene.pk for scene in scenes]
    draft = services.create_dataset(name="Urban", by=carla)
    services.add_scenes(version=draft, scenes=ids[:5], by=carla)
    problems = []

    def work(call, chosen):
        try:
            for _ in range(5):
                call(version=DatasetVersion.objects.get(pk=draft.pk), scenes=chosen, by=carla)
        except Exception as error:  # noqa: BLE001 - told below
            problems.append(error)
        finally:
            connection.close()

    jobs = [
        (services.add_scenes, ids[5:30]),
        (services.add_scenes, list(reversed(ids[10:40]))),
        (services.remove_scenes, ids[:5]),
    ]
    threads = [threading.Thread(target=work, args=job) for job in jobs]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert problems == []
    assert set(draft.items.values_list("scene_id", flat=True)) == set(ids[5:])
    added = Item.history.filter(history_type="+").values_list("scene_id", flat=True)
    assert sorted(added) == sorted(ids)


class TestThePlan:
    def test_changes_with_history(self, carla):
        draft = a_draft(some_scenes(1, labels=False), by=carla)
        changed = services.set_plan(
            version=draft, plan={"train_percent": 60, "val_percent": 30, "grouping": "day"}, by=carla
        )
        assert (changed.ratios, changed.grouping) == ({"train": 60, "val": 30, "test": 10}, "day")
        assert changed.history.first().history_change_reason == "Plan changed: grouping, train_percent, val_percent"

    @pytest.mark.parametrize(
        ("plan", "words"),
        [
            ({"train_percent": 90}, "90 . 10 . 10 = 110 %"),
            ({"speed": 3}, "The plan has no speed"),
        ],
    )
    def test_that_is_wrong_is_refused(self, carla, plan, words):
        draft = services.create_dataset(name="Urban", by=carla)
        with pytest.raises(RefusedError, match=words):
            services.set_plan(version=draft, plan=plan, by=carla)

    @pytest.mark.parametrize("plan", [{"grouping": "moon"}, {"seed": -1}, {"cell_metres": 0}, {"seed": "x"}])
    def test_values_that_a_field_does_not_take_are_refused(self, carla, plan):
        draft = services.create_dataset(name="Urban", by=carla)
        with pytest.raises(ValidationError):
            services.set_plan(version=draft, plan=plan, by=carla)

    def test_that_somebody_changed_meanwhile_is_not_overwritten(self, carla):
        emil = a_person("emil", "engineer")
        draft = services.create_dataset(name="Urban", by=carla)
        seen = draft.plan_number
        services.set_plan(version=draft, plan={"seed": 5}, by=emil, plan_number=seen)
        with pytest.raises(ConflictError, match="emil changed the plan of Urban@v1 meanwhile: seed") as caught:
            services.set_plan(version=draft, plan={"grouping": "day"}, by=carla, plan_number=seen)
        assert caught.value.facts["plan"] == {"seed": 5}
        assert caught.value.facts["changed_by"] == "emil"
        assert DatasetVersion.objects.get().grouping == "drive"


def test_a_discarded_draft_is_gone_with_its_dataset_and_its_history_stays(carla):
    draft = a_draft(some_scenes(2, labels=False), by=carla)
    services.discard_draft(version=draft, by=carla)
    assert not Dataset.objects.exists()
    assert Item.history.filter(history_type="-").count() == 2
