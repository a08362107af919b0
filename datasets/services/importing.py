"""Labels made elsewhere on an exported version: new versions of the scenes' labels, all of them or none."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from django.contrib.auth.models import User
from django.db import transaction

from datasets import imports
from datasets.models import DatasetVersion
from scenes import labelling
from scenes.clouds.cloud import CloudError
from scenes.errors import ConflictError, NotAllowedError, RefusedError
from scenes.models import LabelSet, Ontology
from scenes.services.labeling import ontology_named

LABEL = "scenes.change_labelset"


@dataclass
class Imported:
    """What came of an import: new label sets (None of a dry run), scenes whose labels are as they were, counts."""

    made: list[LabelSet] = field(default_factory=list)
    scenes: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    frames: int = 0
    points: int = 0


def import_labels(
    *,
    version: DatasetVersion,
    path: Path,
    kind: str,
    by: User | None,
    tree: str = "",
    ontology: str = "",
    note: str = "",
    accept_unknown: bool = False,
    dry_run: bool = False,
    on_frame: Callable[[], None] = lambda: None,
) -> Imported:
    """Add the labels that lie in the layout of an export to the scenes of the version, as their next versions.

    `kind` is one of imports.KINDS, `tree` the layout (default: what EXPORT.json at `path` tells), `ontology` what the
    labels are in (default: that of the version's labels). Every frame is checked before anything is written: counts,
    raw ids, names. A scene whose newest labels are the same gets no new version. Raises CloudError naming the frame,
    ConflictError for a draft or a scene whose labels are locked, NotAllowedError; nothing is written then.
    """
    if by is not None and not by.has_perm(LABEL):
        raise NotAllowedError("Your account may not add labels to many scenes at once. Ask a curator.")
    if version.is_draft:
        raise ConflictError(f"{version} is a draft: labels are imported onto what was exported, a frozen version.")
    if kind not in imports.KINDS:
        raise RefusedError(f"There is no kind “{kind[:40]}” of labels. Use one of {', '.join(imports.KINDS)}.")
    chosen = _ontology(version, ontology)
    table = labelling.ClassTable.of(chosen)
    layout = imports.tree_of(path, version, tree)
    done, checked = Imported(), []
    for found in imports.find(version, path, tree=layout, kind=kind, ontology=chosen):
        found.scene.refuse_when_locked()
        labels = _checked(found, table, accept_unknown=accept_unknown, on_frame=on_frame)
        done.frames += len(labels)
        done.points += sum(sum(one.counts) for one in labels)
        if _is_unchanged(found, chosen, labels):
            done.unchanged.append(found.scene.name)
        else:
            done.scenes.append(found.scene.name)
            checked.append((found, labels))
    if not done.frames:
        raise CloudError("no frame of the version has labels there", "Check the layout and the names.", file=str(path))
    if not dry_run:
        done.made = _written(checked, table, by=by, note=note or f"Imported onto {version}")
    return done


def _ontology(version: DatasetVersion, name: str) -> Ontology:
    if name:
        return ontology_named(name)
    found = Ontology.objects.filter(label_sets__dataset_items__version=version).distinct().first()
    if found is None:
        raise RefusedError(f"{version} has no labels that would tell the ontology. Name it.")
    return found


def _checked(
    found: imports.FoundLabels, table: labelling.ClassTable, *, accept_unknown: bool, on_frame: Callable[[], None]
) -> list[labelling.CheckedLabels]:
    try:
        return labelling.check(
            scene=found.scene, table=table, kind=found.kind, files=found.files, accept_unknown=accept_unknown,
            progress=on_frame,
        )  # fmt: skip
    except CloudError as error:
        error.file = f"scene {found.scene.name}, {error.file}"
        raise


def _is_unchanged(found: imports.FoundLabels, ontology: Ontology, labels: list[labelling.CheckedLabels]) -> bool:
    """Whether the scene's newest labels say the same of the same frames."""
    newest = found.scene.label_sets.order_by("-version").first()
    if newest is None or newest.ontology_id != ontology.pk:
        return False
    known = dict(newest.frames.values_list("frame_id", "classes__digest"))
    return known == {one.frame.pk: one.classes.digest for one in labels}


@transaction.atomic
def _written(
    checked: list[tuple[imports.FoundLabels, list[labelling.CheckedLabels]]],
    table: labelling.ClassTable,
    *,
    by: User | None,
    note: str,
) -> list[LabelSet]:
    return [
        labelling.write(scene=found.scene, table=table, kind=found.kind, checked=labels, by=by, note=note)
        for found, labels in checked
    ]
