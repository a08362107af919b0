"""The display octree: a cloud too large, or too wide, for one display chunk.

Additive: every finite point is in exactly one node. A node takes one point of each of its 128 cells a side
that has any; what is left goes to its up to eight children; up to 40 000 points make a leaf. Each node is an
ordinary display chunk with an origin and steps of its own, so leaves are exact to 1 cm whatever the extent of
the whole. `octree_index` describes the three files.

A node's cube is an octant of its parent's, unless its points fill a small part of that: then it is a new cube
around them. So stray points cost a few nodes and no depth. A node too wide for steps of 1 cm holds points
only when they are the picture of a wide area; the few points between stray ones go to finer nodes.

Memory does not grow with the cloud. The points are read once, to a file; where they are more than are sorted
at once, cells of the root's grid are counted, and the points dealt out to blocks, nodes of up to a million
points, which are built one after the other. The nodes above the blocks take their points from each block
before its own nodes do. A cell that alone exceeds a block goes through the same again.

The same points in the same order make the same bytes, in whatever chunks they come and on whatever machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from scenes.clouds.octree_index import OctreeIndex, write_index
from scenes.clouds.octree_rounds import Rounds, Sizes
from scenes.clouds.octree_spool import Chunk, receive
from scenes.clouds.octree_store import NodeStore
from scenes.clouds.tiles import IntensityRule

# More points than this are not sent as one chunk.
LARGEST_FRAME = 500_000
DATA_NAME = "octree.data"
ORDER_NAME = "octree.order"
INDEX_NAME = "octree.index"
DEFAULT_SIZES = Sizes()


@dataclass(frozen=True, eq=False)
class BuiltOctree:
    """The files of an octree, and its index as read.

    Attributes:
        data: the chunks of all nodes, level by level.
        order: uint32 index in the cloud of each record in `data`.
        index_file: the index on disk.
        index: the same in memory.
    """

    data: Path
    order: Path
    index_file: Path
    index: OctreeIndex


def needed(count: int, *, coarse: bool) -> bool:
    """Whether a cloud of `count` points, whose single chunk is `coarse` or not, needs an octree."""
    return coarse or count > LARGEST_FRAME


def build(
    chunks: Iterable[Chunk],
    *,
    folder: Path,
    count: int | None = None,
    rule: IntensityRule | None = None,
    sizes: Sizes = DEFAULT_SIZES,
) -> BuiltOctree:
    """The octree of a cloud, as three files in `folder`.

    Args:
        chunks: positions (n, 3) in metres and intensities (n,) or None, in the order of the cloud; all with
            the same dtypes. Read once.
        folder: exists; temporary files of 40 bytes a point are made in it, too, 64 when positions are
            float64.
        count: points that the header of the cloud announces; None when nobody says.
        rule: the intensity rule of the scene's other frames; chosen by the values without one.
        sizes: how many points are held at once.

    Raises CloudError when no point has a finite position, when they span more than a float32 can say, or when
    there are not `count` of them; ValueError when chunks do not fit each other.
    """
    with TemporaryDirectory(dir=folder, prefix="octree-") as temporary:
        scratch = Path(temporary)
        received = receive(chunks, scratch / "points", batch=sizes.batch, count=count)
        finite = received.finite.count
        chosen = received.rule if received.rule is IntensityRule.NONE else rule or received.rule
        store = NodeStore(scratch, chosen)
        try:
            Rounds(store, scratch, sizes).build(received.finite)
            index = store.finish(folder / DATA_NAME, folder / ORDER_NAME, received.points - finite)
        finally:
            store.close()
    (folder / INDEX_NAME).write_bytes(write_index(index))
    return BuiltOctree(folder / DATA_NAME, folder / ORDER_NAME, folder / INDEX_NAME, index)
