"""One point cloud in memory, and the error that every reader raises."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Viewpoint = tuple[float, float, float, float, float, float, float]

IDENTITY_VIEWPOINT: Viewpoint = (0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0)
AXES = ("x", "y", "z")
PROBED_POINTS = 1024
INTENSITY_NAMES = ("intensity", "reflectivity", "reflectance", "remission")


class CloudError(ValueError):
    """Bad input: what is wrong (`reason`), what to do (`remedy`), and where (`field`, `file`)."""

    def __init__(self, reason: str, remedy: str, field: str = "", file: str = "") -> None:
        super().__init__(reason, remedy, field, file)
        self.reason = reason
        self.remedy = remedy
        self.field = field
        self.file = file

    def __str__(self) -> str:
        where = f"{self.file}: " if self.file else ""
        which = f" (field {self.field})" if self.field else ""
        return f"{where}{self.reason}{which}. {self.remedy}"

    def __reduce__(self) -> tuple[type[CloudError], tuple[str, str, str, str]]:
        # `file` may have been filled in after construction; a task queue pickles what it caught.
        return type(self), (self.reason, self.remedy, self.field, self.file)


@contextmanager
def naming(file: str) -> Iterator[None]:
    """Fill in the file's name on every CloudError that leaves the block without one."""
    try:
        yield
    except CloudError as error:
        error.file = error.file or file
        raise


@dataclass(frozen=True)
class Limits:
    """What a reader accepts at most. Checked against the header, before memory is allocated."""

    max_points: int = 200_000_000
    max_bytes: int = 16 * 1024**3
    max_header_bytes: int = 64 * 1024
    max_fields: int = 256
    max_count: int = 65_536


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, eq=False)
class PointCloud:
    """A point cloud with every field of its file.

    Attributes:
        points: structured array of shape (n,), one named field per field of the file. A field of several
            elements per point is a subarray field of shape (n, count). Metres for x, y, z.
        width: points per row; n for a cloud that is not organised.
        height: rows; 1 for a cloud that is not organised. width * height == n.
        viewpoint: pose of the sensor (tx, ty, tz, qw, qx, qy, qz), as recorded, not applied to the points.
        encoding: how the file stored the points, for example "binary_compressed".
    """

    points: npt.NDArray[np.void]
    width: int
    height: int
    viewpoint: Viewpoint
    encoding: str

    def __len__(self) -> int:
        return len(self.points)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the fields, in file order."""
        return self.points.dtype.names or ()

    @property
    def is_organised(self) -> bool:
        """Whether the points form an image of more than one row."""
        return self.height > 1

    def field(self, name: str) -> npt.NDArray[Any]:
        """The field `name`, shape (n,) or (n, count), as a view. Raises CloudError when there is none."""
        if name not in self.names:
            raise CloudError(f"there is no field {name!r}", f"Use one of: {', '.join(self.names)}.", name)
        return self.points[name]

    def positions(self) -> npt.NDArray[np.floating[Any]]:
        """x, y, z in metres, shape (n, 3), each axis contiguous in memory, read-only.

        float64 when any of the three is stored as float64 or as an integer, which float32 could not hold
        exactly; float32 otherwise.
        """
        return self._positions

    @cached_property
    def _positions(self) -> npt.NDArray[np.floating[Any]]:
        single = all(self.points.dtype[axis] == np.float32 for axis in AXES)
        columns = np.empty((3, len(self.points)), np.float32 if single else np.float64)
        for row, axis in zip(columns, AXES, strict=True):
            row[:] = self.points[axis]
        columns.flags.writeable = False
        return columns.T

    def finite(self) -> npt.NDArray[np.bool_]:
        """Whether x, y and z of each point are finite, shape (n,)."""
        return finite_rows(self.positions())

    def intensity(self) -> npt.NDArray[Any] | None:
        """The strength of the returns, shape (n,), under whichever of its usual names; None without one."""
        for name in self.names:
            if name.lower() in INTENSITY_NAMES and self.points.dtype[name].shape == ():
                return self.points[name]
        return None


def finite_rows(positions: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.bool_]:
    """Whether all three coordinates of each row of `positions` (n, 3) are finite, shape (n,)."""
    finite: npt.NDArray[np.bool_] = np.isfinite(positions.T).all(axis=0)
    return finite


def check_positions(points: npt.NDArray[np.void]) -> None:
    """Raise CloudError when no point has finite x, y and z."""
    # The first points nearly always settle it; only a cloud that begins with invalid ones is read whole.
    for part in (points[:PROBED_POINTS], points):
        if np.logical_and.reduce([np.isfinite(part[axis]) for axis in AXES]).any():
            return
    raise CloudError(
        "no point has a finite position: all are NaN or infinite",
        "Leave this frame out, or record it again.",
        "x",
    )
