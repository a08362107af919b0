"""Ground truth: bring a scene's labels in as a new version, and the ontologies they are in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

from scenes import labelling
from scenes.audit import save_audited
from scenes.clouds import ontologies
from scenes.clouds.cloud import CloudError
from scenes.label_files import LabelFile, find_label_files, stem
from scenes.models import Frame, FrameState, LabelKind, LabelSet, Ontology, Scene, SemanticClass
from scenes.services.registering import Actor


@dataclass(frozen=True)
class MatchedFiles:
    """Which label file belongs to which frame, by the frame's name, and what found no partner.

    Attributes:
        files: for each labelled frame its file.
        unlabelled: names of ready frames without a file.
        left_out: names of frames that have a file and are not ready.
        strangers: names of files without a frame.
    """

    files: dict[str, LabelFile]
    unlabelled: list[str]
    left_out: list[str]
    strangers: list[str]


def add_label_set(
    *,
    scene: Scene,
    ontology: Ontology,
    kind: str,
    by: Actor,
    files: Mapping[str, LabelFile] | None = None,
    note: str = "",
    accept_unknown: bool = False,
    progress: Callable[[], None] = lambda: None,
) -> LabelSet:
    """Add labels to a scene as its next version; older versions stay as they are.

    `files` maps names of frames to their label files; the kind `field` takes the labels from the clouds instead.
    Not every frame needs labels. Raw ids that the ontology does not know are refused unless `accept_unknown`:
    then their points get class 0, which is ignored, and the ids are kept. Runs in this process, one frame in
    memory at a time; `progress` is called after each. Raises CloudError, and ConflictError when the scene's labels
    are accepted and locked; then nothing is written.
    """
    scene.refuse_when_locked()
    if kind not in LabelKind.values:
        raise CloudError(f"there is no kind {kind[:40]!r} of labels", f"Use: {', '.join(LabelKind.values)}.")
    table = labelling.ClassTable.of(ontology)
    checked = labelling.check(
        scene=scene, table=table, kind=kind, files=files or {}, accept_unknown=accept_unknown, progress=progress
    )
    return labelling.write(scene=scene, table=table, kind=kind, checked=checked, by=by, note=note)


def ontology_named(name: str) -> Ontology:
    """The ontology of this name; case does not matter. Raises CloudError that lists those there are."""
    found = Ontology.objects.filter(name__iexact=name.strip()).first()
    if found is None:
        names = ", ".join(Ontology.objects.values_list("name", flat=True))
        raise CloudError(f"there is no ontology {name[:100]!r}", f"Use one of: {names}.")
    return found


def match_files(*, scene: Scene, path: Path, kind: str) -> MatchedFiles:
    """The label files at `path` beside the frames of the scene, by the stems of their names.

    A single file labels a scene of a single frame whatever their names are. Raises CloudError when no file fits.
    """
    found = find_label_files(path, kind=kind)
    frames = list(scene.frames.only("name", "state").order_by("index"))
    if path.is_file() and len(frames) == 1:
        found = {stem(frames[0].name): LabelFile.at(path)}
    by_stem = _by_stem(frames)
    fitting = {by_stem[key]: file for key, file in found.items() if key in by_stem}
    if not fitting:
        raise CloudError(
            f"none of the {len(found)} label files is named like a frame of {scene.name}",
            f"Name the labels after the frames: {stem(frames[0].name) if frames else '000000'} and so on.",
            file=str(path),
        )
    ready = {frame for frame in frames if frame.state == FrameState.READY}
    return MatchedFiles(
        files={frame.name: file for frame, file in fitting.items() if frame in ready},
        unlabelled=[frame.name for frame in frames if frame in ready and frame not in fitting],
        left_out=[frame.name for frame in fitting if frame not in ready],
        strangers=[file.name for key, file in found.items() if key not in by_stem],
    )


def _by_stem(frames: list[Frame]) -> dict[str, Frame]:
    found: dict[str, Frame] = {}
    for frame in frames:
        other = found.setdefault(stem(frame.name), frame)
        if other is not frame:
            raise CloudError(
                f"the frames {other.name} and {frame.name} can't be told apart by the names of label files",
                "Name the frames differently up to the suffix.",
            )
    return found


@transaction.atomic
def sync_shipped_ontologies(*, by: Actor) -> list[Ontology]:
    """Add the ontologies that ship and whose name is not there; those that are there stay as curators left them."""
    known = set(Ontology.objects.values_list("name", flat=True))
    return [_add_shipped(shipped, by) for shipped in ontologies.load_shipped() if shipped.name not in known]


def _add_shipped(shipped: ontologies.Ontology, by: Actor) -> Ontology:
    reason = "Ships with LAMM"
    ontology = Ontology(name=shipped.name, description=shipped.description, source=shipped.source)
    save_audited(ontology, by=by, reason=reason)
    for entry in shipped.classes:
        row = SemanticClass(
            ontology=ontology, index=entry.index, name=entry.name, colour=entry.colour, ignored=entry.ignored,
            raw_ids=list(entry.raw_ids),
        )  # fmt: skip
        row.full_clean()
        save_audited(row, by=by, reason=reason)
    return ontology
