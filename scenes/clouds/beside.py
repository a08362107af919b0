"""What the small files beside the frames say of each frame: its time, its pose, its position.

| file | what | rule |
|---|---|---|
| times.txt | seconds, one a line | comes before times in file names |
| timestamps.txt | dates and times, one a line | the same |
| poses.txt | 12 numbers a line, row-major 3x4 | of the camera when calib.txt has `Tr`, else of the LiDAR |
| gps.csv, one .gpx | positions by frame or by time | by time: interpolated at the frames' times |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scenes.clouds.cloud import CloudError, Viewpoint
from scenes.clouds.gpx import read_gpx
from scenes.clouds.poses import lidar_poses, lidar_to_camera, read_poses
from scenes.clouds.positions import Position, read_oxts, read_positions
from scenes.clouds.times import read_times, read_timestamps, times_from_names
from scenes.clouds.tracks import Track, track_of_points, track_of_positions
from scenes.clouds.trees.scene import TreeFrame, TreeScene

TIMES, TIMESTAMPS, POSES, CALIBRATION, POSITIONS = "times.txt", "timestamps.txt", "poses.txt", "calib.txt", "gps.csv"
NAMES = (TIMES, TIMESTAMPS, POSES, CALIBRATION, POSITIONS)
TRACK_SUFFIX = ".gpx"
NS_PER_SECOND = 1_000_000_000
# Times that begin within a year of zero count from the start of the recording, not from 1970.
RELATIVE_NS = 365 * 24 * 3600 * NS_PER_SECOND
Files = Mapping[str, bytes]
Place = tuple[float, float]


@dataclass(frozen=True)
class Beside:
    """What is known of n frames, each part None when no file tells it.

    Attributes:
        times_ns: nanoseconds, n; since 1970 or since the start of the recording, as the file counts.
        poses: of the LiDAR in the world, n lists of 12 numbers, a row-major 3x4 matrix in metres.
        places: latitude and longitude in degrees (WGS 84) of each frame, n, None where not known.
        track: every position that was recorded, good or bad, in order.
    """

    times_ns: list[int] | None = None
    poses: list[list[float]] | None = None
    places: list[Place | None] | None = None
    track: list[Place] | None = None


def is_beside(name: str) -> bool:
    """Whether a file of this name lies beside frames and is none itself."""
    return name.lower() in NAMES or name.lower().endswith(TRACK_SUFFIX)


def read_beside(files: Files, names: Sequence[str]) -> Beside:
    """Read the files (name to bytes) beside frames with these names, in playing order.

    Raises CloudError naming file and line when one is damaged or does not fit the number of frames.
    """
    files = {name.lower(): data for name, data in files.items()}
    times = _times(files, names)
    poses = _poses(files, len(names))
    track, recorded = _track(files, times)
    places = _places(track, times, len(names)) if track is not None else None
    return Beside(times, poses, places, recorded)


def of_tree(scene: TreeScene, files: Files) -> Beside:
    """The same for a scene of a known tree; `files` holds what the scene's paths name."""
    numbers = [frame.number for frame in scene.frames]
    times = [frame.nanoseconds for frame in scene.frames if frame.nanoseconds is not None]
    if len(times) != len(numbers):
        times = _picked(_tree_times(scene, files), numbers, scene.times)
    poses = [_flat(_matrix(frame.pose)) for frame in scene.frames if frame.pose is not None]
    if len(poses) != len(numbers):
        poses = _picked(_tree_poses(scene, files), numbers, scene.poses)
    positions = {frame.cloud: _oxts(frame, files) for frame in scene.frames if frame.position}
    places = [_place(positions.get(frame.cloud)) for frame in scene.frames] if positions else None
    return Beside(times or None, poses or None, places, [place for place in places or [] if place] or None)


def _times(files: Files, names: Sequence[str]) -> list[int] | None:
    if TIMES in files:
        return _one_each(_nanoseconds(files[TIMES], TIMES), len(names), TIMES)
    if TIMESTAMPS in files:
        return _one_each(read_timestamps(_text(files, TIMESTAMPS)).nanoseconds.tolist(), len(names), TIMESTAMPS)
    found = times_from_names(names)
    return found.nanoseconds.tolist() if found else None


def _nanoseconds(data: bytes, name: str) -> list[int]:
    return [round(second * NS_PER_SECOND) for second in read_times(_decoded(data, name), name=name).tolist()]


def _poses(files: Files, count: int) -> list[list[float]] | None:
    if POSES not in files:
        return None
    matrices = read_poses(_text(files, POSES))
    if CALIBRATION in files:
        matrices = lidar_poses(matrices, lidar_to_camera(_text(files, CALIBRATION)))
    return _one_each([_flat(matrix) for matrix in matrices], count, POSES)


def _one_each(values: list[Any], count: int, name: str) -> list[Any]:
    if len(values) != count:
        what = name.removesuffix(".txt")
        raise CloudError(f"{len(values)} {what} for {count} frames", "Write one line per frame.", file=name)
    return values


def _track(files: Files, times: list[int] | None) -> tuple[Track | None, list[Place] | None]:
    if POSITIONS in files:
        rows = read_positions(_text(files, POSITIONS))
        seconds = [ns / NS_PER_SECOND for ns in times] if times else None
        return track_of_positions(rows, seconds), [(row.latitude, row.longitude) for row in rows]
    tracks = [name for name in files if name.lower().endswith(TRACK_SUFFIX)]
    if len(tracks) > 1:
        raise CloudError(f"{len(tracks)} tracks lie beside the frames", "Leave one.", file=", ".join(tracks)[:200])
    if not tracks:
        return None, None
    points = read_gpx(files[tracks[0]], name=tracks[0])
    return track_of_points(points), [(point.latitude, point.longitude) for point in points]


def _places(track: Track, times: list[int] | None, count: int) -> list[Place | None] | None:
    """Where each frame was: by time, or one to one when there is a position per frame without times."""
    if track.times is not None and times and len(track):
        seconds = np.array(times, np.float64) / NS_PER_SECOND
        return [_known(*pair) for pair in zip(*track.at(seconds), strict=True)]
    if track.times is None and len(track) == count and not track.problems:
        return [_known(*pair) for pair in zip(track.latitudes, track.longitudes, strict=True)]
    return None


def _known(latitude: float, longitude: float) -> Place | None:
    return None if np.isnan(latitude) else (float(latitude), float(longitude))


def _tree_times(scene: TreeScene, files: Files) -> list[int]:
    if scene.times is None:
        return []
    if scene.times.endswith(TIMESTAMPS):
        text = _decoded(files[scene.times], scene.times)
        return list(read_timestamps(text, name=scene.times).nanoseconds.tolist())
    return _nanoseconds(files[scene.times], scene.times)


def _tree_poses(scene: TreeScene, files: Files) -> list[list[float]]:
    if scene.poses is None:
        return []
    matrices = read_poses(_text(files, scene.poses), name=scene.poses)
    if scene.calibration is not None:
        to_camera = lidar_to_camera(_text(files, scene.calibration), name=scene.calibration)
        matrices = lidar_poses(matrices, to_camera)
    return [_flat(matrix) for matrix in matrices]


def _picked(values: list[Any], numbers: list[int], name: str | None) -> list[Any]:
    if values and max(numbers) >= len(values):
        raise CloudError(
            f"{len(values)} lines, and a frame with number {max(numbers)}", "Write one line per frame.", file=name or ""
        )
    return [values[number] for number in numbers] if values else []


def _oxts(frame: TreeFrame, files: Files) -> Position:
    path = str(frame.position)
    return read_oxts([(path, _text(files, path))])[0]


def _place(position: Position | None) -> Place | None:
    return (position.latitude, position.longitude) if position else None


def _matrix(pose: Viewpoint) -> npt.NDArray[np.float64]:
    """A pose (tx, ty, tz, qw, qx, qy, qz) as a 4x4 matrix; the quaternion is brought to length 1."""
    w, x, y, z = np.array(pose[3:]) / np.linalg.norm(pose[3:])
    matrix = np.eye(4)
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    matrix[:3, 3] = pose[:3]
    return matrix


def _flat(matrix: npt.NDArray[np.float64]) -> list[float]:
    numbers: list[float] = matrix[:3, :4].ravel().tolist()
    return numbers


def _text(files: Files, name: str) -> str:
    return _decoded(files[name], name)


def _decoded(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CloudError("it is no text in UTF-8", "Save it as UTF-8.", file=name) from error
