"""Nodes as they become ready, in any order, and the files they are put together to in level order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from scenes.clouds import tiles
from scenes.clouds.cloud import CloudError
from scenes.clouds.octree_cells import GRID_LEVELS
from scenes.clouds.octree_index import ROW, OctreeIndex, chunk_bytes
from scenes.clouds.octree_spool import Corner, Points
from scenes.clouds.tiles import IntensityRule

DEEPEST = 255


@dataclass(frozen=True, eq=False)
class Entry:
    """A node that is ready.

    Attributes:
        path: octal digits from the root.
        side: of its cube, in metres.
        count: its own points.
        first: the number of its first point in the temporary files.
        chunk: where its chunk starts there, in bytes.
        lo, hi: the box around its own points.
    """

    path: str
    side: float
    count: int
    first: int
    chunk: int
    lo: Corner
    hi: Corner


class NodeStore:
    """Encodes nodes to temporary files in `folder`, in the order in which they become ready."""

    def __init__(self, folder: Path, rule: IntensityRule) -> None:
        self._rule = rule
        self._entries: list[Entry] = []
        self._points = self._bytes = 0
        self._chunks = (folder / "chunks").open("w+b")
        self._order = (folder / "order").open("w+b")

    def add(self, path: str, side: float, points: Points, which: npt.NDArray[np.int64] | None = None) -> None:
        """A node of all `points`, or of those at the places `which`, given in Morton order."""
        if len(path) > DEEPEST:
            raise CloudError("the octree grows too deep", "Remove the stray points.")
        count = len(points) if which is None else len(which)
        stride = tiles.stride_order(count)
        own = points.take(stride if which is None else which[stride])
        lo = hi = np.full(3, np.nan)
        if count:
            lo, hi = own.corners()
            self._chunks.write(_chunk(own, self._rule))
            self._order.write(own.original.data)
        self._entries.append(Entry(path, side, count, self._points, self._bytes, lo, hi))
        self._points += count
        self._bytes += chunk_bytes(count)

    def finish(self, data: Path, order: Path, left_out: int) -> OctreeIndex:
        """Write the data and the order file, level by level, and return their index."""
        entries = _without_dead_ends(sorted(self._entries, key=lambda entry: (len(entry.path), entry.path)))
        _copy(self._chunks, data, ((entry.chunk, chunk_bytes(entry.count)) for entry in entries))
        _copy(self._order, order, ((entry.first * 4, entry.count * 4) for entry in entries))
        return OctreeIndex(_rows(entries), left_out, self._rule)

    def close(self) -> None:
        """Close the temporary files; their folder is the caller's to remove."""
        self._chunks.close()
        self._order.close()


def _chunk(points: Points, rule: IntensityRule) -> bytes:
    """The display chunk of `points`, in the order given."""
    lo, scale = tiles.grid(points.columns)
    records = np.zeros((len(points), 4), "<u2")
    tiles.quantise(points.columns, lo, scale, records)
    if rule is not IntensityRule.NONE:
        records[:, 3] = tiles.normalise(points.intensity, rule)
    flags = rule | (tiles.COARSE if scale.max() > tiles.COARSE_STEP else 0)
    header = tiles.HEADER.pack(
        tiles.MAGIC, tiles.HEADER.size, tiles.VERSION, len(points), flags, *lo.tolist(), *scale.tolist()
    )
    return b"".join((header, records.data))


def _without_dead_ends(entries: list[Entry]) -> list[Entry]:
    """`entries` less those with no points of their own and none below: what lay there is higher up."""
    kept: list[Entry] = []
    alive: set[str] = set()
    for entry in reversed(entries):
        if entry.count or entry.path in alive:
            kept.append(entry)
            alive.add(entry.path[:-1])
    return kept[::-1]


def _rows(entries: list[Entry]) -> npt.NDArray[np.void]:
    """The rows of the index for `entries` in level order."""
    rows = np.zeros(len(entries), ROW)
    counts = np.array([entry.count for entry in entries], np.int64)
    lengths = np.where(counts, tiles.HEADER.size + tiles.RECORD_BYTES * counts, 0)
    rows["count"] = counts
    rows["first_point"] = np.cumsum(counts) - counts
    rows["offset"] = np.cumsum(lengths) - lengths
    rows["level"] = [len(entry.path) for entry in entries]
    rows["spacing"] = [entry.side / 2**GRID_LEVELS for entry in entries]
    lo, hi = np.array([entry.lo for entry in entries]), np.array([entry.hi for entry in entries])
    numbers = {entry.path: number for number, entry in enumerate(entries)}
    for number in range(len(entries) - 1, 0, -1):
        path = entries[number].path
        parent = numbers[path[:-1]]
        rows["children"][parent] |= 1 << int(path[-1])
        rows["first_child"][parent] = number
        lo[parent] = np.fmin(lo[parent], lo[number])
        hi[parent] = np.fmax(hi[parent], hi[number])
    rows["lo"] = lo
    extent = (hi - lo).astype(np.float32)
    rows["extent"] = np.where(extent < hi - lo, np.nextafter(extent, np.float32(np.inf)), extent)
    return rows


def _copy(source: BinaryIO, target: Path, pieces: Iterable[tuple[int, int]]) -> None:
    """Write the `pieces` of `source`, each an offset and a length in bytes, one after the other."""
    with target.open("wb") as out:
        for offset, length in pieces:
            source.seek(offset)
            out.write(source.read(length))
