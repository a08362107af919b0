"""The work of labelling: checks the labels of a scene's frames, keeps them as class indices, writes a new version.

Frame by frame: only one file is in memory at a time. Nothing is written to the database until all of them are
good; files that were kept before another one turned out bad are named by their content and harm nobody.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from scenes import storage
from scenes.audit import save_audited
from scenes.clouds.cloud import CloudError, PointCloud, naming
from scenes.clouds.labels import MappedLabels, count_classes, map_labels, read_labels
from scenes.frame_reading import clouds_of
from scenes.label_files import SUFFIXES, LabelFile
from scenes.models import (
    Frame,
    FrameLabels,
    FrameState,
    LabelKind,
    LabelSet,
    Ontology,
    Scene,
    SemanticClass,
    StoredFile,
)
from scenes.thumbnails import draw_labels

logger = logging.getLogger(__name__)
IGNORED_CLASS = 0
MOST_PROBLEMS = 10
MOST_IDS_NAMED = 12
# The widest record of each kind in bytes, and what a header may take beside them.
WIDEST = {LabelKind.SEMANTIC_KITTI: 4, LabelKind.LIDARSEG: 1, LabelKind.NPY: 8}
HEADER_BYTES = 4096


@dataclass(frozen=True)
class ClassTable:
    """What an ontology said when the labels were read: {raw id: class index}, number of indices, ignored ones."""

    ontology: Ontology
    indices: dict[int, int]
    total: int
    ignored: frozenset[int]

    @classmethod
    def of(cls, ontology: Ontology) -> "ClassTable":
        """Raises CloudError when the ontology has no classes, or a raw id that stands for two of them."""
        classes = list(SemanticClass.objects.filter(ontology=ontology).order_by("index"))
        if not classes:
            raise CloudError("the ontology has no classes", "Add them first.", file=ontology.name)
        uses = Counter(raw for entry in classes for raw in entry.raw_ids)
        twice = [raw for raw, count in uses.items() if count > 1]
        if twice:
            raise CloudError(
                f"the raw id {twice[0]} stands for several classes", "Correct the ontology.", file=ontology.name
            )
        return cls(
            ontology,
            {raw: entry.index for entry in classes for raw in entry.raw_ids},
            classes[-1].index + 1,
            frozenset(entry.index for entry in classes if entry.ignored),
        )


@dataclass(frozen=True)
class CheckedLabels:
    """Good labels of one frame, kept in the storages and not yet in the database."""

    frame: Frame
    original: storage.StoredBytes | None
    classes: storage.StoredBytes
    counts: list[int]
    unknown: dict[int, int]


def check(
    *,
    scene: Scene,
    table: ClassTable,
    kind: str,
    files: Mapping[str, LabelFile],
    accept_unknown: bool,
    progress: Callable[[], None],
) -> list[CheckedLabels]:
    """Read, check and keep the labels of each frame, in playing order; `progress` is called after each.

    Raises CloudError that tells of up to ten bad files at once, each with frame, file and counts.
    """
    if accept_unknown and IGNORED_CLASS not in table.ignored:
        raise CloudError(
            "unknown raw ids would become class 0, which is not left out of metrics",
            "Give the ontology an ignored class 0, or correct the labels.",
            file=table.ontology.name,
        )
    good, problems = [], []
    for frame, file in _pairs(scene, kind, files):
        try:
            good.append(_check_frame(frame, file, kind, table, accept_unknown=accept_unknown))
        except CloudError as error:
            problems.append(error)
        progress()
        if len(problems) == MOST_PROBLEMS:
            break
    if problems:
        raise _together(problems)
    return good


def _pairs(scene: Scene, kind: str, files: Mapping[str, LabelFile]) -> Iterator[tuple[Frame, LabelFile | None]]:
    """Frames with their label files; all ready frames without one when the labels are a field of the clouds."""
    frames = scene.frames.select_related("cloud").order_by("index")
    if kind == LabelKind.FIELD:
        if files:
            raise CloudError("labels of the kind field come from the clouds", "Leave the files out.", file=scene.name)
        chosen = list(frames.filter(state=FrameState.READY))
        if not chosen:
            raise CloudError("the scene has no ready frame", "Ingest it first.", file=scene.name)
        return ((frame, None) for frame in chosen)
    if not files:
        raise CloudError("there is no label file", "Give the labels of at least one frame.", file=scene.name)
    by_name = {frame.name: frame for frame in frames.filter(name__in=list(files))}
    strangers = sorted(set(files) - set(by_name))
    if strangers:
        raise CloudError(
            f"the scene has no frame {strangers[0]!r}" + (f" and {len(strangers) - 1} more" if strangers[1:] else ""),
            "Name the labels after the frames.",
            file=files[strangers[0]].name,
        )
    return ((frame, files[frame.name]) for frame in sorted(by_name.values(), key=lambda frame: frame.index))


def _check_frame(
    frame: Frame, file: LabelFile | None, kind: str, table: ClassTable, *, accept_unknown: bool
) -> CheckedLabels:
    with naming(f"{file.name} for frame {frame.name}" if file else f"frame {frame.name}"):
        if frame.state != FrameState.READY:
            raise CloudError(f"the frame is {frame.get_state_display().lower()}", "Bring the frame in first.")
        data = _read(file, kind, frame.point_count) if file else None
        mapped = _of_cloud(frame, table) if data is None else _mapped(data, kind, frame.point_count, table)
        if mapped.unknown and not accept_unknown:
            raise _unknown(mapped.unknown, table.ontology)
        counts = count_classes(mapped.indices, table.total).tolist()
    original = None if data is None else storage.save_bytes(data, storage=storage.ORIGINALS)
    classes = storage.save_bytes(mapped.indices.astype("u1", copy=False).tobytes(), storage=storage.DERIVED)
    return CheckedLabels(frame, original, classes, counts, mapped.unknown)


def _mapped(source: bytes | PointCloud, kind: str, points: int, table: ClassTable) -> MappedLabels:
    raw = read_labels(source, kind=kind, points=points).semantic
    return map_labels(raw, table.indices, unknown=IGNORED_CLASS)


def _of_cloud(frame: Frame, table: ClassTable) -> MappedLabels:
    """The labels in a field of the frame's cloud, piece by piece."""
    parts = [_mapped(cloud, LabelKind.FIELD, len(cloud), table) for cloud in clouds_of(frame)]
    unknown: Counter[int] = Counter()
    for part in parts:
        unknown.update(part.unknown)
    return MappedLabels(np.concatenate([part.indices for part in parts]), dict(unknown))


def _read(file: LabelFile, kind: str, points: int) -> bytes:
    """The file's bytes, once its name and size do not contradict the declared kind."""
    named = next((k for k, suffix in SUFFIXES.items() if PurePath(file.name).suffix.lower() == suffix), kind)
    if named != kind and named != LabelKind.LIDARSEG:  # .bin may hold anything
        raise CloudError(f"the file is named as {named}, the declared kind is {kind}", f"Declare {named}.")
    most = WIDEST[LabelKind(kind)] * points + HEADER_BYTES
    if file.size > most:
        raise CloudError(
            f"{file.size} bytes are too many for the labels of {points} points", "The labels belong to another cloud."
        )
    try:
        return file.read()
    except OSError as error:
        raise CloudError(f"the file can't be read: {error.strerror or error}", "Put it back, or mend it.") from error


def _unknown(unknown: dict[int, int], ontology: Ontology) -> CloudError:
    named = ", ".join(f"{raw} ({points} points)" for raw, points in sorted(unknown.items())[:MOST_IDS_NAMED])
    more = f" and {len(unknown) - MOST_IDS_NAMED} more" if len(unknown) > MOST_IDS_NAMED else ""
    return CloudError(
        f"{ontology.name} does not know the raw ids {named}{more}",
        "Choose the ontology of these labels, or accept unknown ids: their points then count as class 0, ignored.",
    )


def _together(problems: list[CloudError]) -> CloudError:
    if len(problems) == 1:
        return problems[0]
    lines = "\n".join(f"  {problem}" for problem in problems)
    return CloudError(f"{len(problems)} or more frames have bad labels:\n{lines}\n", "Nothing was written.")


def write(
    *, scene: Scene, table: ClassTable, kind: str, checked: list[CheckedLabels], by: User | None, note: str
) -> LabelSet:
    """The next version of the scene's labels, with its picture, in one transaction.

    Raises CloudError when the ontology's classes changed since the labels were read, ConflictError when the scene's
    labels are accepted and locked.
    """
    picture = _picture(checked, table.ontology)
    with transaction.atomic():
        scene = Scene.objects.select_for_update().get(pk=scene.pk)
        scene.refuse_when_locked()
        ontology = Ontology.objects.select_for_update(no_key=True).get(pk=table.ontology.pk)
        if ClassTable.of(ontology) != table:
            raise CloudError("the classes changed meanwhile", "Add the labels again.", file=ontology.name)
        label_set = _new_version(scene, ontology, kind, checked, by, note)
        _write_frames(label_set, checked)
        if picture is not None:
            # The label set's own history tells who did what; its picture is no fact of the scene.
            Scene.objects.filter(pk=scene.pk).update(
                label_thumbnail=StoredFile.objects.row_for(picture), updated_at=timezone.now()
            )
    return label_set


def _new_version(
    scene: Scene, ontology: Ontology, kind: str, checked: list[CheckedLabels], by: User | None, note: str
) -> LabelSet:
    latest = scene.label_sets.aggregate(latest=Max("version"))["latest"] or 0
    unknown: Counter[int] = Counter()
    for labels in checked:
        unknown.update(labels.unknown)
    label_set = LabelSet(
        scene=scene,
        version=latest + 1,
        ontology=ontology,
        kind=kind,
        author=by,
        note=note,
        frame_count=len(checked),
        class_counts=[sum(counts) for counts in zip(*(labels.counts for labels in checked), strict=True)],
        unknown=_as_pairs(unknown),
    )
    save_audited(label_set, by=by, reason=note or f"{len(checked)} frames labelled in {ontology.name}")
    return label_set


def _as_pairs(unknown: Mapping[int, int]) -> list[list[int]]:
    return [[raw, points] for raw, points in sorted(unknown.items())]


def _write_frames(label_set: LabelSet, checked: list[CheckedLabels]) -> None:
    kept = [bytes_ for labels in checked for bytes_ in (labels.original, labels.classes) if bytes_]
    files = StoredFile.objects.rows_for(kept)
    rows = (
        FrameLabels(
            label_set=label_set,
            frame=labels.frame,
            original=files[labels.original] if labels.original else None,
            classes=files[labels.classes],
            point_count=labels.frame.point_count,
            class_counts=labels.counts,
            unknown=_as_pairs(labels.unknown),
        )
        for labels in checked
    )
    FrameLabels.objects.bulk_create(rows, batch_size=1000)


def _picture(checked: list[CheckedLabels], ontology: Ontology) -> storage.StoredBytes | None:
    """The ground-truth picture of the middle one of the labelled frames; labels without a picture still count."""
    middle = checked[len(checked) // 2]
    try:
        picture = draw_labels(
            middle.frame, storage.read_bytes(middle.classes.digest, storage=storage.DERIVED), ontology
        )
    except (OSError, CloudError):
        logger.warning("The labels of %s can't be drawn.", middle.frame, exc_info=True)
        return None
    return storage.save_bytes(picture, storage=storage.DERIVED)
