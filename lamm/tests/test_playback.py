"""What the viewer is told of a scene: frames in columns, problems, addresses, sources and scores."""

import io
from unittest.mock import patch

import numpy as np
import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse

from lamm.overlays import OverlaySource, ScoreSeries
from scenes import storage
from scenes.clouds import overlays, tiles
from scenes.models import Frame, Ontology, Scene, StoredFile
from scenes.tests.viewed import HOLED, PLAIN, POINTS, STRAY, a_viewed_scene, classes_of, label_again

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene() -> Scene:
    return a_viewed_scene()


def playback(client: Client, scene: Scene, **headers: str):
    return client.get(reverse("scene-playback", args=[scene.pk]), headers=headers)


def overlay(client: Client, source: dict, told: dict, position: int):
    """What the source's address answers for the frame at a playing position."""
    frame, digest = told["frames"]["id"][position], source["digests"][position]
    return client.get(source["url"].replace("{frame}", str(frame)).replace("{digest}", digest))


def scores(scene, frames):
    """A provider of scores: one per frame, the second without."""
    values = [float("nan") if place == 1 else place / 10 for place in range(len(frames))]
    return [ScoreSeries("mine", "Entropy of seven", "entropy", "nats", 0.0, 1.0, values, iou=[None] * len(frames))]


def broken(scene, **wishes):
    raise RuntimeError("this provider is broken")


def too_few(scene, frames):
    return [ScoreSeries("few", "Too few", "entropy", "nats", 0.0, 1.0, [1.0])]


def test_frames_come_in_columns_by_playing_position(admin_client, scene):
    told = playback(admin_client, scene).json()
    frames = told["frames"]
    assert frames["name"] == ["000000.pcd", "000001.pcd", "000002.pcd"]
    assert frames["state"] == ["ready"] * 3
    assert frames["points"] == [POINTS] * 3
    assert frames["shown"] == [POINTS, POINTS - 100, POINTS]
    assert [address is not None for address in frames["display"]] == [True, True, False]
    assert [address is not None for address in frames["leftOut"]] == [False, True, False]
    assert list(told["octrees"]) == [str(STRAY)]
    assert told["problems"] == {}
    assert (told["bounds"], told["intensityRule"]) == ([scene.lower_bound, scene.upper_bound], scene.intensity_rule)
    assert told["rangeMax"] == max(frame.range_max for frame in scene.frames.all())


def test_every_address_that_is_told_answers(admin_client, scene):
    told = playback(admin_client, scene).json()
    frames = told["frames"]
    chunk = admin_client.get(frames["display"][HOLED]).getvalue()
    assert len(tiles.decode(chunk)[0]) == frames["shown"][HOLED]
    assert len(admin_client.get(frames["leftOut"][HOLED]).content) == 4 * frames["shown"][HOLED]
    octree = told["octrees"][str(STRAY)]
    assert admin_client.get(octree["index"]).status_code == 200
    order = octree["order"].replace("{first}", "0").replace("{count}", str(POINTS))
    assert len(admin_client.get(order).content) == 4 * POINTS
    data = Frame.objects.get(pk=frames["id"][STRAY]).display.size
    nodes = octree["nodes"].replace("{offset}", "0").replace("{length}", str(data))
    assert len(admin_client.get(nodes).content) == data
    for name in ("ring", "time"):
        for position in (PLAIN, HOLED, STRAY):
            address = told["fields"][name]["template"].replace("{frame}", str(frames["id"][position]))
            answer = admin_client.get(address.replace("{digest}", frames["digest"][position]))
            assert len(answer.content) == 2 * frames["shown"][position]


def test_labels_come_in_display_order(admin_client, scene):
    told = playback(admin_client, scene).json()
    (source,) = told["sources"]
    assert (source["kind"], source["role"], source["missing"]) == ("classes", "truth", 0)
    assert source["ontology"]["classes"][9]["name"] == "road"
    for position in (PLAIN, HOLED):
        positions, _ = tiles.decode(admin_client.get(told["frames"]["display"][position]).getvalue())
        classes = np.frombuffer(overlay(admin_client, source, told, position).content, np.uint8)
        assert set(classes) == {9, 13}
        clear = np.abs(positions[:, 2] + 1) > 0.01
        assert np.array_equal(classes[clear] == 13, positions[clear, 2] > -1)


def test_labels_of_an_octree_come_in_the_order_of_its_data_and_in_slices(admin_client, scene):
    told = playback(admin_client, scene).json()
    (source,) = told["sources"]
    frame = scene.frames.select_related("octree_order").get(index=STRAY)
    order = np.frombuffer(frame.octree_order.read(), "<u4")
    whole = overlay(admin_client, source, told, STRAY).content
    assert np.array_equal(np.frombuffer(whole, np.uint8), classes_of(STRAY)[order])
    template = source["slices"].replace("{frame}", str(frame.pk)).replace("{digest}", source["digests"][STRAY])
    part = admin_client.get(template.replace("{first}", "10").replace("{count}", "25"))
    assert part.content == whole[10:35]


def test_every_version_of_labels_is_a_source_the_newest_first(admin_client, scene):
    label_again(scene, shift=1.0, frames=(PLAIN,))
    told = playback(admin_client, scene).json()
    newest, older = told["sources"]
    assert (newest["title"], older["title"]) == ("Labels v2", "Labels v1 (earlier)")
    assert newest["missing"] == 2
    assert [digest is None for digest in newest["digests"]] == [False, True, True]
    now = np.frombuffer(overlay(admin_client, newest, told, PLAIN).content, np.uint8)
    before = np.frombuffer(overlay(admin_client, older, told, PLAIN).content, np.uint8)
    differ = np.count_nonzero(classes_of(PLAIN) != classes_of(PLAIN, shift=1.0))
    assert np.count_nonzero(now != before) == differ > 0


def test_the_points_of_each_class_are_told_of_frames_that_come_in_parts(admin_client, scene):
    (source,) = playback(admin_client, scene).json()["sources"]
    assert list(source["counts"]) == [str(STRAY)]
    counted = np.bincount(classes_of(STRAY), minlength=len(source["counts"][str(STRAY)]))
    assert source["counts"][str(STRAY)] == counted.tolist()


def test_a_frame_without_labels_is_missing_with_a_remedy(admin_client, scene):
    label_again(scene, frames=(PLAIN,))
    told = playback(admin_client, scene).json()
    newest, older = told["sources"]
    newest["digests"][HOLED] = older["digests"][HOLED]
    answer = overlay(admin_client, newest, told, HOLED)
    assert answer.status_code == 404
    assert "Label the frame" in answer.json()["remedy"]


def test_labels_that_do_not_fit_their_frame_are_told_in_place(admin_client, scene):
    told = playback(admin_client, scene).json()
    scene.frames.filter(index=HOLED).update(point_count=POINTS + 1)
    (source,) = playback(admin_client, scene).json()["sources"]
    assert source["digests"][HOLED] is None
    assert source["problems"] == {
        str(HOLED): "700 labels do not fit the 701 points of the frame: label the scene again."
    }
    answer = overlay(admin_client, told["sources"][0], told, HOLED)
    assert answer.status_code == 409
    assert answer.json()["remedy"]


def uncertain(scene, *, key="", frame=None):
    """A provider with arrays of its own: per-point uncertainty as float16, one frame of a wrong length."""
    digests = {}
    for position, one in enumerate(scene.frames.order_by("index")):
        values = uncertainties(position)[: POINTS - 5 if position == STRAY else POINTS]
        file = io.BytesIO()
        np.save(file, values)
        kept = storage.save_bytes(file.getvalue(), storage=storage.DERIVED)
        digests[one.pk] = StoredFile.objects.row_for(kept).digest
    return [
        OverlaySource(
            "entropy:1", "uncertainty", "uncertainty", "Entropy", low=0.0, high=2.0, unit="nats", digests=digests,
            encoding="npy",
        )
    ]  # fmt: skip


def uncertainties(position):
    """float16 (POINTS,): 0..2 nats, every ninth point not scored."""
    values = np.random.default_rng(position).uniform(0, 2, POINTS).astype(np.float16)
    values[::9] = np.nan
    return values


def test_uncertainties_of_a_provider_are_quantised_in_display_order(admin_client, scene, settings):
    settings.OVERLAY_PROVIDERS = [*settings.OVERLAY_PROVIDERS, f"{__name__}.uncertain"]
    told = playback(admin_client, scene).json()
    source = told["sources"][1]
    assert (source["low"], source["high"], source["unit"], source["ontology"]) == (0.0, 2.0, "nats", None)
    finite = scene.frames.get(index=HOLED).read_cloud().finite()
    wanted = uncertainties(HOLED)[tiles.display_order(finite)].astype(np.float64)
    steps = np.frombuffer(overlay(admin_client, source, told, HOLED).content, np.uint8)
    found = overlays.restored(steps, 0.0, 2.0)
    assert np.array_equal(np.isnan(found), np.isnan(wanted))
    assert np.nanmax(np.abs(found - wanted)) <= 2 / 508 + 1e-6


def test_a_stored_array_of_another_length_is_refused(admin_client, scene, settings):
    settings.OVERLAY_PROVIDERS = [f"{__name__}.uncertain"]
    told = playback(admin_client, scene).json()
    answer = overlay(admin_client, told["sources"][0], told, STRAY)
    assert answer.status_code == 409
    assert "695" in answer.json()["detail"]
    assert answer.json()["remedy"]


def test_quarantined_and_pending_frames_say_why_and_the_others_play(admin_client, scene):
    scene.frames.filter(index=HOLED).update(state="quarantined", problem="The file is cut.")
    scene.frames.filter(index=STRAY).update(state="pending")
    told = playback(admin_client, scene).json()
    assert told["problems"][str(HOLED)] == "The file is cut."
    assert "ingest job" in told["problems"][str(STRAY)]
    assert [address is None for address in told["frames"]["display"]] == [False, True, True]
    assert told["octrees"] == {}
    assert [digest is None for digest in told["sources"][0]["digests"]] == [False, True, True]


def test_a_scene_without_anything_has_a_playback_of_nothing(admin_client):
    told = playback(admin_client, Scene.objects.create(name="bare")).json()
    assert told["frames"]["id"] == []
    assert (told["bounds"], told["sources"], told["scores"], told["fields"]) == (None, [], [], {})


def test_seconds_count_from_the_first_known_time(admin_client):
    scene = a_viewed_scene(labelled=False, rate_hz=10)
    assert playback(admin_client, scene).json()["frames"]["seconds"] == [0.0, 0.1, 0.2]
    scene.frames.filter(index=0).update(timestamp_ns=None)
    assert playback(admin_client, scene).json()["frames"]["seconds"] == [None, 0.0, pytest.approx(0.1)]


def test_who_has_it_already_is_told_so_until_something_changes(admin_client, scene):
    first = playback(admin_client, scene)
    again = playback(admin_client, scene, **{"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    label_again(scene)
    assert playback(admin_client, scene, **{"If-None-Match": first["ETag"]}).status_code == 200


def test_the_number_of_queries_does_not_grow(admin_client, scene, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    playback(admin_client, scene)
    with CaptureQueriesContext(connection) as few:
        playback(admin_client, scene)
    label_again(scene)
    label_again(scene)
    for index in range(3, 40):
        Frame.objects.create(scene=scene, index=index, name=f"{index}.pcd", state="pending")
    with django_assert_num_queries(len(few)):
        playback(admin_client, scene)
    assert len(few) <= 15


def test_bytes_of_an_overlay_take_few_queries(admin_client, scene, django_assert_max_num_queries):
    told = playback(admin_client, scene).json()
    with django_assert_max_num_queries(5):
        assert overlay(admin_client, told["sources"][0], told, PLAIN).status_code == 200


def test_overlays_are_immutable_and_stale_addresses_are_missing(admin_client, scene):
    told = playback(admin_client, scene).json()
    source = told["sources"][0]
    answer = overlay(admin_client, source, told, PLAIN)
    assert "immutable" in answer["Cache-Control"]
    source["digests"][PLAIN] = "0" * 48
    stale = overlay(admin_client, source, told, PLAIN)
    assert (stale.status_code, stale.json()["remedy"][:4]) == (404, "Load")


@pytest.mark.parametrize("key", ["labels:x", "labels:", "labels:999999", "labels:٣", "other:1", "labels:" + "9" * 40])
def test_a_key_of_no_source_is_missing(admin_client, scene, key):
    told = playback(admin_client, scene).json()
    source = told["sources"][0] | {"url": told["sources"][0]["url"].replace(told["sources"][0]["key"], key)}
    assert overlay(admin_client, source, told, PLAIN).status_code == 404


def test_labels_of_another_scene_do_not_open_by_this_ones_frames(admin_client, scene):
    other = a_viewed_scene(name="other")
    told = playback(admin_client, scene).json()
    key = f"labels:{other.label_sets.get().pk}"
    source = told["sources"][0] | {"url": told["sources"][0]["url"].replace(told["sources"][0]["key"], key)}
    assert overlay(admin_client, source, told, PLAIN).status_code == 404


def test_who_may_not_see_labels_gets_none_of_their_sources_or_bytes(client, admin_client, scene):
    told = playback(admin_client, scene).json()
    person = User.objects.create_user("looks only")
    person.user_permissions.set(Permission.objects.filter(codename__in=["view_scene", "view_frame"]))
    client.force_login(person)
    assert playback(client, scene).json()["sources"] == []
    assert overlay(client, told["sources"][0], told, PLAIN).status_code == 403
    client.force_login(User.objects.create_user("stranger"))
    assert playback(client, scene).status_code == 403
    viewer = User.objects.create_user("viewer")
    viewer.groups.add(Group.objects.get(name="viewer"))
    client.force_login(viewer)
    assert overlay(client, told["sources"][0], told, PLAIN).status_code == 200


def test_a_broken_provider_is_told_of_and_the_others_are_shown(admin_client, scene, settings):
    settings.OVERLAY_PROVIDERS = [f"{__name__}.broken", *settings.OVERLAY_PROVIDERS]
    told = playback(admin_client, scene).json()
    assert len(told["sources"]) == 1
    assert told["troubles"] == ["broken can't be shown: it failed. The server's log says why."]
    assert overlay(admin_client, told["sources"][0], told, PLAIN).status_code == 200


def test_scores_of_a_provider_come_by_playing_position(admin_client, scene, settings):
    settings.SCORE_PROVIDERS = [f"{__name__}.scores", f"{__name__}.too_few"]
    told = playback(admin_client, scene).json()
    (series,) = told["scores"]
    assert (series["title"], series["unit"], series["values"]) == ("Entropy of seven", "nats", [0.0, None, 0.2])
    assert told["troubles"] == ["The scores “Too few” are not as many as the frames."]


def test_an_ontology_of_new_colours_is_a_new_playback(admin_client, scene):
    first = playback(admin_client, scene)
    entry = Ontology.objects.get(name="SemanticKITTI").classes.get(index=9)
    entry.colour = "#123456"
    entry.save()
    again = playback(admin_client, scene, **{"If-None-Match": first["ETag"]})
    assert again.json()["sources"][0]["ontology"]["classes"][9]["colour"] == "#123456"


def test_large_versions_of_labels_are_bounded_but_for_two(admin_client, scene):
    label_again(scene)
    label_again(scene)
    with patch("lamm.label_overlays.MOST_FRAMES", 4):
        assert [source["title"][:9] for source in playback(admin_client, scene).json()["sources"]] == [
            "Labels v3",
            "Labels v2",
        ]
