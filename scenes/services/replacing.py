"""Replacing the file of a quarantined frame by a better one."""

from pathlib import PurePath

from django.db import transaction

from scenes import storage
from scenes.audit import save_audited
from scenes.clouds.formats import format_for
from scenes.errors import ConflictError
from scenes.models import ACTIVE_INGEST_STATES, Frame, FrameState, IngestJob, Scene, StoredFile
from scenes.services.queueing import Actor, queue_job


def replace_frame(*, frame: Frame, data: bytes | StoredFile, name: str = "", by: Actor) -> IngestJob:
    """Give a quarantined frame another file and queue its ingestion.

    `data` is the file's bytes, or a file that is stored already; `name` its name, by default the frame's: a name
    with another suffix changes the frame's name and format. The refused file stays stored until it is pruned.
    Raises ConflictError for a frame that is not quarantined and for a scene whose job is active, ValidationError
    for a name that another frame of the scene has, CloudError for a name of no known format. The scene's history
    tells who did it.
    """
    name = name or frame.name
    declared = frame.format if _suffix(name) == _suffix(frame.name) else ""
    if not declared:
        format_for(name)
    stored = data if isinstance(data, StoredFile) else _kept(data)
    with transaction.atomic():
        scene = Scene.objects.select_for_update().get(pk=frame.scene_id)
        locked = scene.frames.select_for_update().get(pk=frame.pk)
        _check(scene, locked)
        locked.name, locked.format, locked.root, locked.cloud = name, declared, "", stored
        locked.state, locked.problem, locked.attempts, locked.claimed_at = FrameState.PENDING, "", 0, None
        locked.full_clean()
        locked.save()
        save_audited(scene, by=by, reason=f"File of frame {frame.name} replaced: {name}, sha256 {stored.digest}")
        return queue_job(scene=scene, by=by)


def _suffix(name: str) -> str:
    return PurePath(name).suffix.lower()


def _kept(data: bytes) -> StoredFile:
    return StoredFile.objects.row_for(storage.save_bytes(data, storage=storage.ORIGINALS))


def _check(scene: Scene, frame: Frame) -> None:
    if frame.state != FrameState.QUARANTINED:
        state = frame.get_state_display().lower()
        raise ConflictError(f"Frame {frame.name} is {state}: only the file of a quarantined frame is replaced.")
    job = scene.ingest_jobs.filter(state__in=ACTIVE_INGEST_STATES).first()
    if job is not None:
        raise ConflictError(f"Job {job.pk} of this scene is not done: wait for it, or cancel it first.")
