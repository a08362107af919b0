"""MCAP recordings of ROS 2: each sensor_msgs/msg/PointCloud2 message is one frame.

The container is read by the kept library `mcap`; chunks are decompressed here, because their declared sizes
must be held against limits before memory is given to them. Format: "MCAP file format specification".
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

from scenes.clouds.cloud import DEFAULT_LIMITS, CloudError, Limits, PointCloud, naming
from scenes.clouds.point_cloud2 import SCHEMA, cloud_of, message_of

if TYPE_CHECKING:  # the library is imported where it is used: the web process lists this format, no more
    from mcap.records import Channel, Chunk, McapRecord, Schema
    from mcap.records import Message as Record

MAGIC = b"\x89MCAP0\r\n"
ENCODING = "cdr"
MAX_CHUNK_BYTES = 1024**3
PIECE_BYTES = 1024**2
RECORD_HEAD_BYTES = 9
FOOTER_BYTES = RECORD_HEAD_BYTES + 20 + len(MAGIC)
RECOVER = "Repair it with `mcap recover`, or record it again."


@dataclass(frozen=True)
class Topic:
    """A topic of a recording; `messages` are those seen when the file was read to its end or its damage."""

    name: str
    schema: str
    encoding: str
    messages: int

    @property
    def is_cloud(self) -> bool:
        """Whether its messages are point clouds that this module reads."""
        return self.schema == SCHEMA and self.encoding == ENCODING


@dataclass(frozen=True)
class Frame:
    """One message.

    Attributes:
        timestamp_ns: header.stamp, nanoseconds since the epoch of the recorder's clock; log_time_ns where
            the stamp was left 0.
        topic: where it was recorded.
        cloud: the points, or why this one message can not be read. The other messages are not affected.
        log_time_ns: when the recorder received the message.
        frame_id: the coordinate frame, as recorded.
        is_dense: whether the driver declared every point valid. Not relied on.
        data: the message as it was recorded, which point_cloud2 reads.
    """

    timestamp_ns: int
    topic: str
    cloud: PointCloud | CloudError
    log_time_ns: int
    frame_id: str = ""
    is_dense: bool = False
    data: bytes = b""


class McapFormat:
    """MCAP as an entry of the format registry, for a recording of exactly one cloud."""

    name = "MCAP"
    suffixes = (".mcap",)

    def read(self, data: bytes | memoryview, *, name: str, limits: Limits) -> PointCloud:
        """The cloud of a recording that holds one. Raises CloudError when it holds none or several."""
        found = frames(data, name=name, limits=limits)
        first, second = next(found, None), next(found, None)
        if first is None or second is not None:
            number = "no point cloud" if first is None else "more than one point cloud"
            raise CloudError(f"the recording holds {number}", "Ingest it as a sequence.", file=name)
        if isinstance(first.cloud, CloudError):
            raise first.cloud
        return first.cloud


def topics(source: bytes | memoryview | Path, *, name: str = "", limits: Limits = DEFAULT_LIMITS) -> tuple[Topic, ...]:
    """The topics of a recording in the order of their first appearance, with their numbers of messages.

    The whole file is read: a summary at its end may be missing or wrong. Raises CloudError on damage.
    """
    name = name or _name_of(source)
    found: dict[int, Topic] = {}
    for channel, schema, message in _messages(source, name, limits):
        seen = found.get(channel.id) or Topic(channel.topic, schema.name, channel.message_encoding, 0)
        found[channel.id] = replace(seen, messages=seen.messages + (message is not None))
    return tuple(found.values())


def frames(
    source: bytes | memoryview | Path,
    *,
    topic: str | None = None,
    name: str = "",
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[Frame]:
    """The point clouds of one topic in the order of the file, one at a time.

    `topic` may be left out when exactly one topic holds point clouds.

    Raises CloudError at once when the topic is missing, holds something else or must be declared. A file that
    is cut or damaged further on gives the frames before the damage, then CloudError. A single message that
    can not be decoded is a frame whose `cloud` is the CloudError.
    """
    name = name or _name_of(source)
    wanted = _chosen(_declared(source, name, limits), topic, name)
    return _frames(source, wanted, name, limits)


def _frames(source: bytes | memoryview | Path, wanted: str, name: str, limits: Limits) -> Iterator[Frame]:
    for channel, _, message in _messages(source, name, limits):
        if message is not None and channel.topic == wanted:
            yield _frame(message, wanted, name, limits)


def _frame(record: Record, topic: str, name: str, limits: Limits) -> Frame:
    try:
        message = message_of(record.data, limits=limits)
    except CloudError as error:
        error.file = name
        return Frame(record.log_time, topic, error, record.log_time, data=record.data)
    cloud: PointCloud | CloudError
    try:
        cloud = cloud_of(message, limits=limits)
    except CloudError as error:
        error.file = name
        cloud = error
    stamp = message.stamp_ns or record.log_time
    return Frame(stamp, topic, cloud, record.log_time, message.frame_id, message.is_dense, record.data)


def _declared(source: bytes | memoryview | Path, name: str, limits: Limits) -> dict[str, Topic]:
    """The topics by name. Damage further on does not hide what was declared before it."""
    found = _by_name(_summary(source))
    if any(topic.is_cloud for topic in found.values()):
        return found
    declared: list[tuple[Channel, Schema]] = []
    try:
        declared += ((channel, schema) for channel, schema, _ in _messages(source, name, limits))
    except CloudError:
        if not any(topic.is_cloud for topic in _by_name(declared).values()):
            raise
    return _by_name(declared)


def _by_name(declared: Iterable[tuple[Channel, Schema]]) -> dict[str, Topic]:
    found: dict[str, Topic] = {}
    for channel, schema in declared:
        topic = Topic(channel.topic, schema.name, channel.message_encoding, 0)
        # Several channels can share a topic; a readable one decides.
        if channel.topic not in found or topic.is_cloud:
            found[channel.topic] = topic
    return found


def _summary(source: bytes | memoryview | Path) -> list[tuple[Channel, Schema]]:
    """What the summary at the end declares, which spares reading all; empty without a sound summary."""
    from mcap.records import Channel, Schema

    try:
        with _opened(source) as file:
            records = _guarded(partial(_summary_records, file), 0)
    except CloudError:
        return []
    schemas = {record.id: record for record in records if isinstance(record, Schema)}
    channels = [record for record in records if isinstance(record, Channel)]
    return [(channel, _schema_of(channel, schemas)) for channel in channels]


def _summary_records(file: _Bounded) -> list[McapRecord]:
    from mcap.stream_reader import StreamReader

    file.seek(max(0, file.size - FOOTER_BYTES))
    footer = file.read(FOOTER_BYTES)
    if len(footer) < FOOTER_BYTES or not footer.endswith(MAGIC):
        return []
    start = struct.unpack_from("<Q", footer, RECORD_HEAD_BYTES)[0]
    if not start:
        return []
    file.seek(start)
    # Chunks stay as they are: a lying start must not have them decompressed without limits.
    reader = StreamReader(cast("IO[bytes]", file), skip_magic=True, emit_chunks=True, record_size_limit=file.size)
    return list(reader.records)


def _chosen(found: dict[str, Topic], topic: str | None, name: str) -> str:
    clouds = sorted(entry.name for entry in found.values() if entry.is_cloud)
    listed = f"Topics with point clouds: {', '.join(clouds) or 'none'}."
    if topic is None:
        if len(clouds) == 1:
            return clouds[0]
        if not clouds:
            others = ", ".join(sorted(f"{entry.name} ({entry.schema})" for entry in found.values()))
            raise CloudError(
                f"no topic holds {SCHEMA} in {ENCODING}; there are: {others or 'none'}",
                "Record the cloud's topic.",
                file=name,
            )
        raise CloudError("several topics hold point clouds", f"Declare one. {listed}", file=name)
    if topic not in found:
        raise CloudError(f"there is no topic {topic!r}", listed, file=name)
    if topic not in clouds:
        entry = found[topic]
        raise CloudError(f"topic {topic!r} holds {entry.schema} in {entry.encoding or '-'}", listed, file=name)
    return topic


def _name_of(source: bytes | memoryview | Path) -> str:
    return source.name if isinstance(source, Path) else ""


def _messages(
    source: bytes | memoryview | Path, name: str, limits: Limits
) -> Iterator[tuple[Channel, Schema, Record | None]]:
    """Every channel when it is declared (without a message), and every message with its channel."""
    from mcap.records import Channel, Message, Schema

    schemas: dict[int, Schema] = {}
    channels: dict[int, Channel] = {}
    for record in _records(source, name, limits):
        if isinstance(record, Schema):
            schemas[record.id] = record
        elif isinstance(record, Channel) and record.id not in channels:
            channels[record.id] = record
            yield record, _schema_of(record, schemas), None
        elif isinstance(record, Message):
            if record.channel_id not in channels:
                raise CloudError(f"a message is of the unknown channel {record.channel_id}", RECOVER, file=name)
            channel = channels[record.channel_id]
            yield channel, _schema_of(channel, schemas), record


def _schema_of(channel: Channel, schemas: dict[int, Schema]) -> Schema:
    from mcap.records import Schema

    return schemas.get(channel.schema_id) or Schema(id=0, name="", encoding="", data=b"")


def _records(source: bytes | memoryview | Path, name: str, limits: Limits) -> Iterator[McapRecord]:
    """All records of the data section, those inside chunks too. Raises CloudError on damage."""
    from mcap.records import Chunk, DataEnd
    from mcap.stream_reader import StreamReader, breakup_chunk

    with naming(name), _opened(source) as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise CloudError("the file does not begin as MCAP does", "Upload a recording in MCAP format.")
        file.seek(0)
        reader = StreamReader(
            cast("IO[bytes]", file), emit_chunks=True, validate_crcs=True, record_size_limit=file.size
        )
        records = iter(reader.records)
        count = 0
        while (record := _guarded(partial(next, records, None), count)) is not None:
            if isinstance(record, DataEnd):
                return
            parts: list[Any] = [record]
            if isinstance(record, Chunk):
                plain = _decompressed(record, limits)
                parts = _guarded(partial(breakup_chunk, plain, validate_crc=True), count)
            yield from parts
            count += len(parts)


def _guarded(read: Callable[[], Any], count: int) -> Any:
    """What `read` returns; whatever the library raises on damage becomes a CloudError."""
    from mcap.exceptions import EndOfFile, McapError

    try:
        return read()
    except (McapError, ValueError, struct.error, OverflowError, MemoryError) as error:
        what = "the file ends" if isinstance(error, EndOfFile) else f"the file is damaged ({error})"
        raise CloudError(f"{what} after {count} records", RECOVER) from error


def _decompressed(chunk: Chunk, limits: Limits) -> Chunk:
    import zstandard

    size = chunk.uncompressed_size
    if size > min(MAX_CHUNK_BYTES, limits.max_bytes):
        raise CloudError(f"a chunk declares {size} bytes, which exceeds the limit", RECOVER)
    if chunk.compression not in DECOMPRESSORS:
        raise CloudError(f"the compression {chunk.compression[:20]!r} is unknown", "Use zstd, lz4 or none.")
    try:
        data = DECOMPRESSORS[chunk.compression](chunk.data, size)
    except (RuntimeError, ValueError, EOFError, zstandard.ZstdError) as error:
        raise CloudError(f"a chunk is damaged ({error})", RECOVER) from error
    if len(data) != size:
        raise CloudError(f"a chunk holds {len(data)} bytes, declared are {size}", RECOVER)
    return replace(chunk, compression="", data=data)


def _zstd(data: bytes, size: int) -> bytes:
    import zstandard

    with zstandard.ZstdDecompressor().stream_reader(data) as stream:
        return _at_most(size, stream.read)


def _lz4(data: bytes, size: int) -> bytes:
    import lz4.frame  # type: ignore[import-untyped]

    with lz4.frame.LZ4FrameFile(io.BytesIO(data)) as stream:
        return _at_most(size, stream.read)


def _at_most(size: int, read: Callable[[int], bytes]) -> bytes:
    """What a decompressor gives, up to one byte more than `size`, without believing that it will be so much."""
    pieces: list[bytes] = []
    left = size + 1
    while left and (piece := read(min(left, PIECE_BYTES))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _plain(data: bytes, size: int) -> bytes:
    return data


DECOMPRESSORS: dict[str, Callable[[bytes, int], bytes]] = {"": _plain, "zstd": _zstd, "lz4": _lz4}


class _Bounded:
    """A file that never gives more than it has, so that a lying length allocates nothing."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file = file
        self.size = size

    def read(self, size: int) -> bytes:
        if size < 0:
            raise ValueError("a record has a negative length")
        return self.file.read(max(0, min(size, self.size - self.file.tell())))

    def seek(self, place: int) -> None:
        self.file.seek(place)


@contextmanager
def _opened(source: bytes | memoryview | Path) -> Iterator[_Bounded]:
    if isinstance(source, Path):
        with source.open("rb") as file:
            yield _Bounded(file, source.stat().st_size)
    else:
        yield _Bounded(io.BytesIO(source), len(source))
