"""LAS 1.0 to 1.5 and LAZ: whole clouds, and chunks of clouds that are larger than memory.

Uncompressed records are decoded here, after the header was held against the file; compressed ones come out of
a child process (see laz.py) and are held against the header once more.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from scenes.clouds import laz
from scenes.clouds.cloud import (
    AXES,
    DEFAULT_LIMITS,
    IDENTITY_VIEWPOINT,
    CloudError,
    Limits,
    PointCloud,
    naming,
)
from scenes.clouds.las_header import COPY_AGAIN, LasHeader, header_of, read_header
from scenes.clouds.las_points import BLOCK, Layout, layout_of

__all__ = ["LasFormat", "LasHeader", "chunks", "read", "read_header"]

Points = npt.NDArray[np.void]

POINTS_PER_CHUNK = 1_000_000
# A part of the extent by which a writer's rounded bounds may be exceeded.
BOUNDS_TOLERANCE = 1e-3


class LasFormat:
    """LAS and LAZ as an entry of the format registry."""

    name = "LAS"
    suffixes = (".las", ".laz")

    def read(self, data: bytes | memoryview, *, name: str, limits: Limits) -> PointCloud:
        """See `read` of this module."""
        return read(data, name=name, limits=limits)


def read(data: bytes | memoryview, *, name: str = "", limits: Limits = DEFAULT_LIMITS) -> PointCloud:
    """The point cloud of a whole LAS or LAZ file.

    Fields: x, y, z as float64 (scaled and offset), then every other field of the point format under the name
    of the specification (intensity uint16, return_number, classification, gps_time, red, green, blue, ...),
    then the extra bytes under the names the file gives them.

    Raises CloudError, with `name` as its file, when the header is impossible, disagrees with the size of the
    data or exceeds `limits`, and when compressed points are damaged.
    """
    with naming(name):
        source = memoryview(data)
        header = header_of(source, len(source), limits)
        layout = layout_of(source, header)
        # Checked before the points get memory: a compressed file says little by its size.
        record = laz.compression_record(source, header) if header.is_compressed else b""
        _check_decoded(header, layout, limits)
        points = np.empty(header.points, layout.points)
        filled = 0
        for records in _records_of_bytes(source, header, layout, record):
            layout.decode(records, points[filled : filled + len(records)])
            filled += len(records)
        if header.is_compressed:
            _check_bounds(points, header)
        return PointCloud(points, len(points), 1, IDENTITY_VIEWPOINT, header.encoding)


def chunks(
    path: Path, *, points_per_chunk: int = POINTS_PER_CHUNK, limits: Limits = DEFAULT_LIMITS
) -> Generator[Points, None, None]:
    """The points of the file at `path` in its order, `points_per_chunk` at a time, in bounded memory.

    Each chunk is an array of its own with the fields that `read` gives. Raises CloudError as `read` does;
    what is damaged further on is found when it is reached.
    """
    with naming(path.name), path.open("rb") as file:
        header = header_of(file, path.stat().st_size, limits)
        layout = layout_of(file, header)
        with closing(_records_of_file(file, path, header, layout, points_per_chunk)) as blocks:
            for records in blocks:
                points = np.empty(len(records), layout.points)
                layout.decode(records, points)
                if header.is_compressed:
                    _check_bounds(points, header)
                yield points


def _check_decoded(header: LasHeader, layout: Layout, limits: Limits) -> None:
    size = header.points * layout.points.itemsize
    if size > limits.max_bytes:
        raise CloudError(f"{size} bytes of points exceed the limit of {limits.max_bytes}", "Read the file in chunks.")


def _records_of_bytes(
    source: memoryview, header: LasHeader, layout: Layout, record: bytes
) -> Generator[Points, None, None]:
    if header.is_compressed:
        for block in laz.records(source, header, record, points_per_block=BLOCK):
            yield block.view(layout.record)
    else:
        yield np.frombuffer(source, layout.record, header.points, header.point_offset)


def _records_of_file(
    file: BinaryIO, path: Path, header: LasHeader, layout: Layout, points_per_chunk: int
) -> Generator[Points, None, None]:
    if not header.is_compressed:
        yield from _stored_records(file, header, layout, points_per_chunk)
        return
    record = laz.compression_record(file, header)
    with closing(laz.records(path, header, record, points_per_block=points_per_chunk)) as blocks:
        for block in blocks:
            yield block.view(layout.record)


def _stored_records(
    file: BinaryIO, header: LasHeader, layout: Layout, points_per_chunk: int
) -> Generator[Points, None, None]:
    buffer = np.empty(min(points_per_chunk, header.points), layout.record)
    file.seek(header.point_offset)
    for start in range(0, header.points, points_per_chunk):
        records = buffer[: min(points_per_chunk, header.points - start)]
        if file.readinto(records.view(np.uint8)) != records.nbytes:  # type: ignore[attr-defined]
            raise CloudError("the file became shorter while it was read", COPY_AGAIN)
        yield records


def _check_bounds(points: Points, header: LasHeader) -> None:
    """Refuse decompressed points outside the declared bounds: damaged bytes decompress to anything."""
    for axis, low, high, scale in zip(AXES, header.minimum, header.maximum, header.scale, strict=True):
        slack = abs(scale) + BOUNDS_TOLERANCE * (high - low)
        found = float(points[axis].min()), float(points[axis].max())
        if found[0] < low - slack or found[1] > high + slack:
            raise CloudError(
                f"points reach from {found[0]:.6g} to {found[1]:.6g},"
                f" the header declares {low:.6g} to {high:.6g}: the compressed data is damaged",
                COPY_AGAIN,
                axis,
            )
