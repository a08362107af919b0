"""The small files beside frames: their times, and the positions of the vehicle."""

from __future__ import annotations

import csv
import io
import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scenes.clouds.cloud import CloudError

# Degrees; closer than this to (0, 0) is a receiver without a fix and not a ship off Ghana.
NULL_ISLAND = 1e-6
KEY_COLUMNS = ("time", "frame")
COLUMNS = (*KEY_COLUMNS, "latitude", "longitude", "altitude")


class Position(NamedTuple):
    """One line of a gps.csv: at which `frame` (counted from 0) or `time` (seconds), and where (WGS 84).

    Exactly one of `frame` and `time` is given. Degrees may be NaN or out of range: `position_problem` says
    so, and whoever stores the position keeps the reason. `altitude` in metres, None without one.
    """

    frame: int | None
    time: float | None
    latitude: float
    longitude: float
    altitude: float | None


def read_times(text: str, *, name: str = "times.txt") -> npt.NDArray[np.float64]:
    """Seconds of each frame, shape (frames,), from a file of one number per line (as KITTI's times.txt).

    Raises CloudError naming the line when one is no finite number, or when times do not increase.
    """
    lines = text.removeprefix("\ufeff").rstrip().splitlines()
    times = np.array([_time(line, number, name) for number, line in enumerate(lines, 1)], np.float64)
    if not len(times):
        raise CloudError("the file holds no time", "Write one time in seconds per line.", file=name)
    late = np.flatnonzero(np.diff(times) <= 0)
    if len(late):
        line = int(late[0]) + 2
        raise CloudError(
            f"line {line} is not later than the line before",
            "Sort the frames, or correct the times.",
            "time",
            name,
        )
    return times


def _time(line: str, number: int, name: str) -> float:
    value = _number(line)
    if value is None or not math.isfinite(value):
        raise CloudError(
            f"line {number} is not a time: {line.strip()[:40]!r}",
            "Write one time in seconds per line.",
            "time",
            name,
        )
    return value


def read_positions(text: str, *, name: str = "gps.csv") -> list[Position]:
    """The positions of a gps.csv with a header row.

    Columns, in any order: `frame` or `time`, `latitude`, `longitude`, and optionally `altitude`. An empty
    latitude or longitude reads as NaN. Raises CloudError naming line and column of what can not be read.
    """
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        header = [column.strip().lower() for column in next(rows, [])]
        _check_columns(header, name)
        return [_position(header, row, rows.line_num, name) for row in rows if any(map(str.strip, row))]
    except csv.Error as error:
        raise CloudError(f"line {rows.line_num} is not CSV: {error}", "Export the file again.", file=name) from error


def _check_columns(header: list[str], name: str) -> None:
    remedy = "The header row is: time or frame, latitude, longitude, and optionally altitude."
    for column in header:
        if column not in COLUMNS:
            raise CloudError(f"line 1 names an unknown column {column[:40]!r}", remedy, column[:40], name)
        if header.count(column) > 1:
            raise CloudError(f"line 1 names the column {column!r} twice", remedy, column, name)
    for column in ("latitude", "longitude"):
        if column not in header:
            raise CloudError(f"line 1 names no column {column!r}", remedy, column, name)
    if sum(column in header for column in KEY_COLUMNS) != 1:
        raise CloudError("line 1 needs one of the columns time and frame", remedy, "time", name)


def _position(header: list[str], row: list[str], line: int, name: str) -> Position:
    if len(row) != len(header):
        raise CloudError(f"line {line} has {len(row)} columns, the header {len(header)}", "Correct it.", file=name)
    cells = {column: cell.strip() for column, cell in zip(header, row, strict=True)}
    values = {column: _cell(column, cell, line, name) for column, cell in cells.items()}
    altitude = values.get("altitude")
    return Position(
        frame=int(values["frame"]) if "frame" in values else None,
        time=values.get("time"),
        latitude=values["latitude"],
        longitude=values["longitude"],
        altitude=altitude if altitude is not None and math.isfinite(altitude) else None,
    )


def _cell(column: str, cell: str, line: int, name: str) -> float:
    if column == "frame":
        if not (cell.isascii() and cell.isdigit() and len(cell) <= 9):
            raise CloudError(f"line {line} has no frame number: {cell[:40]!r}", "Count from 0.", column, name)
        return int(cell)
    value = math.nan if not cell and column != "time" else _number(cell)
    if value is None or (column == "time" and not math.isfinite(value)):
        raise CloudError(f"line {line} is not a number: {cell[:40]!r}", "Correct the cell.", column, name)
    return value


def _number(text: str) -> float | None:
    try:
        # Python would read "1_000" as a number; no other program writes or reads that.
        return None if "_" in text else float(text)
    except ValueError:
        return None


def position_problem(latitude: float, longitude: float) -> str | None:
    """Why a position in degrees (WGS 84) counts as missing, in words; None when it is good."""
    if math.isnan(latitude) or math.isnan(longitude):
        return "the position is not a number (NaN)"
    if not -90 <= latitude <= 90:
        return f"latitude {latitude:g} is outside -90..90 degrees"
    if not -180 <= longitude <= 180:
        return f"longitude {longitude:g} is outside -180..180 degrees"
    if abs(latitude) <= NULL_ISLAND and abs(longitude) <= NULL_ISLAND:
        return "the position is (0, 0), which a receiver reports without a fix"
    return None
