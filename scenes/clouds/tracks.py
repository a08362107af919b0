"""The way of a vehicle: good positions over time, and what follows from them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scenes.clouds.cloud import CloudError
from scenes.clouds.gpx import TrackPoint
from scenes.clouds.positions import Position, position_problem

Columns = npt.NDArray[np.float64]

# Mean radius of the Earth in metres (IUGG).
EARTH_RADIUS = 6_371_008.8


@dataclass(frozen=True, eq=False)
class Track:
    """Good positions of one drive in order of time.

    Attributes:
        latitudes, longitudes: degrees (WGS 84), float64, shape (n,).
        altitudes: metres, NaN where not known, float64, shape (n,).
        times: seconds, from wherever the source counts, increasing or equal, shape (n,); None without times.
        problems: why each position that was left out counts as missing, by its place in the source.
    """

    latitudes: Columns
    longitudes: Columns
    altitudes: Columns
    times: Columns | None
    problems: dict[int, str]

    def __len__(self) -> int:
        return len(self.latitudes)

    @property
    def start(self) -> tuple[float, float]:
        """Latitude and longitude of the first position. Raises CloudError when there is none."""
        return self._place(0)

    @property
    def end(self) -> tuple[float, float]:
        """Latitude and longitude of the last position. Raises CloudError when there is none."""
        return self._place(-1)

    def _place(self, place: int) -> tuple[float, float]:
        if not len(self):
            raise CloudError("the track has no good position", "Record it with a fix.", "position")
        return float(self.latitudes[place]), float(self.longitudes[place])

    @property
    def duration(self) -> float | None:
        """Seconds from the first to the last position; None without times or positions."""
        if self.times is None or not len(self):
            return None
        return float(self.times[-1] - self.times[0])

    def at(self, seconds: npt.ArrayLike) -> tuple[Columns, Columns]:
        """Latitudes and longitudes at the times `seconds`, linear between positions, NaN before and after.

        Raises CloudError when the track has no times.
        """
        if self.times is None:
            raise CloudError("the track has no times", "Record it with times.", "time")
        moments = np.asarray(seconds, np.float64)
        if not len(self):
            return np.full(moments.shape, np.nan), np.full(moments.shape, np.nan)
        # A drive across the date line goes on beyond 180 degrees for the interpolation.
        longitudes = np.unwrap(self.longitudes, period=360)
        latitude, longitude = (
            np.interp(moments, self.times, values, left=np.nan, right=np.nan) for values in (self.latitudes, longitudes)
        )
        return latitude, (longitude + 180) % 360 - 180


def track_length(track: Track) -> float:
    """Metres along the track: great circles between its positions (haversine, mean radius of the Earth).

    Heights are left out. The noise of a receiver at rest adds up and is not taken out.
    """
    latitude, longitude = np.radians(track.latitudes), np.radians(track.longitudes)
    half = np.sin(np.diff(latitude) / 2) ** 2
    half += np.cos(latitude[:-1]) * np.cos(latitude[1:]) * np.sin(np.diff(longitude) / 2) ** 2
    return float(2 * EARTH_RADIUS * np.arcsin(np.sqrt(half.clip(0, 1))).sum())


def track_of_points(points: Iterable[TrackPoint]) -> Track:
    """The track of the points of a GPX file; it has times only when every good point has one.

    Raises CloudError when a point is earlier than the one before.
    """
    return _track([(point.latitude, point.longitude, point.altitude, point.time) for point in points])


def track_of_positions(positions: Iterable[Position], frame_times: Sequence[float] | None = None) -> Track:
    """The track of positions by time, or by frame with `frame_times`, the seconds of each frame.

    Without `frame_times` a track by frame has no times. Raises CloudError when a position names a frame that
    has no time, and when one is earlier than the one before.
    """
    return _track([(one.latitude, one.longitude, one.altitude, _time_of(one, frame_times)) for one in positions])


def _time_of(position: Position, frame_times: Sequence[float] | None) -> float | None:
    if position.frame is None or frame_times is None:
        return position.time
    if position.frame >= len(frame_times):
        raise CloudError(
            f"a position is of frame {position.frame}, there are {len(frame_times)} frames",
            "Count frames from 0.",
            "frame",
        )
    return float(frame_times[position.frame])


def _track(rows: list[tuple[float, float, float | None, float | None]]) -> Track:
    problems = {
        place: problem for place, row in enumerate(rows) if (problem := position_problem(row[0], row[1])) is not None
    }
    good = [row for place, row in enumerate(rows) if place not in problems]
    altitudes = [math.nan if row[2] is None else row[2] for row in good]
    moments = [row[3] for row in good if row[3] is not None]
    times = np.array(moments, np.float64) if len(moments) == len(good) else None
    if times is not None and (np.diff(times) < 0).any():
        place = int((np.diff(times) < 0).argmax()) + 1
        raise CloudError(
            f"position {place} of the good ones is earlier than the one before", "Sort them by time.", "time"
        )
    latitudes, longitudes = (np.array([row[axis] for row in good], np.float64) for axis in (0, 1))
    return Track(latitudes, longitudes, np.array(altitudes, np.float64), times, problems)
