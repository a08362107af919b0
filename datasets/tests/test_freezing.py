"""Freezing: what is checked, what the certificate says, what is pinned, and that the digest is the content's."""

import hashlib
import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from datasets import manifests, selectors, services
from datasets.models import Acknowledgement, DatasetVersion, Item, VersionState
from datasets.tests.stories import a_draft, a_person, an_ontology, label, some_scenes, stored
from scenes.errors import ConflictError, NotAllowedError, RefusedError
from scenes.models import Frame, FrameState, PositionState, Scene

pytestmark = pytest.mark.django_db
ALL = ["share-missed"]


@pytest.fixture
def carla():
    return a_person()


def warnings_of(version) -> dict[str, str]:
    return {one["name"]: one["words"] for one in selectors.certificate(version)["warnings"]}


def frozen(scenes, carla, **plan) -> DatasetVersion:
    """Frozen with all its warnings acknowledged."""
    draft = a_draft(scenes, by=carla, **plan)
    services.draw_splits(version=draft, by=carla)
    return services.freeze(version=draft, acknowledged=warnings_of(draft), by=carla)


def test_a_frozen_version_has_pinned_labels_a_manifest_and_who_did_it(carla):
    scenes = some_scenes(6, drives=3)
    label(scenes[0])
    version = frozen(scenes, carla, train_percent=34, val_percent=33, test_percent=33)
    assert (version.state, version.frozen_by) == (VersionState.FROZEN, carla)
    versions = dict(version.items.values_list("scene__name", "label_set__version"))
    assert versions == {"scene-000": 2, **{f"scene-00{n}": 1 for n in range(1, 6)}}
    kept = version.manifest.read()
    assert hashlib.sha256(kept).hexdigest() == version.digest == version.manifest.digest
    header, *lines = kept.splitlines()
    assert json.loads(header) == {"format": "lamm-dataset-manifest/1"}
    told = [json.loads(line) for line in lines]
    assert [one["scene"] for one in told] == sorted(scene.name for scene in scenes)
    first = Scene.objects.get(name="scene-000")
    labels = first.label_sets.get(version=2)
    assert told[0]["labels"] == {"ontology": "Three classes", "version": 2}
    assert told[0]["frames"] == [
        [frame.name, frame.cloud.digest, labels.frames.get(frame=frame).classes.digest]
        for frame in first.frames.order_by("index")
    ]
    splits = dict(version.items.values_list("scene__name", "split"))
    assert {one["scene"]: one["split"] for one in told} == splits
    by_name = dict(version.items.values_list("scene__name", "content_digest"))
    assert by_name["scene-000"] == hashlib.sha256(lines[0] + b"\n").hexdigest()
    assert Item.history.filter(history_change_reason="Frozen").count() == 6


def test_equal_content_has_an_equal_digest_and_other_content_another(carla):
    scenes = some_scenes(6, drives=3)
    one = frozen(scenes, carla)
    again = a_draft(list(reversed(scenes)), by=carla, name="Another")
    again = services.freeze(version=again, acknowledged=warnings_of(one), by=carla)
    assert again.digest == one.digest
    fewer = a_draft(scenes[:3], by=carla, name="Fewer")
    services.draw_splits(version=fewer, by=carla)
    assert services.freeze(version=fewer, acknowledged=warnings_of(fewer), by=carla).digest != one.digest


def test_names_with_anything_in_them_stay_one_line_of_json(carla):
    (scene,) = some_scenes(1)
    Scene.objects.filter(pk=scene.pk).update(name='odd "name"\\ \n\u2028 ümlaut')
    version = frozen([scene], carla)
    lines = version.manifest.read().split(b"\n")
    assert len(lines) == 3
    assert json.loads(lines[1])["scene"] == 'odd "name"\\ \n\u2028 ümlaut'


class TestRefusals:
    def test_nobody_without_the_right(self, carla):
        draft = a_draft(some_scenes(2), by=carla)
        with pytest.raises(NotAllowedError):
            services.freeze(version=draft, by=a_person("tom", "trainer"))

    def test_an_empty_draft(self, carla):
        with pytest.raises(RefusedError, match="has no scenes yet"):
            services.freeze(version=services.create_dataset(name="Empty", by=carla), by=carla)

    def test_scenes_that_are_still_coming_in(self, carla):
        scenes = some_scenes(2)
        Frame.objects.filter(scene=scenes[0]).update(state=FrameState.PENDING)
        with pytest.raises(RefusedError, match="1 scenes are still coming in: scene-000"):
            services.freeze(version=a_draft(scenes, by=carla), by=carla)

    def test_labels_of_several_ontologies_until_the_plan_chooses_one(self, carla):
        scenes = some_scenes(4)
        other = an_ontology("Other")
        label(scenes[0], ontology=other)
        draft = a_draft(scenes, by=carla)
        with pytest.raises(RefusedError, match=r"Other \(1 scenes\), Three classes \(3 scenes\). Choose one"):
            services.freeze(version=draft, by=carla)
        services.set_plan(version=draft, plan={"ontology": an_ontology()}, by=carla)
        draft.refresh_from_db()
        services.draw_splits(version=draft, by=carla)
        version = services.freeze(version=draft, acknowledged=warnings_of(draft), by=carla)
        assert set(version.items.values_list("label_set__ontology__name", flat=True)) == {"Three classes"}

    def test_warnings_that_nobody_acknowledged_leave_everything_as_it_was(self, carla):
        draft = a_draft(some_scenes(4, labels=False), by=carla)
        with pytest.raises(ConflictError, match="unlabelled-scenes") as caught:
            services.freeze(version=draft, by=carla)
        assert "unlabelled-scenes" in {one["name"] for one in caught.value.facts["warnings"]}
        draft.refresh_from_db()
        assert (draft.state, draft.digest, Acknowledgement.objects.count()) == ("draft", "", 0)
        assert not draft.items.exclude(content_digest="").exists()

    def test_warnings_that_are_not_there(self, carla):
        draft = a_draft(some_scenes(4), by=carla)
        services.draw_splits(version=draft, by=carla)
        with pytest.raises(RefusedError, match="no warning typo"):
            services.freeze(version=draft, acknowledged=[*warnings_of(draft), "typo"], by=carla)

    def test_a_version_that_is_frozen(self, carla):
        version = frozen(some_scenes(3), carla)
        with pytest.raises(ConflictError, match="is frozen: nothing of it changes"):
            services.freeze(version=version, by=carla)


class TestTheCertificate:
    def test_of_clean_splits_says_so(self, carla):
        version = frozen(some_scenes(9, drives=3), carla, train_percent=34, val_percent=33, test_percent=33)
        certificate = selectors.certificate(version)
        assert certificate["clean"] is True
        assert certificate["warnings"] == []
        assert certificate["drives"] == {"count": 3, "shared": []}
        assert certificate["time_gap"]["seconds"] > 80_000
        assert certificate["gps_gap"]["metres"] == pytest.approx(11_120, rel=0.01)
        assert certificate["balance"]["largest_gap"] <= 1

    def test_names_shared_drives_files_gaps_and_who_took_them(self, carla):
        scenes = some_scenes(4, drives=1)
        twin = Frame.objects.filter(scene=scenes[1]).first()
        first = Frame.objects.filter(scene=scenes[0]).first()
        Frame.objects.filter(pk=twin.pk).update(cloud=first.cloud)
        draft = a_draft(scenes, by=carla)
        services.set_split(version=draft, scenes=[scenes[0].pk], split="test", by=carla)
        services.set_split(version=draft, scenes=[scenes[1].pk], split="train", by=carla)
        services.draw_splits(version=draft, by=carla)
        draft.refresh_from_db()
        told = warnings_of(draft)
        assert {"shared-drives", "identical-files", "time-gap", "gps-gap", "group-straddles", "empty-split"} <= set(
            told
        )
        assert told["shared-drives"] == "1 drive is in more than one split: drive-0."
        assert "scene-000 000000.pcd, scene-001 000000.pcd" in told["identical-files"]
        version = services.freeze(version=draft, acknowledged=told, by=carla)
        kept = selectors.certificate(version)
        assert kept["clean"] is False
        assert kept["identical_files"]["some"][0]["sha256"] == first.cloud.digest
        assert {one["warning"] for one in kept["acknowledged"]} == set(told)
        assert {one["person"] for one in kept["acknowledged"]} == {"carla"}

    def test_names_what_is_missing(self, carla):
        scenes = some_scenes(6, drives=3)
        label(scenes[0], counts=[0, 1, 0, 0])
        Scene.objects.filter(pk=scenes[1].pk).update(position_state=PositionState.MISSING, frame_count=0)
        scenes[2].tags.add("rain")
        bare = some_scenes(1, labels=False, name="bare")
        told = warnings_of(frozen([*scenes, *bare], carla, train_percent=34, val_percent=33, test_percent=33))
        assert told["unlabelled-scenes"] == "1 of 7 scenes have no labels of the dataset's ontology."
        assert told["missing-gps"].startswith("1 of 7 scenes have no usable GPS")
        assert told["scenes-without-frames"] == "1 of 7 scenes have no frames."
        assert told["tag-balance"] == "1 tags are missing from a split: rain."

    def test_of_a_draft_is_live_and_costs_a_constant_number_of_queries(self, carla):
        counts = []
        for number in (3, 12):
            draft = a_draft(some_scenes(number, name=f"s{number}"), by=carla, name=f"n{number}")
            services.draw_splits(version=draft, by=carla)
            with CaptureQueriesContext(
                connection,
            ) as queries:
                selectors.certificate(draft)
            counts.append(len(queries))
        assert counts[0] == counts[1] <= 7


class TestStatistics:
    def test_count_by_split_class_and_tag(self, carla):
        scenes = some_scenes(6, drives=3, frames=2)
        for scene in scenes[:2]:
            scene.tags.add("night")
        draft = a_draft(scenes, by=carla, train_percent=34, val_percent=33, test_percent=33)
        assert selectors.statistics(draft)["splits"][""]["scenes"] == 6
        services.draw_splits(version=draft, by=carla)
        told = selectors.statistics(draft)
        total = told["total"]
        assert (total["scenes"], total["frames"], total["points"], total["bytes"]) == (6, 12, 12_000, 120)
        assert (total["seconds"], total["drives"], total["unlabelled"]) == (120, 3, 0)
        assert [told["splits"][split]["scenes"] for split in ("train", "val", "test", "")] == [2, 2, 2, 0]
        ground = next(one for one in told["classes"] if one["name"] == "ground")
        assert ground["points"] == {"train": 1000, "val": 1000, "test": 1000, "": 0, "total": 3000}
        (night,) = told["tags"]
        assert night["scenes"]["total"] == 2
        assert told["balance"]["asked"] == {"train": 34, "val": 33, "test": 33}
        assert sum(told["balance"]["achieved"].values()) == pytest.approx(100, abs=0.05)

    def test_are_kept_when_frozen(self, carla, django_assert_num_queries):
        scenes = some_scenes(6, drives=3)
        version = frozen(scenes, carla)
        before = selectors.statistics(version)
        label(scenes[0], counts=[0, 9, 9, 9])
        scenes[0].tags.add("new")
        with django_assert_num_queries(0):
            assert selectors.statistics(version) == before

    def test_cost_three_queries(self, carla, django_assert_num_queries):
        draft = a_draft(some_scenes(5), by=carla)
        with django_assert_num_queries(3):
            selectors.statistics(draft)


class TestSplitsOfAVersion:
    def test_keep_drives_together_days_and_cells(self, carla):
        scenes = some_scenes(12, drives=4)
        for grouping in ("drive", "day", "cell"):
            draft = a_draft(scenes, by=carla, name=grouping, grouping=grouping, cell_metres=5000)
            services.draw_splits(version=draft, by=carla)
            rows = draft.items.values_list("scene__drive__name", "split")
            assert len(set(rows)) == 4, grouping

    def test_are_current_until_scenes_or_plan_change(self, carla):
        scenes = some_scenes(4)
        draft = a_draft(scenes[:3], by=carla)
        assert not selectors.splits_are_current(draft)
        services.draw_splits(version=draft, by=carla)
        draft.refresh_from_db()
        assert selectors.splits_are_current(draft)
        services.add_scenes(version=draft, scenes=[scenes[3].pk], by=carla)
        assert not selectors.splits_are_current(draft)

    def test_spread_tags_and_classes_when_asked(self, carla):
        scenes = some_scenes(20, drives=20)
        for scene in scenes[:4]:
            scene.tags.add("rain")
        draft = a_draft(
            scenes,
            by=carla,
            train_percent=50,
            val_percent=25,
            test_percent=25,
            stratify_tags=True,
            stratify_classes=True,
        )
        services.draw_splits(version=draft, by=carla)
        rain = draft.items.filter(scene__tags__name="rain").values_list("split", flat=True)
        assert sorted(rain) == ["test", "train", "train", "val"]


def test_the_manifest_of_a_scene_reads_only_what_is_ready(carla):
    (scene,) = some_scenes(1, frames=2)
    bad = scene.frames.get(index=1)
    Frame.objects.filter(pk=bad.pk).update(state=FrameState.QUARANTINED, problem="bad", cloud=stored(b"bad"))
    Scene.objects.filter(pk=scene.pk).update(quarantined_count=1)
    version = frozen([scene], carla)
    assert "quarantined-frames" in warnings_of(version)
    (line,) = list(manifests.stored_lines(version))[1:]
    assert [name for name, _, _ in manifests.parsed(line)["frames"]] == ["000000.pcd"]
