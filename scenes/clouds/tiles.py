"""The display chunk: what the browser draws of one frame, without decoding.

Little endian. A header of 64 bytes, then `count` records of 8 bytes:

    offset  type      meaning
    0       char[4]   "LAMC"
    4       uint16    length of the header, 64
    6       uint16    version, 1
    8       uint32    count of records
    12      uint32    flags: bits 0-1 the intensity rule, bit 2 coarse, bit 3 points were left out
    16      float64   lo x, y, z in metres
    40      float32   scale x, y, z in metres per step
    52      12 bytes  reserved, zero
    64      uint16    x, y, z, intensity of the first record, and so on

    position = lo + scale * (x, y, z), computed in float64

Records stand in golden stride order: record j is point (j * a) mod n of the n finite points in file order,
with a = `golden_stride(n)`. So every prefix of the records is an even subsample of the whole frame. The
product j * a is exact in a JavaScript number for n up to 94 million.

Non-finite points are left out. `kept` holds the indices, in the file, of the points that were kept.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from scenes.clouds.cloud import CloudError, PointCloud

MAGIC = b"LAMC"
VERSION = 1
HEADER = struct.Struct("<4sHHII3d3f12x")
RECORD_BYTES = 8
STEPS = 65_535

RULE_MASK = 0b11
COARSE = 0b100
LEFT_OUT = 0b1000

# Above this step, in metres, rounding becomes visible and the frame should be split into nodes of an octree.
COARSE_STEP = 0.01
# Metres. Differences beyond the largest float32 would overflow.
LARGEST_EXTENT = 1e38
GOLDEN_RATIO_CONJUGATE = 0.6180339887498949
# Share of returns that may exceed a rule's range, so that a few outliers do not switch the rule.
OUTLIER_SHARE = 0.001

Indices = npt.NDArray[np.int64]


class IntensityRule(IntEnum):
    """How a stored intensity became 0..65535. The same for all frames of a scene, so that they compare."""

    NONE = 0  # the cloud has no intensity; all zero
    UNIT = 1  # 0..1 times 65535
    BYTE = 2  # 0..255 times 257
    WORD = 3  # 0..65535 as it is


FACTORS = {IntensityRule.UNIT: 65_535.0, IntensityRule.BYTE: 257.0, IntensityRule.WORD: 1.0}


@dataclass(frozen=True, eq=False)
class DisplayChunk:
    """An encoded frame.

    Attributes:
        data: header and records.
        kept: indices of the encoded points in the file, ascending, shape (m,) int64; None when all were kept.
        step: the largest rounding step of the three axes, in metres. Positions err by half of it at most.
        rule: the intensity rule that was applied.
    """

    data: bytes
    kept: Indices | None
    step: float
    rule: IntensityRule

    @property
    def coarse(self) -> bool:
        """Whether the step exceeds 1 cm."""
        return self.step > COARSE_STEP


def golden_stride(n: int) -> int:
    """The stride a of the display order of n points.

    floor(n * 0.6180339887498949) made odd by setting its lowest bit, then raised by 2 until coprime with n.
    In JavaScript: `let a = Math.floor(n * 0.6180339887498949) | 1; while (gcd(a, n) !== 1) a += 2`.
    """
    stride = int(n * GOLDEN_RATIO_CONJUGATE) | 1
    while math.gcd(stride, n) != 1:
        stride += 2
    return stride


def stride_order(n: int) -> Indices:
    """(j * a) mod n for j = 0..n-1, shape (n,): a permutation."""
    return _multiples(n, golden_stride(n)) if n else np.empty(0, np.int64)


def display_places(n: int) -> Indices:
    """The place in display order of each of n points in file order, shape (n,): the inverse of `stride_order`."""
    return _multiples(n, pow(golden_stride(n), -1, n)) if n else np.empty(0, np.int64)


def _multiples(n: int, stride: int) -> Indices:
    """(j * stride) mod n for j = 0..n-1: what is there is copied on, moved by its length, again and again."""
    found = np.zeros(n, np.uint64)
    done = 1
    while done < n:
        part = found[done : 2 * done]
        np.add(found[: len(part)], np.uint64(done * stride % n), out=part)
        # Below n the difference wraps around to a huge number; so no division is needed.
        np.minimum(part, part - np.uint64(n), out=part)
        done *= 2
    return found.view(np.int64)


def display_order(finite: npt.NDArray[np.bool_]) -> Indices:
    """Index in the file of each displayed point, in display order; `finite` (n,) tells which those are."""
    kept = np.flatnonzero(finite)
    return kept[stride_order(len(kept))]


def original_index(display: int, n: int, kept: Indices | None = None) -> int:
    """Index in the file of displayed point `display` of n."""
    if not 0 <= display < n:
        raise IndexError(f"display index {display} is not within 0..{n - 1}")
    place = display * golden_stride(n) % n
    return place if kept is None else int(kept[place])


def permute(values: npt.NDArray[Any], n: int, kept: Indices | None = None) -> npt.NDArray[Any]:
    """Per-point `values` in file order, shape (all points, ...), as the n displayed points need them.

    Raises CloudError when the values are not as many as the points.
    """
    if kept is not None and len(kept) and kept[-1] < len(values):
        values = values[kept]
    if len(values) != n:
        raise CloudError(f"{len(values)} values do not fit {n} displayed points", "Check the frame they belong to.")
    return values[stride_order(n)]


def encode(cloud: PointCloud, *, rule: IntensityRule | None = None) -> DisplayChunk:
    """The display chunk of `cloud`.

    Give the `rule` of a scene's first frame to the rest of its frames; without one it is chosen by
    `intensity_rule`. Raises CloudError when no point has a finite position.
    """
    columns = cloud.positions().T
    finite = np.isfinite(columns).all(axis=0)
    kept = None if finite.all() else np.flatnonzero(finite)
    if kept is not None:
        columns = columns[:, kept]
    if not columns.shape[1]:
        raise CloudError("no point has a finite position to display", "Leave this frame out.", "x")
    intensity = cloud.intensity()
    chosen = _applicable_rule(intensity, rule)
    lo, scale = grid(columns)
    records = np.zeros((columns.shape[1], 4), "<u2")
    quantise(columns, lo, scale, records)
    if intensity is not None:
        records[:, 3] = normalise(intensity if kept is None else intensity[kept], chosen)
    step = float(scale.max())
    flags = chosen | (COARSE if step > COARSE_STEP else 0) | (0 if kept is None else LEFT_OUT)
    header = HEADER.pack(MAGIC, HEADER.size, VERSION, len(records), flags, *lo.tolist(), *scale.tolist())
    # A record moves as one 64-bit number: four times fewer gathers.
    ordered = records.view("<u8")[:, 0][stride_order(len(records))]
    return DisplayChunk(b"".join((header, ordered.data)), kept, step, chosen)


def decode(data: bytes | memoryview) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.uint16]]:
    """Positions (count, 3) in metres and intensities (count,) of a chunk, in display order.

    Raises CloudError when `data` is not a whole chunk of this version.
    """
    count, _, lo, scale = _read_header(data)
    records = np.frombuffer(data, "<u2", count * 4, HEADER.size).reshape(count, 4)
    return lo + scale.astype(np.float64) * records[:, :3], records[:, 3]


def squared_ranges(data: bytes | memoryview) -> npt.NDArray[np.float32]:
    """Squared distance of each point of a chunk to the sensor in square metres, (count,), in display order.

    Positions err by half a step of the chunk's grid. Raises CloudError as `decode` does.
    """
    count, _, lo, scale = _read_header(data)
    records = np.frombuffer(data, "<u2", count * 4, HEADER.size).reshape(count, 4)
    total = np.zeros(count, np.float32)
    column = np.empty(count, np.float32)
    for axis in range(3):
        column[:] = records[:, axis]
        column *= scale[axis]
        column += np.float32(lo[axis])
        column *= column
        total += column
    return total


def flags_of(data: bytes | memoryview) -> int:
    """The flags of a chunk. Raises CloudError as `decode` does."""
    return _read_header(data)[1]


def rule_of(data: bytes | memoryview) -> IntensityRule:
    """The intensity rule of a chunk. Raises CloudError as `decode` does."""
    return IntensityRule(flags_of(data) & RULE_MASK)


def intensity_rule(intensity: npt.NDArray[Any] | None) -> IntensityRule:
    """The rule that fits the values: by what range they use, never by their exact maximum.

    Floats within 0..1 are UNIT, other values within 0..255 are BYTE, the rest WORD; one value in a thousand
    may lie outside.
    """
    if intensity is None:
        return IntensityRule.NONE
    allowed = len(intensity) * OUTLIER_SHARE
    if intensity.dtype.kind == "f" and np.count_nonzero(intensity > 1.0) <= allowed:
        return IntensityRule.UNIT
    fits_byte = intensity.dtype.itemsize == 1 or np.count_nonzero(intensity > 255) <= allowed
    return IntensityRule.BYTE if fits_byte else IntensityRule.WORD


def normalise(intensity: npt.NDArray[Any], rule: IntensityRule) -> npt.NDArray[np.uint16]:
    """`intensity` (n,) as 0..65535 by `rule`; NaN becomes 0, values outside the rule's range its ends."""
    single = intensity.dtype.itemsize <= 4
    scaled = np.multiply(intensity, FACTORS[rule], dtype=np.float32 if single else np.float64)
    np.fmax(scaled, 0, out=scaled)  # fmax, unlike maximum, takes the 0 against NaN
    np.minimum(scaled, STEPS, out=scaled)
    scaled += 0.5
    words: npt.NDArray[np.uint16] = scaled.astype(np.uint16)
    return words


def _applicable_rule(intensity: npt.NDArray[Any] | None, rule: IntensityRule | None) -> IntensityRule:
    if intensity is None:
        return IntensityRule.NONE
    return rule or intensity_rule(intensity)


def grid(columns: npt.NDArray[Any]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float32]]:
    """The origin and the steps of the grid that holds all points, shape (3,) each."""
    lo = columns.min(axis=1).astype(np.float64)
    hi = columns.max(axis=1).astype(np.float64)
    with np.errstate(over="ignore"):
        extent = hi - lo
    if extent.max() > LARGEST_EXTENT:
        raise CloudError(f"the positions span more than {LARGEST_EXTENT:g} m", "Remove the stray points.")
    scale = (extent / STEPS).astype(np.float32)
    # Rounded up where float32 fell short, so that the farthest point still lies on the grid.
    short = scale.astype(np.float64) * STEPS < extent
    return lo, np.where(short, np.nextafter(scale, np.float32(np.inf)), scale)


def quantise(
    columns: npt.NDArray[Any],
    lo: npt.NDArray[np.float64],
    scale: npt.NDArray[np.float32],
    records: npt.NDArray[np.uint16],
) -> None:
    """Write the grid positions of all points into the first three columns of `records`."""
    for axis, column in enumerate(columns):
        if scale[axis] == 0:
            continue
        # The offset from lo is taken in the column's own type; for float32 it is exact or errs by less than
        # the rounding of the input itself.
        steps = column - column.dtype.type(lo[axis])
        steps /= scale[axis]
        steps += 0.5
        records[:, axis] = steps


def _read_header(
    data: bytes | memoryview,
) -> tuple[int, int, npt.NDArray[np.float64], npt.NDArray[np.float32]]:
    remedy = "Build the display chunk again."
    if len(data) < HEADER.size:
        raise CloudError("the display chunk ends inside its header", remedy)
    magic, length, version, count, flags, *grid = HEADER.unpack_from(data)
    if (magic, length, version) != (MAGIC, HEADER.size, VERSION):
        raise CloudError("this is not a display chunk of version 1", remedy)
    if len(data) != length + count * RECORD_BYTES:
        raise CloudError(f"the display chunk of {count} points has {len(data)} bytes", remedy)
    return count, flags, np.array(grid[:3], np.float64), np.array(grid[3:], np.float32)
