"""The tree of KITTI's raw recordings (A. Geiger et al., IJRR 2013): drives by date, without labels."""

from collections.abc import Iterator
from datetime import UTC, datetime

from datasets.exports import beside, clouds
from datasets.exports.content import ExportedFrame, ExportedScene
from datasets.exports.entries import Entry
from scenes.clouds.beside import NS_PER_SECOND
from scenes.clouds.positions import OXTS_NUMBERS

UNKNOWN_DATE = "1970_01_01"


class KittiRaw:
    key = "kitti-raw"
    title = "KITTI raw"
    summary = "DATE/DATE_drive_NNNN_sync with velodyne_points and oxts. This layout has no labels per point."
    carries = (
        "x, y, z and intensity as float32, every point in its place",
        "times to the nanosecond",
        "latitude, longitude and altitude",
    )
    leaves_out = (
        "labels",
        "poses: the other 27 numbers of an oxts file are written as 0 and mean nothing",
        "fields beyond x, y, z and intensity, which is 0 where a cloud has none",
        "the names of scenes and frames (scenes.jsonl tells them)",
    )
    ingest = "manage.py ingest FOLDER --tree kitti-raw --wait"

    def folder(self, scene: ExportedScene) -> str:
        day = _day(scene)
        return f"{day}/{day}_drive_{scene.number:04d}_sync"

    def stems(self, scene: ExportedScene) -> list[str]:
        return [f"{frame.number:010d}" for frame in scene.frames]

    def files(self, scene: ExportedScene) -> Iterator[Entry]:
        folder = self.folder(scene)
        for name, frame in zip(self.stems(scene), scene.frames, strict=True):
            yield clouds.records(f"{folder}/velodyne_points/data/{name}.bin", scene, frame, clouds.KITTI)
            line = _oxts(frame)
            if line:
                yield Entry.of_text(f"{folder}/oxts/data/{name}.txt", [line])
        yield from beside.some(folder, {"velodyne_points/timestamps.txt": beside.dates(scene.times_ns or [])})

    def missing(self, scene: ExportedScene) -> list[str]:
        told = [words for words in beside.missing(scene, positions_too=True) if "labels" not in words]
        return [*told, *(["its labels are left out"] if scene.label_set is not None else [])]

    def closing(self) -> Iterator[Entry]:
        return iter(())


def _day(scene: ExportedScene) -> str:
    """The day of the first frame, else of the capture, else of the drive."""
    times = scene.times_ns
    if times and beside.is_absolute(times):
        return f"{datetime.fromtimestamp(times[0] // NS_PER_SECOND, UTC):%Y_%m_%d}"
    known = scene.row.captured_at or (scene.row.drive.date if scene.row.drive else None)
    return f"{known:%Y_%m_%d}" if known else UNKNOWN_DATE


def _oxts(frame: ExportedFrame) -> str:
    """The line of a frame's oxts file; "" without a position."""
    row = frame.row
    if row.latitude is None or row.longitude is None:
        return ""
    numbers = [row.latitude, row.longitude, row.altitude or 0.0, *[0.0] * (OXTS_NUMBERS - 3)]
    return " ".join(map(repr, numbers))
