"""Recordings (MCAP) become frames, one a message, in the order of their times."""

from types import SimpleNamespace

import numpy as np
import pytest

from scenes.clouds import point_cloud2
from scenes.models import FrameState, IngestState
from scenes.tests.clouds import mcap_samples
from scenes.tests.factories import a_pcd, an_ingested_scene

pytestmark = pytest.mark.django_db


def a_recording(path, *, frames: int = 3, points: int = 40, first: int = 0) -> None:
    log = mcap_samples.Recording(chunk_size=16 * 1024)
    for n in range(first, first + frames):
        header = SimpleNamespace(stamp=SimpleNamespace(sec=1_700_000_000 + n, nanosec=0), frame_id="lidar")
        log.add("/points", mcap_samples.message(mcap_samples.points_of(points, seed=n), header=header))
    path.write_bytes(log.file())


def test_every_message_becomes_a_frame_with_its_time(tmp_path):
    a_recording(tmp_path / "log.mcap")
    scene = an_ingested_scene(tmp_path / "log.mcap")
    frames = list(scene.frames.order_by("index"))
    assert [(frame.index, frame.name) for frame in frames] == [(n, f"log-{n:06d}.pointcloud2") for n in range(3)]
    assert [frame.point_count for frame in frames] == [40, 40, 40]
    assert scene.duration_seconds == pytest.approx(2.0)
    assert scene.captured_at.year == 2023


def test_the_message_is_kept_as_recorded(tmp_path):
    a_recording(tmp_path / "log.mcap", frames=1)
    frame = an_ingested_scene(tmp_path / "log.mcap").frames.select_related("cloud").get()
    cloud = point_cloud2.cloud_of(point_cloud2.message_of(frame.cloud.read()))
    assert np.array_equal(cloud.field("x"), mcap_samples.points_of(40, seed=0)["x"])


def test_a_split_recording_plays_in_order(tmp_path):
    folder = tmp_path / "split"
    folder.mkdir()
    a_recording(folder / "log_0.mcap", frames=2)
    a_recording(folder / "log_1.mcap", frames=2, first=2)
    scene = an_ingested_scene(folder)
    assert list(scene.frames.order_by("index").values_list("index", "name")) == [
        (0, "log_0-000000.pointcloud2"),
        (1, "log_0-000001.pointcloud2"),
        (2, "log_1-000000.pointcloud2"),
        (3, "log_1-000001.pointcloud2"),
    ]


def test_a_damaged_recording_gives_what_comes_before_and_says_why_it_ends(tmp_path):
    folder = tmp_path / "cut"
    folder.mkdir()
    a_recording(folder / "log.mcap", frames=30, points=3000)
    whole = (folder / "log.mcap").read_bytes()
    (folder / "log.mcap").write_bytes(whole[: len(whole) // 2])
    scene = an_ingested_scene(folder)
    left = scene.frames.get(state=FrameState.QUARANTINED)
    assert left.name == "log.mcap"
    assert "log.mcap" in left.problem
    assert scene.quarantined_count == 1


def test_a_file_that_is_no_recording_is_quarantined_and_the_rest_goes_in(tmp_path):
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "a.mcap").write_bytes(b"not a recording")
    (folder / "b.pcd").write_bytes(a_pcd(points=50))
    scene = an_ingested_scene(folder)
    assert (scene.frame_count, scene.quarantined_count) == (1, 1)
    assert scene.ingest_jobs.get().state == IngestState.DONE
