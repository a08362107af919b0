"""Arrays of predictions, pure: what trainers give is checked and brought into the one form in which it is kept.

Classes are kept as uint8, one class index a point, without a header. Confidence and uncertainty are kept as .npy of
little-endian float16 or float32. Two programs that keep the same values get the same bytes, and so the same sha256:
the header is written here and not by NumPy, whose padding differs between versions.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scenes.clouds.cloud import CloudError
from scenes.clouds.labels import map_labels
from scenes.clouds.npy import MOST_HEADER_BYTES, read_array

INDEX, INDEX_NPY, RAW, RAW_NPY = "index", "index-npy", "semantic-kitti", "raw-npy"
FLOAT16, FLOAT32, NPY = "float16", "float32", "npy"
CLASS_KINDS = (INDEX, INDEX_NPY, RAW, RAW_NPY)
NUMBER_KINDS = (FLOAT16, FLOAT32, NPY)
# Bytes a point: of kinds without a header exactly, of .npy files at most (integers of 8 bytes, floats of 4).
EXACT = {INDEX: 1, RAW: 4, FLOAT16: 2, FLOAT32: 4}
WIDEST = {INDEX_NPY: 8, RAW_NPY: 8, NPY: 4}
MOST_IDS_NAMED = 12
# A float16 next to the end of a scale may lie beyond it by its rounding.
TOLERANCE = 1e-3
REMEDIES = {
    "confidence": "Give every point a probability.",
    "uncertainty": "Write NaN where there is none, and give the others in the declared measure and unit.",
}
OTHER_CLOUD = "They belong to another cloud, or are cut: give one value per point, in the order of the frame's file."

Given = bytes | memoryview | npt.NDArray[Any]
Numbers = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class ArrayKinds:
    """How the arrays of a batch lie in their bytes. Declared, never guessed.

    classes: "index" (uint8 class indices), "index-npy" (.npy of them), "semantic-kitti" (uint32 little endian, the raw
        id of the class in the lower 16 bits), "raw-npy" (.npy of raw ids).
    confidence, uncertainty: "float16" or "float32" (little endian, no header), or "npy" (of either).
    """

    classes: str = INDEX
    confidence: str = NPY
    uncertainty: str = NPY

    def __post_init__(self) -> None:
        for name, known in (("classes", CLASS_KINDS), ("confidence", NUMBER_KINDS), ("uncertainty", NUMBER_KINDS)):
            if getattr(self, name) not in known:
                given = str(getattr(self, name))[:40]
                raise CloudError(f"the kind {given!r} is not known", f"Use one of: {', '.join(known)}.", name)


def check_size(size: int, *, kind: str, points: int, field: str) -> None:
    """Raises CloudError when so many bytes can't be an array of this kind of `points` values."""
    exact = EXACT.get(kind)
    if exact is not None and size != exact * points:
        raise CloudError(f"{size:,} bytes, {points:,} points need {exact * points:,} as {kind}", OTHER_CLOUD, field)
    if exact is None and not points < size <= WIDEST[kind] * points + MOST_HEADER_BYTES:
        raise CloudError(f"{size:,} bytes are no .npy file of {points:,} values", OTHER_CLOUD, field)


def class_indices(
    given: Given, *, kind: str, points: int, known: Mapping[int, int], raw_ids: Mapping[int, int]
) -> npt.NDArray[np.uint8]:
    """The class index of each point, uint8, shape (points,).

    `known` maps each class index of the ontology to itself, `raw_ids` each raw id to its class index. An array is taken
    as what `kind` says its numbers are. Raises CloudError for another count, and for ids that the ontology does not
    know, with how many points have each.
    """
    values = _integers(given, kind, points)
    if kind == INDEX and values.dtype == np.uint8 and _all_known(values, known):
        return values
    table = known if kind in (INDEX, INDEX_NPY) else raw_ids
    beyond = (values < 0) | (values >= 2**32) if values.dtype.kind == "i" else values >= 2**32
    if beyond.any():
        point = int(np.flatnonzero(beyond)[0])
        raise CloudError(f"point {point} has the id {values[point]}", "Ids lie in 0..2**32-1.", "classes")
    mapped = map_labels(values.astype(np.uint32, copy=False), table)
    if mapped.unknown:
        raise _unknown(mapped.unknown, "class index" if table is known else "raw id", known if table is known else {})
    return mapped.indices.astype(np.uint8, copy=False)


def _all_known(values: npt.NDArray[np.uint8], known: Mapping[int, int]) -> bool:
    allowed = np.zeros(256, bool)
    allowed[list(known)] = True
    return bool(allowed[values].all())


def _integers(given: Given, kind: str, points: int) -> npt.NDArray[Any]:
    if isinstance(given, np.ndarray):
        if given.dtype.kind not in "iu":
            raise CloudError(f"the classes have the type {given.dtype}", "Give whole numbers.", "classes")
        _check_shape(given.shape, points, "classes")
        return given & np.array(0xFFFF, given.dtype) if kind == RAW and given.dtype.itemsize == 4 else given
    check_size(len(given), kind=kind, points=points, field="classes")
    if kind == INDEX:
        return np.frombuffer(given, np.uint8)
    if kind == RAW:
        return np.frombuffer(given, "<u4") & np.uint32(0xFFFF)
    return _npy(given, "iu", "classes", points, 8)


def _npy(given: bytes | memoryview, kinds: str, field: str, points: int, most_bytes: int) -> npt.NDArray[Any]:
    try:
        return read_array(given, kinds=kinds, what=field, points=points, most_bytes=most_bytes)
    except CloudError as error:
        error.field = field  # of a damaged header nothing else says which file it is
        raise


def _check_shape(shape: tuple[int, ...], points: int, field: str) -> None:
    if shape != (points,):
        raise CloudError(f"the shape is {shape}, the frame has {points:,} points", OTHER_CLOUD, field)


def _unknown(unknown: Mapping[int, int], words: str, known: Mapping[int, int]) -> CloudError:
    named = ", ".join(f"{one} ({points:,} points)" for one, points in sorted(unknown.items())[:MOST_IDS_NAMED])
    more = f" and {len(unknown) - MOST_IDS_NAMED} more" if len(unknown) > MOST_IDS_NAMED else ""
    has = f" It has the indices {min(known)} to {max(known)}." if known else ""
    return CloudError(
        f"the ontology does not know the {words} {named}{more}",
        f"Predict in the classes of the declared ontology, or declare another.{has}",
        "classes",
    )


def confidence_numbers(given: Given, *, kind: str, points: int) -> Numbers:
    """The confidence of each predicted class, 0..1, little-endian float16 or float32, shape (points,)."""
    values = _floats(given, kind, points, "confidence")
    _check_within(values, 0.0, 1.0, 0.0, "confidence")
    return values


def uncertainty_numbers(given: Given, *, kind: str, points: int, low: float, high: float) -> Numbers:
    """The uncertainty of each point within low..high, NaN = none, little-endian float16 or float32, shape (points,)."""
    values = _floats(given, kind, points, "uncertainty")
    scored = values[~np.isnan(values)]
    _check_within(scored, low, high, TOLERANCE * (high - low), "uncertainty")
    return values


def _floats(given: Given, kind: str, points: int, field: str) -> Numbers:
    if isinstance(given, np.ndarray):
        values = given
        _check_shape(values.shape, points, field)
    else:
        check_size(len(given), kind=kind, points=points, field=field)
        if kind == NPY:
            values = _npy(given, "f", field, points, 4)
        else:
            values = np.frombuffer(given, "<f2" if kind == FLOAT16 else "<f4")
    if values.dtype.kind != "f" or values.dtype.itemsize not in (2, 4):
        raise CloudError(f"the values have the type {values.dtype}", "Give float16 or float32.", field)
    _check_earnest(values, field)
    return values.astype(values.dtype.newbyteorder("<"), copy=False)


def _check_earnest(values: Numbers, field: str) -> None:
    # uint32 ids read as float32 are subnormal numbers, which nobody gives in earnest.
    if values.dtype.itemsize == 4:
        size = np.abs(values[values != 0])
        if np.count_nonzero(size < np.finfo(np.float32).tiny) > len(size) / 2:
            raise CloudError(
                "most values are subnormal floats, as ids read as floats are", "Declare the kind: are these ids?", field
            )


def _check_within(values: Numbers, low: float, high: float, tolerance: float, field: str) -> None:
    bad = ~((values >= low - tolerance) & (values <= high + tolerance))
    if bad.any():
        found = float(values[int(bad.argmax())])
        many = int(np.count_nonzero(bad))
        words = f"{many:,} values are outside {low:g}..{high:g}, the first is {found:g}"
        raise CloudError(words, REMEDIES[field], field)


def kept_classes(indices: npt.NDArray[np.uint8]) -> bytes:
    """The bytes that are kept of class indices: one a point, no header."""
    return np.ascontiguousarray(indices, np.uint8).tobytes()


def kept_numbers(values: Numbers) -> bytes:
    """The bytes that are kept of confidence or uncertainty: a .npy file, version 1.0, padded to 64 bytes."""
    little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    return _kept_header(little.dtype.itemsize, len(little)) + little.tobytes()


def _kept_header(itemsize: int, points: int) -> bytes:
    said = f"{{'descr': '<f{itemsize}', 'fortran_order': False, 'shape': ({points},), }}"
    padded = said + " " * (-(10 + len(said) + 1) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded.encode()


def read_classes(kept: bytes | memoryview, *, points: int) -> npt.NDArray[np.uint8]:
    """The class index of each point from kept bytes, shape (points,). Raises CloudError for another count."""
    check_size(len(kept), kind=INDEX, points=points, field="classes")
    return np.frombuffer(kept, np.uint8)


def read_numbers(kept: bytes | memoryview, *, points: int) -> Numbers:
    """Confidence or uncertainty from kept bytes, float16 or float32, shape (points,). Raises CloudError."""
    for itemsize in (2, 4):  # as `kept_numbers` wrote it: without reading the header as Python
        header = _kept_header(itemsize, points)
        if len(kept) == len(header) + itemsize * points and kept[: len(header)] == header:
            return np.frombuffer(kept, f"<f{itemsize}", points, len(header))
    return read_array(kept, kinds="f", what="values", points=points, most_bytes=4)
