"""Versions of a dataset: made from each other, compared, in the order they came, and where they are used."""

import pytest

from datasets import selectors, services
from datasets.models import DatasetVersion, Item
from datasets.rules import condition, scenes_matching
from datasets.tests.stories import a_draft, a_person, label, some_scenes
from datasets.tests.test_freezing import frozen, warnings_of
from scenes.errors import ConflictError, RefusedError
from scenes.models import Scene, Tag

pytestmark = pytest.mark.django_db


@pytest.fixture
def carla():
    Tag.objects.bulk_create(Tag(name=name, slug=name) for name in ("night", "rain", "snow"))
    return a_person()


def test_a_new_version_has_plan_scenes_slices_and_parent(carla):
    scenes = some_scenes(4)
    first = a_draft(scenes, by=carla, grouping="day", train_percent=70, val_percent=20)
    services.set_slice(version=first, name="night", rule="tag=night", by=carla)
    services.set_slice(version=first, name="must-pass", scenes=[scenes[0].pk], by=carla)
    second = services.new_version(of=first, notes="more nights", by=carla)
    assert (str(second), second.parent, second.notes, second.state) == (
        "Urban_Night_Scenes@v2", first, "more nights", "draft"
    )  # fmt: skip
    assert (second.ratios, second.grouping, second.seed) == (first.ratios, "day", 7)
    assert second.items.count() == 4
    assert dict(second.slices.values_list("name", "rule")) == {"night": "tag=night", "must-pass": ""}
    assert [scene.pk for scene in selectors.slice_scenes(second.slices.get(name="must-pass"), second)] == [scenes[0].pk]
    assert Item.history.filter(version_id=second.pk, history_type="+").count() == 4


def test_a_saved_view_makes_a_version_of_what_matches_now(carla):
    scenes = some_scenes(4)
    first = frozen(scenes, carla)
    scenes[1].tags.add("night")
    (late,) = some_scenes(1, name="late")
    late.tags.add("night")
    second = services.new_version(of=first, query="tag=night&sort=-points&page=3", by=carla)
    assert second.query == "tag=night"
    assert set(second.items.values_list("scene__name", flat=True)) == {"scene-001", "late-000"}
    with pytest.raises(RefusedError, match="0 scenes match"):
        services.new_version(of=first, query="tag=snow", by=carla)
    assert first.dataset.versions.count() == 2


def test_a_query_that_no_filter_takes_is_refused_by_name():
    assert condition("sort=name&tag=&status=labeled") == "status=labeled"
    with pytest.raises(RefusedError, match="asks for stauts"):
        scenes_matching("stauts=labeled")
    with pytest.raises(RefusedError, match="status"):
        scenes_matching("status=unheard-of")


def test_the_splits_of_the_parent_are_kept_and_new_scenes_follow_their_drive(carla):
    scenes = some_scenes(12, drives=6)
    first = frozen(scenes, carla, train_percent=50, val_percent=30, test_percent=20)
    second = services.new_version(of=first, by=carla)
    more = some_scenes(6, drives=6, name="more")
    services.add_scenes(version=second, scenes=[scene.pk for scene in more], by=carla)
    services.set_plan(version=second, plan={"seed": 12345}, by=carla)
    services.draw_splits(version=second, by=carla)
    before = dict(first.items.values_list("scene__name", "split"))
    after = dict(second.items.values_list("scene__name", "split"))
    assert {name: after[name] for name in before} == before
    by_drive = set(second.items.values_list("scene__drive", "split"))
    assert len(by_drive) == 6


def test_two_versions_differ_by_what_was_added_removed_moved_and_relabelled(carla, django_assert_num_queries):
    scenes = some_scenes(5)
    first = frozen(scenes, carla)
    label(scenes[2])
    second = services.new_version(of=first, by=carla)
    (late,) = some_scenes(1, name="late")
    services.add_scenes(version=second, scenes=[late.pk], by=carla)
    services.remove_scenes(version=second, scenes=[scenes[0].pk], by=carla)
    was = first.items.get(scene=scenes[1]).split
    moved = "test" if was != "test" else "val"
    services.set_split(version=second, scenes=[scenes[1].pk], split=moved, by=carla)
    services.draw_splits(version=second, by=carla)
    second.refresh_from_db()
    second = services.freeze(version=second, acknowledged=warnings_of(second), by=carla)
    with django_assert_num_queries(1):
        found = selectors.diff(first, second)
    assert found.counts == {"added": 1, "removed": 1, "moved": 1, "relabelled": 1}
    assert [one.scene for one in found.some["added"]] == ["late-000"]
    assert [one.scene for one in found.some["removed"]] == ["scene-000"]
    assert [(one.scene, one.before, one.after) for one in found.some["moved"]] == [("scene-001", was, moved)]
    assert [(one.scene, one.before, one.after) for one in found.some["relabelled"]] == [("scene-002", "v1", "v2")]
    assert selectors.diff(first, first).counts == {"added": 0, "removed": 0, "moved": 0, "relabelled": 0}


def test_a_version_that_others_were_made_from_can_not_be_discarded(carla):
    first = a_draft(some_scenes(2), by=carla)
    second = services.new_version(of=first, by=carla)
    with pytest.raises(ConflictError, match="Urban_Night_Scenes@v2 was made from it"):
        services.discard_draft(version=first, by=carla)
    (use,) = selectors.uses(first)
    assert (use.count, use.some) == (1, ["Urban_Night_Scenes@v2"])
    services.discard_draft(version=second, by=carla)
    assert selectors.uses(first) == []


def test_lineage_and_lists_cost_a_constant_number_of_queries(carla, django_assert_num_queries):
    first = a_draft(some_scenes(2), by=carla)
    services.new_version(of=first, by=carla)
    third = services.new_version(of=first, with_scenes=False, by=carla)
    with django_assert_num_queries(1):
        told = [(one.name[-2:], one.parent_id, one.scenes) for one in selectors.lineage(first.dataset)]
    assert told == [("v1", None, 2), ("v2", first.pk, 2), ("v3", first.pk, 0)]
    with django_assert_num_queries(2):
        (dataset,) = selectors.datasets_with_versions()
        assert [(str(one), one.scene_count) for one in dataset.versions.all()][:1] == [(str(third), 0)]
    scene = Scene.objects.earliest("pk")
    with django_assert_num_queries(1):
        member = selectors.memberships(scene)
    assert [(str(one), one.state) for one in member] == [
        ("Urban_Night_Scenes@v2", "draft"), ("Urban_Night_Scenes@v1", "draft")
    ]  # fmt: skip


def test_versions_are_found_by_name(carla):
    first = a_draft(some_scenes(1), by=carla)
    assert selectors.version_named("Urban_Night_Scenes@v1") == selectors.version_named("Urban_Night_Scenes@1") == first
    for name in ("Urban_Night_Scenes", "Urban_Night_Scenes@v9", "@v1", "Urban_Night_Scenes@vx"):
        with pytest.raises(DatasetVersion.DoesNotExist):
            selectors.version_named(name)


class TestSlices:
    def test_by_rule_follow_the_scenes_until_they_are_frozen(self, carla):
        scenes = some_scenes(4)
        draft = a_draft(scenes, by=carla)
        slice_ = services.set_slice(version=draft, name="rain", rule="tag=rain", by=carla)
        scenes[0].tags.add("rain")
        assert selectors.sizes_of_slices(draft) == {slice_.pk: 1}
        services.draw_splits(version=draft, by=carla)
        version = services.freeze(version=draft, acknowledged=warnings_of(draft), by=carla)
        scenes[1].tags.add("rain")
        assert selectors.sizes_of_slices(version) == {slice_.pk: 1}
        slice_.refresh_from_db()
        assert [scene.name for scene in selectors.slice_scenes(slice_, version)] == ["scene-000"]
        assert len(slice_.digest) == 64

    def test_are_said_anew_and_removed(self, carla):
        scenes = some_scenes(3)
        draft = a_draft(scenes, by=carla)
        first = services.set_slice(version=draft, name="rain", rule="tag=rain", by=carla)
        again = services.set_slice(version=draft, name="rain", scenes=[scenes[0].pk], by=carla)
        assert (again.pk, again.rule, again.members.count()) == (first.pk, "", 1)
        services.remove_slice(slice_=again, by=carla)
        assert draft.slices.count() == 0
        assert [row.history_type for row in first.history.all()] == ["-", "~", "+"]

    @pytest.mark.parametrize(
        ("wish", "words"),
        [
            ({"name": " ", "rule": "tag=x"}, "1 to 60"),
            ({"name": "x"}, "one of the two"),
            ({"name": "x", "rule": "sort=name"}, "query is empty"),
            ({"name": "x", "rule": "stauts=labeled"}, "stauts"),
        ],
    )
    def test_that_say_nothing_are_refused(self, carla, wish, words):
        draft = a_draft(some_scenes(1), by=carla)
        with pytest.raises(RefusedError, match=words):
            services.set_slice(version=draft, by=carla, **wish)

    def test_of_scenes_that_are_not_in_the_draft_are_refused(self, carla):
        draft = a_draft(some_scenes(1), by=carla)
        (other,) = some_scenes(1, name="other")
        with pytest.raises(RefusedError, match="1 of the scenes are not in"):
            services.set_slice(version=draft, name="x", scenes=[other.pk], by=carla)
        assert draft.slices.count() == 0
