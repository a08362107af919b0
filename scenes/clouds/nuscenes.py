"""nuScenes sweeps: `.pcd.bin`, float32 x y z intensity ring, 20 bytes per point and no header.

Despite its name not a PCD file. Layout: H. Caesar et al., "nuScenes: A multimodal dataset for autonomous
driving", CVPR 2020, and the data format pages of its devkit.
"""

from __future__ import annotations

from scenes.clouds.cloud import Limits, PointCloud
from scenes.clouds.float_records import FloatRecords

RECORDS = FloatRecords("nuScenes .pcd.bin", ("x", "y", "z", "intensity", "ring"))
read = RECORDS.read
write = RECORDS.write


class NuScenesFormat:
    """nuScenes as an entry of the format registry; the double suffix is its container's own."""

    name = "nuScenes"
    suffixes = (".pcd.bin",)

    def read(self, data: bytes | memoryview, *, name: str, limits: Limits) -> PointCloud:
        """See `FloatRecords.read`."""
        return RECORDS.read(data, name=name, limits=limits)
