"""Where the vehicle was: positions in WGS 84 from gps.csv and from KITTI's oxts files."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable
from typing import NamedTuple

from scenes.clouds.cloud import CloudError, naming
from scenes.clouds.text_numbers import BYTE_ORDER_MARK, finite_numbers, lines_of, number

# Degrees; closer than this to (0, 0) is a receiver without a fix and not a ship off Ghana.
NULL_ISLAND = 1e-6
KEY_COLUMNS = ("time", "frame")
# Latitude, longitude (degrees), altitude, roll, pitch, yaw (metres, radians), then velocities, accelerations,
# rates, accuracies and states: A. Geiger et al., "Vision meets Robotics", IJRR 2013, data format of oxts.
OXTS_NUMBERS = 30
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


def read_positions(text: str, *, name: str = "gps.csv") -> list[Position]:
    """The positions of a gps.csv with a header row.

    Columns, in any order: `frame` or `time`, `latitude`, `longitude`, and optionally `altitude`. An empty
    latitude or longitude reads as NaN. Raises CloudError naming line and column of what can not be read.
    """
    rows = csv.reader(io.StringIO(text.removeprefix(BYTE_ORDER_MARK)), strict=True)
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
    value = math.nan if not cell and column != "time" else number(cell)
    if value is None or (column == "time" and not math.isfinite(value)):
        raise CloudError(f"line {line} is not a number: {cell[:40]!r}", "Correct the cell.", column, name)
    return value


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


def read_oxts(files: Iterable[tuple[str, str]]) -> list[Position]:
    """The positions of KITTI raw's oxts folder: one file per frame, given as (name, text), in frame order.

    A file holds one line of 30 numbers. Raises CloudError with the name of the file that does not.
    """
    return [_oxts_position(frame, name, text) for frame, (name, text) in enumerate(files)]


def _oxts_position(frame: int, name: str, text: str) -> Position:
    with naming(name):
        lines = lines_of(text)
        if len(lines) != 1:
            raise CloudError(f"the file has {len(lines)} lines, not 1", "One file holds one frame.")
        values = finite_numbers(
            lines[0].split(),
            OXTS_NUMBERS,
            line=1,
            field="oxts",
            remedy="Copy the file again: it holds 30 numbers, latitude, longitude and altitude first.",
        )
        return Position(frame, None, *values[:3])
