"""What a curator does with many scenes at once: verbs that check, name and start a bulk change.

Selections are querysets or ids of any number. All return the BulkChange: done when up to 2,000 scenes were selected
(200 for a status), else queued for workers. All raise NotAllowedError or RefusedError before anything is changed.
"""

from collections.abc import Iterable
from datetime import date

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Lower

from scenes.errors import ConflictError, RefusedError
from scenes.models import UNDOABLE_KINDS, BulkChange, BulkKind, Drive, IngestKind, LabelingStatus, Priority, Scene, Tag
from scenes.services.bulk import start
from scenes.services.workflow import check_labeler

Selection = QuerySet[Scene] | Iterable[int]
MOST_TAGS, MOST_TAG_CHARACTERS, MOST_REASON = 50, 100, 2000
# Where a curator can take scenes in bulk; the other steps belong to their labelers.
BULK_STATUSES = [LabelingStatus.UNLABELED, LabelingStatus.IN_PROGRESS, LabelingStatus.LABELED]


@transaction.atomic
def add_tags(*, scenes: Selection, tags: Iterable[str], by: User, reason: str = "") -> BulkChange:
    """Add tags, given by name; new ones are made. Upper and lower case are one tag."""
    names = _names(tags)
    known = {tag.name.lower(): tag for tag in _tags_named(names)}
    found = [known.get(name.lower()) or _new_tag(name, by) for name in names]
    parameters = {"tag_ids": [tag.pk for tag in found], "tags": [tag.name for tag in found]}
    return start(kind=BulkKind.ADD_TAGS, scenes=scenes, by=by, reason=_said(reason), parameters=parameters)


@transaction.atomic
def remove_tags(*, scenes: Selection, tags: Iterable[str], by: User, reason: str = "") -> BulkChange:
    """Remove tags, given by name. Raises RefusedError when there is no such tag."""
    names = _names(tags)
    found = list(_tags_named(names))
    unknown = {name.lower() for name in names} - {tag.name.lower() for tag in found}
    if unknown:
        raise RefusedError(f"There is no tag {', '.join(sorted(unknown))}.")
    parameters = {"tag_ids": [tag.pk for tag in found], "tags": [tag.name for tag in found]}
    return start(kind=BulkKind.REMOVE_TAGS, scenes=scenes, by=by, reason=_said(reason), parameters=parameters)


def assign(
    *,
    scenes: Selection,
    labeler: User,
    by: User,
    reason: str = "",
    due_on: date | None = None,
    priority: int | None = None,
) -> BulkChange:
    """Assign to a labeler; without a date or a priority these stay. Scenes in review or labeled are left alone."""
    check_labeler(labeler)
    if priority is not None and priority not in Priority.values:
        raise RefusedError(f"There is no priority {priority}. Use one of {', '.join(map(str, Priority.values))}.")
    parameters = {"labeler_id": labeler.pk, "labeler": labeler.get_username(), "priority": priority}
    parameters["due_on"] = due_on.isoformat() if due_on else None
    return start(kind=BulkKind.ASSIGN, scenes=scenes, by=by, reason=_said(reason), parameters=parameters)


def set_drive(*, scenes: Selection, drive: Drive | None, by: User, reason: str = "") -> BulkChange:
    """Say which drive the scenes come from; None: none that is known."""
    parameters = {"drive_id": drive.pk if drive else None, "drive": drive.name if drive else ""}
    return start(kind=BulkKind.SET_DRIVE, scenes=scenes, by=by, reason=_said(reason), parameters=parameters)


def set_status(*, scenes: Selection, status: str, by: User, reason: str = "") -> BulkChange:
    """Move scenes on as the workflow allows; the others are left alone with the reason why.

    To unlabeled: taken from their labelers. To in progress: sent back from review, or reopened; needs a reason. To
    labeled: accepted, by a reviewer.
    """
    if status not in BULK_STATUSES:
        raise RefusedError(f"Scenes can't be put to {status} in bulk. Use one of {', '.join(BULK_STATUSES)}.")
    if status == LabelingStatus.IN_PROGRESS and not reason.strip():
        raise RefusedError("Say why the labels go back: their labelers read it.")
    if status == LabelingStatus.LABELED and not by.has_perm("scenes.review_scene"):
        raise RefusedError("Your account may not accept labels. Ask a reviewer.")
    return start(
        kind=BulkKind.SET_STATUS, scenes=scenes, by=by, reason=_said(reason), parameters={"status": str(status)}
    )


def work_again(*, scenes: Selection, kind: IngestKind, by: User, reason: str = "") -> BulkChange:
    """Queue an ingest job for each scene: read again, rebuild pictures or display files."""
    if kind == IngestKind.INGEST:
        raise RefusedError("Scenes are brought in from files, not from a list.")
    return start(
        kind=BulkKind.WORK, scenes=scenes, by=by, reason=_said(reason), parameters={"job": str(IngestKind(kind))}
    )


@transaction.atomic
def undo_bulk(*, change: BulkChange, by: User, reason: str = "") -> BulkChange:
    """Restore what a bulk change did wherever nobody has changed it since; the rest is told as skipped. Once.

    Raises ConflictError when it can't be undone: it is still at work, did nothing, was undone, or is of a kind whose
    steps are gone back by the workflow.
    """
    change = BulkChange.objects.select_for_update(of=("self",)).get(pk=change.pk)
    if change.active:
        raise ConflictError(f"Bulk change {change.pk} is still at work. Wait until it has ended.")
    if change.kind not in UNDOABLE_KINDS:
        raise ConflictError(f"“{change.get_kind_display()}” can't be undone as a whole: take the next step instead.")
    if change.undo is not None:
        raise ConflictError(f"Bulk change {change.pk} was undone already, by bulk change {change.undo.pk}.")
    if not change.changed:
        raise ConflictError(f"Bulk change {change.pk} changed nothing.")
    return start(
        kind=BulkKind.UNDO,
        scenes=change.scene_ids[: change.done],
        by=by,
        reason=_said(reason) or f"Bulk change {change.pk} undone",
        parameters={"undoes": change.kind},
        undo_of=change,
    )


def _names(tags: Iterable[str]) -> list[str]:
    names = list({name.strip().lower(): name.strip() for name in tags if name.strip()}.values())
    if not names:
        raise RefusedError("Name at least one tag.")
    if len(names) > MOST_TAGS:
        raise RefusedError(f"{len(names)} tags are given, {MOST_TAGS} can be handled at once.")
    long = [name for name in names if len(name) > MOST_TAG_CHARACTERS]
    if long:
        raise RefusedError(f"The tag {long[0][:30]}… is longer than {MOST_TAG_CHARACTERS} characters.")
    return names


def _tags_named(names: list[str]) -> QuerySet[Tag]:
    lowered = Tag.objects.annotate(lowered=Lower("name"))
    return lowered.filter(lowered__in=[name.lower() for name in names]).order_by("name")


def _new_tag(name: str, by: User) -> Tag:
    tag = Tag(name=name)
    tag._history_user = by
    tag.save()
    return tag


def _said(reason: str) -> str:
    reason = reason.strip()
    if len(reason) > MOST_REASON:
        raise RefusedError(f"The reason has {len(reason):,} characters, {MOST_REASON:,} are enough.")
    return reason
