"""What one frame holds, in numbers: stored once at ingestion, shown and filtered by ever after."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scenes.clouds.cloud import CloudError, PointCloud

Triple = tuple[float, float, float]
Columns = npt.NDArray[np.floating[Any]]

# A cloud wider than this, in metres, is looked through for stray points.
WIDE = 1_000.0
# A point is stray when it lies this many times farther from the median position than 99 % of the points.
STRAY_FACTOR = 5.0
# Squares of larger coordinates would overflow float64.
LARGEST_SQUARE = 1e150


@dataclass(frozen=True)
class FieldSummary:
    """A field of the cloud: name, data type of one element such as "float32", elements per point."""

    name: str
    dtype: str
    count: int


@dataclass(frozen=True)
class CloudStatistics:
    """Statistics of one cloud. Lengths in metres.

    Attributes:
        points: all points of the file, n.
        finite: those whose x, y and z are finite; all that follows is over them.
        minimum, maximum: the bounding box (x, y, z).
        range_minimum, range_maximum, range_mean: distance from the origin of the cloud's own coordinates,
            which for a scan in sensor coordinates is the sensor.
        intensity_minimum, intensity_maximum: over the finite intensities of all points; None without any.
        fields: in file order.
        warnings: sentences for people on what is odd about the cloud.
    """

    points: int
    finite: int
    minimum: Triple
    maximum: Triple
    range_minimum: float
    range_maximum: float
    range_mean: float
    intensity_minimum: float | None
    intensity_maximum: float | None
    fields: tuple[FieldSummary, ...]
    warnings: tuple[str, ...]


def summarise(cloud: PointCloud) -> CloudStatistics:
    """The statistics of `cloud`. Raises CloudError when no point has a finite position."""
    columns = _finite_columns(cloud)
    minimum, maximum = columns.min(axis=1), columns.max(axis=1)
    ranges, unit = _ranges(columns, float(max(np.abs(minimum).max(), np.abs(maximum).max())))
    lowest, highest = _intensity_bounds(cloud)
    return CloudStatistics(
        points=len(cloud),
        finite=columns.shape[1],
        minimum=_triple(minimum),
        maximum=_triple(maximum),
        range_minimum=float(ranges.min()) * unit,
        range_maximum=float(ranges.max()) * unit,
        range_mean=float(ranges.mean(dtype=np.float64)) * unit,
        intensity_minimum=lowest,
        intensity_maximum=highest,
        fields=_fields(cloud),
        warnings=(
            *_missing(len(cloud), columns.shape[1]),
            *_at_origin(ranges),
            *_stray(columns, minimum, maximum),
        ),
    )


def _finite_columns(cloud: PointCloud) -> Columns:
    """Finite positions by axis, shape (3, m)."""
    columns = cloud.positions().T
    finite = np.isfinite(columns).all(axis=0)
    if finite.all():
        return columns
    if not finite.any():
        raise CloudError("no point has a finite position", "Leave this frame out, or record it again.", "x")
    return columns[:, finite]


def _ranges(columns: Columns, largest: float) -> tuple[Columns, float]:
    """Distances from the origin, shape (m,), and the unit in metres that they are given in."""
    # float32 holds the squares of a scan; map coordinates and absurd values need more.
    exact = largest < WIDE * WIDE
    unit = largest if largest > LARGEST_SQUARE else 1.0
    scaled: Columns = columns if exact else columns.astype(np.float64) / unit
    squares = scaled[0] * scaled[0]
    for column in scaled[1:]:
        squares += column * column
    return np.sqrt(squares), unit


def _intensity_bounds(cloud: PointCloud) -> tuple[float | None, float | None]:
    intensity = cloud.intensity()
    if intensity is None:
        return None, None
    if intensity.dtype.kind == "f":
        values = np.ascontiguousarray(intensity)
        finite = np.isfinite(values)
        intensity = values if finite.all() else values[finite]
    if not intensity.size:
        return None, None
    return float(intensity.min()), float(intensity.max())


def _fields(cloud: PointCloud) -> tuple[FieldSummary, ...]:
    types = ((name, cloud.points.dtype[name]) for name in cloud.names)
    return tuple(FieldSummary(name, type_.base.name, math.prod(type_.shape)) for name, type_ in types)


def _missing(points: int, finite: int) -> tuple[str, ...]:
    missing = points - finite
    if not missing:
        return ()
    share = 100 * missing / points
    return (f"{share:.2g} % of the points ({missing} of {points}) have no finite position",)


def _at_origin(ranges: Columns) -> tuple[str, ...]:
    """Drivers write (0, 0, 0) for a pulse that never came back."""
    count = len(ranges) - int(np.count_nonzero(ranges))
    if not count:
        return ()
    lie = "1 point lies" if count == 1 else f"{count} points lie"
    return (f"{lie} exactly at (0, 0, 0), as pulses without an echo do",)


def _stray(columns: Columns, minimum: npt.NDArray[Any], maximum: npt.NDArray[Any]) -> tuple[str, ...]:
    """Points far off the rest, which cost the display its precision."""
    if float((maximum / 2 - minimum / 2).max()) * 2 <= WIDE:
        return ()
    columns = columns.astype(np.float64, copy=False)
    # The method "lower" picks a value and averages none, which holds for the largest numbers, too.
    middle = np.percentile(columns, 50, axis=1, keepdims=True, method="lower")
    with np.errstate(over="ignore"):
        off = np.abs(columns - middle).max(axis=0)
    usual = float(np.percentile(off, 99, method="lower"))
    stray = off > max(STRAY_FACTOR * usual, WIDE)
    count = int(np.count_nonzero(stray))
    if not count:
        return ()
    farthest = _distance(float(off.max()))
    if count == 1:
        return (f"a stray point lies {farthest} from the middle of the cloud",)
    return (f"{count} stray points lie up to {farthest} from the middle of the cloud",)


def _distance(metres: float) -> str:
    return f"{metres / 1000:.3g} km" if metres >= 1000 else f"{metres:.3g} m"


def _triple(values: npt.NDArray[Any]) -> Triple:
    x, y, z = values.astype(np.float64).tolist()
    return x, y, z
