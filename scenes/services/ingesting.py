"""Bringing sequences in: register, queue, retry, cancel."""

from collections.abc import Sequence as Rows
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from scenes import ingest
from scenes.audit import save_audited
from scenes.clouds import sidecars
from scenes.clouds.cloud import CloudError
from scenes.models import (
    ACTIVE_INGEST_STATES,
    Drive,
    Frame,
    FrameState,
    IngestJob,
    IngestState,
    PositionState,
    Scene,
)
from scenes.sources import Sequence
from scenes.tasks import work_on_ingest_job

Actor = User | None
NS_PER_SECOND = ingest.NS_PER_SECOND


@dataclass(frozen=True)
class IngestWishes:
    """What the person who ingests wants the scene to be. `rate_hz`: frames per second, for clouds without times."""

    drive: str = ""
    tags: tuple[str, ...] = ()
    captured_at: datetime | None = None
    rate_hz: float | None = None


@transaction.atomic
def ingest_sequence(*, sequence: Sequence, wishes: IngestWishes, by: Actor) -> IngestJob:
    """Register a sequence as a scene and queue its ingestion; the frames go in when a worker takes the job.

    Asking again for a scene that is there adds its new frames, retries its quarantined ones and leaves the rest
    alone. Raises CloudError for bad times or positions beside the frames: nothing is registered then.
    """
    scene = _scene_for(sequence, wishes, by)
    running = scene.ingest_jobs.filter(state__in=ACTIVE_INGEST_STATES).first()
    if running is not None:
        _wake_after_commit(running)
        return running
    _register_frames(scene, sequence)
    _set_times(scene, sequence, wishes)
    _set_track(scene, sequence, by)
    return _queue_job(scene, wishes.rate_hz, by)


def _scene_for(sequence: Sequence, wishes: IngestWishes, by: Actor) -> Scene:
    drive = _drive_named(wishes.drive, by) if wishes.drive else None
    scene = Scene.objects.select_for_update().filter(name=sequence.name).first() or Scene(name=sequence.name)
    scene.drive = drive or scene.drive
    scene.captured_at = wishes.captured_at or scene.captured_at
    scene.full_clean(exclude=["thumbnail", "labeler"])
    save_audited(scene, by=by, reason=f"Ingested from {sequence.folder}")
    scene.tags.add(*wishes.tags)
    return scene


def _drive_named(name: str, by: Actor) -> Drive:
    drive = Drive.objects.filter(name=name).first()
    if drive is None:
        drive = Drive(name=name)
        drive.full_clean()
        save_audited(drive, by=by, reason="Named while ingesting")
    return drive


def _register_frames(scene: Scene, sequence: Sequence) -> None:
    """New files become pending frames after those that are there; quarantined ones get another try."""
    known = {frame.name: frame for frame in scene.frames.all()}
    retried = [known[path.name] for path in sequence.frames if _worth_retrying(known.get(path.name))]
    for frame in retried:
        frame.state, frame.problem, frame.attempts, frame.cloud = FrameState.PENDING, "", 0, None
    Frame.objects.bulk_update(retried, ["state", "problem", "attempts", "cloud"], batch_size=1000)
    new = [path for path in sequence.frames if path.name not in known]
    first = max((frame.index for frame in known.values()), default=-1) + 1
    Frame.objects.bulk_create(
        [Frame(scene=scene, index=first + n, name=path.name, source=str(path.resolve())) for n, path in enumerate(new)],
        batch_size=1000,
    )


def _worth_retrying(frame: Frame | None) -> bool:
    return frame is not None and frame.state == FrameState.QUARANTINED


def _set_times(scene: Scene, sequence: Sequence, wishes: IngestWishes) -> None:
    count = scene.frames.count()
    if sequence.times is not None:
        seconds = sidecars.read_times(sequence.times.read_text())
        if len(seconds) != count:
            raise CloudError(
                f"{len(seconds)} times for {count} frames",
                remedy="Write one time in seconds per frame, one a line.",
                file=str(sequence.times),
            )
        ingest.set_frame_times(scene, _absolute([round(s * NS_PER_SECOND) for s in seconds.tolist()], scene))
    elif wishes.rate_hz:
        step = NS_PER_SECOND / wishes.rate_hz
        ingest.set_frame_times(scene, _absolute([round(n * step) for n in range(count)], scene))


def _absolute(offsets_ns: list[int], scene: Scene) -> list[int]:
    """Times as they are, or counted from the capture date when they start near zero."""
    relative = bool(offsets_ns) and offsets_ns[0] < 365 * 24 * 3600 * NS_PER_SECOND
    if scene.captured_at is None or not relative:
        return offsets_ns
    start = round(scene.captured_at.timestamp()) * NS_PER_SECOND
    return [start + offset for offset in offsets_ns]


def _set_track(scene: Scene, sequence: Sequence, by: Actor) -> None:
    if sequence.positions is None:
        record_positions(scene=scene, positions=[], by=by)
        return
    track = sidecars.read_positions(sequence.positions.read_text())
    record_positions(scene=scene, positions=[(point.latitude, point.longitude) for point in track], by=by)


def record_positions(*, scene: Scene, positions: Rows[tuple[float, float]], by: Actor) -> None:
    """Take the start and end position (degrees, WGS 84) from a track.

    NaN, (0, 0) and positions that are not on Earth count as missing: the scene is then `unusable` and keeps the
    reason. A scene without any position is `missing`.
    """
    problems = [sidecars.position_problem(*position) for position in positions]
    good = [p for p, problem in zip(positions, problems, strict=True) if problem is None]
    reasons = sorted({problem for problem in problems if problem})
    scene.position_problem = "; ".join(reasons)[:300]
    if good:
        (scene.start_latitude, scene.start_longitude), (scene.end_latitude, scene.end_longitude) = (
            good[0],
            good[-1],
        )
        scene.position_state = PositionState.KNOWN
    else:
        scene.start_latitude = scene.start_longitude = scene.end_latitude = scene.end_longitude = None
        scene.position_state = PositionState.UNUSABLE if reasons else PositionState.MISSING
    save_audited(scene, by=by, reason="Positions read")


def _queue_job(scene: Scene, rate_hz: float | None, by: Actor) -> IngestJob:
    job = IngestJob(scene=scene, rate_hz=rate_hz, requested_by=by)
    save_audited(job, by=by, reason="Queued")
    _wake_after_commit(job)
    return job


def _wake_after_commit(job: IngestJob) -> None:
    for _ in range(settings.INGEST_PARALLEL_TASKS):
        transaction.on_commit(lambda: work_on_ingest_job.delay(job.pk), robust=True)


@transaction.atomic
def retry_ingest(*, job: IngestJob, by: Actor) -> IngestJob:
    """Queue another try for a scene's quarantined frames, from the stored originals or where they came from."""
    scene = Scene.objects.select_for_update().get(pk=job.scene_id)
    running = scene.ingest_jobs.filter(state__in=ACTIVE_INGEST_STATES).first()
    if running is not None:
        _wake_after_commit(running)
        return running
    scene.frames.filter(state=FrameState.QUARANTINED).update(
        state=FrameState.PENDING, problem="", attempts=0, claimed_at=None
    )
    return _queue_job(scene, job.rate_hz, by)


@transaction.atomic
def cancel_ingest(*, job: IngestJob, by: Actor) -> IngestJob:
    """Stop a job: frames that are in stay, the others stay pending until the next job. Ended jobs are left alone."""
    job = IngestJob.objects.select_for_update().get(pk=job.pk)
    if job.active:
        job.finish(IngestState.CANCELLED)
        save_audited(job, by=by, reason="Cancelled")
    return job
