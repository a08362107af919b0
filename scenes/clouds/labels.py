"""Labels and uncertainties per point: read from their files, mapped to classes, counted.

Kinds of label files: SemanticKITTI's `.label` (J. Behley et al., ICCV 2019), nuScenes lidarseg (W. Fong et al.,
RA-L 2022), NumPy arrays, and a field of the cloud itself. Files of two kinds may have the same size, so the
kind is always declared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scenes.clouds.cloud import CloudError, PointCloud, naming
from scenes.clouds.npy import read_array

LABEL_KINDS = ("semantic-kitti", "lidarseg", "npy", "field")
UNCERTAINTY_KINDS = ("npy", "float32")
# Fields of a cloud that hold labels, the first one found is taken.
LABEL_FIELDS = ("label", "classification")
LARGEST_ID = 2**32 - 1
MOST_CLASSES = 65_536
SHORT = "They belong to another cloud, or the file is cut: upload the right one."


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels of one cloud as they stand in their file.

    Attributes:
        semantic: raw id of the class of each point, uint32, shape (n,).
        instance: number of the object that each point belongs to, uint32, shape (n,); None where the kind of
            file has none.
    """

    semantic: npt.NDArray[np.uint32]
    instance: npt.NDArray[np.uint32] | None


@dataclass(frozen=True, eq=False)
class MappedLabels:
    """Labels as indices of classes.

    Attributes:
        indices: uint8, or uint16 when there are more than 256 classes, shape (n,).
        unknown: number of points of each raw id that the table does not have.
    """

    indices: npt.NDArray[np.unsignedinteger[Any]]
    unknown: dict[int, int]


def read_labels(data: bytes | memoryview | PointCloud, *, kind: str, points: int, name: str = "") -> Labels:
    """The labels of a cloud of `points` points.

    `kind` is one of: "semantic-kitti" (uint32, the class in the lower and the instance in the upper 16 bits),
    "lidarseg" (uint8), "npy" (a NumPy file of integers, shape (points,)) and "field", for which `data` is the
    cloud with a field `label` or `classification`. Raises CloudError, with `name` as its file, when the
    number of labels differs from `points`, and when they are no whole numbers in 0..2**32-1.
    """
    with naming(name):
        if isinstance(data, PointCloud):
            _check_kind(kind, ("field",))
            semantic = _field(data)
        else:
            _check_kind(kind, LABEL_KINDS[:-1])
            if kind == "semantic-kitti":
                return _packed(data, points)
            semantic = _records(data, np.dtype("u1"), points) if kind == "lidarseg" else _array(data, points)
        _check_count(len(semantic), points, "labels")
        return Labels(_raw_ids(semantic), None)


def _check_kind(kind: str, kinds: tuple[str, ...]) -> None:
    if kind not in kinds:
        raise CloudError(f"the kind {kind[:40]!r} can not be read from this", f"Use: {', '.join(kinds)}.")


def _check_count(count: int, points: int, what: str) -> None:
    if count != points:
        raise CloudError(f"there are {count} {what}, the cloud has {points} points", SHORT, what)


def _records(data: bytes | memoryview, dtype: np.dtype[Any], points: int, what: str = "labels") -> npt.NDArray[Any]:
    if len(data) % dtype.itemsize:
        raise CloudError(f"{len(data)} bytes are no multiple of the {dtype.itemsize} bytes of a value", SHORT, what)
    _check_count(len(data) // dtype.itemsize, points, what)
    return np.frombuffer(data, dtype)


def _packed(data: bytes | memoryview, points: int) -> Labels:
    values = _records(data, np.dtype("<u4"), points).astype(np.uint32, copy=False)
    return Labels(values & np.uint32(0xFFFF), values >> np.uint32(16))


def _array(data: bytes | memoryview, points: int) -> npt.NDArray[Any]:
    return read_array(data, kinds="iu", what="labels", points=points)


def _field(cloud: PointCloud) -> npt.NDArray[Any]:
    for field in LABEL_FIELDS:
        for name in cloud.names:
            if name.lower() == field and cloud.points.dtype[name].shape == ():
                return np.ascontiguousarray(cloud.points[name])
    raise CloudError(
        f"the cloud has no field {' or '.join(LABEL_FIELDS)}: it has {', '.join(cloud.names)}",
        "Name the field so, or upload the labels as a file.",
        "label",
    )


def _raw_ids(values: npt.NDArray[Any]) -> npt.NDArray[np.uint32]:
    """The values as uint32. Writers that know floats only give whole numbers as floats."""
    if values.dtype.kind == "u" and values.dtype.itemsize <= 4:
        return values.astype(np.uint32)
    with np.errstate(invalid="ignore"):
        bad = ~((values >= 0) & (values < LARGEST_ID + 1))
        if values.dtype.kind == "f":
            bad |= np.floor(values) != values
    if bad.any():
        point = int(bad.argmax())
        raise CloudError(
            f"the label of point {point} is {values[point]}, not a whole number in 0..{LARGEST_ID}",
            "Export the labels again as whole numbers.",
            "label",
        )
    return values.astype(np.uint32)


def map_labels(raw: npt.NDArray[np.uint32], table: Mapping[int, int], *, unknown: int = 0) -> MappedLabels:
    """Indices of classes for the raw ids `raw`, shape (n,), by the table {raw id: index of class}.

    Ids that the table does not have get the index `unknown`, which is an ignored class by convention, and are
    reported. Ids may be as large as 2**32 - 1; memory depends on the number of rows of the table only.
    """
    largest = max([unknown, *table.values()])
    if not 0 <= min([unknown, *table.values()]) <= largest < MOST_CLASSES:
        raise CloudError(f"an index of a class is outside 0..{MOST_CLASSES - 1}", "Correct the ontology.")
    dtype: np.dtype[np.unsignedinteger[Any]] = np.dtype(np.uint8 if largest < 256 else np.uint16)
    if not table:
        return MappedLabels(np.full(len(raw), unknown, dtype), _counted(raw))
    ids = np.array(sorted(table), np.int64)
    indices = np.array([table[int(one)] for one in ids], dtype)
    places = np.searchsorted(ids, raw).clip(max=len(ids) - 1)
    known = ids[places] == raw
    mapped = indices[places]
    if known.all():
        return MappedLabels(mapped, {})
    mapped[~known] = unknown
    return MappedLabels(mapped, _counted(raw[~known]))


def _counted(ids: npt.NDArray[np.uint32]) -> dict[int, int]:
    found, counts = np.unique(ids, return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))


def count_classes(indices: npt.NDArray[np.integer[Any]], classes: int) -> npt.NDArray[np.int64]:
    """How many points each of `classes` classes has, shape (classes,).

    Raises CloudError when an index is `classes` or larger.
    """
    counts = np.bincount(indices, minlength=classes)
    if len(counts) > classes:
        raise CloudError(
            f"the class {len(counts) - 1} is outside 0..{classes - 1}", "Choose the right ontology.", "label"
        )
    return counts.astype(np.int64)


def read_uncertainty(
    data: bytes | memoryview, *, kind: str, points: int, name: str = ""
) -> npt.NDArray[np.float16] | npt.NDArray[np.float32]:
    """The uncertainty of each point of a cloud of `points` points, shape (points,); NaN = not scored.

    `kind` is "npy" (a NumPy file of float16 or float32, which type is kept) or "float32" (little endian, no
    header). Raises CloudError, with `name` as its file, when the number of values differs from `points`, when
    one is infinite, and when they are integers read as floats.
    """
    with naming(name):
        _check_kind(kind, UNCERTAINTY_KINDS)
        if kind == "npy":
            values = read_array(data, kinds="f", what="uncertainties", points=points, most_bytes=4)
        else:
            values = _records(data, np.dtype("<f4"), points, "uncertainties")
        _check_uncertainty(values)
        return values


def _check_uncertainty(values: npt.NDArray[Any]) -> None:
    infinite = np.isinf(values)
    if infinite.any():
        raise CloudError(
            f"the uncertainty of point {int(infinite.argmax())} is infinite",
            "Write NaN where a point was not scored.",
            "uncertainty",
        )
    if values.dtype.itemsize < 4:
        return
    size = np.abs(values[values != 0])
    # uint32 ids read as floats are subnormal numbers, which no measure gives in earnest.
    if np.count_nonzero(size < np.finfo(np.float32).tiny) > len(size) / 2:
        raise CloudError(
            "most values are subnormal floats, as labels read as floats are",
            "Declare the kind of the file: are these labels?",
            "uncertainty",
        )
