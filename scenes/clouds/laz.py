"""The compressed points of a LAZ file: checked here, decompressed by lazrs in a child process.

Layout: Isenburg, "LASzip: lossless compression of LiDAR data" (2013), and the LASzip source's description of
its record and chunk table. The decompressor trusts all of it; damaged bytes abort its process or come out as
points that never were.
"""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scenes.clouds import child
from scenes.clouds.cloud import CloudError
from scenes.clouds.las_header import COPY_AGAIN, EXPORT, LasHeader, Source, window

LASZIP_VLR = ("laszip encoded", 22204)
ITEM_NAMES = {
    0: "Byte",
    6: "Point10",
    7: "GpsTime11",
    8: "Rgb12",
    9: "Wavepacket13",
    10: "Point14",
    11: "Rgb14",
    12: "RgbNir14",
    13: "Wavepacket14",
    14: "Byte14",
}
NEWEST_ITEM_VERSION = 3
CHUNKED = (2, 3)
VARIABLE_CHUNKS = 0xFFFF_FFFF
HEAD_BYTES = 34
ITEM_BYTES = 6
CHUNK_TABLE_HEAD_BYTES = 8
# A million identical points compress to 100 points a byte: nothing honest comes near this.
MAX_POINTS_PER_BYTE = 1000
LIMITS = child.ChildLimits(memory_bytes=1024**3)
DECOMPRESS = "scenes.clouds.laz:decompress"
AS_LAS = "Export it as LAS, or as LAZ of LAS 1.4 or before."


def compression_record(source: Source, header: LasHeader) -> bytes:
    """The record that describes the compression, held against header and file. Raises CloudError."""
    found = [vlr for vlr in header.vlrs if (vlr.user_id, vlr.record_id) == LASZIP_VLR]
    if len(found) != 1:
        raise CloudError(f"a LAZ file has one laszip record, this has {len(found)}", EXPORT)
    record = window(source, found[0].offset, found[0].bytes)
    compressor, chunk_size = _check_items(record, header)
    if compressor not in CHUNKED:
        raise CloudError(f"compressor {compressor} of LASzip is not supported", AS_LAS)
    _check_chunks(source, header, chunk_size)
    return record


def _check_items(record: bytes, header: LasHeader) -> tuple[int, int]:
    """Compressor and points per chunk, once the items are known to make up one point record."""
    if len(record) < HEAD_BYTES:
        raise CloudError("the laszip record is cut", EXPORT)
    compressor, chunk_size = struct.unpack_from("<H10xI", record)
    number = struct.unpack_from("<H", record, HEAD_BYTES - 2)[0]
    if len(record) < HEAD_BYTES + number * ITEM_BYTES:
        raise CloudError(f"the laszip record is cut: it declares {number} items", EXPORT)
    items = [struct.unpack_from("<3H", record, HEAD_BYTES + place * ITEM_BYTES) for place in range(number)]
    for kind, _, version in items:
        if kind not in ITEM_NAMES or version > NEWEST_ITEM_VERSION:
            name = ITEM_NAMES.get(kind, f"item {kind}")
            raise CloudError(f"{name} in compression version {version} is not supported", AS_LAS)
    size = sum(size for _, size, _ in items)
    if size != header.record_bytes:
        raise CloudError(
            f"the compressed items make {size} bytes a point, the record length is {header.record_bytes}",
            EXPORT,
        )
    if not chunk_size:
        raise CloudError("the laszip record declares chunks of 0 points", EXPORT)
    return compressor, chunk_size


def _check_chunks(source: Source, header: LasHeader, chunk_size: int) -> None:
    """Hold the point count against the number of chunks, and that against the bytes they stand in."""
    begin = header.point_offset + 8
    table = _chunk_table_offset(source, header)
    if not begin <= table <= header.file_bytes - CHUNK_TABLE_HEAD_BYTES:
        raise CloudError(
            f"the chunk table is at byte {table}, the points and it do not fit into {header.file_bytes} bytes",
            COPY_AGAIN,
        )
    version, chunks = struct.unpack("<II", window(source, table, CHUNK_TABLE_HEAD_BYTES))
    if version or chunks * header.record_bytes > table - begin:
        raise CloudError(f"{chunks} chunks can not stand in {table - begin} bytes", COPY_AGAIN)
    if chunk_size != VARIABLE_CHUNKS and chunks != -(-header.points // chunk_size):
        raise CloudError(
            f"{header.points} points make {-(-header.points // chunk_size)} chunks of {chunk_size},"
            f" the file has {chunks}",
            COPY_AGAIN,
        )
    if header.points > (table - begin) * MAX_POINTS_PER_BYTE:
        raise CloudError(f"{table - begin} compressed bytes can not hold {header.points} points", EXPORT)


def _chunk_table_offset(source: Source, header: LasHeader) -> int:
    stored = window(source, header.point_offset, 8)
    if len(stored) == 8 and struct.unpack("<q", stored)[0] == -1:
        # A writer that could not seek back left it at the very end.
        stored = window(source, max(0, header.file_bytes - 8), 8)
    return int(struct.unpack("<q", stored)[0]) if len(stored) == 8 else -1


def records(
    source: bytes | memoryview | Path, header: LasHeader, record: bytes, *, points_per_block: int
) -> Generator[npt.NDArray[np.uint8], None, None]:
    """The stored records, decompressed in a child process, `points_per_block` at a time but for the last.

    Raises CloudError also when fewer or more points come than the header declares.
    """
    left = header.points
    parameters = {
        "record": record.hex(),
        "offset": header.point_offset,
        "points": header.points,
        "record_bytes": header.record_bytes,
        "points_per_block": points_per_block,
    }
    with closing(child.blocks(DECOMPRESS, source, limits=LIMITS, parameters=parameters)) as blocks:
        for block in blocks:
            expected = min(points_per_block, left) * header.record_bytes
            if block.dtype != np.uint8 or len(block) != expected:
                raise CloudError(f"{len(block)} bytes were decompressed where {expected} are declared", COPY_AGAIN)
            left -= len(block) // header.record_bytes
            yield block
    if left:
        raise CloudError(f"{left} of the declared {header.points} points are missing", COPY_AGAIN)


def decompress(
    path: str, *, record: str, offset: int, points: int, record_bytes: int, points_per_block: int
) -> Iterator[npt.NDArray[Any]]:
    """Runs in the child: blocks of decompressed records as bytes. Raises CloudError on damaged data."""
    # Only in the child: its panics abort the process.
    import lazrs  # type: ignore[import-untyped]

    with open(path, "rb") as file:
        file.seek(offset)
        try:
            decompressor = lazrs.LasZipDecompressor(file, bytes.fromhex(record))
            for start in range(0, points, points_per_block):
                block = np.empty(min(points_per_block, points - start) * record_bytes, np.uint8)
                decompressor.decompress_many(block)
                yield block
        except lazrs.LazrsError as error:
            raise CloudError(f"the compressed points can not be read: {error}", COPY_AGAIN) from error
