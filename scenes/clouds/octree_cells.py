"""Cubes, their cells, and the Morton codes that put cells in order.

The code of a cell d levels below a cube has d octal digits, the first for the coarsest level. A digit is
x + 2 y + 4 z, each 1 in the upper half of its axis. Sorted codes list every node of every level in one piece.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from scenes.clouds.cloud import CloudError
from scenes.clouds.octree_spool import Corner
from scenes.clouds.tiles import GOLDEN_RATIO_CONJUGATE, LARGEST_EXTENT

Codes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

# A node samples 2^7 = 128 cells a side.
GRID_LEVELS = 7
# Seven levels of nodes below a cube, the last with its own grid.
DEPTH = 2 * GRID_LEVELS
# What is left of 64 bits beside a code of DEPTH levels, less a sign, numbers the points of a block.
NUMBER_BITS = 63 - 3 * DEPTH
MOST_SORTED = 2**NUMBER_BITS


def _spread() -> Codes:
    """Each number below 2^DEPTH with its bits moved apart: bit k to bit 3 k."""
    numbers = np.arange(2**DEPTH, dtype=np.uint64)
    spread = np.zeros_like(numbers)
    for bit in range(DEPTH):
        spread |= ((numbers >> np.uint64(bit)) & np.uint64(1)) << np.uint64(3 * bit)
    return spread


# One table an axis saves the shifts.
SPREAD = tuple(_spread() << np.uint64(axis) for axis in range(3))


class Cube(NamedTuple):
    """An axis-aligned cube: its lower corner (3,) and its side, in metres."""

    lo: Corner
    side: float

    def below(self, path: str) -> Cube:
        """The cube at the end of `path`, octal digits from here."""
        lo, side = self.lo, self.side
        for digit in path:
            side /= 2
            lo = lo + side * np.array([int(digit) >> axis & 1 for axis in range(3)], np.float64)
        return Cube(lo, side)


def cube_around(lo: Corner, hi: Corner) -> Cube:
    """The smallest cube at `lo` that holds the box lo..hi.

    Raises CloudError when the box is longer than float32 numbers go.
    """
    with np.errstate(over="ignore"):
        side = float((hi - lo).max())
    if side > LARGEST_EXTENT:
        raise CloudError(f"the positions span more than {LARGEST_EXTENT:g} m", "Remove the stray points.")
    return Cube(lo, side)


def codes_of(columns: npt.NDArray[np.floating[Any]], cube: Cube, depth: int) -> Codes:
    """The Morton code, shape (n,), of the cell `depth` levels below `cube` that holds each of `columns`.

    A point outside by a rounding error counts into the nearest cell.
    """
    codes = np.zeros(columns.shape[1], np.uint64)
    cells = 2**depth
    for axis, column in enumerate(columns):
        place = np.subtract(column, cube.lo[axis], dtype=np.float64)
        place *= cells / cube.side
        np.clip(place, 0, cells - 1, out=place)
        codes |= SPREAD[axis].take(place.astype(np.intp))
    return codes


def sort_codes(codes: Codes) -> tuple[Codes, Places]:
    """`codes` (n,) ascending and the place that each came from; equal codes stay in order.

    n is at most MOST_SORTED. Code and place are sorted as one number: all are different, so every sorting
    algorithm gives the same answer, the fastest included.
    """
    both = codes << np.uint64(NUMBER_BITS)
    both |= np.arange(len(codes), dtype=np.uint64)
    both.sort()
    places = (both & np.uint64(MOST_SORTED - 1)).view(np.int64)
    both >>= np.uint64(NUMBER_BITS)
    return both, places


def starts_of(ascending: Codes) -> Places:
    """Where each run of equal numbers begins."""
    changes = np.flatnonzero(ascending[1:] != ascending[:-1])
    changes += 1
    return np.concatenate((np.zeros(min(len(ascending), 1), np.int64), changes))


def sample(cells: Codes) -> Places:
    """One place of each run of equal `cells`, ascending.

    Which one of the run follows the golden ratio from run to run. Always the first would be the point nearest
    to the lower corner of its cell, and the sample would show the grid.
    """
    starts = starts_of(cells)
    lengths = np.diff(starts, append=len(cells))
    share = np.arange(len(starts)) * GOLDEN_RATIO_CONJUGATE % 1.0
    share *= lengths
    starts += share.astype(np.int64)
    return starts
