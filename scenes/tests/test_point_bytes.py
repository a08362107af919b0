"""Octree nodes, original indices and fields: what their addresses answer, and to whom."""

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from scenes import displaying, services
from scenes.clouds import octree_index, overlays, tiles
from scenes.models import Scene
from scenes.tests.viewed import HOLED, PLAIN, POINTS, STRAY, a_viewed_cloud, a_viewed_scene, label_again

pytestmark = pytest.mark.django_db
NO_DIGEST = "0" * 64


@pytest.fixture
def scene() -> Scene:
    return a_viewed_scene(labelled=False)


def frame_of(scene, index):
    files = ("cloud", "display", "octree_index", "octree_order")
    return scene.frames.select_related(*files).get(index=index)


def nodes(frame, offset, length, digest=""):
    return reverse("frame-nodes", args=[frame.pk, digest or frame.display.digest, offset, length])


def first_node(frame):
    """Where the first node with points of its own lies."""
    index = displaying.octree_of(frame)
    return next(index.byte_range(node) for node in range(len(index)) if index.count(node))


def field(frame, name, low, high, *part):
    digest = displaying.ordered_digest(frame.cloud.digest, displaying.order_digest(frame))
    route = "frame-field-slice" if part else "frame-field"
    return reverse(route, args=[frame.pk, digest, f"{low!r}..{high!r}", name, *part])


def test_every_node_of_an_octree_has_an_address(admin_client, scene):
    frame = frame_of(scene, STRAY)
    index = octree_index.read_index(
        admin_client.get(reverse("frame-octree", args=[frame.pk, frame.octree_index.digest])).getvalue()
    )
    found = []
    for node in range(len(index)):
        offset, length = index.byte_range(node)
        if length:
            found.append(admin_client.get(nodes(frame, offset, length)).content)
    assert b"".join(found) == frame.display.read()
    assert sum(len(tiles.decode(chunk)[0]) for chunk in found) == POINTS


def test_a_run_of_nodes_and_a_prefix_of_the_first_are_slices(admin_client, scene):
    frame = frame_of(scene, STRAY)
    data, index = frame.display.read(), displaying.octree_of(frame)
    assert admin_client.get(nodes(frame, 0, index.data_bytes)).content == data
    first = next(node for node in range(len(index)) if index.count(node))
    length = octree_index.chunk_bytes(index.count(first) // 2 or 1)
    assert admin_client.get(nodes(frame, 0, length)).content == data[:length]


@pytest.mark.parametrize(("offset", "length"), [(0, 1), (1, 64), (8, 72), (0, 10**9), (10**12, 72), (0, 0)])
def test_slices_that_the_index_does_not_have_are_refused(admin_client, scene, offset, length):
    answer = admin_client.get(nodes(frame_of(scene, STRAY), offset, length))
    assert answer.status_code == 400
    assert "index" in answer.json()["remedy"]


def test_order_slices_are_the_original_indices(admin_client, scene):
    frame = frame_of(scene, STRAY)
    order = np.frombuffer(frame.octree_order.read(), "<u4")
    answer = admin_client.get(reverse("frame-order", args=[frame.pk, frame.octree_order.digest, 100, 50]))
    assert np.array_equal(np.frombuffer(answer.content, "<u4"), order[100:150])
    beyond = reverse("frame-order", args=[frame.pk, frame.octree_order.digest, POINTS - 10, 11])
    assert admin_client.get(beyond).status_code == 400


def test_the_kept_indices_lead_back_to_the_points_of_the_file(admin_client, scene):
    frame = frame_of(scene, HOLED)
    answer = admin_client.get(reverse("frame-kept", args=[frame.pk, frame.cloud.digest]))
    kept, cloud = np.frombuffer(answer.content, "<u4"), a_viewed_cloud(HOLED)
    assert np.array_equal(kept, np.flatnonzero(np.isfinite(cloud["x"])))
    positions, _ = tiles.decode(frame.display.read())
    originals = kept[tiles.stride_order(len(kept))]
    assert np.abs(positions[:, 1] - cloud["y"][originals]).max() < 0.01


@pytest.mark.parametrize("index", [PLAIN, HOLED, STRAY])
def test_a_field_comes_in_display_order_on_the_scale_of_the_scene(admin_client, scene, index):
    frame, cloud = frame_of(scene, index), a_viewed_cloud(index)
    low, high = services.field_scales(scene=scene)["ring"]
    assert (low, high) == (0.0, 15.0)
    answer = admin_client.get(field(frame, "ring", low, high))
    values = overlays.restored(np.frombuffer(answer.content, "<u2"), low, high)
    if index == STRAY:
        originals = np.frombuffer(frame.octree_order.read(), "<u4")
    else:
        originals = tiles.display_order(np.isfinite(cloud["x"]))
    assert np.allclose(values, cloud["ring"][originals], atol=1e-3)


def test_a_slice_of_a_field_is_that_part_of_the_whole(admin_client, scene):
    for index in (HOLED, STRAY):
        frame = frame_of(scene, index)
        whole = admin_client.get(field(frame, "time", 0.0, 0.1)).content
        assert admin_client.get(field(frame, "time", 0.0, 0.1, 30, 40)).content == whole[60:140]


def test_times_count_from_the_first_point_of_the_frame(admin_client, scene):
    frame = frame_of(scene, PLAIN)
    values = overlays.restored(np.frombuffer(admin_client.get(field(frame, "time", 0.0, 0.1)).content, "<u2"), 0.0, 0.1)
    assert values.min() == 0
    assert values.max() == pytest.approx(0.1, abs=1e-5)


@pytest.mark.parametrize("name", ["rgb", "x", "no-such-field"])
def test_what_can_not_colour_points_is_missing(admin_client, scene, name):
    answer = admin_client.get(field(frame_of(scene, PLAIN), name, 0.0, 1.0))
    assert answer.status_code == 404
    assert "ring" in answer.json()["remedy"]


@pytest.mark.parametrize("scale", ["1..1", "2..1", "nan..1", "0..inf", "0", "a..b"])
def test_a_scale_that_is_none_is_refused(admin_client, scene, scale):
    frame = frame_of(scene, PLAIN)
    digest = displaying.ordered_digest(frame.cloud.digest, frame.display.digest)
    assert admin_client.get(reverse("frame-field", args=[frame.pk, digest, scale, "ring"])).status_code == 400


def test_bytes_are_immutable_and_known_ones_are_not_sent_again(admin_client, scene):
    frame = frame_of(scene, STRAY)
    addresses = [
        nodes(frame, *first_node(frame)),
        reverse("frame-octree", args=[frame.pk, frame.octree_index.digest]),
        reverse("frame-order", args=[frame.pk, frame.octree_order.digest, 0, 5]),
        reverse("frame-kept", args=[frame.pk, frame.cloud.digest]),
        field(frame, "ring", 0.0, 15.0),
    ]
    for address in addresses:
        answer = admin_client.get(address)
        assert answer.status_code == 200, address
        assert "immutable" in answer["Cache-Control"]
        again = admin_client.get(address, headers={"If-None-Match": answer["ETag"]})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", answer["ETag"])


def test_addresses_of_other_bytes_are_missing(admin_client, scene):
    frame = frame_of(scene, STRAY)
    for address in (
        nodes(frame, 0, 72, NO_DIGEST),
        reverse("frame-octree", args=[frame.pk, NO_DIGEST]),
        reverse("frame-order", args=[frame.pk, NO_DIGEST, 0, 1]),
        reverse("frame-kept", args=[frame.pk, NO_DIGEST]),
        reverse("frame-field", args=[frame.pk, NO_DIGEST, "0..1", "ring"]),
        reverse("frame-display", args=[frame.pk, NO_DIGEST]),
    ):
        answer = admin_client.get(address)
        assert answer.status_code == 404, address
        assert {"detail", "remedy"} <= set(answer.json())


def test_a_stored_file_that_is_gone_is_told_with_its_remedy(admin_client, scene):
    frame = frame_of(scene, PLAIN)
    frame.display.local_path().unlink()
    answer = admin_client.get(reverse("frame-display", args=[frame.pk, frame.display.digest]))
    assert answer.status_code == 404
    assert "display files" in answer.json()["remedy"]


def test_a_quarantined_frame_answers_with_its_problem(admin_client, scene):
    frame = frame_of(scene, STRAY)
    scene.frames.filter(pk=frame.pk).update(state="quarantined", problem="The file is cut.")
    answer = admin_client.get(nodes(frame, 0, 72))
    assert answer.status_code == 409
    assert "The file is cut." in answer.json()["detail"]


def test_nobody_gets_bytes_without_the_permission(client, scene):
    client.force_login(User.objects.create_user("stranger"))
    frame = frame_of(scene, STRAY)
    address = nodes(frame, *first_node(frame))
    etag = f'"{frame.display.digest}-0-72"'
    assert client.get(address).status_code == 403
    assert client.get(address, headers={"If-None-Match": etag}).status_code == 403


def test_scales_of_scenes_from_before_are_measured_once(scene, django_assert_num_queries):
    measured = Scene.objects.get(pk=scene.pk).field_scales
    Scene.objects.filter(pk=scene.pk).update(field_scales=None)
    assert services.field_scales(scene=Scene.objects.get(pk=scene.pk)) == measured
    again = Scene.objects.get(pk=scene.pk)
    with django_assert_num_queries(0):
        assert services.field_scales(scene=again) == measured


def test_slices_of_labels_follow_the_order_file(scene):
    labels = label_again(scene).frames.select_related("frame", "classes").get(frame__index=STRAY)
    frame = frame_of(scene, STRAY)
    values = displaying.stored_values(labels.classes, encoding="u8", points=frame.point_count)
    whole = displaying.in_display_order(frame, values)
    order = np.frombuffer(frame.octree_order.read(), "<u4")
    assert np.array_equal(whole, np.asarray(values)[order])
    assert np.array_equal(displaying.in_display_order(frame, values, 11, 22), whole[11:33])
