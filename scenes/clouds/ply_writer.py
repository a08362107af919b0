"""Writing PLY 1.0 files."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from scenes.clouds.cloud import CloudError, PointCloud
from scenes.clouds.ply_header import ENCODINGS, TYPES

# The first names of the types, which every reader knows.
TYPE_NAMES = {code: name for name, code in reversed(TYPES.items())}
# Digits after which a float32 or float64 reads back as the same number.
SIGNIFICANT_DIGITS = {4: 9, 8: 17}


def write(cloud: PointCloud | npt.NDArray[np.void], *, encoding: str = "binary_little_endian") -> bytes:
    """A whole PLY file of `cloud`, or of a structured array of shape (n,), as one element "vertex".

    `encoding` is ascii, binary_little_endian or binary_big_endian. Field types are integers of 1, 2 or 4
    bytes and floats of 4 or 8 bytes. Raises CloudError for any other, for a field of several elements per
    point, which PLY does not have, and for an unknown encoding.
    """
    if encoding not in ENCODINGS:
        raise CloudError(f"encoding {encoding!r} is unknown", f"Use one of: {', '.join(ENCODINGS)}.")
    points = cloud.points if isinstance(cloud, PointCloud) else cloud
    names = points.dtype.names or ()
    codes = [_code(name, points.dtype[name]) for name in names]
    lines = [
        "ply",
        f"format {encoding} 1.0",
        f"element vertex {len(points)}",
        *(f"property {TYPE_NAMES[code]} {name}" for name, code in zip(names, codes, strict=True)),
        "end_header",
    ]
    header = "\n".join(lines) + "\n"
    if encoding == "ascii":
        return header.encode() + _rows(points)
    order = ">" if encoding == "binary_big_endian" else "<"
    packed = points.astype([(name, order + code) for name, code in zip(names, codes, strict=True)])
    return header.encode() + packed.tobytes()


def _code(name: str, dtype: np.dtype[Any]) -> str:
    code = f"{dtype.base.kind}{dtype.base.itemsize}"
    if dtype.shape:
        raise CloudError("PLY has no field of several elements", "Make a field of each element.", name)
    if code not in TYPE_NAMES:
        raise CloudError(f"PLY has no type for {dtype}", "Convert it to int32, uint32, float32 or float64.", name)
    if name.split() != [name] or not name.isprintable():
        raise CloudError(f"the field name {name!r} is not one word", "Rename the field.", name)
    return code


def _rows(points: npt.NDArray[np.void]) -> bytes:
    names = points.dtype.names or ()
    row = " ".join(_number_format(points.dtype[name]) for name in names) + "\n"
    columns = [points[name].tolist() for name in names]
    return "".join(row % numbers for numbers in zip(*columns, strict=True)).encode()


def _number_format(dtype: np.dtype[Any]) -> str:
    return f"%.{SIGNIFICANT_DIGITS[dtype.itemsize]}g" if dtype.kind == "f" else "%d"
