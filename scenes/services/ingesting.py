"""Bringing sequences in: register, queue, retry, cancel."""

from collections.abc import Sequence as Rows
from dataclasses import replace
from pathlib import Path
from posixpath import basename, dirname
from typing import Any

from django.db import transaction

from scenes import storage
from scenes.audit import save_audited
from scenes.clouds.beside import is_beside, of_tree
from scenes.clouds.ontologies import load_shipped
from scenes.clouds.trees import TreeScene
from scenes.models import (
    ACTIVE_INGEST_STATES,
    FrameState,
    IngestJob,
    IngestKind,
    IngestState,
    LabelKind,
    Scene,
    StoredFile,
)
from scenes.services.labeling import ontology_named
from scenes.services.queueing import queue_job
from scenes.services.registering import Actor, IncomingFrame, IncomingScene, IngestWishes, register
from scenes.sources import RootSequence, Sequence


def ingest_sequence(*, sequence: Sequence, wishes: IngestWishes, by: Actor) -> IngestJob:
    """Register a sequence on this machine as a scene and queue its ingestion; a worker reads the files.

    Asking again for a scene that is there adds its new frames, retries its quarantined ones and leaves the rest
    alone. Raises CloudError for bad times or positions beside the frames: nothing is registered then.
    """
    frames = [_incoming(path, wishes.root) for path in sequence.frames]
    incoming = IncomingScene(
        name=sequence.name,
        origin=str(sequence.folder),
        frames=frames,
        beside={path.name: path.read_bytes() for path in sequence.beside},
    )
    return ingest_scene(incoming=incoming, wishes=wishes, by=by)


def ingest_root_sequence(*, sequence: RootSequence, wishes: IngestWishes, by: Actor) -> IngestJob:
    """Register a sequence below a root of LAMM_ROOTS, where it stays, and queue its ingestion."""
    frames = [IncomingFrame(basename(path), source=path, root=sequence.root) for path in sequence.frames]
    incoming = IncomingScene(
        name=sequence.name,
        origin=f"{sequence.root}:{dirname(sequence.frames[0])}",
        frames=frames,
        beside={basename(path): _read_in_root(sequence.root, path) for path in sequence.beside},
    )
    return ingest_scene(incoming=incoming, wishes=wishes, by=by)


def _read_in_root(root: str, path: str) -> bytes:
    with storage.open_in_place(path, root=root) as file:
        return file.read()


def ingest_tree_scene(*, root: Path, scene: TreeScene, wishes: IngestWishes, by: Actor) -> IngestJob:
    """Register a scene of a declared tree below `root` and queue its ingestion, labels included.

    Its drive gets what the tree tells of it. Its labels are in the ontology that the tree is known for, or in that of
    the wishes. Raises CloudError when a file of times, poses or positions is bad.
    """
    paths = [scene.times, scene.poses, scene.calibration, *scene.positions]
    beside = {path: (root / path).read_bytes() for path in paths if path}
    incoming = IncomingScene(
        name=scene.name,
        origin=str(root),
        frames=[_incoming(root / frame.cloud, wishes.root) for frame in scene.frames],
        told=of_tree(scene, beside),
    )
    labels = _labels_of(root, scene, wishes.field_ontology)
    wishes = replace(wishes, drive=wishes.drive or scene.drive, format=scene.format, field_ontology="")
    return ingest_scene(incoming=incoming, wishes=wishes, by=by, labels=labels)


def _labels_of(root: Path, scene: TreeScene, ontology: str) -> dict[str, Any]:
    """What the job does at its end: which label file belongs to which frame, in which ontology."""
    files = {Path(f.cloud).name: str((root / f.labels).resolve()) for f in scene.frames if f.labels}
    if not files:
        return {}
    names = {shipped.key: shipped.name for shipped in load_shipped()}
    name = ontology_named(ontology).name if ontology else names[str(scene.ontology)]
    return {"kind": scene.label_kind, "ontology": name, "files": files}


def _incoming(path: Path, root: str) -> IncomingFrame:
    source = storage.path_below_root(path, root) if root else str(path.resolve())
    return IncomingFrame(path.name, source=source, root=root)


def ingest_files(*, scene_name: str, files: Rows[tuple[str, StoredFile]], wishes: IngestWishes, by: Actor) -> IngestJob:
    """Make a scene of files that are stored already, given as (file name, stored file); see `ingest_sequence`.

    Files that lie beside frames (scenes.clouds.beside) are read as such, all others are frames.
    """
    incoming = IncomingScene(
        name=scene_name,
        origin="an upload",
        frames=[IncomingFrame(name, file=file) for name, file in files if not is_beside(name)],
        beside={name: file.read() for name, file in files if is_beside(name)},
    )
    return ingest_scene(incoming=incoming, wishes=wishes, by=by)


@transaction.atomic
def ingest_scene(
    *, incoming: IncomingScene, wishes: IngestWishes, by: Actor, labels: dict[str, Any] | None = None
) -> IngestJob:
    """Register what comes in and queue its ingestion; an active job of the scene is woken instead."""
    if wishes.field_ontology:
        labels = {"kind": LabelKind.FIELD, "ontology": ontology_named(wishes.field_ontology).name}
    scene = register(incoming=incoming, wishes=wishes, by=by)
    return queue_job(scene=scene, by=by, rate_hz=wishes.rate_hz, labels=labels)


@transaction.atomic
def retry_ingest(*, job: IngestJob, by: Actor) -> IngestJob:
    """Queue another try: of a job that failed or was cancelled the same work, else the scene's quarantined frames.

    They are read from the stored originals, or from where they came from. An active job of the scene is returned
    instead.
    """
    unfinished = job.state in (IngestState.FAILED, IngestState.CANCELLED)
    kind = IngestKind(job.kind) if unfinished else IngestKind.INGEST
    scene = Scene.objects.select_for_update().get(pk=job.scene_id)
    busy = scene.ingest_jobs.filter(state__in=ACTIVE_INGEST_STATES).exists()
    if kind == IngestKind.INGEST and not busy:
        scene.frames.filter(state=FrameState.QUARANTINED).update(
            state=FrameState.PENDING, problem="", attempts=0, claimed_at=None
        )
    return queue_job(scene=scene, by=by, kind=kind, rate_hz=job.rate_hz)


@transaction.atomic
def cancel_ingest(*, job: IngestJob, by: Actor) -> IngestJob:
    """Stop a job: frames that are in stay, the others stay pending until the next job. Ended jobs are left alone."""
    job = IngestJob.objects.select_for_update().get(pk=job.pk)
    if job.active:
        job.finish(IngestState.CANCELLED)
        save_audited(job, by=by, reason="Cancelled")
    return job
