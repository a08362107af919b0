"""The public header block and the variable length records of a LAS or LAZ file, checked before any point.

Layout: ASPRS, "LAS Specification" 1.0 to 1.4 R15 and 1.5; for LAZ the record "laszip encoded" of the LASzip
format (Isenburg, 2013). Readers in native code believe what stands here, so every count is held against the
size of the file first.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from scenes.clouds.cloud import AXES, DEFAULT_LIMITS, CloudError, Limits, naming

SIGNATURE = b"LASF"
# Smallest header of each version, and the point formats that it defines.
HEADER_BYTES = {(1, 0): 227, (1, 1): 227, (1, 2): 227, (1, 3): 235, (1, 4): 375, (1, 5): 393}
LARGEST_FORMAT = {(1, 0): 5, (1, 1): 5, (1, 2): 5, (1, 3): 5, (1, 4): 10, (1, 5): 10}
# Bytes of one point by its format, without extra bytes.
RECORD_BYTES = (20, 28, 26, 34, 57, 63, 30, 36, 38, 59, 67)
VLR_BYTES = 54
MAX_VLRS = 10_000
EXTENDED_VLR_BYTES = 60
COMPRESSED = 0x80
COMPRESSED_OLD = 0x40
FORMAT_BITS = 0x3F
PROBED_TAIL_BYTES = 1 << 20
EXPORT = "Export the cloud again."
COPY_AGAIN = "The file is cut: copy or export it again."

Source = memoryview | BinaryIO


@dataclass(frozen=True)
class Vlr:
    """Where one variable length record stands: who wrote it, its number, the place of its body."""

    user_id: str
    record_id: int
    offset: int
    bytes: int


@dataclass(frozen=True)
class LasHeader:
    """What the header declares, already held against the size of the file.

    `scale`, `offset`, `minimum` and `maximum` are (x, y, z); coordinates are stored integers times `scale`
    plus `offset`, in the units of the file's coordinate system.
    """

    version: tuple[int, int]
    point_format: int
    record_bytes: int
    points: int
    is_compressed: bool
    point_offset: int
    file_bytes: int
    scale: tuple[float, ...]
    offset: tuple[float, ...]
    minimum: tuple[float, ...]
    maximum: tuple[float, ...]
    vlrs: tuple[Vlr, ...]

    @property
    def encoding(self) -> str:
        """For people: the container, its version and the point format."""
        container = "laz" if self.is_compressed else "las"
        return f"{container} {self.version[0]}.{self.version[1]} point format {self.point_format}"

    @property
    def decoded_bytes(self) -> int:
        """Bytes of all point records, decompressed."""
        return self.record_bytes * self.points

    @property
    def extra_bytes(self) -> int:
        """Bytes of each point beyond the fields of its point format."""
        return self.record_bytes - RECORD_BYTES[self.point_format]


def read_header(source: bytes | memoryview | Path, *, name: str = "", limits: Limits = DEFAULT_LIMITS) -> LasHeader:
    """The checked header of a LAS or LAZ file. Raises CloudError; `name` stands in its message."""
    with naming(name):
        if not isinstance(source, Path):
            return header_of(memoryview(source), len(source), limits)
        with source.open("rb") as file:
            return header_of(file, source.stat().st_size, limits)


def header_of(source: Source, size: int, limits: Limits) -> LasHeader:
    """The checked header of an open file or of its bytes, `size` bytes in all. Raises CloudError."""
    head = window(source, 0, max(HEADER_BYTES.values()))
    version, header_bytes = _version(head)
    point_offset, vlr_count = struct.unpack_from("<II", head, 96)
    _check_offset(point_offset, header_bytes, size)
    point_format, is_compressed, record_bytes = _point_format(head, version)
    numbers = struct.unpack_from("<12d", head, 131)
    header = LasHeader(
        version,
        point_format,
        record_bytes,
        _point_count(head, version, point_format),
        is_compressed,
        point_offset,
        size,
        numbers[:3],
        numbers[3:6],
        minimum=numbers[7::2],
        maximum=numbers[6::2],
        vlrs=tuple(_vlrs(source, header_bytes, point_offset, vlr_count)),
    )
    _check_numbers(header)
    _check_points(header, limits)
    if not is_compressed:
        _check_points_fit(header)
        _check_tail(source, header, _tail_start(head, version, size))
    return header


def window(source: Source, start: int, size: int) -> bytes:
    """At most `size` bytes of the source from `start`."""
    if isinstance(source, memoryview):
        return bytes(source[start : start + size])
    source.seek(start)
    return source.read(size)


def _version(head: bytes) -> tuple[tuple[int, int], int]:
    if not head:
        raise CloudError("the file is empty", "Upload it again, or leave this frame out.")
    if not head.startswith(SIGNATURE):
        raise CloudError("the signature LASF is missing: not a LAS or LAZ file", EXPORT)
    if len(head) < min(HEADER_BYTES.values()):
        raise CloudError(f"the file ends inside the header, after {len(head)} bytes", COPY_AGAIN)
    version = (head[24], head[25])
    if version not in HEADER_BYTES:
        raise CloudError(f"LAS version {head[24]}.{head[25]} is unknown", "Export it as LAS 1.0 to 1.5.")
    declared = struct.unpack_from("<H", head, 94)[0]
    if declared < HEADER_BYTES[version]:
        raise CloudError(
            f"the header size is {declared}, LAS {head[24]}.{head[25]} needs {HEADER_BYTES[version]}", EXPORT
        )
    if len(head) < HEADER_BYTES[version]:
        raise CloudError(f"the file ends inside the header, after {len(head)} bytes", COPY_AGAIN)
    return version, declared


def _check_offset(point_offset: int, header_bytes: int, size: int) -> None:
    if point_offset < header_bytes:
        raise CloudError(f"the points begin at byte {point_offset}, inside the header of {header_bytes}", EXPORT)
    if point_offset > size:
        raise CloudError(f"the points begin at byte {point_offset}, the file has {size}", COPY_AGAIN)


def _point_format(head: bytes, version: tuple[int, int]) -> tuple[int, bool, int]:
    stored, record_bytes = struct.unpack_from("<BH", head, 104)
    if stored & COMPRESSED_OLD:
        raise CloudError("the compression is that of LASzip before 1.0", "Export it as LAS or LAZ 1.2.")
    number = stored & FORMAT_BITS
    if number > LARGEST_FORMAT[version]:
        raise CloudError(f"point format {number} is unknown in LAS {version[0]}.{version[1]}", EXPORT)
    if record_bytes < RECORD_BYTES[number]:
        raise CloudError(
            f"the record length is {record_bytes}, point format {number} needs {RECORD_BYTES[number]}", EXPORT
        )
    return number, bool(stored & COMPRESSED), record_bytes


def _point_count(head: bytes, version: tuple[int, int], point_format: int) -> int:
    legacy: int = struct.unpack_from("<I", head, 107)[0]
    if version < (1, 4):
        return legacy
    count: int = struct.unpack_from("<Q", head, 247)[0]
    # Writers of 1.4 leave the legacy count 0, repeat the count in it, or (wrongly) fill only the legacy one.
    if legacy and count and legacy != count:
        raise CloudError(f"the point count is {count}, the legacy point count is {legacy}", EXPORT)
    return count or legacy


def _vlrs(source: Source, start: int, end: int, count: int) -> Iterator[Vlr]:
    """The records between header and points; their declared number and lengths are bounded by that room."""
    if count > MAX_VLRS or count * VLR_BYTES > end - start:
        raise CloudError(
            f"{count} variable length records can not stand in the {end - start} bytes before the points",
            EXPORT,
        )
    for number in range(1, count + 1):
        head = window(source, start, VLR_BYTES)
        if start + VLR_BYTES > end or len(head) < VLR_BYTES:
            raise CloudError(f"variable length record {number} of {count} overlaps the points", EXPORT)
        user_id, record_id, length = struct.unpack_from("<16sHH", head, 2)
        start += VLR_BYTES
        if start + length > end:
            raise CloudError(
                f"variable length record {number} of {count} has {length} bytes and overlaps the points",
                EXPORT,
            )
        yield Vlr(text_of(user_id), record_id, start, length)
        start += length


def text_of(stored: bytes) -> str:
    """A text field of the format, which zeros fill up. Writers use other encodings than the ASCII it asks."""
    text = stored.split(b"\0", 1)[0].strip()
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _check_numbers(header: LasHeader) -> None:
    for axis, scale, offset, *bounds in zip(
        AXES, header.scale, header.offset, header.minimum, header.maximum, strict=True
    ):
        if not math.isfinite(scale) or not scale:
            raise CloudError(f"the scale factor is {scale}", "It must be a number other than 0.", axis)
        # The largest stored integer decides: a scale of 1e300 is finite, what it makes of a point is not.
        if not math.isfinite(scale * 2**31 + offset):
            raise CloudError(f"offset {offset} and scale {scale} make no finite coordinate", EXPORT, axis)
        if not all(map(math.isfinite, bounds)):
            raise CloudError(f"the bounds are {bounds[0]} to {bounds[1]}", EXPORT, axis)


def _check_points(header: LasHeader, limits: Limits) -> None:
    if not header.points:
        raise CloudError("no points: the header declares 0", "Leave this file out, or record it again.")
    if header.points > limits.max_points:
        raise CloudError(
            f"{header.points} points exceed the limit of {limits.max_points}", "Split the cloud into tiles."
        )
    if header.decoded_bytes > limits.max_bytes:
        raise CloudError(
            f"{header.decoded_bytes} bytes of points exceed the limit of {limits.max_bytes}",
            "Split the cloud into tiles.",
        )


def _check_points_fit(header: LasHeader) -> None:
    room = header.file_bytes - header.point_offset
    if header.decoded_bytes > room:
        raise CloudError(
            f"{header.points} points of {header.record_bytes} bytes need {header.decoded_bytes} bytes,"
            f" the file has {room}",
            COPY_AGAIN,
        )


def _tail_start(head: bytes, version: tuple[int, int], size: int) -> int:
    """Where waveforms or extended records begin that may follow the points; the end of the file if none do."""
    starts = [size]
    if version >= (1, 3):
        starts.append(struct.unpack_from("<Q", head, 227)[0])
    if version >= (1, 4):
        start, count = struct.unpack_from("<QI", head, 235)
        if count and (count > MAX_VLRS or start + count * EXTENDED_VLR_BYTES > size):
            raise CloudError(
                f"{count} extended records from byte {start} are not in the file of {size} bytes", COPY_AGAIN
            )
        starts.append(start if count else 0)
    return min(start for start in starts if start)


def _check_tail(source: Source, header: LasHeader, tail_start: int) -> None:
    """Refuse bytes after the points that nothing in the header explains: the point count is then a lie."""
    end = header.point_offset + header.decoded_bytes
    if tail_start < end:
        raise CloudError(f"extended records at byte {tail_start} overlap the points, which end at {end}", EXPORT)
    if any(window(source, end, min(tail_start - end, PROBED_TAIL_BYTES))):
        raise CloudError(
            f"{tail_start - end} bytes follow the declared {header.points} points and are not padding", EXPORT
        )
