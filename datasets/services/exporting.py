"""Exports of frozen versions: small ones are made while they are downloaded, larger ones by a worker into a kept file.

A worker takes an export by counting an attempt, and what it says later counts only while that number stands. So an
export whose worker was killed is begun anew by the next one (below a place of LAMM_EXPORTS it goes on with the files
that are missing), and a worker that was only slow, or whose export was cancelled, can do no harm.
"""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

from celery import current_app
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from datasets.exports import archive, formats, places
from datasets.models import (
    ACTIVE_EXPORT_STATES,
    READY_EXPORT_STATES,
    DatasetExport,
    DatasetVersion,
    ExportFormat,
    ExportState,
)
from datasets.services.permissions import EXPORT, EXPORTED_DATA
from scenes import storage
from scenes.audit import save_audited
from scenes.errors import ConflictError, DomainError, NotAllowedError, RefusedError
from scenes.models import StoredFile
from scenes.services.maintaining import remove_files

TASK = "datasets.tasks.work_on_dataset_export"
DIRECT_BYTES = 256 * 1024**2
DIRECT_FRAMES = 2000
MOST_ACTIVE = 3
MOST_ATTEMPTS = 3
KEPT_FOR = timedelta(days=7)
LEASE = timedelta(minutes=10)
BEAT_SECONDS = 2.0
Frames = Callable[[int], object]


def may_export(person: User | None) -> bool:
    """Whether a person may take datasets out: the right itself, and that to read clouds and labels."""
    return person is None or all(person.has_perm(one) for one in (EXPORT, *EXPORTED_DATA))


def check_export(*, version: DatasetVersion, form: str, by: User | None) -> None:
    """Raises NotAllowedError, ConflictError for a draft, RefusedError for a format that can't hold the labels."""
    if not may_export(by):
        raise NotAllowedError("Your account may not export datasets. Ask an administrator for the right role.")
    if form not in ExportFormat.values:
        raise RefusedError(f"There is no format “{form[:40]}”. Use one of {', '.join(ExportFormat.values)}.")
    if version.is_draft:
        raise ConflictError(f"{version} is a draft: only frozen versions are exported. Freeze it first.", state="draft")
    formats.check(version, form)


@transaction.atomic
def request_export(*, version: DatasetVersion, form: str, by: User, place: str = "") -> DatasetExport:
    """Ask for a frozen version in a format; one that is at work or ready is returned instead.

    Small ones are ready at once; else a worker is told, and `state` and `done` say how far it is. `place` is a name
    of LAMM_EXPORTS. Raises as `check_export`, and ConflictError while too many of the person are at work.
    """
    check_export(version=version, form=form, by=by)
    if place:
        places.place_named(place)
    locked = DatasetVersion.objects.select_for_update(of=("self",), no_key=True).get(pk=version.pk)
    lasting = [*ACTIVE_EXPORT_STATES, *READY_EXPORT_STATES]
    found = locked.exports.filter(format=form, place=place, state__in=lasting).select_related("file").first()
    if found is not None:
        return found
    counted = locked.statistics["total"]
    made = DatasetExport(version=locked, owner=by, format=form, place=place, total=counted["frames"])
    if not place and (formats.is_single(form) or _is_small(counted)):
        made.state, made.expires_at = ExportState.DIRECT, timezone.now() + KEPT_FOR
    else:
        _refuse_too_many(by)
    save_audited(made, by=by, reason=f"{made.get_format_display()} of {version}")
    if not made.ready:
        transaction.on_commit(lambda: wake(made.pk), robust=True)
    return made


def _is_small(counted: dict[str, int]) -> bool:
    return counted["bytes"] <= DIRECT_BYTES and counted["frames"] <= DIRECT_FRAMES


def _refuse_too_many(by: User) -> None:
    User.objects.select_for_update().get(pk=by.pk)
    if DatasetExport.objects.filter(owner=by, state__in=ACTIVE_EXPORT_STATES).count() >= MOST_ACTIVE:
        raise ConflictError(f"{MOST_ACTIVE} of your exports are at work. Wait until one of them has ended.")


def wake(export_id: int) -> None:
    """Tell a worker; when no broker answers, the sweep does it later."""
    current_app.send_task(TASK, args=[export_id])


@transaction.atomic
def cancel_export(*, export: DatasetExport, by: User) -> DatasetExport:
    """Stop an export: its owner, or who may build datasets. One that has ended is left alone."""
    locked = DatasetExport.objects.select_for_update(of=("self",)).get(pk=export.pk)
    if locked.owner_id != by.pk and not by.has_perm("datasets.change_datasetversion"):
        raise NotAllowedError("This export is of somebody else. Ask them, a curator or an engineer.")
    if locked.active:
        locked.state, locked.finished_at = ExportState.CANCELLED, timezone.now()
        save_audited(locked, by=by, reason="Cancelled")
    return locked


def open_export(*, export: DatasetExport, by: User) -> Iterator[bytes] | StoredFile:
    """What a download sends: the bytes of a small export, made while they go out, or the kept file.

    Raises NotAllowedError, and ConflictError with the remedy when there is nothing to download.
    """
    if not may_export(by):
        raise NotAllowedError("Your account may not export datasets. Ask an administrator for the right role.")
    if export.state == ExportState.DIRECT:
        return pieces(export)
    if export.file is not None:
        return export.file
    raise ConflictError(f"{_why_not(export)}", state=export.state)


def _why_not(export: DatasetExport) -> str:
    if export.active:
        return "This export is not ready yet. Try again when it is."
    if export.place and export.ready:
        return f"This export lies at {export.place}; there is nothing to download."
    ended = {ExportState.CANCELLED: "was cancelled", ExportState.EXPIRED: "has expired"}.get(ExportState(export.state))
    return f"This export {ended or 'failed: ' + export.problem.rstrip('.')}. Ask for it again."


def file_name(export: DatasetExport) -> str:
    """What the download is called."""
    return f"{formats.name(export.version, export.format)}{formats.ending(export.format)}"


def export_to_folder(
    *, version: DatasetVersion, form: str, folder: Path, by: User | None, on_frames: Frames = lambda count: None
) -> int:
    """Write the export into a folder of this machine that is missing or empty (an export of one file: to that path).

    In this process, for operators. Returns the bytes; the same call again goes on where one was interrupted. Raises
    as `check_export`, and ConflictError when something is in the way.
    """
    check_export(version=version, form=form, by=by)
    entries = formats.entries(version, form)
    if formats.is_single(form):
        return places.write_file(entries, folder)
    return places.write_folder(entries, folder, unfinished=f"{version.digest[:12]}-{form}", on_frames=on_frames)


def export_to_archive(
    *, version: DatasetVersion, form: str, path: Path, by: User | None, on_frames: Frames = lambda count: None
) -> int:
    """The same as one tar archive. Raises ConflictError when the path is taken."""
    check_export(version=version, form=form, by=by)
    entries = formats.entries(version, form)
    if formats.is_single(form):
        return places.write_file(entries, path)
    return places.write_pieces(archive.pieces(entries, formats.name(version, form), on_frames), path)


def export_to_place(
    *, version: DatasetVersion, form: str, place: str, by: User | None, on_frames: Frames = lambda count: None
) -> int:
    """The same below a place of LAMM_EXPORTS, in this process; files that are there already are not made again."""
    check_export(version=version, form=form, by=by)
    kept = places.place_named(place)
    entries = formats.entries(version, form)
    return places.write_storage(entries, kept, formats.name(version, form), on_frames=on_frames)


def pieces(export: DatasetExport, on_frames: Frames = lambda count: None) -> Iterator[bytes]:
    """The bytes of the download: the one file, or a tar archive of the tree."""
    entries = formats.entries(export.version, export.format)
    if formats.is_single(export.format):
        (entry,) = entries
        return archive.exactly(entry)
    return archive.pieces(entries, formats.name(export.version, export.format), on_frames)


def work(export_id: int) -> None:
    """Make an export. One that ended, or that another worker has in hand, is left alone."""
    export = _take(export_id)
    if export is None:
        return
    beat = _beating(export)
    try:
        if export.place:
            size = export_to_place(
                version=export.version, form=export.format, place=export.place, by=None, on_frames=beat
            )
            _finish(export, ExportState.DONE, byte_count=size)
        else:
            stored = storage.save_stream(pieces(export, beat), storage=storage.DERIVED)
            _finish(export, ExportState.DONE, byte_count=stored.size, kept=stored)
    except _TakenOverError:
        return
    except DomainError as error:
        _finish(export, ExportState.FAILED, problem=str(error))


class _TakenOverError(Exception):
    """Another worker has the export in hand, or it was cancelled."""


def _beating(export: DatasetExport) -> Frames:
    """What says how far the export is, now and then. Raises _TakenOverError once it is no longer this worker's."""
    mine = DatasetExport.objects.filter(pk=export.pk, attempts=export.attempts, state=ExportState.RUNNING)
    told = time.monotonic()

    def beat(done: int) -> None:
        nonlocal told
        if time.monotonic() - told < BEAT_SECONDS:
            return
        told = time.monotonic()
        if not mine.update(done=done, heartbeat_at=timezone.now()):
            raise _TakenOverError

    return beat


@transaction.atomic
def _finish(
    export: DatasetExport,
    state: ExportState,
    *,
    problem: str = "",
    byte_count: int = 0,
    kept: storage.StoredBytes | None = None,
) -> None:
    mine = DatasetExport.objects.filter(pk=export.pk, attempts=export.attempts, state=ExportState.RUNNING)
    locked = mine.select_for_update(of=("self",)).first()
    if locked is None:
        return
    now = timezone.now()
    locked.state, locked.problem, locked.finished_at, locked.byte_count = state, problem, now, byte_count
    if state == ExportState.DONE:
        locked.done = locked.total
        locked.file = StoredFile.objects.row_for(kept) if kept else None
        locked.expires_at = now + KEPT_FOR if kept else None
    save_audited(locked, by=None, reason=problem or "All files are written")


@transaction.atomic
def _take(export_id: int) -> DatasetExport | None:
    free = Q(state=ExportState.QUEUED) | Q(heartbeat_at__lt=timezone.now() - LEASE)
    waiting = DatasetExport.objects.filter(free, pk=export_id, state__in=ACTIVE_EXPORT_STATES)
    chosen = waiting.select_related("version__dataset", "version__manifest")
    export = chosen.select_for_update(skip_locked=True, of=("self",)).first()
    if export is None:
        return None
    now = timezone.now()
    if export.attempts >= MOST_ATTEMPTS:
        export.state, export.finished_at = ExportState.FAILED, now
        export.problem = f"It broke {export.attempts} times. The worker's log says why."
        save_audited(export, by=None, reason=export.problem)
        return None
    DatasetExport.objects.filter(pk=export.pk).update(
        state=ExportState.RUNNING, attempts=F("attempts") + 1, done=0, heartbeat_at=now,
        started_at=export.started_at or now,
    )  # fmt: skip
    export.attempts += 1
    return export


def expire() -> int:
    """Take back what is older than it is kept: the rows stay as a record, their files go. Returns how many."""
    with transaction.atomic():
        old = DatasetExport.objects.filter(state__in=READY_EXPORT_STATES, expires_at__lt=timezone.now())
        found = list(old.select_for_update(skip_locked=True, of=("self",)))
        files = [export.file_id for export in found if export.file_id]
        for export in found:
            export.state, export.file = ExportState.EXPIRED, None
            save_audited(export, by=None, reason="Older than exports are kept")
    remove_files(file_ids=files)
    return len(found)
