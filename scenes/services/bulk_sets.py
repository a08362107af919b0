"""What one batch of a bulk change does: set-based, on locked scenes, with history.

Each takes the change and ascending ids and says how many scenes changed and why others did not. They run inside
`scenes.audit.part_of_bulk` and a transaction (scenes.services.bulk).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone

from scenes.errors import ConflictError, NotAllowedError, RefusedError
from scenes.history_sets import record_history
from scenes.models import BulkChange, Drive, IngestKind, LabelingStatus, Scene, SceneTag
from scenes.services import workflow
from scenes.services.assigning import assign_many, unassign_many
from scenes.services.queueing import queue_jobs

GONE = "the scene is gone"


@dataclass
class Outcome:
    """How many scenes changed, and the ids of those left alone by the reason why."""

    changed: int = 0
    skipped: dict[str, list[int]] = field(default_factory=dict)

    def skip(self, reason: str, ids: Iterable[int]) -> None:
        ids = list(ids)
        if ids:
            self.skipped.setdefault(reason, []).extend(ids)


def by_ids(model: type[Any], ids: list[int]) -> QuerySet[Any]:
    """Rows by ids, which travel as one array: a parameter each would be slow, and there is a limit of them."""
    return model._default_manager.filter(pk__in=RawSQL("SELECT unnest(%s::bigint[])", [ids]))


def locked(ids: list[int], outcome: Outcome) -> list[int]:
    """The scenes that exist, locked in the order of their ids; the others are skipped as gone."""
    scenes = by_ids(Scene, ids).order_by("pk").select_for_update(no_key=True)
    found = list(scenes.values_list("pk", flat=True))
    outcome.skip(GONE, sorted(set(ids) - set(found)))
    return found


def add_tags(change: BulkChange, ids: list[int]) -> Outcome:
    outcome = Outcome()
    found = locked(ids, outcome)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO scenes_scenetag (content_object_id, tag_id)
            SELECT scene, tag.id FROM unnest(%s::bigint[]) AS scene
            CROSS JOIN (SELECT id FROM scenes_tag WHERE id = ANY(%s)) AS tag
            ORDER BY scene, tag.id ON CONFLICT DO NOTHING RETURNING id, content_object_id
            """,
            [found, change.parameters["tag_ids"]],
        )
        added = cursor.fetchall()
    _record_links(change, [link for link, _ in added], "+")
    return _counted(outcome, found, {scene for _, scene in added}, "has these tags already")


def remove_tags(change: BulkChange, ids: list[int]) -> Outcome:
    outcome = Outcome()
    found = locked(ids, outcome)
    links = SceneTag.objects.filter(tag_id__in=change.parameters["tag_ids"], content_object__in=by_ids(Scene, found))
    removed = list(links.order_by("pk").select_for_update().values_list("pk", "content_object_id"))
    _record_links(change, [link for link, _ in removed], "-")
    delete_links([link for link, _ in removed])
    return _counted(outcome, found, {scene for _, scene in removed}, "has none of these tags")


def _record_links(change: BulkChange, links: list[int], kind: str) -> None:
    if links:
        record_history(by_ids(SceneTag, links), by=change.actor, reason=change.reason, kind=kind)


def delete_links(links: list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM scenes_scenetag WHERE id = ANY(%s)", [links])


def _counted(outcome: Outcome, found: list[int], changed: set[int], otherwise: str) -> Outcome:
    outcome.changed = len(changed)
    outcome.skip(otherwise, (pk for pk in found if pk not in changed))
    return outcome


def set_drive(change: BulkChange, ids: list[int]) -> Outcome:
    outcome = Outcome()
    found = locked(ids, outcome)
    drive = change.parameters["drive_id"]
    if drive is not None and not Drive.objects.filter(pk=drive).exists():
        raise ConflictError(f"The drive {change.parameters['drive']} is gone. Choose another one.")
    now_so = set(by_ids(Scene, found).filter(drive=drive).values_list("pk", flat=True))
    chosen = [pk for pk in found if pk not in now_so]
    if chosen:
        by_ids(Scene, chosen).update(drive=drive, updated_at=timezone.now())
        record_history(by_ids(Scene, chosen), by=change.actor, reason=change.reason)
    return _counted(outcome, found, set(chosen), "is in this drive already")


def assign(change: BulkChange, ids: list[int]) -> Outcome:
    wishes = change.parameters
    labeler = User.objects.filter(pk=wishes["labeler_id"]).first()
    if labeler is None:
        raise ConflictError(f"The account {wishes['labeler']} is gone. Choose another labeler.")
    outcome = Outcome()
    found = locked(ids, outcome)
    due_on = date.fromisoformat(wishes["due_on"]) if wishes.get("due_on") else None
    priority = wishes.get("priority")
    wanted = {"labeler": labeler, "due_on": due_on, "priority": priority}
    as_wanted = by_ids(Scene, found).filter(**{name: value for name, value in wanted.items() if value is not None})
    now_so = set(as_wanted.values_list("pk", flat=True))
    done = assign_many(
        scenes=found,
        labeler=labeler,
        by=actor_of(change),
        due_on=due_on,
        priority=priority,
        reason=change.reason,
    )
    for words, left in done.skipped.items():
        outcome.skip(words, left)
    outcome.changed = done.changed
    outcome.skip("is assigned so already", sorted(now_so.difference(*done.skipped.values())))
    return outcome


def set_status(change: BulkChange, ids: list[int]) -> Outcome:
    """Only the steps of the workflow: give back, send back, reopen, accept; a scene at a time but for giving back."""
    to = LabelingStatus(change.parameters["status"])
    if to == LabelingStatus.UNLABELED:
        outcome = Outcome()
        done = unassign_many(scenes=locked(ids, outcome), by=actor_of(change), reason=change.reason)
        outcome.changed = done.changed
        for words, left in done.skipped.items():
            outcome.skip(words, left)
        return outcome
    outcome = Outcome()
    locked(ids, outcome)
    for scene in by_ids(Scene, ids).order_by("pk"):
        step = STEPS.get((LabelingStatus(scene.status), to))
        if step is None:
            outcome.skip(f"{scene.get_status_display().lower()}: {_no_way(scene, to)}", [scene.pk])
            continue
        try:
            with transaction.atomic():
                step(scene, actor_of(change), change.reason)
            outcome.changed += 1
        except (ConflictError, NotAllowedError) as error:
            outcome.skip(str(error).replace(scene.name, "it"), [scene.pk])
    return outcome


STEPS: dict[tuple[LabelingStatus, LabelingStatus], Callable[[Scene, User, str], Scene]] = {
    (LabelingStatus.IN_REVIEW, LabelingStatus.IN_PROGRESS): lambda scene, by, reason: workflow.send_back(
        scene=scene, by=by, reason=reason
    ),
    (LabelingStatus.LABELED, LabelingStatus.IN_PROGRESS): lambda scene, by, reason: workflow.reopen(
        scene=scene, by=by, reason=reason
    ),
    (LabelingStatus.IN_REVIEW, LabelingStatus.LABELED): lambda scene, by, reason: workflow.accept(scene=scene, by=by),
}


def _no_way(scene: Scene, to: LabelingStatus) -> str:
    if scene.status == to:
        return "is so already"
    if scene.status == LabelingStatus.UNLABELED:
        return "a labeler takes it first"
    return "its labeler submits it first"


def work_again(change: BulkChange, ids: list[int]) -> Outcome:
    outcome = Outcome()
    found = locked(ids, outcome)
    queued = queue_jobs(scenes=found, kind=IngestKind(change.parameters["job"]), by=change.actor)
    busy = "a job of it is active"
    return _counted(outcome, found, {job.scene_id for job in queued.jobs}, busy)


def actor_of(change: BulkChange) -> User:
    """Who asked for it, who must still be there. Raises DomainError."""
    actor = change.actor
    if actor is None or not actor.is_active:
        raise RefusedError("The account that asked for this is gone or disabled. Ask for it again.")
    return actor


def check_permission(change: BulkChange, permission: str) -> None:
    """Raises NotAllowedError when the actor may not do this any more."""
    if not actor_of(change).has_perm(permission):
        raise NotAllowedError("Your account may not change scenes like this. Ask an administrator for the right role.")
