"""What an export is made of: the scenes of a frozen version in the order of its manifest, with frames and labels.

Each scene is compared with its line of the manifest before anything of it goes out, and files are hashed while they
are copied: what is exported is what was frozen, or the export ends with the words that say what is not.
"""

import hashlib
import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from django.db.models.functions import Collate

from datasets import manifests
from datasets.exports.entries import PIECE_BYTES
from datasets.models import DatasetVersion, Item
from scenes.errors import ConflictError
from scenes.models import Frame, FrameLabels, FrameState, LabelSet, Scene, StoredFile

SCENES_AT_ONCE = 20
VERIFY = "Verify the version: manage.py verify_dataset."


@dataclass(frozen=True)
class ExportedFrame:
    """A frame and its labels; `number` counts the scene's frames in playing order, from 0."""

    number: int
    row: Frame
    cloud: StoredFile
    labels: FrameLabels | None


@dataclass(frozen=True)
class ExportedScene:
    """A scene of the version. `number` counts the version's scenes from 0, `digest` is of its line of the manifest."""

    number: int
    row: Scene
    split: str
    digest: str
    label_set: LabelSet | None
    frames: tuple[ExportedFrame, ...]

    @cached_property
    def times_ns(self) -> list[int] | None:
        """When each frame was taken; None unless all have a time and these increase."""
        times = [frame.row.timestamp_ns for frame in self.frames]
        known = [time for time in times if time is not None]
        if len(known) < len(times) or any(b <= a for a, b in itertools.pairwise(known)):
            return None
        return known or None

    @cached_property
    def poses(self) -> list[list[float]] | None:
        """The pose of each frame, a row-major 3x4 matrix; None unless all have one."""
        found = [frame.row.pose for frame in self.frames if frame.row.pose is not None]
        return found if found and len(found) == len(self.frames) else None


def scenes(version: DatasetVersion) -> Iterator[ExportedScene]:
    """The scenes of a frozen version, by short queries. Raises ConflictError when one is not what was frozen."""
    ordered = Item.objects.filter(version=version).order_by(Collate("scene__name", "C"))
    ids = list(ordered.values_list("pk", flat=True))
    for first in range(0, len(ids), SCENES_AT_ONCE):
        yield from _some(ids[first : first + SCENES_AT_ONCE], first)


def _some(ids: list[int], first: int) -> Iterator[ExportedScene]:
    items = Item.objects.select_related("scene__drive", "label_set__ontology").in_bulk(ids)
    lines = manifests.lines_of(ids)
    frames, labels = _frames(items), _labels(items)
    for place, pk in enumerate(ids, first):
        item = items[pk]
        if hashlib.sha256(lines[pk]).hexdigest() != item.content_digest:
            raise ConflictError(f"The scene {item.scene.name} is not what was frozen any more. {VERIFY}")
        chosen = (
            ExportedFrame(number, row, row.cloud, labels.get((item.label_set_id, row.pk)))
            for number, row in enumerate(frames[item.scene_id])
            if row.cloud is not None
        )
        yield ExportedScene(place, item.scene, item.split, item.content_digest, item.label_set, tuple(chosen))


def _frames(items: dict[int, Item]) -> dict[int, list[Frame]]:
    found = defaultdict(list)
    rows = Frame.objects.filter(scene__in={item.scene_id for item in items.values()}, state=FrameState.READY)
    for row in rows.select_related("cloud").order_by("scene", "index"):
        found[row.scene_id].append(row)
    return found


def _labels(items: dict[int, Item]) -> dict[tuple[int | None, int], FrameLabels]:
    wanted = {item.label_set_id for item in items.values() if item.label_set_id}
    rows = FrameLabels.objects.filter(label_set__in=wanted).select_related("classes", "original")
    return {(row.label_set_id, row.frame_id): row for row in rows}


def copied(file: StoredFile, told: str) -> Iterator[bytes]:
    """The bytes of a stored file as they are. Raises ConflictError, naming `told`, when they are others, or gone."""
    digest = hashlib.sha256()
    try:
        with file.open() as opened:
            while piece := opened.read(PIECE_BYTES):
                digest.update(piece)
                yield piece
    except OSError as error:
        raise ConflictError(f"{told}: the stored file {file} can't be read. {VERIFY}") from error
    if digest.hexdigest() != file.digest:
        raise ConflictError(f"{told}: the stored bytes are not {file} any more. {VERIFY}")


def whole(file: StoredFile, told: str) -> bytes:
    """The same at once, for small files."""
    return b"".join(copied(file, told))
