"""The small files beside frames: times, poses, positions. Numbers are written so that they are read back exactly."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from datasets.exports.content import ExportedScene
from datasets.exports.entries import Entry
from scenes.clouds.beside import NS_PER_SECOND, RELATIVE_NS

IDENTITY = "1 0 0 0 0 1 0 0 0 0 1 0"


def is_absolute(times: list[int]) -> bool:
    """Whether times count from 1970, and not from the start of the recording."""
    return times[0] >= RELATIVE_NS


def seconds(times: Iterable[int]) -> list[str]:
    """Nanoseconds as seconds with all their digits."""
    return [f"{time // NS_PER_SECOND}.{time % NS_PER_SECOND:09d}" for time in times]


def dates(times: Iterable[int]) -> list[str]:
    """Nanoseconds since 1970 as dates and times in UTC with all their digits."""
    return [f"{_second(time):%Y-%m-%d %H:%M:%S}.{time % NS_PER_SECOND:09d}" for time in times]


def _second(time: int) -> datetime:
    return datetime.fromtimestamp(time // NS_PER_SECOND, UTC)


def poses(rows: Iterable[Iterable[float]]) -> list[str]:
    """A pose a line: the 12 numbers of a row-major 3x4 matrix."""
    return [" ".join(map(repr, map(float, row))) for row in rows]


def positions(scene: ExportedScene) -> list[str] | None:
    """The lines of a gps.csv by frame; None when no frame has a position."""
    rows = [(frame.number, frame.row.latitude, frame.row.longitude, frame.row.altitude) for frame in scene.frames]
    if not any(latitude is not None for _, latitude, _, _ in rows):
        return None
    cells = [[str(number), *("" if value is None else repr(value) for value in rest)] for number, *rest in rows]
    return ["frame,latitude,longitude,altitude", *(",".join(row) for row in cells)]


def missing(scene: ExportedScene, *, positions_too: bool = False) -> list[str]:
    """What the scene has no file of, in words."""
    told = []
    if scene.times_ns is None:
        told.append("no file of times: a frame has none, or they do not increase")
    if scene.poses is None:
        told.append("no file of poses: a frame has none")
    if positions_too and not any(frame.row.latitude is not None for frame in scene.frames):
        told.append("no positions")
    unlabelled = sum(frame.labels is None for frame in scene.frames)
    if unlabelled:
        told.append(f"{unlabelled} of {len(scene.frames)} frames have no labels")
    return told


def relative(scene: ExportedScene) -> list[int]:
    """Times since the first frame, or as they are where they count from the start of the recording already."""
    times = scene.times_ns or []
    return [time - times[0] for time in times] if times and is_absolute(times) else times


def some(folder: str, files: Mapping[str, list[str] | None]) -> list[Entry]:
    """The files that there are, in this order."""
    return [Entry.of_text(f"{folder}/{name}", lines) for name, lines in files.items() if lines]
