"""Writes a simulated drive as a folder: PCD frames beside their times, poses and GPS track."""

import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from scenes.clouds import pcd
from scenes.simulator.drive import SimulatedFrame

GPS_HEADER = "time,latitude,longitude,altitude"


class FolderNotEmptyError(ValueError):
    """The target folder already holds files."""


def write_drive(
    folder: Path,
    frames: Iterable[SimulatedFrame],
    *,
    progress: Callable[[SimulatedFrame], None] | None = None,
) -> int:
    """Write frames as `000000.pcd` ... with `times.txt`, `poses.txt` and `gps.csv`; returns the number of
    frames.

    times.txt: seconds since the first frame, one per line. poses.txt: sensor to world, the first three rows
    of the pose, row by row, 12 numbers per line as KITTI writes them (but of the sensor itself, not of a
    camera). gps.csv: time in UTC seconds since 1970, degrees, metres. Every file appears whole or not at
    all, and the lists come last. `progress` is called after each frame.

    Raises FolderNotEmptyError when the folder holds anything, NotADirectoryError when it is a file.
    """
    _prepare(folder)
    times, poses, track = [], [], [GPS_HEADER]
    first = None
    for count, frame in enumerate(frames):
        first = frame.timestamp_ns if first is None else first
        _write(folder / f"{count:06d}.pcd", pcd.write(frame.points))
        times.append(f"{(frame.timestamp_ns - first) / 1e9:.9f}")
        poses.append(" ".join(f"{number:.9e}" for number in frame.pose[:3].ravel().tolist()))
        track.append(_track_line(frame))
        if progress:
            progress(frame)
    for name, lines in (("times.txt", times), ("poses.txt", poses), ("gps.csv", track)):
        _write(folder / name, "".join(f"{line}\n" for line in lines).encode())
    return len(times)


def _prepare(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file; name a new or empty folder")
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FolderNotEmptyError(f"{folder} is not empty; name a new or empty folder, or remove its files first")


def _track_line(frame: SimulatedFrame) -> str:
    seconds, rest = divmod(frame.timestamp_ns, 1_000_000_000)
    latitude, longitude, altitude = frame.position
    return f"{seconds}.{rest:09d},{latitude:.9f},{longitude:.9f},{altitude:.3f}"


def _write(path: Path, content: bytes) -> None:
    """Write beside the target, then rename: a reader never sees half a file."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
