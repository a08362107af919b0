"""Plain text clouds .xyz, .xyzn, .xyzrgb and .pts, read by open3d in a child process.

open3d skips lines it does not understand and fills points that a .pts promises but lacks with whatever the
memory holds, so each line is counted and its numbers looked at here before it gets the text, and its
answer must have that number of points. Its float64 reader gives positions, its tensor reader (float32
positions) the intensities that the first one drops.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scenes.clouds import child
from scenes.clouds.cloud import (
    DEFAULT_LIMITS,
    IDENTITY_VIEWPOINT,
    CloudError,
    Limits,
    PointCloud,
    check_positions,
    naming,
)

POSITION = [("x", "<f8"), ("y", "<f8"), ("z", "<f8")]
NORMAL = [("normal_x", "<f8"), ("normal_y", "<f8"), ("normal_z", "<f8")]
UNIT_COLOUR = [("red", "<f8"), ("green", "<f8"), ("blue", "<f8")]
INTENSITY = [("intensity", "<f4")]
COLOUR = [("red", "u1"), ("green", "u1"), ("blue", "u1")]
# Fields by suffix and number of columns.
LAYOUTS: dict[str, dict[int, list[tuple[str, str]]]] = {
    ".xyz": {3: POSITION},
    ".xyzn": {6: POSITION + NORMAL},
    ".xyzrgb": {6: POSITION + UNIT_COLOUR},
    ".pts": {
        3: POSITION,
        4: POSITION + INTENSITY,
        6: POSITION + COLOUR,
        7: POSITION + INTENSITY + COLOUR,
    },
}
# What a number may look like; alternatives that can not match the same text keep it linear.
NUMBER = rb"[-+]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|nan|inf)"
READER = "scenes.clouds.xyz:read_in_child"
LIMITS = child.ChildLimits(memory_bytes=6 * 1024**3)
WRONG_ROWS = "Each line must hold the numbers of one point, separated by spaces. Export the cloud again."
SYSTEM_LIBRARIES = "Install its system libraries: apt-get install libgl1 libegl1 libx11-6 libusb-1.0-0."


class XyzFormat:
    """The text formats as an entry of the format registry."""

    name = "XYZ"
    suffixes = tuple(LAYOUTS)

    def read(self, data: bytes | memoryview, *, name: str, limits: Limits) -> PointCloud:
        """See `read` of this module; the kind is the suffix of `name`."""
        kind = max((suffix for suffix in LAYOUTS if name.lower().endswith(suffix)), key=len, default="")
        return read(data, kind=kind, name=name, limits=limits)


def read(data: bytes | memoryview, *, kind: str, name: str = "", limits: Limits = DEFAULT_LIMITS) -> PointCloud:
    """The point cloud of a whole text file of `kind` .xyz, .xyzn, .xyzrgb or .pts.

    Fields: x, y, z as float64; normal_x, normal_y, normal_z (.xyzn); red, green, blue as 0 to 1 (.xyzrgb) or
    as uint8 (.pts); intensity as float32 (.pts).

    Raises CloudError, with `name` as its file, when a line is not the numbers of one point, when a .pts has
    another number of lines than its first line says, when the cloud exceeds `limits`, when open3d can not be
    loaded, and when its answer has another number of points.
    """
    with naming(name):
        if kind not in LAYOUTS:
            raise CloudError(f"the kind {kind!r} is unknown", f"Use one of: {', '.join(LAYOUTS)}.")
        lines = [line for line in bytes(data).splitlines() if line.strip()]
        columns = _check_lines(lines, kind, limits)
        layout = np.dtype(LAYOUTS[kind][columns])
        number = len(lines) - (kind == ".pts")
        points = np.empty(number, layout)
        found = _fill(points, b"\n".join(lines) + b"\n", {"kind": kind, "columns": columns})
        if found != number:
            raise CloudError(f"open3d found {found} points in {number} lines", WRONG_ROWS)
        check_positions(points)
        return PointCloud(points, number, 1, IDENTITY_VIEWPOINT, f"{kind[1:]} text")


def _check_lines(lines: list[bytes], kind: str, limits: Limits) -> int:
    """The number of columns, once every line is known to have it."""
    first = 1 if kind == ".pts" else 0
    if len(lines) <= first:
        raise CloudError("no points: the file has no line of numbers", "Leave this frame out.")
    if len(lines) - first > limits.max_points:
        raise CloudError(f"{len(lines)} points exceed the limit of {limits.max_points}", "Split the cloud.")
    if first:
        _check_declared(lines)
    columns = len(lines[first].split())
    if columns not in LAYOUTS[kind]:
        allowed = " or ".join(map(str, LAYOUTS[kind]))
        raise CloudError(f"a line has {columns} numbers, {kind} has {allowed}", WRONG_ROWS)
    whole = re.compile(rb"\s*" + rb"\s+".join([NUMBER] * columns) + rb"\s*")
    for row, line in enumerate(lines[first:], 1):
        if not whole.fullmatch(line):
            raise _row_error(row, line, columns)
    return columns


def _row_error(row: int, line: bytes, columns: int) -> CloudError:
    words = line.split()
    if len(words) != columns:
        return CloudError(f"row {row} has {len(words)} numbers, the first has {columns}", WRONG_ROWS)
    stranger = next((word for word in words if not re.fullmatch(NUMBER, word)), line)
    return CloudError(f"row {row} holds {stranger[:40].decode('latin-1')!r}, which is no number", WRONG_ROWS)


def _check_declared(lines: list[bytes]) -> None:
    declared = lines[0].strip()
    if not declared.isdigit() or int(declared[:18]) != len(lines) - 1:
        shown = declared[:40].decode("latin-1")
        raise CloudError(
            f"the first line declares {shown!r} points, {len(lines) - 1} lines follow",
            "The file is cut or wrong: copy or export it again.",
        )


def _fill(points: npt.NDArray[np.void], text: bytes, parameters: dict[str, Any]) -> int:
    """Fill `points` with what open3d reads; returns how many it found."""
    found = 0
    with closing(child.blocks(READER, text, limits=LIMITS, parameters=parameters)) as blocks:
        for block in blocks:
            if block.dtype != points.dtype:
                raise CloudError("open3d gave other fields than the file has", WRONG_ROWS)
            kept = block[: max(0, len(points) - found)]
            points[found : found + len(kept)] = kept
            found += len(block)
    return found


def read_in_child(path: str, *, kind: str, columns: int) -> Iterator[npt.NDArray[Any]]:
    """Runs in the child: the points as open3d reads them. Raises CloudError when it can not be loaded."""
    try:
        import open3d
    except (ImportError, OSError) as error:
        raise CloudError(f"open3d can not be loaded ({error})", SYSTEM_LIBRARIES) from error

    cloud = open3d.io.read_point_cloud(Path(path), format=kind[1:])
    parts = [np.asarray(cloud.points)]
    if kind == ".pts" and columns > 3:
        tensors = open3d.t.io.read_point_cloud(Path(path), format=kind[1:]).point
        names = [name for name in ("intensities", "colors") if name in tensors]
        parts += [tensors[name].numpy() for name in names]
    elif columns > 3:
        parts.append(np.asarray(cloud.normals if kind == ".xyzn" else cloud.colors))
    yield from _structured(parts, np.dtype(LAYOUTS[kind][columns]))


def _structured(
    parts: list[npt.NDArray[Any]], layout: np.dtype[Any], rows: int = 1_000_000
) -> Iterator[npt.NDArray[Any]]:
    """The columns of `parts` side by side as the fields of `layout`, in blocks of `rows`."""
    columns = [column for part in parts for column in part.T]
    names = layout.names or ()
    if len(columns) != len(names) or len({len(column) for column in columns}) != 1:
        raise CloudError(f"open3d read {len(columns)} columns where {len(names)} are in the file", WRONG_ROWS)
    for start in range(0, len(columns[0]), rows):
        block = np.empty(len(columns[0][start : start + rows]), layout)
        for name, column in zip(names, columns, strict=True):
            block[name] = column[start : start + rows]
        yield block
