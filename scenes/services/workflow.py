"""The labelling workflow: unlabeled -> in progress -> in review -> labeled, and back with a reason.

Every step locks the scene, checks who asks and what the scene is, records a StatusChange and is audited. A step that
does not fit raises ConflictError, a person who may not take it NotAllowedError; both say what to do instead.
"""

from datetime import date
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from scenes.audit import save_audited
from scenes.errors import ConflictError, NotAllowedError, RefusedError
from scenes.models import LabelingStatus, LabelSet, Priority, Scene, StatusChange

LABEL, REVIEW, CURATE = "scenes.label_scene", "scenes.review_scene", "scenes.change_scene"
MOST_REASON = 2000


@transaction.atomic
def assign(*, scene: Scene, labeler: User, by: User, due_on: date | None = None, priority: int | None = None) -> Scene:
    """Give a scene to a labeler; what is in progress goes on under the new one, sent-back work stays sent back.

    Without `due_on` and `priority` these stay as they are. Assigning what is assigned already changes nothing.
    Raises NotAllowedError unless `by` curates and the labeler may label, ConflictError in review and when labeled.
    """
    _must(by, CURATE, "assign scenes")
    check_labeler(labeler)
    scene = _locked(scene)
    _expect(scene, [LabelingStatus.UNLABELED, LabelingStatus.IN_PROGRESS], "be assigned")
    changed = _set(scene, labeler=labeler, reviewer=None if scene.reviewer == labeler else scene.reviewer)
    changed |= _plan(scene, due_on=due_on or scene.due_on, priority=priority or scene.priority)
    if changed:
        save_audited(scene, by=by, reason=f"Assigned to {labeler.get_username()}")
    return scene


@transaction.atomic
def unassign(*, scene: Scene, by: User, reason: str = "") -> Scene:
    """Take a scene from its labeler, by a curator, or give one's own back: unlabeled, for anybody to take."""
    scene = _locked(scene)
    if scene.labeler_id != by.pk:
        _must(by, CURATE, "take a scene from its labeler")
    _expect(scene, [LabelingStatus.UNLABELED, LabelingStatus.IN_PROGRESS], "be given back")
    if scene.labeler is None:
        return scene
    words = _said("Given back" if scene.labeler_id == by.pk else f"Taken from {scene.labeler.get_username()}", reason)
    _set(scene, labeler=None, reviewer=None, rework_reason="")
    return _move(scene, LabelingStatus.UNLABELED, by=by, words=words, reason=reason)


@transaction.atomic
def take(*, scene: Scene, by: User) -> Scene:
    """Start to label a scene that is assigned to this person, or to nobody. Taking one's own again changes nothing."""
    _must(by, LABEL, "label scenes")
    scene = _locked(scene)
    if scene.labeler_id == by.pk and scene.status == LabelingStatus.IN_PROGRESS:
        return scene
    _expect(scene, [LabelingStatus.UNLABELED], "be taken")
    if scene.labeler is not None and scene.labeler != by:
        raise NotAllowedError(
            f"{scene.name} is assigned to {scene.labeler.get_username()}. Take another, or ask a curator to assign it."
        )
    if not scene.frame_count:
        raise ConflictError(f"{scene.name} has no frame to label yet. Wait until it is ingested.", status=scene.status)
    _set(scene, labeler=by, reviewer=None)
    return _move(scene, LabelingStatus.IN_PROGRESS, by=by, words="Taken")


@transaction.atomic
def take_next(*, by: User) -> Scene:
    """Take the most pressing scene: one assigned to this person first, else one that nobody has.

    Raises ConflictError when nothing is left. Two people who ask at once get two scenes.
    """
    _must(by, LABEL, "label scenes")
    waiting = Scene.objects.filter(status=LabelingStatus.UNLABELED, frame_count__gt=0).most_pressing_first()
    for scenes in (waiting.filter(labeler=by), waiting.filter(labeler=None)):
        scene = scenes.select_for_update(of=("self",), skip_locked=True).first()
        if scene is not None:
            return take(scene=scene, by=by)
    raise ConflictError("No scene waits to be labelled.")


@transaction.atomic
def submit(*, scene: Scene, by: User, without_labels: str = "") -> Scene:
    """Hand a scene in for review: its labels got a new version since it was taken, or was sent back.

    Labels that were there before and are right may be submitted as they are with the reason in `without_labels`.
    Raises ConflictError when the scene has no labels at all, or no new ones and no reason is given.
    """
    _must(by, LABEL, "submit labels")
    scene = _locked(scene)
    _expect(scene, [LabelingStatus.IN_PROGRESS], "be submitted")
    if scene.labeler_id != by.pk:
        raise NotAllowedError(f"{scene.name} is labelled by {_name(scene.labeler)}, who submits it.")
    newest = scene.label_sets.order_by("-version").first()
    _expect_labels(scene, newest, without_labels)
    assert newest is not None
    fresh = newest.created_at >= scene.status_since
    words = f"Submitted for review: labels v{newest.version}"
    _set(scene, rework_reason="")
    reason = "" if fresh else without_labels
    return _move(scene, LabelingStatus.IN_REVIEW, by=by, words=_said(words, reason), reason=reason)


def _expect_labels(scene: Scene, newest: LabelSet | None, without_labels: str) -> None:
    if newest is None:
        raise ConflictError(f"{scene.name} has no labels yet. Upload them, then submit.", status=scene.status)
    if newest.created_at < scene.status_since and not without_labels.strip():
        since = "the reviewer sent it back" if scene.rework else "you took it"
        raise ConflictError(
            f"{scene.name} has no new labels since {since}. Upload a version, or say why v{newest.version} is right.",
            status=scene.status,
        )


@transaction.atomic
def accept(*, scene: Scene, by: User) -> Scene:
    """Accept the labels: the scene is labeled, and they are locked."""
    scene = _in_review(scene, by, "be accepted")
    _set(scene, reviewer=by, locked=True)
    return _move(scene, LabelingStatus.LABELED, by=by, words="Labels accepted")


@transaction.atomic
def send_back(*, scene: Scene, by: User, reason: str) -> Scene:
    """Send the labels back to their labeler. Raises RefusedError without a reason."""
    reason = _required(reason, "Say what to mend: the labeler reads it.")
    scene = _in_review(scene, by, "be sent back")
    _set(scene, reviewer=by, rework_reason=reason)
    return _move(scene, LabelingStatus.IN_PROGRESS, by=by, words=_said("Sent back", reason), reason=reason)


@transaction.atomic
def reopen(*, scene: Scene, by: User, reason: str) -> Scene:
    """Unlock accepted labels and give the scene back to its labeler, by a curator with a reason."""
    reason = _required(reason, "Say why the accepted labels are opened again.")
    _must(by, CURATE, "reopen accepted labels")
    scene = _locked(scene)
    _expect(scene, [LabelingStatus.LABELED], "be reopened")
    _set(scene, locked=False, rework_reason=reason)
    return _move(scene, LabelingStatus.IN_PROGRESS, by=by, words=_said("Reopened", reason), reason=reason)


@transaction.atomic
def set_due(*, scene: Scene, by: User, due_on: date | None) -> Scene:
    """Say until when a scene should be labeled; None: whenever."""
    _must(by, CURATE, "set due dates")
    scene = _locked(scene)
    if _plan(scene, due_on=due_on, priority=scene.priority):
        save_audited(scene, by=by, reason=f"Due on {due_on}" if due_on else "Due date removed")
    return scene


@transaction.atomic
def set_priority(*, scene: Scene, by: User, priority: int) -> Scene:
    """Raises RefusedError when there is no such priority (scenes.models.Priority)."""
    _must(by, CURATE, "set priorities")
    scene = _locked(scene)
    if _plan(scene, due_on=scene.due_on, priority=priority):
        save_audited(scene, by=by, reason=f"Priority {Priority(priority).label.lower()}")
    return scene


@transaction.atomic
def plan(*, scene: Scene, by: User, labeler: User | None, due_on: date | None, priority: int) -> Scene:
    """Make labeler, due date and priority what they are given as; see `assign`, `unassign` and the two above."""
    _must(by, CURATE, "plan scenes")
    scene = _locked(scene)
    if labeler is None and scene.labeler is not None:
        unassign(scene=scene, by=by)
    elif labeler is not None and labeler != scene.labeler:
        assign(scene=scene, labeler=labeler, by=by)
    set_due(scene=scene, by=by, due_on=due_on)
    return set_priority(scene=scene, by=by, priority=priority)


def check_labeler(labeler: User) -> None:
    """Raises RefusedError when a scene can't be assigned to this person."""
    if not (labeler.is_active and labeler.has_perm(LABEL)):
        raise RefusedError(f"{labeler.get_username()} may not label scenes. Give them the role labeler first.")


def check_may_label(*, scene: Scene, by: User) -> None:
    """Raises unless this person has the scene in progress, so that new labels from them belong here."""
    _must(by, LABEL, "label scenes")
    scene.refuse_when_locked()
    _expect(scene, [LabelingStatus.IN_PROGRESS], "get labels from its labeler")
    if scene.labeler_id != by.pk:
        raise NotAllowedError(f"{scene.name} is labelled by {_name(scene.labeler)}. Take another scene.")


def _in_review(scene: Scene, by: User, verb: str) -> Scene:
    _must(by, REVIEW, "review labels")
    scene = _locked(scene)
    _expect(scene, [LabelingStatus.IN_REVIEW], verb)
    author = scene.label_sets.order_by("-version").values_list("author", flat=True).first()
    if by.pk in (scene.labeler_id, author):
        raise NotAllowedError(f"You labelled {scene.name} yourself. Somebody else reviews it.")
    return scene


def _locked(scene: Scene) -> Scene:
    return Scene.objects.select_for_update(of=("self",)).select_related("labeler", "reviewer").get(pk=scene.pk)


def _must(by: User, permission: str, verb: str) -> None:
    if not by.has_perm(permission):
        raise NotAllowedError(f"Your account may not {verb}. Ask an administrator for the right role.")


REMEDIES = {
    LabelingStatus.UNLABELED: "Somebody has to take it first.",
    LabelingStatus.IN_PROGRESS: "Wait until its labeler submits it.",
    LabelingStatus.IN_REVIEW: "A reviewer accepts it or sends it back first.",
    LabelingStatus.LABELED: "A curator can reopen it with a reason.",
}


def _expect(scene: Scene, statuses: list[LabelingStatus], verb: str) -> None:
    if scene.status in statuses:
        return
    status = LabelingStatus(scene.status)
    who = f" by {_name(scene.labeler)}" if status == LabelingStatus.IN_PROGRESS else ""
    words = f"{scene.name} is {status.label.lower()}{who} and can't {verb}. {REMEDIES[status]}"
    raise ConflictError(words, status=scene.status)


def _name(person: User | None) -> str:
    return person.get_username() if person else "nobody"


def _set(scene: Scene, **facts: Any) -> bool:
    changed = {name: value for name, value in facts.items() if getattr(scene, name) != value}
    for name, value in changed.items():
        setattr(scene, name, value)
    return bool(changed)


def _plan(scene: Scene, *, due_on: date | None, priority: int) -> bool:
    if priority not in Priority.values:
        raise RefusedError(f"There is no priority {priority}. Use one of {', '.join(map(str, Priority.values))}.")
    return _set(scene, due_on=due_on, priority=priority)


def _required(reason: str, words: str) -> str:
    reason = reason.strip()
    if not reason:
        raise RefusedError(words)
    if len(reason) > MOST_REASON:
        raise RefusedError(f"The reason has {len(reason):,} characters, {MOST_REASON:,} are enough.")
    return reason


def _said(words: str, reason: str) -> str:
    return f"{words}: {reason.strip()}" if reason.strip() else words


def _move(scene: Scene, to: LabelingStatus, *, by: User, words: str, reason: str = "") -> Scene:
    """Save the scene in its new status with the record of the step; in the same status only the scene."""
    if scene.status != to:
        now = timezone.now()
        StatusChange.objects.create(
            scene=scene,
            from_status=scene.status,
            to_status=to,
            actor=by,
            reason=reason.strip(),
            at=now,
            seconds_in_previous=max(0.0, (now - scene.status_since).total_seconds()),
        )
        scene.status, scene.status_since = to, now
    save_audited(scene, by=by, reason=words)
    return scene
