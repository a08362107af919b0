"""Labels of an export as raw ids: of the file they came in where it is kept, else the first raw id of each class.

Classes are what a version promises; raw ids are what other programs read. Instance numbers of a SemanticKITTI
.label stay, since such a file goes out byte for byte.
"""

from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy_format

from datasets.exports.clouds import told
from datasets.exports.content import ExportedFrame, ExportedScene, copied, whole
from datasets.exports.entries import Entry
from datasets.models import DatasetVersion
from scenes.clouds.labels import read_labels
from scenes.errors import ConflictError
from scenes.models import FrameLabels, LabelKind, LabelSet, SemanticClass, StoredFile

Raw = npt.NDArray[np.uint32]
CLASSES = 256
NONE = 2**32 - 1
LARGEST = {LabelKind.SEMANTIC_KITTI: 0xFFFF, LabelKind.LIDARSEG: 0xFF, LabelKind.NPY: NONE - 1}
WIDTH: dict[LabelKind, np.dtype[Any]] = {LabelKind.SEMANTIC_KITTI: np.dtype("<u4"), LabelKind.LIDARSEG: np.dtype("u1")}


class RawIds:
    """The raw id of each class, by ontology; each ontology is asked for once."""

    def __init__(self) -> None:
        self._tables: dict[int, Raw] = {}

    def table(self, ontology_id: int) -> Raw:
        """Raw id by class index, uint32, shape (256,); NONE where a class has none."""
        if ontology_id not in self._tables:
            table = np.full(CLASSES, NONE, np.uint32)
            for entry in SemanticClass.objects.filter(ontology=ontology_id).exclude(raw_ids=[]):
                table[entry.index] = entry.raw_ids[0]
            self._tables[ontology_id] = table
        return self._tables[ontology_id]

    def entry(self, path: str, scene: ExportedScene, frame: ExportedFrame, kind: LabelKind) -> Entry | None:
        """The frame's labels as a file of `kind` (.label, lidarseg or .npy); None without labels."""
        labels, label_set = frame.labels, scene.label_set
        if labels is None or label_set is None:
            return None
        if labels.original is not None and label_set.kind == kind:
            return Entry(path, labels.original.size, _as_it_came(labels.original, told(scene, frame)))
        return self._made(path, scene, frame, labels, label_set, kind)

    def _made(
        self, path: str, scene: ExportedScene, frame: ExportedFrame, labels: FrameLabels, of: LabelSet, kind: LabelKind
    ) -> Entry:
        table = self.table(of.ontology_id)
        dtype = WIDTH.get(kind) or _narrowest(table, of, labels)
        header = npy_header(dtype, labels.point_count) if kind == LabelKind.NPY else b""

        def pieces() -> Iterator[bytes]:
            yield header
            raw = raw_ids(labels, of, table, where=told(scene, frame))
            if len(raw) and int(raw.max()) > LARGEST[kind]:
                raise ConflictError(
                    f"{told(scene, frame)}: the raw id {int(raw.max())} does not fit into a file of the kind {kind}."
                )
            yield raw.astype(dtype).tobytes()

        return Entry(path, len(header) + labels.point_count * dtype.itemsize, pieces)


def _as_it_came(file: StoredFile, where: str) -> Callable[[], Iterable[bytes]]:
    return lambda: copied(file, where)


def _narrowest(table: Raw, of: LabelSet, labels: FrameLabels) -> np.dtype[Any]:
    """Two bytes where every raw id that may occur fits, else four."""
    if labels.original is not None:
        return np.dtype("<u4")
    known = table[table != NONE]
    return np.dtype("<u2") if not len(known) or int(known.max()) <= 0xFFFF else np.dtype("<u4")


def raw_ids(labels: FrameLabels, of: LabelSet, table: Raw, *, where: str) -> Raw:
    """The raw id of each point, uint32, shape (points,). Raises ConflictError when a class has none."""
    if labels.original is not None:
        return read_labels(whole(labels.original, where), kind=of.kind, points=labels.point_count, name=where).semantic
    raw: Raw = table[np.frombuffer(whole(labels.classes, where), np.uint8)]
    if (raw == NONE).any():
        raise ConflictError(f"{where}: a class of {of.ontology.name} has no raw id. Give it one in the admin.")
    return raw


def npy_header(dtype: np.dtype[Any], count: int) -> bytes:
    """The header of a .npy file of `count` values."""
    file = BytesIO()
    described = {"descr": npy_format.dtype_to_descr(dtype), "fortran_order": False, "shape": (count,)}
    npy_format.write_array_header_1_0(file, described)
    return file.getvalue()


def used_classes(version: DatasetVersion) -> list[SemanticClass]:
    """The classes that points of the version's labels have. One query."""
    used = {(one["ontology"], one["index"]) for one in version.statistics["classes"] if one["points"]["total"]}
    ontologies = LabelSet.objects.filter(dataset_items__version=version).values("ontology")
    found = SemanticClass.objects.filter(ontology__in=ontologies).select_related("ontology").order_by("pk")
    return [entry for entry in found if (entry.ontology.name, entry.index) in used]


def problem(classes: Iterable[SemanticClass], kind: LabelKind) -> str:
    """Why labels of these classes can't be written as files of `kind`, with the remedy; "" when they can."""
    for entry in classes:
        if not entry.raw_ids:
            return (
                f"The class {entry.name} of {entry.ontology.name} has no raw id, which files of labels hold."
                " Export the manifest, or give a copy of the ontology raw ids and label in that."
            )
        if entry.raw_ids[0] > LARGEST[kind]:
            return (
                f"The raw id {entry.raw_ids[0]} of {entry.name} is larger than {LARGEST[kind]}, the largest that this"
                " format holds. Choose the plain folders."
            )
    return ""
