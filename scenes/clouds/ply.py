"""PLY files: ascii and binary in both byte orders, the vertex element with any scalar properties.

The reader is our own. The library plyfile refuses bad files as well, but it is fast only on a file on disk, which
it maps into memory; from bytes, as every storage gives them, it took 460 ms for 120 k points where this takes
0.04. It also makes a Python object per face of a mesh, and allocates what an ascii header declares before it looks
at the data. Here nothing is allocated that the size of the file does not warrant, and other elements are walked
over without being built.
"""

from __future__ import annotations

import io
import re

import numpy as np
import numpy.typing as npt

from scenes.clouds.cloud import (
    DEFAULT_LIMITS,
    IDENTITY_VIEWPOINT,
    CloudError,
    Limits,
    PointCloud,
    check_positions,
    naming,
)
from scenes.clouds.ply_header import VERTEX, PlyElement, PlyHeader, read_header
from scenes.clouds.ply_skipping import COPY_AGAIN, WRONG_LENGTH, skip_binary, skip_lines
from scenes.clouds.ply_writer import write

__all__ = ["PlyFormat", "read", "read_header", "write"]

# What is looked at before a last number that may be cut.
COMPARED_BYTES = 65_536


class PlyFormat:
    """PLY as an entry of the format registry."""

    name = "PLY"
    suffixes = (".ply",)

    def read(self, data: bytes | memoryview, *, name: str, limits: Limits) -> PointCloud:
        """See `read` of this module."""
        return read(data, name=name, limits=limits)


def read(data: bytes | memoryview, *, name: str = "", limits: Limits = DEFAULT_LIMITS) -> PointCloud:
    """The point cloud of a whole PLY file: its element "vertex", with all properties as fields.

    The points of a little endian file are a read-only view of `data`, not a copy. Elements beside the
    vertices are checked for their length and left out.

    Raises CloudError, with `name` as its file, when the header is impossible, disagrees with the size of the
    data or exceeds `limits`, when a property of vertex is a list, when data is missing, damaged or left over,
    and when the cloud has no point or no finite position.
    """
    with naming(name):
        header = read_header(data, limits)
        body = memoryview(data)[header.data_offset :]
        _check_least_bytes(header, len(body))
        points = _read_ascii(body, header) if header.encoding == "ascii" else _read_binary(body, header)
        check_positions(points)
        return PointCloud(points, len(points), 1, IDENTITY_VIEWPOINT, header.encoding)


def _check_least_bytes(header: PlyHeader, size: int) -> None:
    """Refuse counts that the data can not hold, before anything is allocated for them."""
    for element in header.elements:
        # In ascii a number takes a digit and a separator; the very last one needs no separator.
        least = element.least_bytes if header.encoding != "ascii" else 2 * len(element.properties)
        if element.count * least > size + 1:
            raise CloudError(
                f"{element.count} of the element {element.name[:40]!r} can not fit into {size} bytes",
                COPY_AGAIN,
                element.name[:40],
            )


def _read_binary(body: memoryview, header: PlyHeader) -> npt.NDArray[np.void]:
    ends = [0]
    for element in header.elements:
        ends.append(skip_binary(body, ends[-1], element, header.order))
    _check_tail(body[ends[-1] :])
    start = ends[header.elements.index(header.vertex)]
    points = np.frombuffer(body, header.vertex.dtype(header.order), header.vertex.count, start)
    return points.astype(points.dtype.newbyteorder("<"), copy=False)


def _check_tail(tail: memoryview) -> None:
    if bytes(tail[:3]) not in (b"", b"\n", b"\r\n"):
        raise CloudError(f"{len(tail)} bytes follow the declared elements", WRONG_LENGTH)


def _read_ascii(body: memoryview, header: PlyHeader) -> npt.NDArray[np.void]:
    text = bytes(body)
    ends = [0]
    for element in header.elements:
        ends.append(skip_lines(text, ends[-1], element))
    if text[ends[-1] :].strip():
        raise CloudError("rows follow the declared elements", WRONG_LENGTH)
    _check_last_number(text, header)
    place = header.elements.index(header.vertex)
    return _parse_rows(text[ends[place] : ends[place + 1]], header.vertex)


def _parse_rows(text: bytes, vertex: PlyElement) -> npt.NDArray[np.void]:
    """Rows parsed column by column in their own type, so that integers stay exact."""
    dtype = vertex.dtype("<")
    flat = np.dtype([(f"{place}", dtype[place]) for place in range(len(vertex.properties))])
    try:
        rows = np.loadtxt(io.BytesIO(text), flat, comments=None, ndmin=1) if text.strip() else np.empty(0, flat)
    except ValueError as error:
        raise _row_error(str(error), vertex) from error
    if len(rows) != vertex.count:
        raise CloudError(f"{len(rows)} rows hold points, declared are {vertex.count}", WRONG_LENGTH, VERTEX)
    return rows.view(dtype)


def _row_error(message: str, vertex: PlyElement) -> CloudError:
    number = re.match(r"could not convert string (.*) to (\w+) at row (\d+), column (\d+)", message, re.DOTALL)
    if number:
        text, type_, row, column = number.groups()
        return CloudError(
            f"point {int(row) + 1} has {text[:40]}, which is not a {type_}",
            WRONG_LENGTH,
            vertex.properties[int(column) - 1].name,
        )
    length = re.search(r"requires (\d+) columns but (\d+) were found at row (\d+)", message)
    if length:
        wanted, found, row = length.groups()
        return CloudError(f"point {row} has {found} numbers where vertex needs {wanted}", COPY_AGAIN, VERTEX)
    return CloudError(f"the points can not be read: {message}", WRONG_LENGTH, VERTEX)


def _check_last_number(text: bytes, header: PlyHeader) -> None:
    """Refuse a file that was cut inside the very last number of its points.

    Only without a final line end can that be; then a last number shorter than all others of its column is
    taken as cut. A complete file of many points is refused wrongly with a small chance only.
    """
    vertex = header.vertex
    last_element = [element for element in header.elements if element.count][-1]
    if last_element is not vertex or text.endswith((b"\n", b"\r")):
        return
    columns = len(vertex.properties)
    numbers = text[-COMPARED_BYTES:].split()[1:] if len(text) > COMPARED_BYTES else text.split()
    last, *others = numbers[: -columns * vertex.count - 1 : -columns]
    if others and len(last) < min(map(len, others)):
        shown = last.decode("latin-1")
        name = vertex.properties[-1].name
        raise CloudError(f"the last row ends in {shown!r} without a line end, as if cut", COPY_AGAIN, name)
