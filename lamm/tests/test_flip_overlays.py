"""The overlay of what became of each point from one run to another."""

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from experiments.tests.evaluation_stories import a_pinned_version, a_run_on, a_scene_of
from experiments.tests.prediction_stories import predict, truth_of
from lamm import flip_overlays
from lamm.overlays import overlay_source, overlay_sources
from scenes import displaying
from scenes.clouds import tiles
from scenes.tests.workflows import a_person

pytestmark = pytest.mark.django_db


def test_points_are_told_apart_by_what_became_of_them():
    truth = np.array([1, 1, 1, 1, 0], np.uint8)
    before = np.array([1, 1, 2, 2, 1], np.uint8)
    after = np.array([1, 2, 1, 3, 1], np.uint8)
    assert flip_overlays.flips(truth, before, after, [0]).tolist() == [
        flip_overlays.RIGHT,
        flip_overlays.BROKEN,
        flip_overlays.FIXED,
        flip_overlays.WRONG,
        flip_overlays.NOT_COMPARED,
    ]


@pytest.fixture
def compared():
    """A scene with two runs: the first is wrong on the first half of each frame, the second on the last."""
    scene = a_scene_of("north", name="one")
    runs = [a_run_on(a_pinned_version(val=[scene])) for _ in range(2)]
    first = [np.where(np.arange(500) < 250, np.uint8(1), one) for one in truth_of(scene)]
    second = [np.where(np.arange(500) >= 250, np.uint8(1), one) for one in truth_of(scene)]
    predict(runs[0], scene, first)
    predict(runs[1], scene, second)
    return scene, f"flips:{runs[0].pk}:{runs[1].pk}"


def test_it_comes_only_when_it_is_asked_for(compared, admin_user, django_assert_max_num_queries):
    scene, key = compared
    assert key not in [source.key for source in overlay_sources(scene, admin_user).sources]
    asked = overlay_sources(scene, admin_user, also=[key]).sources
    (found,) = [source for source in asked if source.key == key]
    assert (len(found.digests), found.missing) == (2, 0)
    with django_assert_max_num_queries(8):
        assert len(flip_overlays.flip_sources(scene, key=key)) == 1
    for other in ("flips:1", f"{key}:3", "flips:999998:999999", "labels:1"):
        assert flip_overlays.flip_sources(scene, key=other) == []


def test_its_bytes_are_computed_in_display_order(compared, admin_client):
    scene, key = compared
    frame = scene.frames.select_related("display", "octree_order").get(index=0)
    source = overlay_source(frame, key)
    digest = displaying.ordered_digest(source.digests[frame.pk], displaying.order_digest(frame))
    names = {"frame_id": frame.pk, "key": key, "digest": digest, "scale": "classes"}
    answer = admin_client.get(reverse("frame-overlay", kwargs=names))
    assert answer.status_code == 200, answer.content
    data = b"".join(answer.streaming_content) if answer.streaming else answer.content
    expected = np.where(np.arange(500) < 250, flip_overlays.FIXED, flip_overlays.BROKEN).astype(np.uint8)
    assert np.frombuffer(data, np.uint8).tolist() == expected[tiles.stride_order(500)].tolist()


def test_it_is_for_people_who_see_runs(compared):
    scene, key = compared
    labeler = a_person("nobody", "labeler")
    frame = scene.frames.first()
    client = Client()
    client.force_login(labeler)
    names = {"frame_id": frame.pk, "key": key, "digest": "0" * 48, "scale": "classes"}
    assert client.get(reverse("frame-overlay", kwargs=names)).status_code == 403
