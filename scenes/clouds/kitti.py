"""KITTI scans: `.bin`, float32 x y z remission, 16 bytes per point and no header.

Layout: A. Geiger et al., "Vision meets Robotics: The KITTI Dataset", IJRR 2013; SemanticKITTI has the same.
"""

from __future__ import annotations

from scenes.clouds.cloud import Limits, PointCloud
from scenes.clouds.float_records import FloatRecords

# The remission is kept as `intensity`, as every other format calls it.
RECORDS = FloatRecords("KITTI .bin", ("x", "y", "z", "intensity"))
read = RECORDS.read
write = RECORDS.write


class KittiFormat:
    """KITTI as an entry of the format registry. It claims no suffix: a `.bin` may hold anything."""

    name = "KITTI"
    suffixes: tuple[str, ...] = ()

    def read(self, data: bytes | memoryview, *, name: str, limits: Limits) -> PointCloud:
        """See `FloatRecords.read`."""
        return RECORDS.read(data, name=name, limits=limits)
