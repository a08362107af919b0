"""The header of a PLY file: parsed strictly, before a byte is allocated for points.

Layout: G. Turk, "The PLY Polygon File Format", Stanford 1994, with the sized names of types (int8 ... float64)
that later writers use beside the first ones (char ... double).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from scenes.clouds.cloud import AXES, CloudError, Limits

ENCODINGS = ("ascii", "binary_little_endian", "binary_big_endian")
TYPES = {
    "char": "i1",
    "uchar": "u1",
    "short": "i2",
    "ushort": "u2",
    "int": "i4",
    "uint": "u4",
    "float": "f4",
    "double": "f8",
    "int8": "i1",
    "uint8": "u1",
    "int16": "i2",
    "uint16": "u2",
    "int32": "i4",
    "uint32": "u4",
    "float32": "f4",
    "float64": "f8",
}
VERTEX = "vertex"
MAGIC = re.compile(rb"ply[ \t]*(\r\n|\n|\r)")
LAST_LINE = re.compile(rb"^[ \t]*end_header[ \t]*\r?\n", re.MULTILINE)
EXPORT = "Export the cloud again as PLY 1.0."


@dataclass(frozen=True)
class PlyProperty:
    """One property: its name, NumPy code of its type without byte order, and for a list that of its count."""

    name: str
    code: str
    count_code: str | None = None

    @property
    def is_list(self) -> bool:
        """Whether the property holds a count and as many numbers."""
        return self.count_code is not None

    @property
    def item_bytes(self) -> int:
        """Bytes of one number."""
        return int(self.code[1])

    @property
    def least_bytes(self) -> int:
        """The fewest bytes it can take in a binary file: an empty list has but its count."""
        return int((self.count_code or self.code)[1])


@dataclass(frozen=True)
class PlyElement:
    """One element, such as vertex or face: its name, how many of it follow, and its properties."""

    name: str
    count: int
    properties: tuple[PlyProperty, ...]

    @property
    def least_bytes(self) -> int:
        """The fewest bytes that one of it can take in a binary file."""
        return sum(entry.least_bytes for entry in self.properties)

    @property
    def has_lists(self) -> bool:
        """Whether its size differs from one to the next."""
        return any(entry.is_list for entry in self.properties)

    def dtype(self, order: str) -> np.dtype[Any]:
        """Structured type of one of it, in byte order "<" or ">"; it must have no list."""
        return np.dtype([(entry.name, order + entry.code) for entry in self.properties])


@dataclass(frozen=True)
class PlyHeader:
    """What the header declares, already checked for being possible."""

    encoding: str
    elements: tuple[PlyElement, ...]
    data_offset: int

    @property
    def order(self) -> str:
        """Byte order of the numbers, "<" or ">"."""
        return ">" if self.encoding == "binary_big_endian" else "<"

    @property
    def vertex(self) -> PlyElement:
        """The element that holds the points."""
        return next(element for element in self.elements if element.name == VERTEX)


def read_header(data: bytes | memoryview, limits: Limits) -> PlyHeader:
    """The checked header of the PLY file `data`. Raises CloudError."""
    text, data_offset = _head(data, limits)
    lines = [line.split() for line in text.split("\n")[1:-2]]
    lines = [words for words in lines if words and words[0] not in ("comment", "obj_info")]
    encoding = _encoding(lines[0] if lines else [])
    header = PlyHeader(encoding, _elements(lines[1:], limits), data_offset)
    _check_vertex(header, limits)
    return header


def _head(data: bytes | memoryview, limits: Limits) -> tuple[str, int]:
    """The text from "ply" to "end_header", and where the data begins."""
    if not len(data):
        raise CloudError("the file is empty", "Upload it again, or leave this frame out.")
    head = bytes(data[: limits.max_header_bytes])
    magic = MAGIC.match(head)
    if not magic:
        raise CloudError("the file does not begin with 'ply': not a PLY file", EXPORT)
    if magic[1] == b"\r":
        raise CloudError("the lines of the header end in a bare carriage return", EXPORT)
    last = LAST_LINE.search(head)
    if not last:
        where = "the file ends inside the header"
        if len(data) > len(head):
            where = f"there is none in the first {len(head)} bytes"
        raise CloudError(f"the end_header line is missing: {where}", f"The file is cut. {EXPORT}")
    return head[: last.end()].decode(errors="replace"), last.end()


def _encoding(words: list[str]) -> str:
    if len(words) != 3 or words[0] != "format" or words[2] != "1.0":
        raise CloudError(f"the format line is {' '.join(words)[:40]!r}", "It reads: format ascii 1.0.")
    if words[1] not in ENCODINGS:
        raise CloudError(f"the format {words[1][:40]!r} is unknown", f"Use one of: {', '.join(ENCODINGS)}.")
    return words[1]


def _elements(lines: list[list[str]], limits: Limits) -> tuple[PlyElement, ...]:
    names: list[tuple[str, int]] = []
    properties: list[list[PlyProperty]] = []
    for words in lines:
        if words[0] == "element" and len(words) == 3:
            names.append((words[1], _count(words[2], words[1])))
            properties.append([])
        elif words[0] == "property" and names:
            properties[-1].append(_property(words))
        else:
            raise CloudError(f"unknown header line {' '.join(words)[:40]!r}: not a PLY header", EXPORT)
        if len(names) + sum(map(len, properties)) > limits.max_fields:
            raise CloudError(f"the header declares more than {limits.max_fields} properties", EXPORT)
    elements = [PlyElement(name, count, tuple(own)) for (name, count), own in zip(names, properties, strict=True)]
    for element in elements:
        _check_names(element, elements)
    return tuple(elements)


def _count(text: str, element: str) -> int:
    # At most 18 digits: more can not be meant, and int() of a long string is slow.
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise CloudError(f"the count {text[:40]!r} of element {element[:40]} is not a whole number", EXPORT)
    return int(text)


def _property(words: list[str]) -> PlyProperty:
    if len(words) == 5 and words[1] == "list":
        count_code = _code(words[2], words[4])
        if count_code.startswith("f"):
            raise CloudError(f"a list is counted in {words[2]}", "Count in an integer type.", words[4][:40])
        return PlyProperty(words[4], _code(words[3], words[4]), count_code)
    if len(words) == 3:
        return PlyProperty(words[2], _code(words[1], words[2]))
    raise CloudError(f"the header line {' '.join(words)[:60]!r} is no property", EXPORT)


def _code(type_: str, field: str) -> str:
    if type_ not in TYPES:
        raise CloudError(f"the type {type_[:20]!r} is unknown", f"PLY knows {', '.join(TYPES)}.", field[:40])
    return TYPES[type_]


def _check_names(element: PlyElement, elements: list[PlyElement]) -> None:
    if [other.name for other in elements].count(element.name) > 1:
        raise CloudError(f"the element {element.name[:40]!r} is declared twice", EXPORT)
    names = [entry.name for entry in element.properties]
    for name in names:
        if not name.isprintable():
            raise CloudError(f"the property name {name[:40]!r} holds control characters", EXPORT)
        if names.count(name) > 1:
            raise CloudError(f"the property {name[:40]!r} is declared twice", EXPORT, name[:40])
    if element.count and not names:
        raise CloudError(f"the element {element.name[:40]!r} has no property", EXPORT)


def _check_vertex(header: PlyHeader, limits: Limits) -> None:
    if VERTEX not in [element.name for element in header.elements]:
        raise CloudError("there is no element 'vertex': the file holds no points", EXPORT, VERTEX)
    vertex = header.vertex
    for entry in vertex.properties:
        if entry.is_list:
            raise CloudError("a list inside vertex has no fixed size per point", "Leave the list out.", entry.name[:40])
    names = [entry.name for entry in vertex.properties]
    for axis in AXES:
        if axis not in names:
            raise CloudError(
                f"there is no property {axis!r}: the file holds no positions",
                f"It has {', '.join(names)[:200]}. Export the cloud with x, y and z.",
                axis,
            )
    if not vertex.count:
        raise CloudError("no points: the header declares 0", "Leave this frame out, or record it again.")
    if vertex.count > limits.max_points or vertex.count * vertex.least_bytes > limits.max_bytes:
        raise CloudError(
            f"{vertex.count} points exceed the limit of {limits.max_points} points or {limits.max_bytes} bytes",
            "Split the cloud into tiles.",
        )
