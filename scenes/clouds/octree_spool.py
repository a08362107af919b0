"""Points on their way into an octree: in memory by the batch, on disk by the segment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scenes.clouds.cloud import CloudError, finite_rows
from scenes.clouds.tiles import OUTLIER_SHARE, IntensityRule

# Positions (n, 3) in metres and intensities (n,), or None where the cloud has none.
Chunk = tuple[npt.NDArray[Any], npt.NDArray[Any] | None]
Corner = npt.NDArray[np.float64]

# The order array holds uint32.
MOST_POINTS = 2**32 - 1


@dataclass(frozen=True, eq=False)
class Points:
    """Some finite points of a cloud.

    Attributes:
        columns: positions by axis in metres, shape (3, n), float32 or float64.
        original: index of each point in the cloud, shape (n,) uint32.
        intensity: as recorded, shape (n,) float32; zero for a cloud without.
    """

    columns: npt.NDArray[np.floating[Any]]
    original: npt.NDArray[np.uint32]
    intensity: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return self.columns.shape[1]

    def take(self, which: npt.NDArray[Any]) -> Points:
        """The points at the places `which`, in that order."""
        return Points(self.columns.take(which, axis=1), self.original.take(which), self.intensity.take(which))

    def slice(self, start: int, stop: int) -> Points:
        """The points start..stop-1, as views."""
        return Points(self.columns[:, start:stop], self.original[start:stop], self.intensity[start:stop])

    def corners(self) -> tuple[Corner, Corner]:
        """The lower and the upper corner of the bounding box, shape (3,) each."""
        return self.columns.min(axis=1).astype(np.float64), self.columns.max(axis=1).astype(np.float64)

    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        """The five arrays in the order a segment stores them."""
        return (*self.columns, self.original, self.intensity)


def join(parts: Sequence[Points]) -> Points:
    """All points of `parts`, in order."""
    return Points(
        np.concatenate([part.columns for part in parts], axis=1),
        np.concatenate([part.original for part in parts]),
        np.concatenate([part.intensity for part in parts]),
    )


@dataclass(frozen=True)
class Segment:
    """Points that lie together in a spool file: where, in bytes, and how many."""

    offset: int
    count: int


class SpoolFile:
    """A temporary file of segments, written by appending. Not mapped: its pages are no memory of ours."""

    def __init__(self, path: Path, dtype: npt.DTypeLike) -> None:
        self.dtype = np.dtype(dtype)
        self._path = path
        self._end = 0
        self._file = path.open("w+b")

    def append(self, points: Points) -> Segment:
        """Write `points` at the end."""
        segment = Segment(self._end, len(points))
        self._file.seek(self._end)
        for array in points.arrays():
            self._file.write(np.ascontiguousarray(array).data)
        self._end = self._file.tell()
        return segment

    def read(self, segments: Sequence[Segment]) -> Points:
        """The points of `segments`, in order."""
        count = sum(segment.count for segment in segments)
        points = Points(np.empty((3, count), self.dtype), np.empty(count, "<u4"), np.empty(count, "<f4"))
        filled = 0
        for segment in segments:
            self._file.seek(segment.offset)
            for array in points.arrays():
                self._file.readinto(array[filled : filled + segment.count].data)
            filled += segment.count
        return points

    def batches(self, segments: Sequence[Segment], batch: int) -> Iterator[Points]:
        """The points of `segments` in order, about `batch` at a time."""
        group: list[Segment] = []
        held = 0
        for segment in segments:
            group.append(segment)
            held += segment.count
            if held >= batch:
                yield self.read(group)
                group, held = [], 0
        if group:
            yield self.read(group)

    def remove(self) -> None:
        """Close the file and delete it."""
        self._file.close()
        self._path.unlink(missing_ok=True)


class Bounds:
    """The bounding box of all points added so far."""

    def __init__(self) -> None:
        self.lo = np.full(3, np.inf)
        self.hi = np.full(3, -np.inf)

    def add(self, points: Points) -> None:
        """Widen the box to hold `points`."""
        if len(points):
            lo, hi = points.corners()
            self.lo, self.hi = np.minimum(self.lo, lo), np.maximum(self.hi, hi)


@dataclass(frozen=True, eq=False)
class Spooled:
    """Points on disk, with their bounding box."""

    file: SpoolFile
    segments: list[Segment]
    lo: Corner
    hi: Corner

    @property
    def count(self) -> int:
        return sum(segment.count for segment in self.segments)


@dataclass(frozen=True, eq=False)
class Received:
    """What came in: the finite points, how many came in all, and the intensity rule that fits them."""

    finite: Spooled
    points: int
    rule: IntensityRule


class RangeOfIntensity:
    """Counts what `tiles.intensity_rule` looks at, over many chunks."""

    def __init__(self) -> None:
        self.seen = self.above_unit = self.above_byte = 0
        self.dtype: np.dtype[Any] | None = None

    def add(self, intensity: npt.NDArray[Any] | None) -> None:
        """Count one more chunk."""
        if intensity is not None:
            self.dtype = intensity.dtype
            self.seen += len(intensity)
            self.above_unit += int(np.count_nonzero(intensity > 1))
            self.above_byte += int(np.count_nonzero(intensity > 255))

    def rule(self) -> IntensityRule:
        """The rule for all that was counted."""
        if self.dtype is None:
            return IntensityRule.NONE
        allowed = self.seen * OUTLIER_SHARE
        if self.dtype.kind == "f" and self.above_unit <= allowed:
            return IntensityRule.UNIT
        fits_byte = self.dtype.itemsize == 1 or self.above_byte <= allowed
        return IntensityRule.BYTE if fits_byte else IntensityRule.WORD


def receive(chunks: Iterable[Chunk], path: Path, *, batch: int, count: int | None) -> Received:
    """Spool the finite points of `chunks`, read once, to the file `path`.

    Raises CloudError when no point is finite, or when there are not `count` points.
    """
    most = MOST_POINTS if count is None else min(count, MOST_POINTS)
    file: SpoolFile | None = None
    segments: list[Segment] = []
    bounds, intensities, seen = Bounds(), RangeOfIntensity(), 0
    for positions, intensity in _pieces(chunks, batch):
        if seen + len(positions) > most:
            raise _miscounted(f"more than the {most} points", count)
        file = file or SpoolFile(path, np.float32 if positions.dtype == np.float32 else np.float64)
        points = _finite(positions, intensity, seen, file.dtype)
        seen += len(positions)
        intensities.add(intensity)
        bounds.add(points)
        if len(points):
            segments.append(file.append(points))
    if count is not None and seen != count:
        raise _miscounted(f"{seen} points instead of the {count}", count)
    if file is None or not segments:
        raise CloudError("no point has a finite position to display", "Leave this cloud out.", "x")
    return Received(Spooled(file, segments, bounds.lo, bounds.hi), seen, intensities.rule())


def _miscounted(found: str, count: int | None) -> CloudError:
    said = "an octree can hold" if count is None else "its header announces"
    return CloudError(f"the cloud holds {found} {said}", "Check that the file is whole.")


def _pieces(chunks: Iterable[Chunk], batch: int) -> Iterator[Chunk]:
    """The chunks, checked, none longer than `batch`."""
    first = ""
    for positions, intensity in chunks:
        if positions.ndim != 2 or positions.shape[1] != 3:
            raise ValueError(f"positions of shape {positions.shape} are not (n, 3)")
        if intensity is not None and intensity.shape != (len(positions),):
            raise ValueError(f"intensities of shape {intensity.shape} for {len(positions)} positions")
        kind = f"{positions.dtype} {'without' if intensity is None else 'with'} intensities"
        first = first or kind
        if kind != first:
            raise ValueError(f"a chunk of {kind} after one of {first}")
        for start in range(0, len(positions), batch):
            part = slice(start, start + batch)
            yield positions[part], None if intensity is None else intensity[part]


def _finite(
    positions: npt.NDArray[Any], intensity: npt.NDArray[Any] | None, first: int, dtype: np.dtype[Any]
) -> Points:
    """The finite ones of a chunk whose first point has the index `first` in the cloud."""
    count = len(positions)
    columns = np.ascontiguousarray(positions.T, dtype)
    strengths = np.zeros(count, "<f4") if intensity is None else intensity.astype("<f4")
    points = Points(columns, np.arange(first, first + count, dtype="<u4"), strengths)
    finite = finite_rows(columns.T)
    return points if finite.all() else points.take(np.flatnonzero(finite))
