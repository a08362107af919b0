"""Poses of the sensor: KITTI's poses.txt, which is of the left camera, and calib.txt, which leads to the LiDAR.

Formats: A. Geiger et al., "Are we ready for Autonomous Driving? The KITTI Vision Benchmark Suite", CVPR 2012,
odometry development kit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scenes.clouds.cloud import CloudError, naming
from scenes.clouds.text_numbers import finite_numbers, lines_of

Matrices = npt.NDArray[np.float64]

# How far the rows of a rotation written with few digits may be from orthonormal.
ROTATION_TOLERANCE = 1e-2
REMEDY = "A pose is 12 numbers: the rows of a 3 x 4 matrix of rotation and translation."
LIDAR_TO_CAMERA = "Tr"


def read_poses(text: str, *, name: str = "poses.txt") -> Matrices:
    """Poses as matrices that take points of a frame to the first frame's axes, float64, shape (frames, 4, 4).

    One line of 12 numbers per frame. Raises CloudError naming the line when one is no such line or no rigid
    motion.
    """
    with naming(name):
        lines = lines_of(text)
        if not lines:
            raise CloudError("the file holds no pose", REMEDY, "pose")
        return np.array([_pose(line.split(), place) for place, line in enumerate(lines, 1)])


def _pose(words: list[str], line: int) -> Matrices:
    matrix = _matrix(words, line, "pose")
    if not is_rigid(matrix):
        raise CloudError(f"line {line} is no rigid motion: its rotation is none", REMEDY, "pose")
    return matrix


def _matrix(words: list[str], line: int, field: str) -> Matrices:
    matrix = np.eye(4)
    matrix[:3] = np.reshape(finite_numbers(words, 12, line=line, field=field, remedy=REMEDY), (3, 4))
    return matrix


def is_rigid(matrix: Matrices) -> bool:
    """Whether a 4 x 4 matrix is a rotation and a translation, within what few digits cost."""
    rotation = matrix[:3, :3]
    if np.abs(rotation).max() > 2:
        return False
    off = np.abs(rotation @ rotation.T - np.eye(3)).max()
    return bool(off < ROTATION_TOLERANCE and np.linalg.det(rotation) > 0)


def read_calibration(text: str, *, name: str = "calib.txt") -> dict[str, Matrices]:
    """The matrices of a calib.txt by name (P0..P3, Tr), each float64, shape (4, 4).

    Lines read "Tr: " and 12 numbers; lines of other lengths, such as dates, are left out. Raises CloudError
    naming line and matrix when a number is none, when a name comes twice, and when Tr is no rigid motion.
    """
    matrices: dict[str, Matrices] = {}
    with naming(name):
        for place, line in enumerate(lines_of(text), 1):
            key, _, numbers = line.partition(":")
            key, words = key.strip(), numbers.split()
            if len(words) != 12 and key != LIDAR_TO_CAMERA:
                continue
            if key in matrices:
                raise CloudError(f"line {place} gives a matrix again", "Give each once.", key[:40])
            matrices[key] = _matrix(words, place, key[:40])
        if LIDAR_TO_CAMERA in matrices and not is_rigid(matrices[LIDAR_TO_CAMERA]):
            raise CloudError("the matrix is no rigid motion: its rotation is none", REMEDY, LIDAR_TO_CAMERA)
    return matrices


def lidar_to_camera(text: str, *, name: str = "calib.txt") -> Matrices:
    """The matrix `Tr` of a calib.txt, shape (4, 4). Raises CloudError as `read_calibration`, and without it."""
    matrices = read_calibration(text, name=name)
    if LIDAR_TO_CAMERA not in matrices:
        raise CloudError(
            "there is no line Tr: the poses of the camera can not be taken to the LiDAR",
            "Copy the calib.txt of the same sequence.",
            LIDAR_TO_CAMERA,
            name,
        )
    return matrices[LIDAR_TO_CAMERA]


def lidar_poses(camera_poses: Matrices, to_camera: Matrices) -> Matrices:
    """Poses of the LiDAR, inv(Tr) P Tr, shape (frames, 4, 4), from those of the camera and Tr, shape (4, 4)."""
    poses: Matrices = np.linalg.inv(to_camera) @ camera_poses @ to_camera
    return poses


def path_length(poses: Matrices) -> float:
    """Metres between the places of successive poses, shape (frames, 4, 4), added up."""
    return float(np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1).sum())
