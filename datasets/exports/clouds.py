"""Clouds of an export: as they are, or as float32 records of a fixed width (KITTI's 4, nuScenes' 5 numbers a point)."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from datasets.exports.content import ExportedFrame, ExportedScene, copied, whole
from datasets.exports.entries import Entry
from scenes.clouds import kitti, nuscenes
from scenes.clouds.cloud import AXES, CloudError, PointCloud, naming
from scenes.clouds.float_records import FloatRecords
from scenes.clouds.formats import format_for, format_named
from scenes.errors import ConflictError
from scenes.frame_reading import clouds_of, is_streamed
from scenes.models import Frame

KITTI, NUSCENES = kitti.RECORDS, nuscenes.RECORDS
NAMES = {kitti.RECORDS.kind: kitti.KittiFormat.name, nuscenes.RECORDS.kind: nuscenes.NuScenesFormat.name}
RING_NAMES = ("ring", "laser_id", "channel", "line")


def told(scene: ExportedScene, frame: ExportedFrame) -> str:
    """Where a problem is, in words."""
    return f"Scene {scene.row.name}, frame {frame.row.name}"


def original(path: str, scene: ExportedScene, frame: ExportedFrame) -> Entry:
    """The cloud's file, byte for byte."""
    return Entry(path, frame.cloud.size, lambda: copied(frame.cloud, told(scene, frame)), frames=1)


def records(path: str, scene: ExportedScene, frame: ExportedFrame, kind: FloatRecords) -> Entry:
    """The cloud as records of `kind`, every point in its place; byte for byte where it is of that kind already."""
    if is_of(frame.row, kind):
        return original(path, scene, frame)
    size = frame.row.point_count * kind.dtype.itemsize
    return Entry(path, size, _converted(scene, frame, kind), frames=1)


def is_of(frame: Frame, kind: FloatRecords) -> bool:
    """Whether the frame's file holds records of `kind` as it is."""
    found = format_named(frame.format) if frame.format else format_for(frame.name)
    return found.name == NAMES[kind.kind]


def _converted(scene: ExportedScene, frame: ExportedFrame, kind: FloatRecords) -> Callable[[], Iterable[bytes]]:
    def pieces() -> Iterator[bytes]:
        where = told(scene, frame)
        try:
            with naming(where):
                for cloud in _clouds(frame, where):
                    yield as_records(cloud, kind)
        except CloudError as error:
            raise ConflictError(str(error)) from error

    return pieces


def _clouds(frame: ExportedFrame, where: str) -> Iterator[PointCloud]:
    if is_streamed(frame.row):
        yield from clouds_of(frame.row)
    else:
        yield frame.row.decode(whole(frame.cloud, where))


def as_records(cloud: PointCloud, kind: FloatRecords) -> bytes:
    """Positions, intensity and ring as float32; 0 where the cloud has no such field."""
    made = np.zeros(len(cloud), kind.dtype)
    for axis in AXES:
        made[axis] = cloud.points[axis]
    strength = cloud.intensity()
    if strength is not None:
        made["intensity"] = strength
    ring = next((name for name in cloud.names if name.lower() in RING_NAMES), None)
    if "ring" in kind.fields and ring is not None and cloud.points.dtype[ring].shape == ():
        made["ring"] = cloud.points[ring]
    return made.tobytes()
