"""KITTI poses: read, taken from the camera to the LiDAR, refused when they are none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes.clouds.cloud import CloudError
from scenes.clouds.poses import lidar_poses, lidar_to_camera, path_length, read_calibration, read_poses

IDENTITY = "1 0 0 0 0 1 0 0 0 0 1 0"
# Axes of the LiDAR (forward, left, up) to those of the camera (right, down, forward).
TR = "0 -1 0 0.1 0 0 -1 0.2 1 0 0 -0.3"
CALIBRATION = f"calib_time: 09-Jan-2012 13:57:47\nP0: 7 0 6 0 0 7 1 0 0 0 1 0\nTr: {TR}\n"


def rotation(angles: tuple[float, float, float]) -> npt.NDArray[np.float64]:
    """The rotation by three angles about x, y and z."""
    result = np.eye(3)
    for axis, angle in enumerate(angles):
        turn = np.eye(3)
        one, other = (axis + 1) % 3, (axis + 2) % 3
        turn[[one, other], [one, other]] = np.cos(angle)
        turn[one, other], turn[other, one] = -np.sin(angle), np.sin(angle)
        result = turn @ result
    return result


@given(st.lists(st.tuples(*[st.floats(-3, 3)] * 6), min_size=1, max_size=8))
def test_poses_read_back_as_written(motions: list[tuple[float, ...]]) -> None:
    poses = np.tile(np.eye(4), (len(motions), 1, 1))
    for pose, motion in zip(poses, motions, strict=True):
        pose[:3, :3], pose[:3, 3] = rotation(motion[:3]), motion[3:]
    text = "\n".join(" ".join(map(repr, pose[:3].ravel().tolist())) for pose in poses)
    np.testing.assert_array_equal(read_poses(text), poses)


def test_a_camera_going_forward_is_a_lidar_going_forward() -> None:
    poses = read_poses("\n".join(f"1 0 0 0 0 1 0 0 0 0 1 {step}" for step in (0, 1.5, 3)))
    to_camera = lidar_to_camera(CALIBRATION)
    places = lidar_poses(poses, to_camera)
    np.testing.assert_allclose(places[:, :3, 3], [[0, 0, 0], [1.5, 0, 0], [3, 0, 0]], atol=1e-12)
    assert path_length(places) == pytest.approx(3)
    assert path_length(places[:1]) == 0


def test_the_lidar_pose_takes_a_point_where_the_camera_pose_takes_it() -> None:
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation((0.1, 0.7, -0.2)), (4, -1, 9)
    to_camera = lidar_to_camera(CALIBRATION)
    point = np.array([12, 3, -1, 1])
    moved = lidar_poses(pose[None], to_camera)[0] @ point
    np.testing.assert_allclose(to_camera @ moved, pose @ (to_camera @ point))


def test_calibration_keeps_the_matrices_and_leaves_out_dates() -> None:
    assert sorted(read_calibration(CALIBRATION)) == ["P0", "Tr"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the file holds no pose"),
        (f"{IDENTITY}\n1 2 3\n", "line 2 has 3 numbers, not 12"),
        (f"{IDENTITY} 1\n", "line 1 has 13 numbers, not 12"),
        (f"{IDENTITY}\n\n{IDENTITY}", "line 2 has 0 numbers"),
        (f"{IDENTITY}\n{IDENTITY.replace('1', 'one')}\n", "line 2 holds 'one', which is not a finite number"),
        (IDENTITY.replace("1", "nan"), "line 1 holds 'nan'"),
        (IDENTITY.replace("1", "1e300"), "line 1 is no rigid motion"),
        (IDENTITY.replace("1", "2"), "line 1 is no rigid motion"),
        (IDENTITY.replace("1", "-1"), "line 1 is no rigid motion"),
    ],
)
def test_bad_poses_are_refused_by_line(text: str, reason: str) -> None:
    with pytest.raises(CloudError, match=reason) as caught:
        read_poses(text, name="sequences/00/poses.txt")
    assert (caught.value.file, caught.value.field) == ("sequences/00/poses.txt", "pose")


@pytest.mark.parametrize(
    ("text", "reason", "field"),
    [
        ("P0: 7 0 6 0 0 7 1 0 0 0 1 0\n", "there is no line Tr", "Tr"),
        ("Tr: 1 2 3\n", "line 1 has 3 numbers, not 12", "Tr"),
        (f"Tr: {IDENTITY}\nTr: {IDENTITY}\n", "line 2 gives a matrix again", "Tr"),
        (f"Tr: {IDENTITY.replace('1', '3')}\n", "the matrix is no rigid motion", "Tr"),
        (f"P1: {IDENTITY.replace('1', 'x')}\n", "line 1 holds 'x'", "P1"),
    ],
)
def test_a_bad_calibration_is_refused_by_line_and_matrix(text: str, reason: str, field: str) -> None:
    with pytest.raises(CloudError, match=reason) as caught:
        lidar_to_camera(text, name="calib.txt")
    assert (caught.value.file, caught.value.field) == ("calib.txt", field)
