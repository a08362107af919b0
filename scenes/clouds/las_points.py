"""Point records of LAS, formats 0 to 10 and extra bytes, as fields under the names of the specification.

Layout: ASPRS, "LAS Specification" 1.4 R15, tables 6 to 17 (point formats) and 24 (extra bytes). Fields that
share a byte are split: classification has 5 bits in formats 0 to 5 and 8 bits in formats 6 to 10.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scenes.clouds.cloud import AXES, CloudError
from scenes.clouds.las_header import EXPORT, RECORD_BYTES, LasHeader, Source, text_of, window

# Points converted at once: their records and fields then stay in the processor's cache.
BLOCK = 65_536
POSITION = [("X", "<i4"), ("Y", "<i4"), ("Z", "<i4")]
COLOUR = [("red", "<u2"), ("green", "<u2"), ("blue", "<u2")]
NEAR_INFRARED = [("nir", "<u2")]
GPS_TIME = [("gps_time", "<f8")]
WAVEFORM = [
    ("wavepacket_index", "u1"),
    ("wavepacket_offset", "<u8"),
    ("wavepacket_size", "<u4"),
    ("return_point_wave_location", "<f4"),
    ("x_t", "<f4"),
    ("y_t", "<f4"),
    ("z_t", "<f4"),
]
FIRST = [
    *POSITION,
    ("intensity", "<u2"),
    ("returns", "u1"),
    ("classes", "u1"),
    ("scan_angle_rank", "i1"),
    ("user_data", "u1"),
    ("point_source_id", "<u2"),
]
SECOND = [
    *POSITION,
    ("intensity", "<u2"),
    ("returns", "u1"),
    ("flags", "u1"),
    ("classification", "u1"),
    ("user_data", "u1"),
    ("scan_angle", "<i2"),
    ("point_source_id", "<u2"),
    *GPS_TIME,
]
STORED: tuple[list[tuple[str, str]], ...] = (
    FIRST,
    FIRST + GPS_TIME,
    FIRST + COLOUR,
    FIRST + GPS_TIME + COLOUR,
    FIRST + GPS_TIME + WAVEFORM,
    FIRST + GPS_TIME + COLOUR + WAVEFORM,
    SECOND,
    SECOND + COLOUR,
    SECOND + COLOUR + NEAR_INFRARED,
    SECOND + WAVEFORM,
    SECOND + COLOUR + NEAR_INFRARED + WAVEFORM,
)
# What shares a byte: name, first bit, number of bits.
FIRST_BITS = {
    "returns": [
        ("return_number", 0, 3),
        ("number_of_returns", 3, 3),
        ("scan_direction_flag", 6, 1),
        ("edge_of_flight_line", 7, 1),
    ],
    "classes": [("classification", 0, 5), ("synthetic", 5, 1), ("key_point", 6, 1), ("withheld", 7, 1)],
}
SECOND_BITS = {
    "returns": [("return_number", 0, 4), ("number_of_returns", 4, 4)],
    "flags": [
        ("synthetic", 0, 1),
        ("key_point", 1, 1),
        ("withheld", 2, 1),
        ("overlap", 3, 1),
        ("scanner_channel", 4, 2),
        ("scan_direction_flag", 6, 1),
        ("edge_of_flight_line", 7, 1),
    ],
}
EXTRA_VLR = ("LASF_Spec", 4)
EXTRA_BYTES = 192
EXTRA_TYPES = ("u1", "i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "<f4", "<f8")
HAS_SCALE, HAS_OFFSET = 0x08, 0x10
UNDESCRIBED = "ExtraBytes"


@dataclass(frozen=True)
class Extra:
    """One field of the extra bytes; value = stored * scale + offset where it declares either."""

    name: str
    element: str
    count: int
    scale: tuple[float, ...] | None
    offset: tuple[float, ...] | None

    @property
    def stored(self) -> Any:
        """Data type in the record."""
        return self.element if self.count == 1 else (self.element, (self.count,))

    @property
    def decoded(self) -> Any:
        """Data type of the field: float64 when scaled."""
        element = self.element if self.scale is None and self.offset is None else "<f8"
        return element if self.count == 1 else (element, (self.count,))

    @property
    def bytes(self) -> int:
        """Bytes per point."""
        return np.dtype(self.stored).itemsize


@dataclass(frozen=True, eq=False)
class Layout:
    """How the point records of one file become fields.

    Attributes:
        record: structured type of one stored record.
        points: structured type of one point: x, y, z as float64, then every other field.
    """

    record: np.dtype[Any]
    points: np.dtype[Any]
    bits: dict[str, list[tuple[str, int, int]]]
    extras: tuple[Extra, ...]
    scale: tuple[float, ...]
    offset: tuple[float, ...]

    def decode(self, records: npt.NDArray[np.void], target: npt.NDArray[np.void]) -> None:
        """Fill `target` (n,) of type `points` with `records` (n,) of type `record`."""
        for start in range(0, len(records), BLOCK):
            self._decode_block(records[start : start + BLOCK], target[start : start + BLOCK])

    def _decode_block(self, records: npt.NDArray[np.void], target: npt.NDArray[np.void]) -> None:
        for axis, scale, offset in zip(AXES, self.scale, self.offset, strict=True):
            target[axis] = records[axis.upper()] * scale + offset
        for byte, parts in self.bits.items():
            stored = np.ascontiguousarray(records[byte])
            for name, first, width in parts:
                target[name] = (stored >> first) & ((1 << width) - 1)
        for extra in self.extras:
            target[extra.name] = _scaled(records[extra.name], extra)
        derived = {*AXES, *(name for parts in self.bits.values() for name, _, _ in parts)}
        derived |= {extra.name for extra in self.extras}
        for name in set(target.dtype.names or ()) - derived:
            target[name] = records[name]


def _scaled(stored: npt.NDArray[Any], extra: Extra) -> npt.NDArray[Any]:
    if extra.scale is None and extra.offset is None:
        return stored
    columns = stored if extra.count > 1 else stored[:, None]
    values = columns * np.array(extra.scale or 1.0) + np.array(extra.offset or 0.0)
    return values if extra.count > 1 else values[:, 0]


def layout_of(source: Source, header: LasHeader) -> Layout:
    """The layout that the checked header and the record of extra bytes describe. Raises CloudError."""
    bits = FIRST_BITS if header.point_format < 6 else SECOND_BITS
    stored = STORED[header.point_format]
    fields = list(_point_fields(stored, bits))
    extras = _extras(source, header, {name for name, _ in fields})
    record = np.dtype([*stored, *((extra.name, extra.stored) for extra in extras)])
    assert np.dtype(stored).itemsize == RECORD_BYTES[header.point_format]
    points = np.dtype([*fields, *((extra.name, extra.decoded) for extra in extras)])
    return Layout(record, points, bits, extras, header.scale, header.offset)


def _point_fields(stored: list[tuple[str, str]], bits: dict[str, list[tuple[str, int, int]]]) -> list[tuple[str, str]]:
    fields = [(axis, "<f8") for axis in AXES]
    for name, kind in stored[len(AXES) :]:
        fields += [(part, "u1") for part, _, _ in bits[name]] if name in bits else [(name, kind)]
    return fields


def _extras(source: Source, header: LasHeader, taken: set[str]) -> tuple[Extra, ...]:
    """The described fields of the extra bytes, then what is left of them as bytes."""
    extras: list[Extra] = []
    room = header.extra_bytes
    for vlr in header.vlrs:
        if (vlr.user_id, vlr.record_id) != EXTRA_VLR:
            continue
        body = window(source, vlr.offset, vlr.bytes)
        for start in range(0, len(body) - EXTRA_BYTES + 1, EXTRA_BYTES):
            extras.append(_extra(body[start : start + EXTRA_BYTES], taken))
            room -= extras[-1].bytes
            if room < 0:
                raise CloudError(
                    f"the described extra bytes exceed the {header.extra_bytes} of a record of {header.record_bytes}",
                    EXPORT,
                    extras[-1].name,
                )
    if room:
        extras.append(Extra(_free_name(UNDESCRIBED, taken), "u1", room, None, None))
    return tuple(extras)


def _extra(described: bytes, taken: set[str]) -> Extra:
    kind, options = struct.unpack_from("<BB", described, 2)
    name = _free_name(text_of(described[4:36]) or UNDESCRIBED, taken)
    if kind == 0:  # undocumented bytes, their number in the options
        if not options:
            raise CloudError("a field of the extra bytes has no bytes", EXPORT, name)
        return Extra(name, "u1", options, None, None)
    # Types 11 to 30 are pairs and triples of the ten types, deprecated and still written.
    if kind > 3 * len(EXTRA_TYPES):
        raise CloudError(f"type {kind} of the extra bytes is unknown", EXPORT, name)
    count = 1 + (kind - 1) // len(EXTRA_TYPES)
    scale = struct.unpack_from(f"<{count}d", described, 112) if options & HAS_SCALE else None
    offset = struct.unpack_from(f"<{count}d", described, 136) if options & HAS_OFFSET else None
    if not np.isfinite([*(scale or ()), *(offset or ())]).all():
        raise CloudError("scale or offset of the extra bytes is not finite", EXPORT, name)
    return Extra(name, EXTRA_TYPES[(kind - 1) % len(EXTRA_TYPES)], count, scale, offset)


def _free_name(wanted: str, taken: set[str]) -> str:
    """The name, or the name with a number where a field of the point format or another extra has it."""
    reserved = {*AXES, "X", "Y", "Z", "returns", "classes", "flags"}
    name, number = wanted, 2
    while name in taken | reserved:
        name, number = f"{wanted}_{number}", number + 1
    taken.add(name)
    return name
