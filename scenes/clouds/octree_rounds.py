"""Clouds of more points than are sorted at once: counted in cells, dealt out to blocks on disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scenes.clouds.octree_blocks import (
    FINE_EXTENT,
    SMALLEST_EXTENT,
    WIDE_AREA_CELLS,
    Ancestor,
    BlockBuilder,
)
from scenes.clouds.octree_cells import GRID_LEVELS, MOST_SORTED, Cube, codes_of, cube_around
from scenes.clouds.octree_spool import Bounds, Points, Segment, Spooled, SpoolFile, join
from scenes.clouds.octree_store import NodeStore

CELLS = 8**GRID_LEVELS


@dataclass(frozen=True)
class Sizes:
    """How many points are held at once.

    Attributes:
        leaf: at most in a leaf.
        block: at most in a block, which is sorted in memory.
        batch: at a time on the way to the blocks.
    """

    leaf: int = 40_000
    block: int = 2**20
    batch: int = 2**19

    def __post_init__(self) -> None:
        if not 0 < self.leaf <= self.block <= MOST_SORTED:
            raise ValueError(f"leaf {self.leaf} <= block {self.block} <= {MOST_SORTED} does not hold")


@dataclass(frozen=True)
class Block:
    """A node whose points are built together: its level, its Morton code there, and its points."""

    level: int
    code: int
    count: int

    @property
    def path(self) -> str:
        return f"{self.code:0{self.level}o}" if self.level else ""

    @property
    def cells(self) -> slice:
        """Its part of the counted cells."""
        width = 8 ** (GRID_LEVELS - self.level)
        return slice(self.code * width, (self.code + 1) * width)


class Rounds:
    """Stores the nodes of clouds of any size in `store`, with temporary files in `folder`."""

    def __init__(self, store: NodeStore, folder: Path, sizes: Sizes) -> None:
        self._store = store
        self._folder = folder
        self._sizes = sizes
        self._builder = BlockBuilder(store, sizes.leaf)
        self._files = 0

    def build(self, cloud: Spooled, path: str = "") -> None:
        """All nodes of `cloud` from `path` on. Its file is removed as soon as it is not needed."""
        cube = cube_around(cloud.lo, cloud.hi)
        if cloud.count <= self._sizes.block:
            points = cloud.file.read(cloud.segments)
            cloud.file.remove()
            self._builder.build(points, cube, path, [])
        elif cube.side <= SMALLEST_EXTENT:
            self._build_one_place(cloud, cube, path)
        else:
            self._build_round(cloud, cube, path)

    def _build_one_place(self, cloud: Spooled, cube: Cube, path: str) -> None:
        """Points that no cube divides: a block of them per node, each the first child of the one before."""
        held: list[Points] = []
        for points in cloud.file.batches(cloud.segments, self._sizes.block):
            held.append(points)
            everything = join(held)
            whole = len(everything) - len(everything) % self._sizes.block
            for start in range(0, whole, self._sizes.block):
                self._store.add(path, cube.side, everything.slice(start, start + self._sizes.block))
                path += "0"
            held = [everything.slice(whole, len(everything))]
        if len(held[0]):
            self._store.add(path, cube.side, held[0])
        cloud.file.remove()

    def _build_round(self, cloud: Spooled, cube: Cube, path: str) -> None:
        """Count the cells, deal the points out to blocks, build each, in Morton order."""
        counts = np.zeros(CELLS, np.int64)
        for points in cloud.file.batches(cloud.segments, self._sizes.batch):
            counts += np.bincount(codes_of(points.columns, cube, GRID_LEVELS).view(np.int64), minlength=CELLS)
        blocks = list(blocks_of(counts, self._sizes.block))
        dealt = self._new_file(cloud)
        segments = deal(cloud, cube, blocks, dealt, self._sizes.batch)
        cloud.file.remove()
        chain: list[Ancestor] = []
        for block, own in zip(blocks, segments, strict=True):
            chain = self._chain_to(block, chain, cube, path, counts)
            block_cube, block_path = cube.below(block.path), path + block.path
            if block.count <= self._sizes.block:
                self._builder.build(dealt.read(own), block_cube, block_path, chain)
            else:
                self._build_dense_cell(Spooled(dealt, own, cloud.lo, cloud.hi), block_cube, block_path, chain)
        for ancestor in reversed(chain):
            ancestor.store_in(self._store)
        dealt.remove()

    def _build_dense_cell(self, cell: Spooled, cube: Cube, path: str, ancestors: list[Ancestor]) -> None:
        """A cell of more points than a block: the ancestors take theirs, the rest goes through a round."""
        rest, segments, bounds = self._new_file(cell), [], Bounds()
        filled = [np.zeros(8**level, np.bool_) for level in range(GRID_LEVELS)]
        for points in cell.file.batches(cell.segments, self._sizes.batch):
            left = _thin(points, cube, ancestors, filled)
            bounds.add(left)
            if len(left):
                segments.append(rest.append(left))
        if segments:
            self.build(Spooled(rest, segments, bounds.lo, bounds.hi), path)
        rest.remove()

    def _chain_to(
        self, block: Block, chain: list[Ancestor], cube: Cube, path: str, counts: npt.NDArray[np.int64]
    ) -> list[Ancestor]:
        """The ancestors of `block`, from the root of the round down; those of `chain` no longer needed are stored."""
        whole = path + block.path
        shared = [above for above in chain if above.path == whole[: len(above.path)]][: block.level]
        for finished in reversed(chain[len(shared) :]):
            finished.store_in(self._store)
        fresh = []
        for level in range(len(shared), block.level):
            above = Block(level, block.code >> 3 * (block.level - level), 0)
            side = cube.side / 2**level
            fresh.append(Ancestor(path + above.path, side, _takes(side, level, counts[above.cells])))
        return shared + fresh

    def _new_file(self, like: Spooled) -> SpoolFile:
        self._files += 1
        return SpoolFile(self._folder / f"round-{self._files}", like.file.dtype)


def blocks_of(counts: npt.NDArray[np.int64], most: int) -> Iterator[Block]:
    """The largest nodes with at most `most` points, and the single cells with more, in Morton order.

    `counts` (8^7,) are the points of each cell in Morton order.
    """
    levels = [counts.reshape(-1, 8 ** (GRID_LEVELS - level)).sum(axis=1) for level in range(GRID_LEVELS + 1)]

    def below(level: int, code: int) -> Iterator[Block]:
        count = int(levels[level][code])
        if count > most and level < GRID_LEVELS:
            for octant in range(8):
                yield from below(level + 1, 8 * code + octant)
        elif count:
            yield Block(level, code, count)

    return below(0, 0)


def deal(cloud: Spooled, cube: Cube, blocks: list[Block], target: SpoolFile, batch: int) -> list[list[Segment]]:
    """Write the points of each block to `target`, in the order of the cloud; returns where, per block."""
    block_of = np.zeros(CELLS, np.min_scalar_type(len(blocks)))
    for number, block in enumerate(blocks):
        block_of[block.cells] = number
    segments: list[list[Segment]] = [[] for _ in blocks]
    for points in cloud.file.batches(cloud.segments, batch):
        numbers = block_of[codes_of(points.columns, cube, GRID_LEVELS).view(np.int64)]
        ends = np.cumsum(np.bincount(numbers, minlength=len(blocks))).tolist()
        points = points.take(np.argsort(numbers, kind="stable"))
        for number, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
            if end > start:
                segments[number].append(target.append(points.slice(start, end)))
    return segments


def _takes(side: float, level: int, cells: npt.NDArray[np.int64]) -> bool:
    """Whether a node above blocks takes points, by the same rule as a node inside one.

    Only the cells of the round's first node are counted. A node `level` levels lower has 4^level times the
    cells on a surface; a single one says nothing, and all points come through the node below anyway.
    """
    filled = int(np.count_nonzero(cells))
    return side <= FINE_EXTENT or (filled > 1 and filled * 4**level >= WIDE_AREA_CELLS)


def _thin(points: Points, cube: Cube, ancestors: list[Ancestor], filled: list[npt.NDArray[np.bool_]]) -> Points:
    """What is left of `points` in the dense cell `cube` when each ancestor took the first of each cell."""
    codes = codes_of(points.columns, cube, GRID_LEVELS - 1)
    for level, ancestor in enumerate(ancestors):
        if not ancestor.takes:
            continue
        cells, first = np.unique(codes >> np.uint64(3 * (GRID_LEVELS - 1 - level)), return_index=True)
        fresh = np.sort(first[~filled[level][cells.view(np.int64)]])
        filled[level][cells.view(np.int64)] = True
        ancestor.parts.append(points.take(fresh))
        rest = np.ones(len(codes), np.bool_)
        rest[fresh] = False
        points, codes = points.take(np.flatnonzero(rest)), codes[rest]
    return points
