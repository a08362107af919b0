"""The life of a bulk change: small ones are made at once, in one transaction; large ones by workers in batches.

A batch and the note of how far the change is are one transaction under a lock of the change's row. A killed worker
takes its lock and its unfinished batch with it, so nothing is lost and nothing is done twice.
"""

from collections.abc import Callable, Iterable
from typing import Any

from celery import current_app
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from scenes.audit import part_of_bulk
from scenes.errors import ConflictError, DomainError, RefusedError
from scenes.models import ACTIVE_BULK_STATES, BulkChange, BulkKind, BulkState, Scene
from scenes.services import bulk_sets, undoing
from scenes.services.bulk_sets import Outcome

TASK = "scenes.bulk_tasks.work_on_bulk_change"
# As many scenes are changed while a person waits, and in one batch of a worker.
AT_ONCE, AT_ONCE_ONE_BY_ONE = 2000, 200
MOST_SCENES = 1_000_000
MOST_ATTEMPTS = 3
SCENES_NAMED, REASONS_NAMED = 20, 50
OTHER_REASONS = "other reasons"
CURATE, OPERATE = "scenes.change_scene", "scenes.change_ingestjob"
Batch = Callable[[BulkChange, list[int]], Outcome]
BATCHES: dict[str, Batch] = {
    BulkKind.ADD_TAGS: bulk_sets.add_tags,
    BulkKind.REMOVE_TAGS: bulk_sets.remove_tags,
    BulkKind.ASSIGN: bulk_sets.assign,
    BulkKind.SET_DRIVE: bulk_sets.set_drive,
    BulkKind.SET_STATUS: bulk_sets.set_status,
    BulkKind.WORK: bulk_sets.work_again,
    BulkKind.UNDO: undoing.undo,
}


def permission_for(kind: BulkKind) -> str:
    return OPERATE if kind == BulkKind.WORK else CURATE


def batch_size(kind: str) -> int:
    """Status changes go through the workflow scene by scene."""
    return AT_ONCE_ONE_BY_ONE if kind == BulkKind.SET_STATUS else AT_ONCE


def selected_ids(scenes: QuerySet[Scene] | Iterable[int]) -> list[int]:
    """Ids of the selection, ascending, each once. Raises RefusedError for none and for too many."""
    found = scenes.order_by().values_list("pk", flat=True) if isinstance(scenes, QuerySet) else scenes
    ids = sorted(set(found))
    if not ids:
        raise RefusedError("No scene is selected. Select some and try again.")
    if len(ids) > MOST_SCENES:
        raise RefusedError(f"{len(ids):,} scenes are selected, {MOST_SCENES:,} can be changed at once. Filter further.")
    return ids


@transaction.atomic
def start(
    *,
    kind: BulkKind,
    scenes: QuerySet[Scene] | Iterable[int],
    by: User,
    reason: str,
    parameters: dict[str, Any],
    undo_of: BulkChange | None = None,
) -> BulkChange:
    """Record the change; make it now when it is small, else wake a worker. Raises DomainError when nothing was done."""
    ids = selected_ids(scenes)
    change = BulkChange(
        kind=kind, parameters=parameters, actor=by, reason=reason.strip(), total=len(ids), undo_of=undo_of,
    )  # fmt: skip
    bulk_sets.check_permission(change, permission_for(kind))
    try:
        with transaction.atomic():
            change.save()
            _keep_ids(change, ids)
    except IntegrityError as error:
        raise ConflictError(f"Bulk change {undo_of and undo_of.pk} was undone already.") from error
    if len(ids) <= batch_size(kind):
        _make(change, ids)
    else:
        transaction.on_commit(lambda: wake(change.pk), robust=True)
    return change


def _keep_ids(change: BulkChange, ids: list[int]) -> None:
    """As one literal: the field's own way handles each id by itself, which takes seconds for a million."""
    with connection.cursor() as cursor:
        literal = f"{{{','.join(map(str, ids))}}}"
        cursor.execute("UPDATE scenes_bulkchange SET scene_ids = %s::bigint[] WHERE id = %s", [literal, change.pk])
    change.scene_ids = ids


def wake(change_id: int) -> None:
    """Tell a worker; when no broker answers, the sweep does it later."""
    current_app.send_task(TASK, args=[change_id])


def work(change_id: int, *, go_on: Callable[[], bool] = lambda: True) -> bool:
    """Make batches until all scenes are through or `go_on` says stop. Returns whether some are left for a next call.

    A change that ended, or that another worker has in hand, is left alone.
    """
    while go_on():
        try:
            more = _next_batch(change_id)
        except DomainError as error:
            _fail(change_id, str(error))
            return False
        except Exception:
            _count_failure(change_id)
            raise
        if not more:
            return False
    return True


@transaction.atomic
def _next_batch(change_id: int) -> bool:
    active = BulkChange.objects.filter(pk=change_id, state__in=ACTIVE_BULK_STATES)
    found = active.defer("scene_ids", "undo_of__scene_ids")  # there may be a million
    change = found.select_for_update(of=("self",), skip_locked=True).select_related("actor", "undo_of").first()
    if change is None:
        return False
    bulk_sets.check_permission(change, permission_for(BulkKind(change.kind)))
    batch = f"scene_ids__{change.done}_{change.done + batch_size(change.kind)}"
    ids = BulkChange.objects.filter(pk=change_id).values_list(batch, flat=True).get()
    _make(change, ids)
    return change.active


def _make(change: BulkChange, ids: list[int]) -> None:
    """One batch, and what it means for the change."""
    with part_of_bulk(change.pk, door=change.door, request_id=change.request_id):
        outcome = BATCHES[change.kind](change, ids)
    now = timezone.now()
    change.started_at = change.started_at or now
    change.heartbeat_at, change.attempts = now, 0
    change.done += len(ids)
    change.changed += outcome.changed
    change.skipped = _merged(change.skipped, outcome.skipped)
    change.state = BulkState.RUNNING
    if change.done >= change.total:
        change.state, change.finished_at = BulkState.DONE, now
    change.save(
        update_fields=["started_at", "heartbeat_at", "attempts", "done", "changed", "skipped", "state", "finished_at"]
    )


def _merged(told: dict[str, Any], skipped: dict[str, list[int]]) -> dict[str, Any]:
    merged = {reason: dict(entry) for reason, entry in told.items()}
    for reason, ids in skipped.items():
        known = reason in merged or len(merged) < REASONS_NAMED
        entry = merged.setdefault(reason if known else OTHER_REASONS, {"count": 0, "scenes": []})
        entry["count"] += len(ids)
        entry["scenes"] = [*entry["scenes"], *ids][:SCENES_NAMED]
    return merged


def _fail(change_id: int, problem: str) -> None:
    active = BulkChange.objects.filter(pk=change_id, state__in=ACTIVE_BULK_STATES)
    active.update(state=BulkState.FAILED, problem=problem, finished_at=timezone.now())


@transaction.atomic
def _count_failure(change_id: int) -> None:
    """A batch that breaks again and again ends the change; what was done before stays and can be undone."""
    change = BulkChange.objects.select_for_update().defer("scene_ids").get(pk=change_id)
    change.attempts, change.heartbeat_at = change.attempts + 1, timezone.now()
    change.save(update_fields=["attempts", "heartbeat_at"])
    if change.attempts >= MOST_ATTEMPTS:
        _fail(change_id, f"It broke {change.attempts} times at scene {change.done + 1:,}. The worker's log says why.")
