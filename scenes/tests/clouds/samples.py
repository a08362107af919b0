"""Clouds and files that the tests of this room share."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pytest

from scenes.clouds.cloud import IDENTITY_VIEWPOINT, CloudError, PointCloud

Result = TypeVar("Result")
SHARED_DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
NO_SHARED_DATA = f"the real point clouds are not there: {SHARED_DATA}"
DRIVE = "udacity__SFND_Lidar_Obstacle_Detection/src/sensors/data/pcd/data_1"

HEADER = {
    "VERSION": "0.7",
    "FIELDS": "x y z intensity",
    "SIZE": "4 4 4 4",
    "TYPE": "F F F F",
    "COUNT": "1 1 1 1",
    "WIDTH": "3",
    "HEIGHT": "1",
    "VIEWPOINT": "0 0 0 1 0 0 0",
    "POINTS": "3",
    "DATA": "binary",
}
THREE_POINTS = np.arange(1, 13, dtype="<f4").tobytes()
THREE_ROWS = b"1 2 3 4\n5 6 7 8\n9 10 11 12\n"


def pcd_file(body: bytes = THREE_POINTS, **changes: str | None) -> bytes:
    """A PCD file of three points; `changes` replace header lines, None removes one."""
    lines = {**HEADER, **changes}
    return "".join(f"{key} {value}\n" for key, value in lines.items() if value is not None).encode() + body


def ascii_file(body: bytes = THREE_ROWS, **changes: str | None) -> bytes:
    """The same as ascii."""
    return pcd_file(body, DATA="ascii", **changes)


def cloud_of(positions: npt.ArrayLike, **fields: npt.NDArray[Any]) -> PointCloud:
    """A cloud of `positions` (n, 3), stored in their own type, and further fields."""
    columns = np.asarray(positions)
    dtype = [(axis, columns.dtype) for axis in "xyz"]
    dtype += [(name, values.dtype) for name, values in fields.items()]
    points = np.empty(len(columns), dtype)
    for axis, column in zip("xyz", columns.T, strict=True):
        points[axis] = column
    for name, values in fields.items():
        points[name] = values
    return PointCloud(points, len(points), 1, IDENTITY_VIEWPOINT, "binary")


def street(seed: int = 0, n: int = 20_000) -> npt.NDArray[np.float32]:
    """Positions (n, 3) as a scan of a street gives them: rings on the ground, two walls along x."""
    random = np.random.default_rng(seed)
    angle = random.uniform(0, 2 * np.pi, n)
    distance = random.choice(np.geomspace(4, 60, 32), n)
    x, y = distance * np.cos(angle), distance * np.sin(angle)
    wall = np.abs(y) > 12
    z = np.where(wall, random.uniform(-1.7, 6, n), -1.7)
    return np.stack([x, np.clip(y, -12, 12), z], axis=1).astype(np.float32)


def manifest() -> list[dict[str, str]]:
    """The lines of the manifest of real files; empty when they are not there."""
    path = SHARED_DATA / "MANIFEST.tsv"
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def shared_file(path: str) -> bytes:
    """The bytes of a real file; skips the test when it is not there."""
    if not (SHARED_DATA / path).exists():
        pytest.skip(NO_SHARED_DATA)
    return (SHARED_DATA / path).read_bytes()


def outcome(read: Callable[[], Result]) -> Result | CloudError:
    """What `read` returns, or the CloudError that it raises; any other exception fails the test."""
    try:
        return read()
    except CloudError as error:
        return error
