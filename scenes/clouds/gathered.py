"""Statistics of a cloud that comes in chunks and is never held in memory whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from scenes.clouds.cloud import IDENTITY_VIEWPOINT, CloudError, PointCloud
from scenes.clouds.statistics import CloudStatistics, Triple, summarise

MOST_WARNINGS = 10


class GatheredStatistics:
    """Takes a cloud's chunks as they pass, and tells the statistics of the whole at the end.

    Counts, bounds, ranges and intensities are exact. The warnings are those of the chunks, each kind once: whether a
    point is stray is judged within its chunk.
    """

    def __init__(self) -> None:
        self.whole: CloudStatistics | None = None
        self.unplaced = 0

    def passing(self, chunks: Iterable[npt.NDArray[np.void]]) -> Iterator[PointCloud]:
        """The chunks as clouds, unchanged; each structured array (n,) is counted when it passes."""
        for points in chunks:
            cloud = PointCloud(points, len(points), 1, IDENTITY_VIEWPOINT, "chunk")
            if cloud.finite().any():
                part = summarise(cloud)
                self.whole = part if self.whole is None else _joined(self.whole, part)
            else:
                self.unplaced += len(cloud)
            yield cloud

    def result(self) -> CloudStatistics:
        """The statistics of all that passed. Raises CloudError when no point had a finite position."""
        if self.whole is None:
            raise CloudError("no point has a finite position", "Leave this frame out, or record it again.", "x")
        return replace(self.whole, points=self.whole.points + self.unplaced)


def _joined(one: CloudStatistics, other: CloudStatistics) -> CloudStatistics:
    finite = one.finite + other.finite
    mean = (one.range_mean * one.finite + other.range_mean * other.finite) / finite
    return replace(
        one,
        points=one.points + other.points,
        finite=finite,
        minimum=_corner(min, one.minimum, other.minimum),
        maximum=_corner(max, one.maximum, other.maximum),
        range_minimum=min(one.range_minimum, other.range_minimum),
        range_maximum=max(one.range_maximum, other.range_maximum),
        range_mean=mean,
        intensity_minimum=_of_known(min, one.intensity_minimum, other.intensity_minimum),
        intensity_maximum=_of_known(max, one.intensity_maximum, other.intensity_maximum),
        warnings=tuple(dict.fromkeys((*one.warnings, *other.warnings)))[:MOST_WARNINGS],
    )


def _corner(choose: Callable[..., float], one: Triple, other: Triple) -> Triple:
    x, y, z = (choose(*pair) for pair in zip(one, other, strict=True))
    return x, y, z


def _of_known(choose: Callable[[list[float]], float], *values: float | None) -> float | None:
    known = [value for value in values if value is not None]
    return choose(known) if known else None
