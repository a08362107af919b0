"""Files without a header: float32 records, one after the other, little endian.

Nothing in such a file says what it holds, so its kind is declared or follows from its container. What can be
checked is that the size is a number of whole records and that the numbers look like a LiDAR scan in metres:
labels, text, compressed data or records of another length read as floats give absurd ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scenes.clouds.cloud import (
    AXES,
    DEFAULT_LIMITS,
    IDENTITY_VIEWPOINT,
    CloudError,
    Limits,
    PointCloud,
    check_positions,
    naming,
)

# Metres. No LiDAR sees farther, and a scan is in coordinates of its sensor.
FARTHEST = 1e6
# Metres. Integers and text read as floats give numbers far below any resolution, but not zero.
NEAREST = 1e-6
# 16 bits are the widest intensity that sensors give.
STRONGEST = 65_535.0
LARGEST_RING = 255.0
# A few odd points are a matter of the recording, a larger share of them one of the kind.
ODD_SHARE = 0.01
ENCODING = "binary"
# What is wrong with the kind is wrong everywhere, so that a part of a large file will do. The step is a prime, or
# it might fall in step with the records of another kind.
PROBE_STEP = 7
PROBED_WHOLE = 8192


@dataclass(frozen=True)
class FloatRecords:
    """A kind of file: its name for people and the fields of one point, in order."""

    kind: str
    fields: tuple[str, ...]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of one point."""
        return np.dtype([(field, "<f4") for field in self.fields])

    def read(self, data: bytes | memoryview, *, name: str = "", limits: Limits = DEFAULT_LIMITS) -> PointCloud:
        """The cloud of a whole file; its points are a read-only view of `data`, not a copy.

        Raises CloudError, with `name` as its file, when the size is no multiple of a record or exceeds
        `limits`, when no point has a finite position, and when the numbers are not those of this kind.
        """
        with naming(name):
            points = np.frombuffer(data, self.dtype, self._count(len(data), limits))
            check_positions(points)
            # Bytes of another kind hold every odd float there is, signalling NaN among them.
            with np.errstate(invalid="ignore"):
                probe = points[::PROBE_STEP] if len(points) > PROBED_WHOLE else points
                self._check_coordinates(probe)
                self._check_strengths(probe)
            return PointCloud(points, len(points), 1, IDENTITY_VIEWPOINT, ENCODING)

    def write(self, cloud: PointCloud | npt.NDArray[np.void]) -> bytes:
        """The file of `cloud`, or of a structured array, which must have all fields of this kind."""
        points = cloud.points if isinstance(cloud, PointCloud) else cloud
        names = points.dtype.names or ()
        records = np.empty(len(points), self.dtype)
        for field in self.fields:
            if field not in names:
                raise CloudError(f"{self.kind} needs the field {field!r}", "Add it to the cloud.", field)
            records[field] = points[field]
        return records.tobytes()

    def _count(self, size: int, limits: Limits) -> int:
        record = self.dtype.itemsize
        if not size:
            raise CloudError("no points: the file is empty", "Leave this frame out, or record it again.")
        if size % record:
            raise CloudError(
                f"{size} bytes are no multiple of the {record} bytes of a {self.kind} point ({' '.join(self.fields)})",
                "The file is cut, or another kind was meant: copy it again, or declare its kind.",
            )
        if size // record > limits.max_points or size > limits.max_bytes:
            raise CloudError(
                f"{size // record} points exceed the limit of {limits.max_points} points or {limits.max_bytes} bytes",
                "Split the cloud into tiles.",
            )
        return size // record

    def _check_coordinates(self, points: npt.NDArray[np.void]) -> None:
        for axis in AXES:
            column = points[axis]
            missing = ~np.isfinite(column)
            if missing.mean() > 0.5:
                raise self._unlike(f"{missing.mean():.0%} of the values are not finite", axis)
            size = np.abs(column)
            if _share(~missing & (size > FARTHEST)) > ODD_SHARE:
                raise self._unlike(f"coordinates lie beyond {FARTHEST:.0f} m", axis)
            if _share(size[size > 0] < NEAREST) > 0.5:
                raise self._unlike(f"most coordinates lie within {NEAREST:g} m of zero", axis)

    def _check_strengths(self, points: npt.NDArray[np.void]) -> None:
        intensity = points["intensity"]
        if _share(~((intensity >= 0) & (intensity <= STRONGEST))) > ODD_SHARE:
            raise self._unlike(f"intensities are no numbers in 0..{STRONGEST:.0f}", "intensity")
        if "ring" not in self.fields:
            return
        ring = points["ring"]
        whole = (ring >= 0) & (ring <= LARGEST_RING) & (np.floor(ring) == ring)
        if _share(~whole) > ODD_SHARE:
            raise self._unlike(f"rings are no whole numbers in 0..{LARGEST_RING:.0f}", "ring")

    def _unlike(self, what: str, field: str) -> CloudError:
        return CloudError(
            f"these bytes do not look like {self.kind}, was another kind meant? {what}",
            "Declare the kind of the file, or leave it out.",
            field,
        )


def _share(which: npt.NDArray[np.bool_]) -> float:
    return np.count_nonzero(which) / max(len(which), 1)
