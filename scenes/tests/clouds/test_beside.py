"""What lies beside frames tells their times, poses and places."""

from __future__ import annotations

import numpy as np
import pytest

from scenes.clouds.beside import Beside, is_beside, of_tree, read_beside
from scenes.clouds.cloud import CloudError
from scenes.clouds.trees.scene import TreeFrame, TreeScene

FRAMES = ["000000.pcd", "000001.pcd"]
IDENTITY = "1 0 0 0 0 1 0 0 0 0 1 0"


def test_without_files_and_times_in_names_nothing_is_known() -> None:
    assert read_beside({}, FRAMES) == Beside()


def test_times_count_as_the_file_counts() -> None:
    assert read_beside({"times.txt": b"0\n0.25\n"}, FRAMES).times_ns == [0, 250_000_000]


def test_a_file_comes_before_times_in_names() -> None:
    names = ["1603960637314759526.pcd", "1603960637414759526.pcd"]
    assert read_beside({}, names).times_ns == [1603960637314759526, 1603960637414759526]
    assert read_beside({"times.txt": b"1\n2\n"}, names).times_ns == [1_000_000_000, 2_000_000_000]


def test_dates_and_times_are_read() -> None:
    told = read_beside({"timestamps.txt": b"2011-09-26 13:02:25.5\n2011-09-26 13:02:25.6\n"}, FRAMES)
    assert told.times_ns is not None
    assert told.times_ns[1] - told.times_ns[0] == 100_000_000


def test_names_of_files_may_be_in_capitals() -> None:
    assert read_beside({"TIMES.TXT": b"0\n1\n"}, FRAMES).times_ns == [0, 1_000_000_000]


def test_poses_are_the_cameras_when_a_calibration_lies_beside() -> None:
    poses = f"{IDENTITY}\n1 0 0 5 0 1 0 0 0 0 1 0\n".encode()
    plain = read_beside({"poses.txt": poses}, FRAMES).poses
    # The camera looks along x of the LiDAR: z of the camera is x of the LiDAR.
    turned = read_beside({"poses.txt": poses, "calib.txt": b"Tr: 0 -1 0 0 0 0 -1 0 1 0 0 0\n"}, FRAMES).poses
    assert plain is not None
    assert turned is not None
    assert plain[1][3::4] == [5, 0, 0]
    assert np.allclose(turned[1][3::4], [0, -5, 0])


@pytest.mark.parametrize(
    ("name", "data"),
    [("times.txt", b"0\n1\n2\n"), ("poses.txt", IDENTITY.encode()), ("timestamps.txt", b"2011-09-26 13:02:25\n")],
)
def test_a_number_of_lines_that_does_not_fit_is_refused_by_file(name: str, data: bytes) -> None:
    with pytest.raises(CloudError, match="for 2 frames") as refused:
        read_beside({name: data}, FRAMES)
    assert refused.value.file == name


def test_places_are_interpolated_at_the_times_of_the_frames() -> None:
    track = b"time,latitude,longitude\n0,50.0,6.0\n2,50.2,6.2\n"
    told = read_beside({"times.txt": b"0\n1\n", "gps.csv": track}, FRAMES)
    assert told.places is not None
    assert told.places[1] == pytest.approx((50.1, 6.1))
    assert told.track == [(50.0, 6.0), (50.2, 6.2)]


def test_a_bad_position_stays_in_the_track_and_is_no_place() -> None:
    told = read_beside({"gps.csv": b"frame,latitude,longitude\n0,0,0\n1,50.2,6.2\n"}, FRAMES)
    assert told.track == [(0.0, 0.0), (50.2, 6.2)]
    assert told.places is None


def test_two_tracks_are_refused() -> None:
    with pytest.raises(CloudError, match="2 tracks"):
        read_beside({"a.gpx": b"", "b.gpx": b""}, FRAMES)


def test_text_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(CloudError, match="UTF-8") as refused:
        read_beside({"times.txt": b"\xff\xfe\x00"}, FRAMES)
    assert refused.value.file == "times.txt"


def test_frames_of_a_tree_pick_their_lines_by_number() -> None:
    frames = (TreeFrame("a.bin", 0), TreeFrame("c.bin", 2))
    scene = TreeScene("00", "00", frames, "kitti", times="times.txt", poses="poses.txt")
    poses = "\n".join(f"1 0 0 {x} 0 1 0 0 0 0 1 0" for x in range(3))
    told = of_tree(scene, {"times.txt": b"0\n1\n2\n", "poses.txt": poses.encode()})
    assert told.times_ns == [0, 2_000_000_000]
    assert told.poses is not None
    assert [pose[3] for pose in told.poses] == [0, 2]


def test_a_tree_with_too_few_lines_is_refused() -> None:
    scene = TreeScene("00", "00", (TreeFrame("a.bin", 3),), "kitti", times="times.txt")
    with pytest.raises(CloudError, match="number 3"):
        of_tree(scene, {"times.txt": b"0\n1\n"})


def test_a_pose_of_tables_becomes_a_matrix() -> None:
    quarter = (1.0, 2.0, 3.0, 0.5**0.5, 0.0, 0.0, 0.5**0.5)
    scene = TreeScene("s", "d", (TreeFrame("a.pcd.bin", 0, nanoseconds=7, pose=quarter),), "nuscenes")
    told = of_tree(scene, {})
    assert told.times_ns == [7]
    assert told.poses is not None
    assert np.allclose(told.poses[0], [0, -1, 0, 1, 1, 0, 0, 2, 0, 0, 1, 3])


@pytest.mark.parametrize(("name", "beside"), [("times.txt", True), ("Track.GPX", True), ("000000.pcd", False)])
def test_what_lies_beside_is_told_by_its_name(name: str, beside: bool) -> None:
    assert is_beside(name) is beside
