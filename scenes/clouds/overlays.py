"""Per-point values as the viewer draws them: one or two bytes a point between fixed ends of a colour scale.

Classes are sent as they are stored, one byte a point. Numbers are quantised:

    uncertainty   uint8    0..254 between low and high, 255 = not scored
    a field       uint16   0..65534 between low and high, 65535 = no value

Values beyond an end get that end, so that few outliers cost the others no resolution. The error of a value within
the ends is at most half a step: (high - low) / 508, or / 131068.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from scenes.clouds.cloud import AXES, INTENSITY_NAMES, PointCloud

NONE_8 = 255
NONE_16 = 65_535
# Share of the values, in percent, that may lie beyond either end of a field's colour scale.
TAIL = 0.5
# Whole numbers that span no more than this are shown whole: rings, return numbers, classes.
FEW = 4096
PACKED = frozenset({"rgb", "rgba"})
# A time may count from 1970; within a frame only the time since its first point tells anything.
TIMES = frozenset(
    {"t", "time", "times", "timestamp", "time_stamp", "timestamps", "time_offset", "offset_time", "gps_time"}
)


def quantise_uncertainty(values: npt.NDArray[np.floating[Any]], low: float, high: float) -> npt.NDArray[np.uint8]:
    """`values` (n,) as 0..254 between `low` and `high`, 255 where they are NaN. Raises ValueError unless low < high."""
    return _quantised(values, low, high, NONE_8).astype(np.uint8)


def quantise_field(values: npt.NDArray[Any], low: float, high: float) -> npt.NDArray[np.uint16]:
    """`values` (n,) as 0..65534 between `low` and `high`, 65535 where they are NaN. Raises ValueError unless
    low < high."""
    return _quantised(values, low, high, NONE_16).astype("<u2")


def restored(steps: npt.NDArray[np.unsignedinteger[Any]], low: float, high: float) -> npt.NDArray[np.float64]:
    """The values that quantised `steps` stand for, NaN where there is none."""
    none = NONE_8 if steps.dtype.itemsize == 1 else NONE_16
    values = low + (high - low) * (steps.astype(np.float64) / (none - 1))
    return np.where(steps == none, np.nan, values)


def _quantised(values: npt.NDArray[Any], low: float, high: float, none: int) -> npt.NDArray[np.floating[Any]]:
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(f"A colour scale from {low} to {high} has no steps.")
    # Of float16 and small integers float32 loses nothing; times since 1970 need more.
    kind = np.float32 if values.dtype.itemsize <= 2 or values.dtype == np.float32 else np.float64
    # Clipped first: what is infinite, or far beyond an end, must not overflow.
    scaled = np.clip(values.astype(kind), low, high)
    scaled -= kind(low)
    scaled *= kind((none - 1) / (high - low))
    scaled += kind(0.5)
    np.clip(scaled, 0, none - 1, out=scaled)
    return np.where(np.isnan(scaled), kind(none), scaled)


def scalar_fields(cloud: PointCloud) -> list[str]:
    """The fields that can colour points: one number a point, beside position and intensity, in file order."""
    return [name for name in cloud.names if is_scalar(name, cloud.points.dtype[name])]


def is_scalar(name: str, dtype: np.dtype[Any]) -> bool:
    """Whether a field of this name and type can colour points. Padding and packed colours can't."""
    plain = name.lower()
    taken = plain in AXES or plain in INTENSITY_NAMES or plain in PACKED or plain.startswith("_") or "/" in name
    return not taken and dtype.shape == () and dtype.kind in "iuf"


def is_relative(name: str) -> bool:
    """Whether values of a field count from the smallest of their own frame."""
    return name.lower() in TIMES


def relative(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """`values` (n,) less the smallest finite one."""
    exact = values.astype(np.float64)
    finite = exact[np.isfinite(exact)]
    return exact - (finite.min() if len(finite) else 0.0)


def field_scale(name: str, samples: Iterable[npt.NDArray[Any]]) -> tuple[float, float] | None:
    """The ends of a field's colour scale over several frames; None when no value is finite.

    Whole numbers of a small span are shown whole. Of others 0.5 % may lie beyond each end. A constant field gets a
    scale of length 1.
    """
    arrays = [relative(values) if is_relative(name) else values for values in samples]
    values = np.concatenate(arrays) if arrays else np.empty(0)
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    low, high = float(values.min()), float(values.max())
    whole = values.dtype.kind in "iu" and high - low <= FEW
    if not whole:
        low, high = (float(end) for end in np.percentile(values.astype(np.float64), [TAIL, 100 - TAIL]))
    if is_relative(name):
        low = 0.0
    return (low, high) if low < high else (low, low + 1.0)
