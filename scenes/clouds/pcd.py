"""PCD files: ascii, binary and binary_compressed, with any fields, read and written.

Layout: Point Cloud Library, "The PCD (Point Cloud Data) file format", version 0.7.
"""

from __future__ import annotations

import io
import re
import struct

import numpy as np
import numpy.typing as npt

from scenes.clouds.cloud import DEFAULT_LIMITS, CloudError, Limits, PointCloud, check_positions, naming
from scenes.clouds.pcd_header import PcdHeader, read_header
from scenes.clouds.pcd_writer import write

__all__ = ["PcdFormat", "PcdHeader", "read", "read_header", "write"]

COPY_AGAIN = "The file is cut: copy or export it again."
WRONG_LENGTH = "The header or the data is wrong: export the cloud again."
# An LZF back reference of 3 bytes yields at most 264 bytes, so no honest stream expands further.
LZF_MAX_EXPANSION = 88


class PcdFormat:
    """PCD as an entry of the format registry."""

    name = "PCD"
    suffixes = (".pcd",)

    def read(self, data: bytes | memoryview, *, name: str, limits: Limits) -> PointCloud:
        """See `read` of this module."""
        return read(data, name=name, limits=limits)


def read(data: bytes | memoryview, *, name: str = "", limits: Limits = DEFAULT_LIMITS) -> PointCloud:
    """The point cloud of a whole PCD file.

    The points of a binary file are a read-only view of `data`, not a copy. Bytes after the declared points
    must be zeros (writers that map memory pad to a page) or one line end.

    Raises CloudError, with `name` as its file, when the header is impossible, disagrees with the size of the
    data or exceeds `limits`, when the data is damaged, and when the cloud has no point or no finite position.
    """
    with naming(name):
        header = read_header(data, limits=limits)
        if not header.points:
            raise CloudError("no points: the header declares 0", "Leave this frame out, or record it again.")
        body = memoryview(data)[header.data_offset :]
        points = READERS[header.encoding](body, header)
        check_positions(points)
        return PointCloud(points, header.width, header.height, header.viewpoint, header.encoding)


def _read_binary(body: memoryview, header: PcdHeader) -> npt.NDArray[np.void]:
    if len(body) < header.decoded_bytes:
        raise CloudError(
            f"{header.points} points of {header.record_bytes} bytes need {header.decoded_bytes} bytes,"
            f" the file has {len(body)}",
            COPY_AGAIN,
        )
    _check_tail(body[header.decoded_bytes :])
    return np.frombuffer(body, header.dtype(packed=False), header.points)


def _read_compressed(body: memoryview, header: PcdHeader) -> npt.NDArray[np.void]:
    raw = _decompress(body, header)
    points = np.empty(header.points, header.dtype(packed=True))
    start = 0
    for field in header.fields:
        block = raw[start : start + header.points * field.bytes]
        start += len(block)
        if not field.is_padding:
            shape = (header.points,) if field.count == 1 else (header.points, field.count)
            points[field.name] = block.view(field.element).reshape(shape)
    return points


def _decompress(body: memoryview, header: PcdHeader) -> npt.NDArray[np.uint8]:
    """The LZF stream of a binary_compressed file, decoded: all of the first field, then the second, ..."""
    from imagecodecs import (
        LzfError,
        lzf_decode,
    )  # late: the web process imports this module and never decodes

    compressed, declared = _compressed_sizes(body, header)
    out = np.empty(declared, np.uint8)
    try:
        raw = lzf_decode(bytes(body[8 : 8 + compressed]), out=out.data)
    except LzfError as error:
        raise CloudError("the compressed data is damaged (LZF)", COPY_AGAIN) from error
    if len(raw) != declared:
        raise CloudError(f"the compressed data holds {len(raw)} bytes, declared are {declared}", WRONG_LENGTH)
    return out


def _compressed_sizes(body: memoryview, header: PcdHeader) -> tuple[int, int]:
    if len(body) < 8:
        raise CloudError("the file ends before the sizes of the compressed data", COPY_AGAIN)
    compressed, declared = struct.unpack_from("<II", body)
    if declared != header.decoded_bytes:
        raise CloudError(
            f"the uncompressed size is {declared}, but {header.points} points of {header.record_bytes} bytes"
            f" make {header.decoded_bytes}",
            WRONG_LENGTH,
        )
    if compressed > len(body) - 8:
        raise CloudError(f"the compressed size is {compressed}, the file has {len(body) - 8} bytes", COPY_AGAIN)
    if declared > compressed * LZF_MAX_EXPANSION:
        raise CloudError(f"{compressed} compressed bytes can not expand to {declared}", WRONG_LENGTH)
    _check_tail(body[8 + compressed :])
    return compressed, declared


def _check_tail(tail: memoryview) -> None:
    if len(tail) <= 2 and bytes(tail) in (b"", b"\n", b"\r\n"):
        return
    if np.frombuffer(tail, np.uint8).any():
        raise CloudError(f"{len(tail)} bytes follow the declared points and are not padding", WRONG_LENGTH)


def _read_ascii(body: memoryview, header: PcdHeader) -> npt.NDArray[np.void]:
    # A number takes a digit and a separator: what a header promises beyond that is a lie, found unallocated.
    if len(body) + 1 < 2 * header.columns * header.points:
        raise CloudError(
            f"{header.points} rows of {header.columns} numbers can not fit into {len(body)} bytes", COPY_AGAIN
        )
    text = bytes(body)
    rows = _parse_rows(text, header)
    if len(rows) != header.points:
        raise CloudError(f"the data has {len(rows)} rows, the header declares {header.points}", WRONG_LENGTH)
    _check_last_number(text, header)
    return _without_padding(rows, header)


def _parse_rows(text: bytes, header: PcdHeader) -> npt.NDArray[np.void]:
    """Rows parsed column by column in their own type, so that integers stay exact."""
    flat = [
        (f"{place}.{index}", field.element) for place, field in enumerate(header.fields) for index in range(field.count)
    ]
    if not text.strip():
        return np.empty(0, flat)
    try:
        return np.loadtxt(io.BytesIO(text), flat, comments=None, ndmin=1)
    except ValueError as error:
        raise _row_error(str(error), header) from error


def _row_error(message: str, header: PcdHeader) -> CloudError:
    number = re.match(r"could not convert string (.*) to (\w+) at row (\d+), column (\d+)", message, re.DOTALL)
    if number:
        text, type_, row, column = number.groups()
        names = [field.name for field in header.fields for _ in range(field.count)]
        return CloudError(
            f"row {int(row) + 1} has {text[:40]}, which is not a {type_}",
            WRONG_LENGTH,
            names[int(column) - 1],
        )
    length = re.search(r"requires (\d+) columns but (\d+) were found at row (\d+)", message)
    if length:
        wanted, found, row = length.groups()
        return CloudError(f"row {row} has {found} numbers where the fields need {wanted}", COPY_AGAIN)
    return CloudError(f"the rows can not be read: {message}", WRONG_LENGTH)


def _check_last_number(text: bytes, header: PcdHeader) -> None:
    """Refuse a file that was cut inside its very last number.

    Only without a final line end can that be; then a last number shorter than all others of its column is
    taken as cut. A complete file is refused wrongly with a chance below 1 / rows.
    """
    if text.endswith((b"\n", b"\r")):
        return
    *others, last = text.split()[header.columns - 1 :: header.columns]
    if others and len(last) < min(map(len, others)):
        shown = last.decode("latin-1")
        name = header.fields[-1].name
        raise CloudError(f"the last row ends in {shown!r} without a line end, as if cut", COPY_AGAIN, name)


def _without_padding(rows: npt.NDArray[np.void], header: PcdHeader) -> npt.NDArray[np.void]:
    """The flat columns of `rows` as the fields of the header, without a copy."""
    return rows.view(header.dtype(packed=False))


READERS = {"ascii": _read_ascii, "binary": _read_binary, "binary_compressed": _read_compressed}
