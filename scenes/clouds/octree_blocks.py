"""Nodes of a block: of as many points as are sorted in memory at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np
import numpy.typing as npt

from scenes.clouds.octree_cells import (
    DEPTH,
    GRID_LEVELS,
    Codes,
    Cube,
    Places,
    codes_of,
    cube_around,
    sample,
    sort_codes,
    starts_of,
)
from scenes.clouds.octree_spool import Points, join
from scenes.clouds.octree_store import NodeStore
from scenes.clouds.tiles import COARSE_STEP, STEPS

# The longest box, in metres, whose rounding step does not exceed 1 cm.
FINE_EXTENT = COARSE_STEP * STEPS
# A box not longer than this, in metres, is not divided: its points are one place.
SMALLEST_EXTENT = 0.001
# A node with fewer of its 128^3 cells filled may be mostly empty space: its points' own box is looked at.
SPARSE_CELLS = 512
# A coarse node gives up its points for the finer nodes below, unless it is a picture of a wide area: a plane
# through all of its cells would fill 16384.
WIDE_AREA_CELLS = 4096


class Fate(Enum):
    """What becomes of a node."""

    LEAF = 1  # takes all its points
    SAMPLE = 2  # takes a point of each cell
    EMPTY = 3  # takes none
    NEW_CUBE = 4  # starts again, with a cube around its own points


@dataclass(eq=False)
class Ancestor:
    """A node above several blocks, which takes one point of each cell of every block."""

    path: str
    side: float
    takes: bool
    parts: list[Points] = field(default_factory=list)

    def store_in(self, store: NodeStore) -> None:
        """Hand the node over, complete."""
        empty = Points(np.empty((3, 0), np.float32), np.empty(0, np.uint32), np.empty(0, np.float32))
        store.add(self.path, self.side, join(self.parts) if self.parts else empty)
        self.parts.clear()


class BlockBuilder:
    """Stores the nodes of blocks in `store`; leaves hold at most `leaf_points`."""

    def __init__(self, store: NodeStore, leaf_points: int) -> None:
        self._store = store
        self._leaf_points = leaf_points

    def build(self, points: Points, cube: Cube, path: str, ancestors: list[Ancestor]) -> None:
        """All nodes of `points`, the first of them at `path` with `cube`; `ancestors` take theirs before."""
        if cube.side <= SMALLEST_EXTENT and not ancestors:
            self._store.add(path, cube.side, points)
            return
        codes, places = sort_codes(codes_of(points.columns, cube, DEPTH))
        for level, ancestor in enumerate(ancestors, start=-len(ancestors)):
            if ancestor.takes and len(places):
                chosen = sample(codes >> np.uint64(3 * (DEPTH - GRID_LEVELS - level)))
                ancestor.parts.append(points.take(places[chosen]))
                codes, places = np.delete(codes, chosen), np.delete(places, chosen)
        for level in range(GRID_LEVELS + 1):
            if not len(places):
                return
            left = self._build_level(level, codes, places, points, cube, path)
            codes, places = codes[left], places[left]

    def _build_level(
        self, level: int, codes: Codes, places: Places, points: Points, cube: Cube, path: str
    ) -> npt.NDArray[np.bool_]:
        """The nodes of one level; returns which points are left for the next."""
        side = cube.side / 2**level
        nodes = codes >> np.uint64(3 * (DEPTH - level))
        starts = starts_of(nodes)
        ends = np.append(starts[1:], len(codes))
        chosen = sample(codes >> np.uint64(3 * (DEPTH - GRID_LEVELS - level)))
        bounds = np.searchsorted(chosen, np.append(starts, len(codes))).tolist()
        left = np.ones(len(codes), np.bool_)
        for number, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            node_path = path + (f"{int(nodes[start]):0{level}o}" if level else "")
            own = places[start:end]
            cells = chosen[bounds[number] : bounds[number + 1]]
            fate = self._fate(points, own, len(cells), side, level)
            if fate is Fate.NEW_CUBE:
                inside = points.take(own)
                self.build(inside, cube_around(*inside.corners()), node_path, [])
                left[start:end] = False
            elif fate is Fate.LEAF:
                self._store.add(node_path, side, points, own)
                left[start:end] = False
            else:
                taken = cells if fate is Fate.SAMPLE else cells[:0]
                self._store.add(node_path, side, points, places[taken])
                left[taken] = False
        return left

    def _fate(self, points: Points, own: Places, cells: int, side: float, level: int) -> Fate:
        """What becomes of the node of the points at `own`, which fill `cells` cells of a cube of `side`."""
        fine, few = side <= FINE_EXTENT, len(own) <= self._leaf_points
        if fine and few:
            return Fate.LEAF
        if fine and level < GRID_LEVELS and cells >= SPARSE_CELLS:
            return Fate.SAMPLE
        columns = points.columns.take(own, axis=1)
        extent = float((columns.max(axis=1).astype(np.float64) - columns.min(axis=1)).max())
        if extent <= (FINE_EXTENT if few else SMALLEST_EXTENT):
            return Fate.LEAF
        if level == GRID_LEVELS or extent < side / 4:
            return Fate.NEW_CUBE
        return Fate.EMPTY if extent > FINE_EXTENT and cells < WIDE_AREA_CELLS else Fate.SAMPLE
