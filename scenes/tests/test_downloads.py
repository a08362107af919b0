"""Downloading a frame: ranges of its original, and its points decoded by the server."""

import base64
import functools
import hashlib
import io

import numpy as np
import pytest
from django.urls import reverse

from scenes.clouds import las, pcd, ply_writer
from scenes.errors import ConflictError
from scenes.frame_reading import scratch_folder
from scenes.models import Frame, FrameState
from scenes.point_files import points_file
from scenes.tests.clouds import las_samples
from scenes.tests.factories import a_cloud, a_ready_scene, an_ingested_scene
from scenes.tests.viewed import HOLED, a_viewed_cloud, a_viewed_scene

pytestmark = pytest.mark.django_db


@pytest.fixture
def frame() -> Frame:
    return a_ready_scene().frames.select_related("cloud").get()


def cloud_address(frame):
    return reverse("frame-cloud", args=[frame.pk, frame.cloud.digest])


def points_address(frame, digest=""):
    return reverse("frame-points", args=[frame.pk, digest or frame.cloud.digest])


def test_an_original_says_that_it_takes_ranges(admin_client, frame):
    whole = admin_client.get(cloud_address(frame))
    assert (whole.status_code, whole["Accept-Ranges"]) == (200, "bytes")
    assert whole.getvalue() == frame.cloud.read()
    assert int(whole["Content-Length"]) == frame.cloud.size


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("bytes=0-99", 0, 100), ("bytes=100-", 100, None), ("bytes=-7", -7, None), ("bytes=3-3", 3, 4),
     ("bytes=10-99999999", 10, None), ("bytes=-99999999", 0, None)],
)  # fmt: skip
def test_a_range_is_answered_with_these_bytes(admin_client, frame, asked, start, stop):
    data = frame.cloud.read()
    answer = admin_client.get(cloud_address(frame), headers={"range": asked})
    wanted = range(len(data))[start:stop]
    assert answer.status_code == 206
    assert answer.getvalue() == data[start:stop]
    assert answer["Content-Range"] == f"bytes {wanted.start}-{wanted.stop - 1}/{len(data)}"
    assert (answer["Content-Length"], answer["ETag"]) == (str(len(wanted)), f'"{frame.cloud.digest}"')
    assert "immutable" in answer["Cache-Control"]


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=-0", "bytes={size}-{size}"])
def test_a_range_beyond_the_end_says_how_long_the_file_is(admin_client, frame, asked):
    answer = admin_client.get(cloud_address(frame), headers={"range": asked.format(size=frame.cloud.size)})
    assert (answer.status_code, answer["Content-Range"]) == (416, f"bytes */{frame.cloud.size}")


@pytest.mark.parametrize("asked", ["bytes=0-1,5-9", "bytes=9-3", "points=0-9", "bytes=-", "bytes=a-b", "bytes=1"])
def test_what_is_no_single_range_is_answered_whole(admin_client, frame, asked):
    answer = admin_client.get(cloud_address(frame), headers={"range": asked})
    assert (answer.status_code, len(answer.getvalue())) == (200, frame.cloud.size)


def test_a_range_of_other_bytes_is_answered_whole(admin_client, frame):
    def status(validator):
        headers = {"range": "bytes=5-", "if-range": validator}
        return admin_client.get(cloud_address(frame), headers=headers).status_code

    assert status(f'"{frame.cloud.digest}"') == 206
    assert status('"' + "0" * 64 + '"') == 200
    assert status(f'W/"{frame.cloud.digest}"') == 200
    assert status("Mon, 23 Nov 2026 17:00:00 GMT") == 200
    assert admin_client.head(cloud_address(frame), headers={"range": "bytes=5-"}).status_code == 200


def test_decoded_points_have_all_fields_of_the_original(admin_client):
    frame = a_viewed_scene(labelled=False).frames.select_related("cloud").get(index=HOLED)
    answer = admin_client.get(points_address(frame))
    body = answer.getvalue()
    found, wanted = np.load(io.BytesIO(body)), a_viewed_cloud(HOLED)
    assert found.dtype == wanted.dtype
    assert found.tobytes() == wanted.tobytes()
    sha256 = base64.b64encode(hashlib.sha256(body).digest()).decode()
    assert answer["Repr-Digest"] == f"sha-256=:{sha256}:"
    assert "immutable" in answer["Cache-Control"]
    part = admin_client.get(points_address(frame), headers={"range": "bytes=100-", "if-range": answer["ETag"]})
    assert (part.status_code, part.getvalue()) == (206, body[100:])
    assert part["Repr-Digest"] == answer["Repr-Digest"]
    again = admin_client.get(points_address(frame), headers={"if-none-match": answer["ETag"]})
    assert again.status_code == 304


def a_frame_of(folder, name: str, data: bytes) -> Frame:
    folder.mkdir()
    (folder / name).write_bytes(data)
    return an_ingested_scene(folder).frames.select_related("cloud").get()


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("000000.ply", ply_writer.write),
        ("000000.pcd", lambda cloud: pcd.write(cloud, encoding="binary_compressed")),
    ],
)
def test_formats_that_clients_do_not_read_are_decoded(admin_client, tmp_path, name, written):
    cloud = a_cloud(points=200)
    frame = a_frame_of(tmp_path / "drive", name, written(cloud))
    found = np.load(io.BytesIO(admin_client.get(points_address(frame)).getvalue()))
    assert found.dtype.names == cloud.dtype.names
    for field in cloud.dtype.names:
        np.testing.assert_array_equal(found[field], cloud[field])


def test_points_of_a_large_cloud_are_those_of_its_pieces(monkeypatch, settings, tmp_path):
    frame = a_frame_of(tmp_path / "survey", "000000.las", las_samples.las_file())
    with points_file(frame).file as whole:
        expected = whole.read()
    settings.INGEST_STREAM_BYTES = 1
    pieces = functools.partial(las.chunks, points_per_chunk=64)
    monkeypatch.setattr("scenes.frame_reading.las.chunks", pieces)
    with points_file(frame).file as piecewise:
        assert piecewise.read() == expected
    assert frame.point_count > 64


def test_a_frame_that_is_not_what_was_counted_is_refused_and_leaves_nothing(frame, settings):
    frame.point_count += 1
    with pytest.raises(ConflictError, match="other points than the 201"):
        points_file(frame)
    frame.point_count -= 2
    with pytest.raises(ConflictError, match="other points than the 199"):
        points_file(frame)
    assert list(scratch_folder().glob("*.npy")) == []


def test_what_can_not_be_decoded_says_why(admin_client, frame):
    assert admin_client.get(points_address(frame, "0" * 64)).status_code == 404
    Frame.objects.update(state=FrameState.QUARANTINED, problem="it is cut")
    answer = admin_client.get(points_address(frame))
    assert answer.status_code == 409
    assert "it is cut" in answer.json()["detail"]


def test_points_whose_bytes_are_gone_are_missing(admin_client, frame):
    frame.cloud.local_path().unlink()
    answer = admin_client.get(points_address(frame))
    assert (answer.status_code, "verify_files" in answer.json()["remedy"]) == (404, True)


def test_who_may_not_see_frames_gets_no_points(client, frame, django_user_model):
    client.force_login(django_user_model.objects.create_user("nobody"))
    assert client.get(points_address(frame)).status_code == 403
