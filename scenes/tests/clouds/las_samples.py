"""LAS and LAZ files for the tests, written by the peer library and then damaged on purpose."""

from __future__ import annotations

import io
import struct
from typing import Any

import laspy
import numpy as np

VERSIONS = {0: "1.2", 1: "1.2", 2: "1.2", 3: "1.2", 4: "1.3", 5: "1.3", 6: "1.4", 7: "1.4", 8: "1.4"}
VERSIONS |= {9: "1.4", 10: "1.4"}
EXTRAS = [
    laspy.ExtraBytesParams("Amplitude", "uint16", scales=np.array([0.01]), offsets=np.array([3.0])),
    laspy.ExtraBytesParams("normal", "3float32"),
    laspy.ExtraBytesParams("red", "int8"),
    laspy.ExtraBytesParams("длина", "float64"),
]
# Where fields of the header stand: offset and type.
PLACES = {
    "major": (24, "B"),
    "minor": (25, "B"),
    "header_size": (94, "<H"),
    "point_offset": (96, "<I"),
    "vlr_count": (100, "<I"),
    "point_format": (104, "B"),
    "record_length": (105, "<H"),
    "legacy_count": (107, "<I"),
    "x_scale": (131, "<d"),
    "y_scale": (139, "<d"),
    "z_offset": (171, "<d"),
    "x_max": (179, "<d"),
    "y_min": (203, "<d"),
    "waveform_start": (227, "<Q"),
    "extended_start": (235, "<Q"),
    "extended_count": (243, "<I"),
    "count": (247, "<Q"),
}


def las_data(
    point_format: int = 3, n: int = 100, *, version: str = "", extras: bool = False, seed: int = 0
) -> laspy.LasData:
    """A cloud with random values in every field of the point format."""
    header = laspy.LasHeader(version=version or VERSIONS[point_format], point_format=point_format)
    header.scales, header.offsets = np.array([0.001, 0.01, 0.1]), np.array([500_000.0, 4_000_000.0, -10.0])
    if extras:
        header.add_extra_dims(EXTRAS)
    data = laspy.LasData(header)
    random = np.random.default_rng(seed)
    # Set before the fields that share bytes, which need the record to have its length.
    data.X = random.integers(-100_000, 100_000, n)
    for dimension in data.point_format.dimensions:
        data[dimension.name] = _values(dimension, n, random)
    return data


def _values(dimension: Any, n: int, random: np.random.Generator) -> Any:
    if dimension.name in ("X", "Y", "Z"):
        return random.integers(-100_000, 100_000, n)
    if dimension.kind.name == "BitField":
        return random.integers(0, 2**dimension.num_bits, n)
    shape = (n, dimension.num_elements) if dimension.num_elements > 1 else n
    return random.integers(3, 100, shape)


def las_file(data: laspy.LasData | None = None, *, compressed: bool = False, **changes: float) -> bytes:
    """The file of `data`; `changes` overwrite numbers of its header afterwards."""
    buffer = io.BytesIO()
    (data or las_data()).write(buffer, do_compress=compressed)
    return changed(buffer.getvalue(), **changes)


def changed(file: bytes, **changes: float) -> bytes:
    """The file with numbers of its header overwritten."""
    damaged = bytearray(file)
    for name, value in changes.items():
        place, kind = PLACES[name]
        struct.pack_into(kind, damaged, place, value)
    return bytes(damaged)


def point_offset(file: bytes) -> int:
    """Where the points begin."""
    return int(struct.unpack_from("<I", file, 96)[0])
