"""Exports of the list: small ones are written while they are downloaded, larger ones by a worker into a kept file.

A worker takes an export by counting an attempt, and what it says later counts only while that number stands. So an
export whose worker was killed is begun anew by the next one, and a worker that was only slow can do no harm.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta

from celery import current_app
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from scenes import storage
from scenes.errors import ConflictError, DomainError, NotAllowedError, RefusedError
from scenes.exporting import export_pieces, exported_columns
from scenes.models import ACTIVE_EXPORT_STATES, ExportFormat, ExportState, Scene, SceneExport, StoredFile
from scenes.models.exports import READY_STATES
from scenes.queries import canonical
from scenes.services.bulk import selected_ids
from scenes.services.bulk_sets import by_ids
from scenes.services.maintaining import remove_files
from scenes.services.selecting import scenes_matching

TASK = "scenes.bulk_tasks.work_on_export"
DIRECT_ROWS = 10_000
MOST_ACTIVE = 3
MOST_ATTEMPTS = 3
KEPT_FOR = timedelta(days=7)
LEASE = timedelta(seconds=120)
Rows = Callable[[int], object]


def request_export(
    *,
    by: User,
    form: str,
    columns: Iterable[str] = (),
    scenes: Iterable[int] | None = None,
    matching: str | None = None,
) -> SceneExport:
    """Ask for facts of scenes, named by ids or by the query of the list, as a file. Columns: none given means all.

    Up to DIRECT_ROWS scenes are ready at once; else a worker is told, and `state` and `done` say how far it is.
    Raises NotAllowedError, RefusedError for what can't be exported, ConflictError while too many are at work.
    """
    if not by.has_perm("scenes.view_scene"):
        raise NotAllowedError("Your account may not see scenes. Ask an administrator for the right role.")
    export = SceneExport(owner=by, format=_format(form), columns=_columns(columns))
    ids = _choose(export, scenes, matching)
    export.expires_at = timezone.now() + KEPT_FOR
    if export.total <= DIRECT_ROWS:
        export.state = ExportState.DIRECT
    with transaction.atomic():
        if not export.ready:
            _refuse_too_many(by)
        export.save()
        if ids is not None:
            _keep_ids(export, ids)
        if not export.ready:
            transaction.on_commit(lambda: wake(export.pk), robust=True)
    return export


def _format(form: str) -> str:
    if form not in ExportFormat.values:
        raise RefusedError(f"There is no format “{form[:20]}”. Use one of {', '.join(ExportFormat.values)}.")
    return form


def _columns(names: Iterable[str]) -> list[str]:
    try:
        return exported_columns(names)
    except ValueError as error:
        raise RefusedError(f"There is no column “{str(error)[:40]}” to export.") from error


def _choose(export: SceneExport, scenes: Iterable[int] | None, matching: str | None) -> list[int] | None:
    """Write down which scenes are meant and how many they are; the ids, when they are named by ids."""
    if (scenes is None) == (matching is None):
        raise RefusedError("Name the scenes by their ids or by matching, one of them.")
    if matching is not None:
        export.query = canonical(matching)
        export.total = scenes_matching(export.query).count()
        if not export.total:
            raise RefusedError("No scene matches. There is nothing to export.")
        return None
    ids = selected_ids(scenes or ())
    export.total = len(ids)
    return ids


def _refuse_too_many(by: User) -> None:
    User.objects.select_for_update().get(pk=by.pk)
    if SceneExport.objects.filter(owner=by, state__in=ACTIVE_EXPORT_STATES).count() >= MOST_ACTIVE:
        raise ConflictError(f"{MOST_ACTIVE} of your exports are at work. Wait until one of them has ended.")


def _keep_ids(export: SceneExport, ids: list[int]) -> None:
    """As one literal: the field's own way handles each id by itself."""
    with connection.cursor() as cursor:
        literal = f"{{{','.join(map(str, ids))}}}"
        cursor.execute("UPDATE scenes_sceneexport SET scene_ids = %s::bigint[] WHERE id = %s", [literal, export.pk])
    export.scene_ids = ids


def wake(export_id: int) -> None:
    """Tell a worker; when no broker answers, the sweep does it later."""
    current_app.send_task(TASK, args=[export_id])


def exported_scenes(export: SceneExport) -> QuerySet[Scene]:
    """The scenes of an export as they are now. Raises RefusedError when its query names what is no longer there."""
    return scenes_matching(export.query) if export.scene_ids is None else by_ids(Scene, export.scene_ids)


def pieces(export: SceneExport, on_rows: Rows = lambda count: None) -> Iterator[bytes]:
    return export_pieces(exported_scenes(export), export.format, export.columns, on_rows)


def open_export(*, export: SceneExport, by: User) -> Iterator[bytes] | StoredFile:
    """What a download sends: the pieces of a small export, written while they go out, or the kept file.

    Raises NotAllowedError for all but the owner, ConflictError with the remedy when there is nothing to download.
    """
    if export.owner_id != by.pk:
        raise NotAllowedError("This export is of somebody else. Make one of your own.")
    if not by.has_perm("scenes.view_scene"):
        raise NotAllowedError("Your account may not see scenes. Ask an administrator for the right role.")
    if export.state == ExportState.DIRECT:
        return pieces(export)
    if export.file is not None:
        return export.file
    if export.active:
        raise ConflictError("This export is not ready yet. Try again when it is.", state=export.state)
    remedy = "Export the list again."
    raise ConflictError(f"This export {_ended(export)}. {remedy}", state=export.state)


def _ended(export: SceneExport) -> str:
    return "has expired" if export.state == ExportState.EXPIRED else f"failed: {export.problem.rstrip('.')}"


def work(export_id: int) -> None:
    """Write the file of an export. One that ended, or that another worker has in hand, is left alone."""
    export = _take(export_id)
    if export is None:
        return
    mine = SceneExport.objects.filter(pk=export.pk, attempts=export.attempts, state=ExportState.RUNNING)

    def beat(done: int) -> None:
        if not mine.update(done=done, heartbeat_at=timezone.now()):
            raise ConflictError("Another worker has this export in hand.")

    try:
        stored = storage.save_stream(pieces(export, beat), storage=storage.DERIVED)
    except DomainError as error:
        mine.update(state=ExportState.FAILED, problem=str(error), finished_at=timezone.now())
        return
    now = timezone.now()
    mine.update(
        state=ExportState.DONE, file=StoredFile.objects.row_for(stored), done=F("total"), problem="",
        finished_at=now, expires_at=now + KEPT_FOR,
    )  # fmt: skip


@transaction.atomic
def _take(export_id: int) -> SceneExport | None:
    free = Q(state=ExportState.QUEUED) | Q(heartbeat_at__lt=timezone.now() - LEASE)
    waiting = SceneExport.objects.filter(free, pk=export_id, state__in=ACTIVE_EXPORT_STATES)
    export = waiting.select_for_update(skip_locked=True).first()
    if export is None:
        return None
    now = timezone.now()
    if export.attempts >= MOST_ATTEMPTS:
        export.state, export.finished_at = ExportState.FAILED, now
        export.problem = f"It broke {export.attempts} times. The worker's log says why."
        export.save(update_fields=["state", "finished_at", "problem"])
        return None
    export.state, export.attempts, export.done = ExportState.RUNNING, export.attempts + 1, 0
    export.started_at, export.heartbeat_at = export.started_at or now, now
    export.save(update_fields=["state", "attempts", "done", "started_at", "heartbeat_at"])
    return export


def expire() -> int:
    """Take back what is older than it is kept: the rows stay as a record, their files go. Returns how many."""
    with transaction.atomic():
        old = SceneExport.objects.filter(state__in=READY_STATES, expires_at__lt=timezone.now())
        found = list(old.select_for_update(skip_locked=True).values_list("pk", "file_id"))
        ids = [pk for pk, _ in found]
        SceneExport.objects.filter(pk__in=ids).update(state=ExportState.EXPIRED, file=None, scene_ids=None)
    remove_files(file_ids=[file_id for _, file_id in found if file_id])
    return len(ids)
