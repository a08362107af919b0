"""Original files as NumPy arrays: the formats that are records one after the other.

Other formats (compressed PCD, PLY, LAS, LAZ, ...) come from the server as `.npy` with the same fields, decoded there.
"""

from __future__ import annotations

import io
import mmap
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lamm_client.errors import LammError

Points = npt.NDArray[np.void]
# Records without a header, by the name of their format.
RECORDS: dict[str, np.dtype[Any]] = {
    "kitti": np.dtype([(name, "<f4") for name in ("x", "y", "z", "intensity")]),
    "nuscenes": np.dtype([(name, "<f4") for name in ("x", "y", "z", "intensity", "ring")]),
}
AT_ONCE_BYTES = 256 * 1024**2
LONGEST_HEADER = 64 * 1024
DATA_LINE = re.compile(rb"^\s*DATA[ \t]+(\S+)[ \t]*\r?\n", re.MULTILINE | re.IGNORECASE)
KINDS = {"I": "i", "U": "u", "F": "f"}
PADDING = "_"


def readable(name: str, declared: str) -> bool:
    """Whether the format of a frame's original is one that `read` may know: by its name, or by what was declared."""
    return (declared.lower() or suffix_of(name)) in (*RECORDS, "pcd")


def suffix_of(name: str) -> str:
    """The format that a file name stands for: "pcd", "nuscenes" for .pcd.bin, else its suffix."""
    lower = name.lower()
    return "nuscenes" if lower.endswith(".pcd.bin") else lower.rpartition(".")[2]


def read(path: Path, *, name: str, declared: str = "") -> Points | None:
    """The points of a file with all their fields, shape (n,), as a read-only map of the file where that is possible.

    None when the file is a PCD whose points are compressed: the server decodes those. Raises LammError for a file
    that is not what it is declared to be.
    """
    kind = declared.lower() or suffix_of(name)
    if kind in RECORDS:
        return _records(path, RECORDS[kind], 0, None, name)
    return _pcd(path, name)


def is_compressed(path: Path, name: str, declared: str = "") -> bool:
    """Whether the points of a PCD file are compressed, so that `read` gives None."""
    if (declared.lower() or suffix_of(name)) != "pcd":
        return False
    with path.open("rb") as file:
        end = DATA_LINE.search(file.read(LONGEST_HEADER))
    return end is not None and end[1].lower() not in (b"binary", b"ascii")


def _records(path: Path, dtype: np.dtype[Any], offset: int, count: int | None, name: str) -> Points:
    length = path.stat().st_size - offset
    count = length // dtype.itemsize if count is None else count
    if length < count * dtype.itemsize or not count:
        raise LammError(f"{name}: {count} points of {dtype.itemsize} bytes do not fit {length} bytes.")
    return np.frombuffer(_mapped(path, length + offset), dtype, count, offset)


def _mapped(path: Path, size: int) -> mmap.mmap:
    """A read-only map of a file. Pages of one of usual size come at once: one by one they cost more than reading."""
    at_once = getattr(mmap, "MAP_POPULATE", 0) if size <= AT_ONCE_BYTES else 0
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, mmap.MAP_SHARED | at_once, mmap.PROT_READ)


def _pcd(path: Path, name: str) -> Points | None:
    with path.open("rb") as file:
        head = file.read(LONGEST_HEADER)
    end = DATA_LINE.search(head)
    if end is None:
        raise LammError(f"{name}: there is no DATA line, so this is no PCD file.")
    words = dict(_words(head[: end.start()].decode("ascii", "replace")))
    dtype, count = _layout(words, name), int(words["POINTS"][0])
    encoding = end[1].lower()
    if encoding == b"binary":
        return without_padding(_records(path, dtype, end.end(), count, name))
    if encoding == b"ascii":
        return without_padding(_ascii(path.read_bytes()[end.end() :], dtype, count, name))
    return None


def _words(header: str) -> list[tuple[str, list[str]]]:
    lines = (line.partition("#")[0].split() for line in header.splitlines())
    return [(first.upper(), rest) for first, *rest in filter(None, lines)]


def _layout(words: dict[str, list[str]], name: str) -> np.dtype[Any]:
    """Type of one point; padding gets names that no field has. Raises LammError."""
    try:
        names = words.get("FIELDS") or words["COLUMNS"]
        counts = words.get("COUNT") or ["1"] * len(names)
        columns = zip(names, words["TYPE"], words["SIZE"], counts, strict=True)
        fields = [
            (f"{PADDING}{place}" if field == PADDING else field, f"<{KINDS[kind.upper()]}{size}", int(count))
            for place, (field, kind, size, count) in enumerate(columns)
        ]
        return np.dtype([(field, kind) if count == 1 else (field, kind, (count,)) for field, kind, count in fields])
    except (KeyError, ValueError, TypeError) as error:
        raise LammError(f"{name}: the PCD header is not complete ({error!r}).") from error


def without_padding(points: Points) -> Points:
    """The fields that mean something, as a view."""
    names = [field for field in points.dtype.names or () if not re.fullmatch(rf"{PADDING}\d+", field)]
    return points if len(names) == len(points.dtype.names or ()) else points[names]


def _ascii(text: bytes, dtype: np.dtype[Any], count: int, name: str) -> Points:
    """Numbers in lines; integers above 2**53 lose their last digits, as in the server's reader of such files."""
    try:
        table = np.loadtxt(io.BytesIO(text), ndmin=2, max_rows=count)
    except ValueError as error:
        raise LammError(f"{name}: a line does not hold the declared numbers ({error}).") from error
    columns = [(field, dtype[field].shape[0] if dtype[field].shape else 1) for field in dtype.names or ()]
    if table.shape != (count, sum(width for _, width in columns)):
        raise LammError(f"{name}: {table.shape[0]} lines of {table.shape[1]} numbers, declared are {count} points.")
    points = np.empty(count, dtype)
    start = 0
    for field, width in columns:
        values = table[:, start] if not dtype[field].shape else table[:, start : start + width]
        points[field] = values
        start += width
    points.flags.writeable = False
    return points


def positions(points: Points) -> npt.NDArray[np.float32] | npt.NDArray[np.float64]:
    """x, y, z in metres, shape (n, 3): float64 when the file has them so, else float32."""
    together = _together(points.dtype)
    if together is not None:  # one pass over memory instead of three
        copied = np.ascontiguousarray(points.view(together)["xyz"])
        return copied.view(points.dtype["x"]).reshape(-1, 3)
    single = all(points.dtype[axis] == np.float32 for axis in "xyz")
    found: npt.NDArray[Any] = np.empty((len(points), 3), np.float32 if single else np.float64)
    for column, axis in enumerate("xyz"):
        found[:, column] = points[axis]
    return found


def _together(dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    """A type with x, y and z as one block of bytes, where they lie side by side as equal floats."""
    fields: Any = dtype.fields
    kind, places = dtype["x"], [fields[axis][1] for axis in "xyz"]
    wanted = [places[0] + column * kind.itemsize for column in range(3)]
    if places != wanted or kind not in (np.float32, np.float64) or any(dtype[axis] != kind for axis in "yz"):
        return None
    block = {"names": ["xyz"], "formats": [f"V{3 * kind.itemsize}"], "offsets": places[:1], "itemsize": dtype.itemsize}
    return np.dtype(block)  # type: ignore[call-overload]
