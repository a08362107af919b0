"""The index of an octree: which node lies where, in the world and in the data file.

Three files make an octree. All are little endian, and all list the nodes level by level, within a level by
path.

The data file holds a display chunk (see `tiles`) per node that has points of its own. The records of a node
are in golden stride order over its points in Morton order, so a prefix of them is an even subsample of the
node, and a prefix of the file is a coarse picture of the whole.

The order file holds a uint32 per record of the data file: the index of that point in the cloud.

The index file is a header of 64 bytes, then 64 bytes per node:

    offset  type      meaning
    0       char[4]   "LAMO"
    4       uint16    length of the header, 64
    6       uint16    version, 1
    8       uint32    count of nodes
    12      uint32    the intensity rule, as in the flags of a chunk
    16      uint64    count of points in the data file
    24      uint64    count of points left out, because their position is not finite
    32      uint64    length of the data file in bytes
    40      24 bytes  reserved, zero

    0       uint64    where the node's chunk starts in the data file
    8       float64   lo x, y, z of the box around the points of the node and of all nodes below it, in metres
    32      float32   extent x, y, z of that box
    44      float32   spacing: the side of the cells that the node took one point of each, in metres
    48      uint32    count of points of the node's own; its chunk is 64 + 8 count bytes long, none when 0
    52      uint32    number of its first point: the place in the order file
    56      uint32    number of its first child; 0 without children. Children stand together, by octant
    60      uint8     children: bit k is set when there is one in octant k = x + 2 y + 4 z
    61      uint8     level, 0 for the root
    62      2 bytes   reserved, zero
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scenes.clouds import tiles
from scenes.clouds.cloud import CloudError, naming
from scenes.clouds.tiles import IntensityRule

MAGIC = b"LAMO"
VERSION = 1
HEADER = struct.Struct("<4sHHIIQQQ24x")
ROW = np.dtype(
    [
        ("offset", "<u8"),
        ("lo", "<f8", 3),
        ("extent", "<f4", 3),
        ("spacing", "<f4"),
        ("count", "<u4"),
        ("first_point", "<u4"),
        ("first_child", "<u4"),
        ("children", "u1"),
        ("level", "u1"),
        ("reserved", "<u2"),
    ]
)
FIRST_POINTS = 50_000
REMEDY = "Build the octree again."

Bytes = bytes | memoryview | npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class OctreeIndex:
    """The nodes of an octree, numbered in the order of the file.

    Attributes:
        rows: one per node, dtype ROW.
        left_out: points of the cloud that are in no node, because their position is not finite.
        rule: how intensities were stored.
    """

    rows: npt.NDArray[np.void]
    left_out: int
    rule: IntensityRule

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def points(self) -> int:
        """Points in all nodes together."""
        return int(self.rows["count"].sum())

    @property
    def data_bytes(self) -> int:
        """The length of the data file."""
        offset, length = self.byte_range(len(self) - 1)
        return offset + length

    def count(self, node: int) -> int:
        """Points of the node's own."""
        return int(self.rows["count"][node])

    def byte_range(self, node: int) -> tuple[int, int]:
        """Where the node's chunk starts in the data file, and its length; 0 for a node without points."""
        return int(self.rows["offset"][node]), chunk_bytes(self.count(node))

    def point_range(self, node: int) -> slice:
        """The node's part of the order file, in numbers of points."""
        first = int(self.rows["first_point"][node])
        return slice(first, first + self.count(node))

    def bounds(self, node: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """The corners (3,), in metres, of the box around the points of the node and of all below it."""
        row = self.rows[node]
        return row["lo"].copy(), row["lo"] + row["extent"].astype(np.float64)

    def children(self, node: int) -> range:
        """The numbers of the node's children, by octant."""
        first = int(self.rows["first_child"][node])
        return range(first, first + int(self.rows["children"][node]).bit_count())

    def path(self, node: int) -> str:
        """The octants on the way from the root, "" for the root itself."""
        return self.paths[node]

    @cached_property
    def paths(self) -> list[str]:
        """The path of every node."""
        paths = [""] * len(self)
        for node, mask in enumerate(self.rows["children"].tolist()):
            octants = (octant for octant in range(8) if mask >> octant & 1)
            for child, octant in zip(self.children(node), octants, strict=True):
                paths[child] = f"{paths[node]}{octant}"
        return paths

    def node(self, path: str) -> int:
        """The number of the node at `path`. Raises KeyError when there is none."""
        node = 0
        for place, digit in enumerate(path):
            mask, octant = int(self.rows["children"][node]), int(digit, 8)
            if not mask >> octant & 1:
                raise KeyError(f"there is no node {path[: place + 1]!r}")
            node = self.children(node)[(mask & (1 << octant) - 1).bit_count()]
        return node

    def first_request(self, points: int = FIRST_POINTS) -> tuple[int, int]:
        """What a viewer asks for first: the bytes of a prefix of the data file, and the nodes it holds.

        As many whole nodes as hold `points` together; when the first node with points is larger, that many
        of its records.
        """
        ends = np.cumsum(self.rows["count"], dtype=np.int64)
        nodes = int(np.searchsorted(ends, points, side="right"))
        if nodes and ends[nodes - 1]:
            return sum(self.byte_range(nodes - 1)), nodes
        return chunk_bytes(min(points, self.points)), nodes


def chunk_bytes(count: int) -> int:
    """The length of a chunk of `count` points; nothing is stored for none."""
    return tiles.HEADER.size + tiles.RECORD_BYTES * count if count else 0


def write_index(index: OctreeIndex) -> bytes:
    """The index file of `index`."""
    header = HEADER.pack(
        MAGIC, HEADER.size, VERSION, len(index), index.rule, index.points, index.left_out, index.data_bytes
    )
    return header + index.rows.tobytes()


def read_index(source: bytes | Path) -> OctreeIndex:
    """The index in a file, or in its bytes. Raises CloudError when it is damaged or of another version."""
    if isinstance(source, bytes):
        return _parse(source)
    with naming(source.name):
        return _parse(source.read_bytes())


def node_chunk(data: Bytes, index: OctreeIndex, node: int) -> memoryview:
    """The display chunk of a node in the data file `data`, empty for a node without points of its own.

    Raises CloudError when `data` ends before it.
    """
    offset, length = index.byte_range(node)
    view = data.data if isinstance(data, np.ndarray) else memoryview(data)
    chunk = view[offset : offset + length]
    if len(chunk) != length:
        raise CloudError(f"the octree data ends inside node {index.path(node)!r}", REMEDY)
    return chunk


def node_positions(data: Bytes, index: OctreeIndex, node: int) -> npt.NDArray[np.float64]:
    """Positions (count, 3) in metres of a node's own points, in display order. `data` is the data file.

    Raises CloudError when the data does not fit the index.
    """
    chunk = node_chunk(data, index, node)
    return tiles.decode(chunk)[0] if len(chunk) else np.empty((0, 3))


def node_values(
    values: npt.NDArray[Any], order: npt.NDArray[np.uint32], index: OctreeIndex, node: int
) -> npt.NDArray[Any]:
    """Per-point `values` of the whole cloud, shape (all points, ...), as the node's own points need them.

    Raises CloudError when the values are not as many as the points of the cloud.
    """
    points = index.points + index.left_out
    if len(values) != points:
        raise CloudError(
            f"{len(values)} values do not fit a cloud of {points} points", "Check the scene they belong to."
        )
    return values[order[index.point_range(node)]]


def original_index(display: int, order: npt.NDArray[np.uint32], index: OctreeIndex, node: int) -> int:
    """Index in the cloud of record `display` of a node."""
    if not 0 <= display < index.count(node):
        raise IndexError(f"display index {display} is not within 0..{index.count(node) - 1}")
    return int(order[index.point_range(node).start + display])


def read_order(path: Path) -> npt.NDArray[np.uint32]:
    """The order file, shape (points,), mapped and not read."""
    return np.memmap(path, "<u4", mode="r")


def _parse(data: bytes) -> OctreeIndex:
    if len(data) < HEADER.size:
        raise CloudError("the octree index ends inside its header", REMEDY)
    magic, length, version, nodes, rule, points, left_out, data_bytes = HEADER.unpack_from(data)
    if (magic, length, version) != (MAGIC, HEADER.size, VERSION):
        raise CloudError("this is not an octree index of version 1", REMEDY)
    if not nodes or len(data) != length + nodes * ROW.itemsize:
        raise CloudError(f"the octree index of {nodes} nodes has {len(data)} bytes", REMEDY)
    if rule not in set(IntensityRule):
        raise CloudError(f"the octree index has the unknown intensity rule {rule}", REMEDY)
    index = OctreeIndex(np.frombuffer(data, ROW, nodes, length), left_out, IntensityRule(rule))
    if not _consistent(index) or (index.points, index.data_bytes) != (points, data_bytes):
        raise CloudError("the nodes of the octree index contradict each other", REMEDY)
    return index


def _consistent(index: OctreeIndex) -> bool:
    """Whether each node starts where the one before ends, and each but the root is one node's child."""
    rows = index.rows
    counts = rows["count"].astype(np.uint64)
    lengths = np.where(counts, tiles.HEADER.size + tiles.RECORD_BYTES * counts, 0)
    children = np.bitwise_count(rows["children"]).astype(np.uint64)
    return bool(
        np.array_equal(rows["offset"], np.cumsum(lengths) - lengths)
        and np.array_equal(rows["first_point"], np.cumsum(counts) - counts)
        and np.array_equal(rows["first_child"], np.where(children, 1 + np.cumsum(children) - children, 0))
        and children.sum() == len(rows) - 1
    )
