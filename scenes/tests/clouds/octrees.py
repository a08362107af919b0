"""Octrees for the tests, and what must hold of every one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from scenes.clouds import octree, tiles
from scenes.clouds.octree_blocks import FINE_EXTENT, SMALLEST_EXTENT
from scenes.clouds.octree_index import OctreeIndex, node_chunk, node_positions, read_index, read_order
from scenes.clouds.octree_rounds import Sizes

Array = npt.NDArray[Any]
# So small that a few thousand points go through files, rounds and blocks.
SMALL = Sizes(leaf=50, block=400, batch=150)
# Everything in one block.
WHOLE = Sizes(leaf=50, block=2**20, batch=2**20)


class Octree:
    """The three files of an octree, read back."""

    def __init__(self, folder: Path) -> None:
        self.data_bytes = (folder / octree.DATA_NAME).read_bytes()
        self.index_bytes = (folder / octree.INDEX_NAME).read_bytes()
        self.order_bytes = (folder / octree.ORDER_NAME).read_bytes()
        self.left_over = sorted(path.name for path in folder.iterdir())
        self.index: OctreeIndex = read_index(self.index_bytes)
        self.order = np.array(read_order(folder / octree.ORDER_NAME))

    @property
    def files(self) -> tuple[bytes, bytes, bytes]:
        return self.data_bytes, self.index_bytes, self.order_bytes

    def positions(self, node: int) -> Array:
        return node_positions(self.data_bytes, self.index, node)

    def originals(self, node: int) -> Array:
        return self.order[self.index.point_range(node)]

    def step(self, node: int) -> float:
        """The largest rounding step of the node, in metres."""
        chunk = node_chunk(self.data_bytes, self.index, node)
        return max(tiles.HEADER.unpack_from(chunk)[8:11]) if len(chunk) else 0.0

    def leaves(self) -> list[int]:
        return [node for node in range(len(self.index)) if not self.index.children(node)]


def cut(positions: Array, intensity: Array | None, size: int) -> Iterator[octree.Chunk]:
    """The cloud in chunks of `size` points."""
    for start in range(0, len(positions), size):
        part = slice(start, start + size)
        yield positions[part], None if intensity is None else intensity[part]


def octree_of(
    positions: Array, intensity: Array | None = None, *, chunk: int = 10**9, sizes: Sizes = SMALL, **more: Any
) -> Octree:
    """The octree of a cloud given in chunks of `chunk` points."""
    with TemporaryDirectory() as folder:
        octree.build(cut(positions, intensity, chunk), folder=Path(folder), sizes=sizes, **more)
        return Octree(Path(folder))


def check(tree: Octree, positions: Array, leaf: int) -> None:
    """All that must hold of the octree of `positions`, whatever they are."""
    finite = np.flatnonzero(np.isfinite(positions).all(axis=1))
    np.testing.assert_array_equal(np.sort(tree.order), finite)
    assert tree.index.left_out == len(positions) - len(finite)
    assert tree.left_over == sorted([octree.DATA_NAME, octree.INDEX_NAME, octree.ORDER_NAME])
    assert len(tree.data_bytes) == tree.index.data_bytes
    paths = tree.index.paths
    assert paths == sorted(set(paths), key=lambda path: (len(path), path))
    for node, path in enumerate(paths):
        assert tree.index.node(path) == node
        check_node(tree, node, positions.astype("f8"), leaf)


def check_node(tree: Octree, node: int, positions: Array, leaf: int) -> None:
    shown, wanted, step = tree.positions(node), positions[tree.originals(node)], tree.step(node)
    lo, hi = tree.index.bounds(node)
    slack = step * 0.51 + np.abs(positions[np.isfinite(positions)]).max() * 1e-15
    if len(shown):
        assert np.abs(shown - wanted).max() <= slack
        assert (wanted >= lo).all()
        assert (wanted <= hi + slack).all()
    for child in tree.index.children(node):
        below = tree.index.bounds(child)
        assert (below[0] >= lo).all()
        # Extents are rounded up to float32.
        assert (below[1] <= hi + slack + (hi - lo) * 2.5e-7).all()
    if not tree.index.children(node):
        one_place = np.ptp(wanted, axis=0).max() <= SMALLEST_EXTENT
        # A node may hold more than a leaf and have no children: when each of its points has its own cell.
        spacing = float(tree.index.rows["spacing"][node])
        assert len(wanted) <= leaf or one_place or spread_over_cells(wanted, spacing)
        assert step <= tiles.COARSE_STEP * 1.001 or np.ptp(wanted, axis=0).max() > FINE_EXTENT


def spread_over_cells(points: Array, spacing: float) -> bool:
    """Whether no cube of side `spacing` holds more points than the eight cells that it can touch."""
    _, counts = np.unique(np.floor((points - points.min(axis=0)) / spacing), axis=0, return_counts=True)
    return bool(counts.max() <= 8)
