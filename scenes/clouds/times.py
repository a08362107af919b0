"""When frames were taken: from a file of times, or from the names of the frames."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from scenes.clouds.cloud import CloudError
from scenes.clouds.text_numbers import lines_of, number

# Digits of a time since 1970 (UTC) in each unit, from September 2001 to November 2286, and the nanoseconds in it.
UNITS = {10: ("seconds", 10**9), 13: ("milliseconds", 10**6), 16: ("microseconds", 10**3), 19: ("nanoseconds", 1)}
DIGITS = re.compile(r"(?<![0-9])[1-9][0-9]*(?![0-9])")
# Later than int64 holds in nanoseconds, in April 2262, no clock is right.
LATEST = 2**63 - 1
SORT = "Sort the frames, or correct the times."
TIMESTAMP = re.compile(r"(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?Z?")


@dataclass(frozen=True, eq=False)
class Instants:
    """Times of frames since 1970 (UTC).

    Attributes:
        nanoseconds: int64, shape (frames,), increasing.
        unit: the unit that was found, such as "microseconds".
    """

    nanoseconds: npt.NDArray[np.int64]
    unit: str

    @property
    def start(self) -> datetime:
        """The time of the first frame, to the microsecond."""
        return datetime.fromtimestamp(int(self.nanoseconds[0]) // 1000 / 1e6, UTC)

    @property
    def seconds(self) -> npt.NDArray[np.float64]:
        """Seconds since the first frame, shape (frames,)."""
        return (self.nanoseconds - self.nanoseconds[0]) / 1e9


def read_times(text: str, *, name: str = "times.txt") -> npt.NDArray[np.float64]:
    """Seconds of each frame, shape (frames,), from a file of one number per line (as KITTI's times.txt).

    Raises CloudError naming the line when one is no finite number, or when times do not increase.
    """
    times = np.array([_time(line, place, name) for place, line in enumerate(lines_of(text), 1)], np.float64)
    _check_some(len(times), name)
    _check_increasing(times, name)
    return times


def _check_some(count: int, name: str) -> None:
    if not count:
        raise CloudError("the file holds no time", "Write one time in seconds per line.", file=name)


def _check_increasing(times: npt.NDArray[np.float64] | npt.NDArray[np.int64], name: str) -> None:
    late = np.flatnonzero(times[1:] <= times[:-1])
    if len(late):
        line = int(late[0]) + 2
        raise CloudError(f"line {line} is not later than the line before", SORT, "time", name)


def _time(line: str, place: int, name: str) -> float:
    value = number(line)
    if value is None or not math.isfinite(value):
        raise CloudError(
            f"line {place} is not a time: {line.strip()[:40]!r}",
            "Write one time in seconds per line.",
            "time",
            name,
        )
    return value


def read_timestamps(text: str, *, name: str = "timestamps.txt") -> Instants:
    """Times of frames from a file of dates and times, one per line (as KITTI raw's timestamps.txt), as UTC.

    A line reads "2011-09-26 13:02:25.951199337". Raises CloudError naming the line when one does not, or when
    times do not increase.
    """
    values = [_timestamp(line, place, name) for place, line in enumerate(lines_of(text), 1)]
    _check_some(len(values), name)
    nanoseconds = np.array(values, np.int64)
    _check_increasing(nanoseconds, name)
    return Instants(nanoseconds, "nanoseconds")


def _timestamp(line: str, place: int, name: str) -> int:
    match = TIMESTAMP.fullmatch(line.strip())
    try:
        if match is None:
            raise ValueError(line)
        moment = datetime.fromisoformat(f"{match[1]}T{match[2]}+00:00")
        nanoseconds = int(moment.timestamp()) * 10**9 + int((match[3] or "").ljust(9, "0"))
        if abs(nanoseconds) > LATEST:
            raise ValueError(line)
    except ValueError as error:
        raise CloudError(
            f"line {place} is not a date and time: {line.strip()[:40]!r}",
            "Write it as 2011-09-26 13:02:25.951199337.",
            "time",
            name,
        ) from error
    return nanoseconds


def times_from_names(names: Sequence[str]) -> Instants | None:
    """Times of frames from their file names, in the order given; None when no name holds one.

    A time is a number of 10, 13, 16 or 19 digits: seconds, milliseconds, microseconds or nanoseconds since
    1970, such as 1603960637314759526.pcd or n015__LIDAR_TOP__1532402927647951.pcd.bin. Where a name holds
    several, the last one counts. Raises CloudError naming the frame when some names hold a time and others
    none, when units differ, and when times do not increase, as when two frames have one time.
    """
    found = [_time_in(name) for name in names]
    first = next((time for time in found if time), None)
    if first is None:
        return None
    unit = first[1]
    for name, time in zip(names, found, strict=True):
        if time is None or time[1] != unit:
            holds = f"{time[1]} in its name" if time else "no time in its name"
            raise CloudError(f"the frame has {holds}, other frames have {unit}", "Name all frames alike.", "time", name)
    nanoseconds = np.array([time[0] for time in found if time], np.int64)
    _check_names_increase(names, nanoseconds)
    return Instants(nanoseconds, unit)


def _time_in(name: str) -> tuple[int, str] | None:
    """Nanoseconds and unit of the time that the last part of the path `name` holds."""
    for digits in reversed(DIGITS.findall(name.rsplit("/", 1)[-1])):
        if len(digits) in UNITS:
            unit, nanoseconds = UNITS[len(digits)]
            if int(digits) * nanoseconds <= LATEST:
                return int(digits) * nanoseconds, unit
    return None


def _check_names_increase(names: Sequence[str], nanoseconds: npt.NDArray[np.int64]) -> None:
    late = np.flatnonzero(nanoseconds[1:] <= nanoseconds[:-1])
    if not len(late):
        return
    before, after = int(late[0]), int(late[0]) + 1
    same = nanoseconds[before] == nanoseconds[after]
    raise CloudError(
        f"the frame {'has the same time as' if same else 'is earlier than'} the frame before, {names[before]}",
        SORT,
        "time",
        names[after],
    )
