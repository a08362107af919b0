"""The ROS 2 message sensor_msgs/msg/PointCloud2, decoded from CDR.

Layouts: the message definition in ROS 2 common_interfaces; OMG, "DDS Interoperability Wire Protocol" 2.5,
section 10 (encapsulation) and plain CDR. The message is fixed, so its dozen fields are read here, each length
held against the bytes that are there.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scenes.clouds.cloud import (
    AXES,
    DEFAULT_LIMITS,
    IDENTITY_VIEWPOINT,
    CloudError,
    Limits,
    PointCloud,
    check_positions,
    naming,
)

SCHEMA = "sensor_msgs/msg/PointCloud2"
# PointField.INT8 to PointField.FLOAT64.
DATATYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 8: "f8"}
# The two representations of plain CDR; parameter lists and the second version of CDR are not used by ROS 2.
BYTE_ORDERS = {b"\0\0": ">", b"\0\1": "<"}
ENCAPSULATION_BYTES = 4
PADDING_NAMES = ("", "_")
FIELD_BYTES = 16
RECORD_AGAIN = "The recording is damaged: leave this frame out, or record it again."


@dataclass(frozen=True)
class PointField:
    """One entry of `fields`: name, place in the point, PointField datatype number, number of elements."""

    name: str
    offset: int
    datatype: int
    count: int


@dataclass(frozen=True)
class Message:
    """A PointCloud2 message as declared; `data` is not looked at yet."""

    stamp_ns: int
    frame_id: str
    height: int
    width: int
    fields: tuple[PointField, ...]
    is_bigendian: bool
    point_step: int
    row_step: int
    data: memoryview
    is_dense: bool


class _Cdr:
    """A cursor over CDR: every value stands at a multiple of its own size."""

    def __init__(self, data: memoryview) -> None:
        order = BYTE_ORDERS.get(bytes(data[:2]))
        if order is None or len(data) < ENCAPSULATION_BYTES:
            raise CloudError(
                f"the message begins with {bytes(data[:4]).hex() or 'nothing'}, which is not plain CDR",
                RECORD_AGAIN,
            )
        self.order = order
        self.data = data[ENCAPSULATION_BYTES:]
        self.place = 0

    def number(self, kind: str, name: str) -> int:
        size = struct.calcsize(kind)
        raw = self.take(size, name, alignment=size)
        value: int = struct.unpack(self.order + kind, raw)[0]
        return value

    def take(self, size: int, name: str, *, alignment: int = 1) -> memoryview:
        start = -(-self.place // alignment) * alignment
        if size > len(self.data) - start:
            raise CloudError(
                f"the message ends after {len(self.data)} bytes, {name} needs {size} from byte {start}",
                RECORD_AGAIN,
                name,
            )
        self.place = start + size
        return self.data[start : start + size]

    def text(self, name: str) -> str:
        raw = bytes(self.take(self.number("I", name), name))
        return raw.rstrip(b"\0").decode(errors="replace")


class PointCloud2Format:
    """One recorded message as an entry of the format registry: what ingestion takes out of a recording."""

    name = "PointCloud2"
    suffixes = (".pointcloud2",)

    def read(self, data: bytes | memoryview, *, name: str, limits: Limits) -> PointCloud:
        """The cloud of one message. Raises CloudError, with `name` as its file."""
        with naming(name):
            return cloud_of(message_of(data, limits=limits), limits=limits)


def message_of(data: bytes | memoryview, *, limits: Limits = DEFAULT_LIMITS) -> Message:
    """The parts of one message, its points still bytes. Raises CloudError when a length does not fit."""
    cdr = _Cdr(memoryview(data))
    seconds, nanoseconds = cdr.number("i", "header.stamp"), cdr.number("I", "header.stamp")
    frame_id = cdr.text("header.frame_id")
    height, width = cdr.number("I", "height"), cdr.number("I", "width")
    fields = _fields(cdr, limits)
    is_bigendian = bool(cdr.number("B", "is_bigendian"))
    point_step, row_step = cdr.number("I", "point_step"), cdr.number("I", "row_step")
    body = cdr.take(cdr.number("I", "data"), "data")
    is_dense = bool(cdr.number("B", "is_dense"))
    return Message(
        seconds * 1_000_000_000 + nanoseconds,
        frame_id,
        height,
        width,
        fields,
        is_bigendian,
        point_step,
        row_step,
        body,
        is_dense,
    )


def cloud_of(message: Message, *, limits: Limits = DEFAULT_LIMITS) -> PointCloud:
    """The points of one message, row after row, without the padding of the rows.

    Fields keep their places in the point; a big-endian message is turned to little endian. Where neither is
    needed the points are a view of the message's bytes. Raises CloudError when fields, steps and sizes
    disagree, exceed `limits`, or there is no point with a finite position.
    """
    _check_sizes(message, limits)
    record = _record(message)
    rows: npt.NDArray[np.void] = np.ndarray(
        (message.height, message.width),
        record,
        message.data,
        strides=(_row_step(message), message.point_step),
    )
    points = rows.reshape(-1)
    if message.is_bigendian:
        points = points.astype(record.newbyteorder("<"))
    check_positions(points)
    return PointCloud(points, message.width, message.height, IDENTITY_VIEWPOINT, "PointCloud2 cdr")


def _fields(cdr: _Cdr, limits: Limits) -> tuple[PointField, ...]:
    number = cdr.number("I", "fields")
    if number > min(limits.max_fields, len(cdr.data) // FIELD_BYTES):
        raise CloudError(f"{number} fields are more than the message or the limit allows", RECORD_AGAIN, "fields")
    return tuple(
        PointField(
            cdr.text("fields.name"),
            cdr.number("I", "fields.offset"),
            cdr.number("B", "fields.datatype"),
            cdr.number("I", "fields.count"),
        )
        for _ in range(number)
    )


def _record(message: Message) -> np.dtype[Any]:
    """The structured type of one point, `point_step` bytes long."""
    kept = [field for field in message.fields if field.name not in PADDING_NAMES]
    names = [field.name for field in kept]
    for field in kept:
        if names.count(field.name) > 1:
            raise CloudError("the field is declared twice", RECORD_AGAIN, field.name)
    formats = [_format(field, message) for field in kept]
    for axis in AXES:
        if axis not in names:
            raise CloudError(
                f"there is no field {axis!r}: the message holds no positions",
                f"It has {', '.join(names)}. Record the cloud with x, y and z.",
                axis,
            )
        if formats[names.index(axis)].shape:
            raise CloudError("a coordinate has more than one element", RECORD_AGAIN, axis)
    layout: Any = {"names": names, "formats": formats, "offsets": [field.offset for field in kept]}
    record: np.dtype[Any] = np.dtype(layout | {"itemsize": message.point_step})
    return record


def _format(field: PointField, message: Message) -> np.dtype[Any]:
    if field.datatype not in DATATYPES:
        raise CloudError(f"PointField datatype {field.datatype} is unknown", "ROS 2 knows 1 to 8.", field.name)
    element = np.dtype((">" if message.is_bigendian else "<") + DATATYPES[field.datatype])
    # Some drivers leave the count of a single number 0.
    count = max(field.count, 1)
    if field.offset + element.itemsize * count > message.point_step:
        raise CloudError(
            f"{count} x {element.itemsize} bytes from byte {field.offset} exceed the point step of"
            f" {message.point_step}",
            RECORD_AGAIN,
            field.name,
        )
    return element if count == 1 else np.dtype((element, (count,)))


def _row_step(message: Message) -> int:
    # Of a single row the row step tells nothing, and some drivers leave it 0.
    return message.width * message.point_step if message.height == 1 else message.row_step


def _check_sizes(message: Message, limits: Limits) -> None:
    points = message.width * message.height
    if not points:
        raise CloudError("no points: the message declares 0", "Leave this frame out, or record it again.")
    if points > limits.max_points or points * message.point_step > limits.max_bytes:
        raise CloudError(f"{points} points of {message.point_step} bytes exceed the limit", RECORD_AGAIN)
    if _row_step(message) < message.width * message.point_step:
        raise CloudError(
            f"a row of {message.width} points of {message.point_step} bytes exceeds the row step of {message.row_step}",
            RECORD_AGAIN,
            "row_step",
        )
    if len(message.data) != _row_step(message) * message.height:
        raise CloudError(
            f"{message.height} rows of {_row_step(message)} bytes are declared, the data has {len(message.data)}",
            RECORD_AGAIN,
            "data",
        )
