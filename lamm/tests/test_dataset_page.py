"""The data card of a version: facts, certificate, what changed, where it comes from, whether it still holds."""

from html import unescape

import pytest
from django.urls import reverse

from datasets import services
from datasets.models import DatasetVersion, VersionState
from datasets.selectors import LineageVersion
from datasets.tests.stories import a_draft, a_person, label, some_scenes
from experiments.tests.stories import a_run
from lamm.certificate_rows import checks
from lamm.dataset_pictures import lineage_picture, round_length, start_map
from lamm.tests.test_datasets_page import frozen
from scenes import storage
from scenes.models import PositionState, Scene

pytestmark = pytest.mark.django_db
QUERIES = 36


@pytest.fixture
def carla(client):
    person = a_person()
    client.force_login(person)
    return person


@pytest.fixture
def version(carla):
    return frozen(a_draft(some_scenes(10, drives=10), by=carla), carla)


def card(client, version, query: str = "") -> str:
    response = client.get(reverse("dataset", args=[version.dataset.name, version.number]) + query)
    assert response.status_code == 200
    return unescape(response.content.decode())


def acted(client, route: str, version, **given) -> str:
    response = client.post(reverse(route, args=[version.pk]), given, follow=True)
    assert response.status_code == 200
    return unescape(response.content.decode())


class TestTheFacts:
    def test_who_froze_what_when_and_its_digest_to_copy(self, client, version):
        text = card(client, version)
        for words in (version.digest, f'data-copy="{version.digest}"', "by carla", "2026-03-01 to 2026-03-10",
                      "drive-3",
                      f"/api/dataset-versions/{version.pk}/manifest/", "Clean splits"):  # fmt: skip
            assert words in text

    def test_numbers_by_split_and_bars_of_classes_and_tags(self, client, version):
        text = card(client, version)
        assert "ground" in text
        assert "80.0 %" in text
        assert 'class="split-train"' in text

    def test_gaps_are_told(self, client, carla):
        scenes = some_scenes(4, drives=4, labels=False)
        Scene.objects.filter(pk=scenes[0].pk).update(position_state=PositionState.MISSING)
        text = card(client, frozen(a_draft(scenes, by=carla), carla))
        assert "scenes without labels" in text
        assert "scene without a usable GPS position" in text

    def test_an_account_without_the_right_is_refused(self, client, version, django_user_model):
        client.force_login(django_user_model.objects.create_user("nora"))
        assert client.get(reverse("dataset", args=["Urban_Night_Scenes", 1])).status_code == 403

    def test_there_is_no_card_of_what_is_not_there(self, client, version):
        assert client.get(reverse("dataset", args=["Urban_Night_Scenes", 9])).status_code == 404

    def test_the_number_of_queries_does_not_grow(self, client, version, django_assert_max_num_queries):
        services.new_version(of=version, by=None)
        card(client, version)
        with django_assert_max_num_queries(QUERIES):
            card(client, version)


class TestWhereItIsUsed:
    def test_runs_and_later_versions_are_named_and_linked(self, client, carla, version):
        services.new_version(of=version, by=carla)
        run = a_run(dataset=str(version))
        text = card(client, version)
        assert "1 run<" in text
        assert str(run) in text
        assert '<a href="/datasets/Urban_Night_Scenes/v2/">Urban_Night_Scenes@v2</a>' in text


class TestTheCertificate:
    def test_every_check_stands_there_with_who_acknowledged_its_warnings(self, client, carla):
        version = frozen(a_draft(some_scenes(6, drives=6, labels=False), by=carla), carla)
        text = card(client, version)
        for title in ("Drives in one split only", "No file in two splits", "Time between splits", "Shares as asked"):
            assert title in text
        assert "unlabelled-scenes" in text
        assert "acknowledged by carla" in text

    def test_a_warning_that_this_release_does_not_know_is_still_shown(self, version):
        told = version.certificate | {"warnings": [{"name": "from-the-future", "words": "Beware."}], "acknowledged": []}
        last = checks(told)[-1]
        assert (last.name, last.warnings[0].words) == ("others", "Beware.")

    def test_straddling_drives_are_named(self, client, carla):
        scenes = some_scenes(4, drives=1)
        version = a_draft(scenes, by=carla)
        for scene, split in zip(scenes, ("train", "train", "val", "test"), strict=True):
            services.set_split(version=version, scenes=[scene.pk], split=split, by=carla)
        text = card(client, frozen(version, carla))
        assert "Not clean" in text
        assert "drive-0: test, train, val" in text


class TestWhatChanged:
    def test_against_the_parent_and_against_any_other(self, client, carla, version):
        second = services.new_version(of=version, by=carla)
        new = some_scenes(2, name="new")
        gone = version.items.first().scene
        services.add_scenes(version=second, scenes=[one.pk for one in new], by=carla)
        services.remove_scenes(version=second, scenes=[gone.pk], by=carla)
        relabelled = version.items.last().scene
        label(relabelled)
        text = card(client, second)
        assert 'numeric">2</b> added' in text
        assert 'numeric">1</b> removed' in text
        assert 'numeric">1</b> relabelled' in text
        assert "new-000" in text
        assert gone.name in text
        assert "v1 → v2" in text
        part = client.get(reverse("dataset-diff", args=[version.pk]), {"against": second.pk}).content.decode()
        assert 'numeric">2</b> removed' in part

    def test_a_first_version_has_nothing_before_it(self, client, version):
        assert "there is nothing before it" in card(client, version)

    def test_equal_versions_say_so(self, client, carla, version):
        assert "Same scenes, splits and labels" in card(client, services.new_version(of=version, by=carla))

    @pytest.mark.parametrize("against", ["x", "-1", "9" * 30, "987654321"])
    def test_a_version_that_is_not_there_is_not_found(self, client, version, against):
        assert client.get(reverse("dataset-diff", args=[version.pk]), {"against": against}).status_code == 404


class TestSteps:
    def test_a_new_version_begins_with_the_same_scenes(self, client, version):
        text = acted(client, "dataset-new-version", version, notes="More")
        draft = DatasetVersion.objects.get(number=2)
        assert (draft.parent, draft.notes, draft.items.count()) == (version, "More", 10)
        assert "is a draft, made from" in text

    def test_a_new_version_of_what_a_query_finds_now(self, client, version):
        some_scenes(1, name="late")[0].tags.add("late")
        acted(client, "dataset-new-version", version, query="tag=late")
        assert [item.scene.name for item in DatasetVersion.objects.get(number=2).items.all()] == ["late-000"]

    def test_deprecating_needs_a_reason_that_everybody_reads(self, client, version):
        assert "Say why" in acted(client, "dataset-deprecate", version, reason=" ")
        text = acted(client, "dataset-deprecate", version, reason="Wrong labels in drive-3.")
        assert "Wrong labels in drive-3." in text
        version.refresh_from_db()
        assert version.state == VersionState.DEPRECATED

    def test_a_draft_is_discarded_a_frozen_version_is_not(self, client, carla, version):
        draft = services.new_version(of=version, by=carla)
        acted(client, "dataset-discard", draft)
        assert not DatasetVersion.objects.filter(pk=draft.pk).exists()
        assert "stays" in acted(client, "dataset-discard", version)
        assert DatasetVersion.objects.filter(pk=version.pk).exists()


class TestVerifying:
    def test_the_button_queues_it_and_the_page_follows(self, client, version):
        text = acted(client, "dataset-verify", version)
        assert 'hx-trigger="every 2s"' in text
        assert "0 of 10 scenes" in text

    def test_a_sound_version_says_so_and_is_no_longer_followed(self, client, carla, version):
        services.verify(version=version, by=carla)
        text = client.get(reverse("dataset-verification", args=[version.pk])).content.decode()
        assert "Every file is what was frozen." in text
        assert "hx-trigger" not in text

    def test_a_flipped_byte_is_named_with_its_scene_and_frame(self, client, carla, version):
        frame = version.items.first().scene.frames.first()
        path = storage.local_path(frame.cloud.digest, storage=frame.cloud.storage)
        kept = path.read_bytes()
        path.chmod(0o644)
        path.write_bytes(bytes([kept[0] ^ 1]) + kept[1:])
        services.verify(version=version, by=carla)
        path.write_bytes(kept)
        text = card(client, version)
        assert "1 problem" in text
        assert f"{frame.scene.name} {frame.name}" in text

    def test_a_draft_can_not_be_verified(self, client, carla):
        draft = a_draft(some_scenes(2), by=carla)
        assert "is a draft" in acted(client, "dataset-verify", draft)


class TestPictures:
    def test_branches_of_the_lineage_have_lanes_of_their_own(self):
        rows = [(1, None), (2, 1), (3, 1), (4, 2)]
        versions = [LineageVersion(pk, f"a@v{pk}", "draft", parent, 5) for pk, parent in rows]
        picture = lineage_picture(versions)
        lanes = {node.version.id: node.y for node in picture.nodes}
        assert lanes[1] == lanes[2] == lanes[4] != lanes[3]
        assert len(picture.paths) == 3
        assert [node.x for node in picture.nodes] == sorted(node.x for node in picture.nodes)

    def test_a_long_history_is_cut_and_says_so(self):
        versions = [LineageVersion(n, f"a@v{n}", "draft", n - 1 or None, 0) for n in range(1, 251)]
        picture = lineage_picture(versions)
        assert (len(picture.nodes), picture.older) == (200, 50)

    def test_start_points_lie_in_the_picture_north_up(self, version):
        drawn = start_map(version)
        assert drawn.located == 10
        assert all(0 <= spot.x <= drawn.width and 0 <= spot.y <= drawn.height for spot in drawn.spots)
        ordered = sorted(drawn.spots, key=lambda spot: spot.name)
        assert [spot.y for spot in ordered] == sorted((spot.y for spot in ordered), reverse=True)

    def test_no_picture_without_positions(self, carla):
        scenes = some_scenes(2)
        Scene.objects.update(position_state=PositionState.MISSING)
        assert start_map(a_draft(scenes, by=carla)) is None

    @pytest.mark.parametrize(("metres", "bar"), [(99, 50), (100, 100), (1999, 1000), (2500, 2000), (0.7, 0.5)])
    def test_a_scale_bar_has_a_round_length(self, metres, bar):
        assert round_length(metres) == pytest.approx(bar)
