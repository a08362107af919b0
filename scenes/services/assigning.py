"""Assigning many scenes at once: a handful of statements for any number of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.db.models.expressions import RawSQL
from django.utils import timezone

from scenes.errors import NotAllowedError, RefusedError
from scenes.history_sets import record_history
from scenes.models import LabelingStatus, Priority, Scene
from scenes.services.workflow import CURATE, check_labeler

ASSIGNABLE = [LabelingStatus.UNLABELED, LabelingStatus.IN_PROGRESS]


@dataclass(frozen=True)
class ManyAssigned:
    """What became of many scenes: how many changed, how many were so already, and ids of others by the reason why."""

    changed: int
    unchanged: int
    skipped: dict[str, list[int]] = field(default_factory=dict)

    @property
    def skipped_count(self) -> int:
        return sum(map(len, self.skipped.values()))


@transaction.atomic
def assign_many(
    *,
    scenes: QuerySet[Scene] | Iterable[int],
    labeler: User,
    by: User,
    due_on: date | None = None,
    priority: int | None = None,
    reason: str = "",
) -> ManyAssigned:
    """Assign scenes, given as a queryset or ids, as `assign` does each: without a date or priority these stay.

    Scenes in review or labeled are skipped. The same number of statements for any number of scenes; locked in the
    order of their ids, so that two callers wait for each other. Raises NotAllowedError or RefusedError for people.
    """
    _must_curate(by)
    check_labeler(labeler)
    if priority is not None and priority not in Priority.values:
        raise RefusedError(f"There is no priority {priority}. Use one of {', '.join(map(str, Priority.values))}.")
    wanted: dict[str, Any] = {"labeler_id": labeler.pk}
    wanted |= {"due_on": due_on} if due_on is not None else {}
    wanted |= {"priority": priority} if priority is not None else {}
    chosen, result = _choose(scenes, wanted)
    if chosen:
        rows = _rows(chosen)
        reviewer = Case(When(reviewer=labeler, then=Value(None)), default=F("reviewer"))
        rows.update(reviewer=reviewer, updated_at=timezone.now(), **wanted)
        words = f"Assigned to {labeler.get_username()}"
        record_history(rows, by=by, reason=f"{words}: {reason.strip()}" if reason.strip() else words)
    return result


@transaction.atomic
def unassign_many(*, scenes: QuerySet[Scene] | Iterable[int], by: User, reason: str = "") -> ManyAssigned:
    """Take scenes from their labelers: those in progress become unlabeled again. Others as in `assign_many`."""
    _must_curate(by)
    chosen, result = _choose(scenes, {"labeler_id": None})
    if chosen:
        rows, now = _rows(chosen), timezone.now()
        _record_moves(chosen, to=LabelingStatus.UNLABELED, by=by, reason=reason.strip(), at=now)
        rows.update(
            status_since=Case(When(status=LabelingStatus.UNLABELED, then=F("status_since")), default=Value(now)),
            status=LabelingStatus.UNLABELED,
            labeler=None,
            reviewer=None,
            rework_reason="",
            updated_at=now,
        )
        record_history(rows, by=by, reason=f"Unassigned: {reason.strip()}" if reason.strip() else "Unassigned")
    return result


def _must_curate(by: User) -> None:
    if not by.has_perm(CURATE):
        raise NotAllowedError("Your account may not assign scenes. Ask an administrator for the role curator.")


def _choose(scenes: QuerySet[Scene] | Iterable[int], wanted: dict[str, Any]) -> tuple[list[int], ManyAssigned]:
    """Lock the scenes; ids of those that change, and the words for all others."""
    found: QuerySet[Scene] = scenes if isinstance(scenes, QuerySet) else _rows(list(scenes))
    rows = (
        Scene.objects.filter(pk__in=found.order_by().values_list("pk")).order_by("pk").select_for_update(of=("self",))
    )
    chosen, unchanged = [], 0
    skipped: dict[str, list[int]] = {}
    for row in rows.values("pk", "status", *wanted):
        key, status = row.pop("pk"), LabelingStatus(row.pop("status"))
        if status not in ASSIGNABLE:
            skipped.setdefault(f"{status.label.lower()}: {WHY[status]}", []).append(key)
        elif row == wanted:
            unchanged += 1
        else:
            chosen.append(key)
    return chosen, ManyAssigned(len(chosen), unchanged, skipped)


WHY = {
    LabelingStatus.IN_REVIEW: "a reviewer accepts it or sends it back first",
    LabelingStatus.LABELED: "a curator has to reopen it first",
}


def _rows(ids: list[int]) -> QuerySet[Scene]:
    """Scenes by ids, which travel as one array: a parameter each would be slow, and there is a limit of them."""
    return Scene.objects.filter(Q(pk__in=RawSQL("SELECT unnest(%s::bigint[])", [ids])))


def _record_moves(ids: list[int], *, to: LabelingStatus, by: User, reason: str, at: datetime) -> None:
    """A StatusChange for each scene that is not in the status yet, before the scenes themselves change."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO scenes_statuschange
                (scene_id, from_status, to_status, actor_id, reason, at, seconds_in_previous)
            SELECT id, status, %(to)s, %(by)s, %(reason)s, %(at)s,
                greatest(0, extract(epoch FROM %(at)s::timestamptz - status_since))
            FROM scenes_scene WHERE id = ANY(%(ids)s) AND status <> %(to)s
            """,
            {"to": to.value, "by": by.pk, "reason": reason, "at": at, "ids": ids},
        )
