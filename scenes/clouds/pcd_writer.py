"""Writing PCD 0.7 files."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import numpy.typing as npt

from scenes.clouds.cloud import IDENTITY_VIEWPOINT, CloudError, PointCloud, Viewpoint
from scenes.clouds.pcd_header import ENCODINGS, SIZES

# Digits after which a float32 or float64 reads back as the same number.
SIGNIFICANT_DIGITS = {4: 9, 8: 17}


def write(
    cloud: PointCloud | npt.NDArray[np.void], *, encoding: str = "binary", viewpoint: Viewpoint | None = None
) -> bytes:
    """A whole PCD 0.7 file of `cloud`, or of a structured array of shape (n,).

    `viewpoint` (tx, ty, tz, qw, qx, qy, qz) defaults to the cloud's own. Field types are integers of 1, 2, 4
    or 8 bytes and floats of 4 or 8 bytes. Raises CloudError for any other, and for an unknown `encoding`.
    """
    if encoding not in ENCODINGS:
        raise CloudError(f"encoding {encoding!r} is unknown", f"Use one of: {', '.join(ENCODINGS)}.")
    if isinstance(cloud, PointCloud):
        points, width, height = cloud.points, cloud.width, cloud.height
        viewpoint = viewpoint or cloud.viewpoint
    else:
        points, width, height = cloud, len(cloud), 1
    packed = _packed(points)
    header = _header(packed.dtype, width, height, viewpoint or IDENTITY_VIEWPOINT, encoding)
    return header.encode() + WRITERS[encoding](packed)


def _packed(points: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """The points in little endian order, without gaps between their fields."""
    names = points.dtype.names or ()
    packed = np.empty(len(points), [(name, *_field_type(name, points.dtype[name])) for name in names])
    for name in names:
        packed[name] = points[name].reshape(packed[name].shape)
    return packed


def _field_type(name: str, dtype: np.dtype[Any]) -> tuple[Any, ...]:
    base = dtype.base
    if base.kind not in "iuf" or base.itemsize not in SIZES[base.kind.upper()]:
        raise CloudError(f"PCD has no type for {base}", "Convert it to an integer, float32 or float64.", name)
    if not name.strip() or name.split() != [name]:
        raise CloudError(f"the field name {name!r} holds white space", "Rename the field.", name)
    count = int(np.prod(dtype.shape, dtype=int))
    element = base.newbyteorder("<")
    return (element,) if dtype.shape == () or count == 1 else (element, (count,))


def _header(dtype: np.dtype[Any], width: int, height: int, viewpoint: Viewpoint, encoding: str) -> str:
    names = dtype.names or ()
    bases = [dtype[name].base for name in names]
    counts = [int(np.prod(dtype[name].shape, dtype=int)) for name in names]
    lines = [
        "# .PCD v0.7 - Point Cloud Data file format",
        "VERSION 0.7",
        " ".join(["FIELDS", *names]),
        " ".join(["SIZE", *(str(base.itemsize) for base in bases)]),
        " ".join(["TYPE", *(base.kind.upper() for base in bases)]),
        " ".join(["COUNT", *map(str, counts)]),
        f"WIDTH {width}",
        f"HEIGHT {height}",
        " ".join(["VIEWPOINT", *(f"{number:.17g}" for number in viewpoint)]),
        f"POINTS {width * height}",
        f"DATA {encoding}",
    ]
    return "\n".join(lines) + "\n"


def _write_binary(points: npt.NDArray[np.void]) -> bytes:
    return points.tobytes()


def _write_compressed(points: npt.NDArray[np.void]) -> bytes:
    from imagecodecs import lzf_encode  # late: only a writer of compressed files pays for it

    raw = b"".join(points[name].tobytes() for name in points.dtype.names or ())
    compressed = lzf_encode(raw) if raw else b""
    return struct.pack("<II", len(compressed), len(raw)) + compressed


def _write_ascii(points: npt.NDArray[np.void]) -> bytes:
    formats: list[str] = []
    columns: list[list[Any]] = []
    for name in points.dtype.names or ():
        values = points[name].reshape(len(points), -1).T
        formats += [_number_format(values.dtype)] * len(values)
        columns += values.tolist()
    row = " ".join(formats) + "\n"
    return "".join(row % numbers for numbers in zip(*columns, strict=True)).encode()


def _number_format(dtype: np.dtype[Any]) -> str:
    return f"%.{SIGNIFICANT_DIGITS[dtype.itemsize]}g" if dtype.kind == "f" else "%d"


WRITERS = {"ascii": _write_ascii, "binary": _write_binary, "binary_compressed": _write_compressed}
