"""The header of a PCD file: parsed strictly, before a byte is allocated for points.

Layout: Point Cloud Library, "The PCD (Point Cloud Data) file format", version 0.7. Headers of the older
versions .5 and .6 (no VIEWPOINT, COLUMNS for FIELDS, no COUNT) are read as well.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any

import numpy as np

from scenes.clouds.cloud import (
    AXES,
    DEFAULT_LIMITS,
    IDENTITY_VIEWPOINT,
    CloudError,
    Limits,
    Viewpoint,
    naming,
)

ENCODINGS = ("ascii", "binary", "binary_compressed")
PADDING = "_"

KEYWORDS = {"VERSION", "FIELDS", "SIZE", "TYPE", "COUNT", "WIDTH", "HEIGHT", "VIEWPOINT", "POINTS", "DATA"}
SIZES = {"I": (1, 2, 4, 8), "U": (1, 2, 4, 8), "F": (4, 8)}
OLD_KEYWORDS = {"COLUMNS": "FIELDS"}
# Only with its line end is the line known to be whole.
DATA_LINE = re.compile(rb"^[ \t]*DATA\b[^\n]*\n", re.MULTILINE | re.IGNORECASE)
PAGE = 4096
UNREADABLE = "\N{REPLACEMENT CHARACTER}"
EXPORT = "Export the cloud again as PCD 0.7."


@dataclass(frozen=True)
class PcdField:
    """One field: its name, TYPE letter (I, U or F), SIZE in bytes and COUNT of elements per point."""

    name: str
    type: str
    size: int
    count: int

    @property
    def bytes(self) -> int:
        """Bytes of this field per point."""
        return self.size * self.count

    @property
    def is_padding(self) -> bool:
        """Whether the field only fills space between others."""
        return self.name == PADDING

    @property
    def element(self) -> np.dtype[Any]:
        """Data type of one element, little endian."""
        return np.dtype(f"<{self.type.lower()}{self.size}")

    @property
    def format(self) -> Any:
        """Data type of the whole field, a subarray when COUNT exceeds 1."""
        return self.element if self.count == 1 else (self.element, (self.count,))


@dataclass(frozen=True)
class PcdHeader:
    """What the header declares, already checked for being possible."""

    version: str
    fields: tuple[PcdField, ...]
    width: int
    height: int
    points: int
    viewpoint: Viewpoint
    encoding: str
    data_offset: int

    @property
    def record_bytes(self) -> int:
        """Bytes per point as stored, padding included."""
        return sum(field.bytes for field in self.fields)

    @property
    def decoded_bytes(self) -> int:
        """Bytes of all points as stored, padding included."""
        return self.record_bytes * self.points

    @property
    def columns(self) -> int:
        """Numbers per row of an ascii file, padding included."""
        return sum(field.count for field in self.fields)

    def dtype(self, *, packed: bool) -> np.dtype[Any]:
        """Structured type of one point without its padding fields.

        Packed, the fields touch each other; otherwise they stand where the file has them.
        """
        return _dtype(self.fields, packed)


# Cached, as `_checked_fields` is: the frames of a drive declare the same fields, thousands of times.
@lru_cache(maxsize=128)
def _dtype(fields: tuple[PcdField, ...], packed: bool) -> np.dtype[Any]:
    kept = [field for field in fields if not field.is_padding]
    if packed:
        return np.dtype([(field.name, field.format) for field in kept])
    ends = list(accumulate(field.bytes for field in fields))
    places = [end - field.bytes for end, field in zip(ends, fields, strict=True) if not field.is_padding]
    layout: Any = {"names": [field.name for field in kept], "formats": [field.format for field in kept]}
    record: np.dtype[Any] = np.dtype(layout | {"offsets": places, "itemsize": ends[-1]})
    return record


def read_header(data: bytes | memoryview, *, name: str = "", limits: Limits = DEFAULT_LIMITS) -> PcdHeader:
    """The checked header of the PCD file `data`. Raises CloudError; `name` stands in its message."""
    with naming(name):
        text, data_offset = _head(data, limits)
        header = _header(_entries(text), data_offset, limits)
        _check_limits(header, limits)
        return header


def _head(data: bytes | memoryview, limits: Limits) -> tuple[str, int]:
    """The text up to and with the DATA line, and where the data begins."""
    if not len(data):
        raise CloudError("the file is empty", "Upload it again, or leave this frame out.")
    for size in (min(PAGE, limits.max_header_bytes), limits.max_header_bytes):
        head = bytes(data[:size])
        match = DATA_LINE.search(head)
        if match:
            return head[: match.end()].decode(errors="replace"), match.end()
    whole = len(data) <= limits.max_header_bytes
    where = "the file ends inside the header" if whole else f"there is none in the first {len(head)} bytes"
    _entries(head.decode(errors="replace"))
    raise CloudError(f"the DATA line is missing: {where}", f"The file is cut or not a PCD file. {EXPORT}")


def _entries(text: str) -> dict[str, list[str]]:
    """The words of each header line by its keyword."""
    entries: dict[str, list[str]] = {}
    for line in text.split("\n"):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        keyword = words[0].upper()
        keyword = OLD_KEYWORDS.get(keyword, keyword)
        if keyword not in KEYWORDS or UNREADABLE in line:
            raise CloudError(f"unknown header line {line[:40]!r}: not a PCD header", EXPORT)
        if keyword in entries:
            raise CloudError(f"the header has more than one {keyword} line", EXPORT)
        entries[keyword] = words[1:]
    return entries


def _header(entries: dict[str, list[str]], data_offset: int, limits: Limits) -> PcdHeader:
    fields = _fields(entries, limits)
    width, height, points = _extent(entries)
    encoding = " ".join(entries["DATA"]).lower()
    if encoding not in ENCODINGS:
        raise CloudError(f"DATA {encoding[:40]!r} is unknown", f"Use one of: {', '.join(ENCODINGS)}.")
    version = " ".join(entries.get("VERSION", ["0.7"]))
    viewpoint = _viewpoint(entries.get("VIEWPOINT"))
    return PcdHeader(version, fields, width, height, points, viewpoint, encoding, data_offset)


def _fields(entries: dict[str, list[str]], limits: Limits) -> tuple[PcdField, ...]:
    names = _values(entries, "FIELDS")
    if not names:
        raise CloudError("the FIELDS line names no field", EXPORT)
    if len(names) > limits.max_fields:
        raise CloudError(f"{len(names)} fields exceed the limit of {limits.max_fields}", "Leave fields out.")
    types, sizes = _values(entries, "TYPE"), _values(entries, "SIZE")
    counts = entries.get("COUNT", ["1"] * len(names))
    for keyword, values in (("SIZE", sizes), ("TYPE", types), ("COUNT", counts)):
        if len(values) != len(names):
            raise CloudError(f"{keyword} has {len(values)} entries for {len(names)} fields", EXPORT)
    return _checked_fields(tuple(zip(names, types, sizes, counts, strict=True)), limits)


@lru_cache(maxsize=128)
def _checked_fields(declared: tuple[tuple[str, str, str, str], ...], limits: Limits) -> tuple[PcdField, ...]:
    fields = tuple(_field(*entry, limits) for entry in declared)
    _check_names(fields)
    return fields


def _field(name: str, type_: str, size: str, count: str, limits: Limits) -> PcdField:
    letter = type_.upper()
    if letter not in SIZES:
        raise CloudError(f"TYPE {type_[:20]!r} is unknown", "PCD knows I, U and F.", name)
    width = _integer("SIZE", size, name)
    if width not in SIZES[letter]:
        raise CloudError(f"TYPE {letter} can not have SIZE {width}", f"Possible are {SIZES[letter]}.", name)
    elements = _integer("COUNT", count, name)
    if not 1 <= elements <= limits.max_count:
        raise CloudError(f"COUNT {elements} is not within 1..{limits.max_count}", EXPORT, name)
    return PcdField(name, letter, width, elements)


def _check_names(fields: tuple[PcdField, ...]) -> None:
    by_name = {field.name: field for field in fields}
    names = [field.name for field in fields if not field.is_padding]
    for name in names:
        if names.count(name) > 1:
            raise CloudError(f"the field {name!r} is declared twice", "Give each field its own name.", name)
    for axis in AXES:
        if axis not in by_name:
            raise CloudError(
                f"there is no field {axis!r}: the file holds no positions",
                f"It has {', '.join(names)}. Export the cloud with x, y and z.",
                axis,
            )
        if by_name[axis].count != 1:
            raise CloudError(f"COUNT is {by_name[axis].count} where a coordinate has 1", EXPORT, axis)


def _extent(entries: dict[str, list[str]]) -> tuple[int, int, int]:
    """WIDTH, HEIGHT and POINTS; what an old header leaves out follows from the others."""
    given = {key: _integer(key, " ".join(entries[key])) for key in ("WIDTH", "HEIGHT", "POINTS") if key in entries}
    if "WIDTH" not in given and "POINTS" not in given:
        raise CloudError("the header has neither POINTS nor WIDTH", EXPORT)
    height = given.get("HEIGHT", 1)
    width = given.get("WIDTH", given.get("POINTS", 0) // max(height, 1))
    points = given.get("POINTS", width * height)
    if points != width * height:
        raise CloudError(f"POINTS is {points} but WIDTH x HEIGHT is {width} x {height} = {width * height}", EXPORT)
    return width, height, points


def _viewpoint(values: list[str] | None) -> Viewpoint:
    if values is None:
        return IDENTITY_VIEWPOINT
    try:
        numbers = tuple(float(value) for value in values)
    except ValueError:
        numbers = ()
    if len(numbers) != 7 or not all(map(math.isfinite, numbers)):
        raise CloudError("VIEWPOINT is not seven finite numbers", "Write it as tx ty tz qw qx qy qz.")
    return numbers


def _values(entries: dict[str, list[str]], keyword: str) -> list[str]:
    if keyword not in entries:
        raise CloudError(f"the header has no {keyword} line", EXPORT)
    return entries[keyword]


def _integer(keyword: str, text: str, field: str = "") -> int:
    # At most 18 digits: more can not be meant, and int() of a long string is slow.
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise CloudError(f"{keyword} {text[:40]!r} is not a whole number", EXPORT, field)
    return int(text)


def _check_limits(header: PcdHeader, limits: Limits) -> None:
    if header.columns > limits.max_count:
        raise CloudError(
            f"COUNT adds up to {header.columns} numbers per point, the limit is {limits.max_count}", EXPORT
        )
    if header.points > limits.max_points:
        raise CloudError(
            f"{header.points} points exceed the limit of {limits.max_points}", "Split the cloud into tiles."
        )
    if header.decoded_bytes > limits.max_bytes:
        raise CloudError(
            f"{header.decoded_bytes} bytes of points exceed the limit of {limits.max_bytes}",
            "Split the cloud into tiles, or leave fields out.",
        )
