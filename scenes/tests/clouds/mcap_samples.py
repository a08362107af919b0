"""ROS 2 recordings for the tests, written by peer libraries."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
from mcap.writer import CompressionType
from mcap_ros2._dynamic import serialize_dynamic
from mcap_ros2.writer import Writer

DATATYPES = {"i1": 1, "u1": 2, "i2": 3, "u2": 4, "i4": 5, "u4": 6, "f4": 7, "f8": 8}
SCHEMA = "sensor_msgs/msg/PointCloud2"
DEFINITION = """\
std_msgs/Header header
uint32 height
uint32 width
sensor_msgs/PointField[] fields
bool is_bigendian
uint32 point_step
uint32 row_step
uint8[] data
bool is_dense
================================================================================
MSG: std_msgs/Header
builtin_interfaces/Time stamp
string frame_id
================================================================================
MSG: builtin_interfaces/Time
int32 sec
uint32 nanosec
================================================================================
MSG: sensor_msgs/PointField
uint8 INT8=1
string name
uint32 offset
uint8 datatype
uint32 count
"""
TEXT = "std_msgs/msg/String"
XYZI = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "<f4")])


def points_of(n: int = 5, seed: int = 0) -> npt.NDArray[np.void]:
    """Points with x, y, z, intensity as float32."""
    points = np.empty(n, XYZI)
    for name in XYZI.names or ():
        points[name] = np.random.default_rng(seed).normal(0, 10, n)
    return points


def message(points: npt.NDArray[np.void] | None = None, **changes: Any) -> SimpleNamespace:
    """A PointCloud2 of a structured array, of shape (n,) or (height, width); `changes` replace members."""
    points = points_of() if points is None else points
    image = points[None] if points.ndim == 1 else points
    fields = [_field(name, *entry[:2]) for name, entry in (points.dtype.fields or {}).items()]
    members = {
        "header": SimpleNamespace(stamp=SimpleNamespace(sec=1_700_000_000, nanosec=5), frame_id="lidar"),
        "height": image.shape[0],
        "width": image.shape[1],
        "fields": fields,
        "is_bigendian": any(each.datatype and points.dtype[each.name].base.byteorder == ">" for each in fields),
        "point_step": points.dtype.itemsize,
        "row_step": points.dtype.itemsize * image.shape[1],
        "data": image.tobytes(),
        "is_dense": True,
    }
    return SimpleNamespace(**(members | changes))


def _field(name: str, dtype: np.dtype[Any], offset: int) -> SimpleNamespace:
    count = int(np.prod(dtype.shape, dtype=int))
    return SimpleNamespace(name=name, offset=offset, datatype=DATATYPES[dtype.base.str[1:]], count=count)


def cdr(content: SimpleNamespace) -> bytes:
    """The message as little-endian CDR, by the peer's encoder."""
    encoded: bytes = serialize_dynamic(SCHEMA, DEFINITION)[SCHEMA](content)
    return encoded


@dataclass
class Recording:
    """What a file holds: (topic, message, log time); a message that is a str is of std_msgs/msg/String."""

    messages: list[tuple[str, Any, int]] = field(default_factory=list)
    compression: CompressionType = CompressionType.ZSTD
    chunk_size: int = 1024 * 1024

    def add(self, topic: str, content: Any, log_time: int = 7) -> Recording:
        self.messages.append((topic, content, log_time))
        return self

    def file(self) -> bytes:
        """The bytes of the MCAP file."""
        buffer = io.BytesIO()
        writer = Writer(buffer, chunk_size=self.chunk_size, compression=self.compression)
        clouds = writer.register_msgdef(SCHEMA, DEFINITION)
        texts = writer.register_msgdef(TEXT, "string data\n")
        for topic, content, log_time in self.messages:
            if isinstance(content, str):
                writer.write_message(topic, texts, SimpleNamespace(data=content), log_time=log_time)
            else:
                writer.write_message(topic, clouds, content, log_time=log_time)
        writer.finish()
        return buffer.getvalue()
