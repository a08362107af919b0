"""Queueing work on scenes: the job's row is the truth about pending work, its message only wakes workers."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count
from simple_history.utils import bulk_create_with_history

from scenes.audit import save_audited
from scenes.models import ACTIVE_INGEST_STATES, Frame, FrameState, IngestJob, IngestKind, Scene
from scenes.tasks import work_on_ingest_job

Actor = User | None
SCENES_AT_ONCE = 1000
# More jobs than this are found by the sweep, so that a request does not wait for thousands of messages.
JOBS_WOKEN = 200
READ_AGAIN = {
    IngestKind.REINGEST: [FrameState.READY, FrameState.QUARANTINED],
    IngestKind.DISPLAY: [FrameState.READY],
}


@dataclass(frozen=True)
class QueuedJobs:
    """The jobs that were queued, and how many scenes were left alone because a job of theirs is active."""

    jobs: list[IngestJob]
    busy: int

    def __str__(self) -> str:
        busy = f" {self.busy:,} scenes were left alone: a job of theirs is active." if self.busy else ""
        return f"{len(self.jobs):,} jobs queued.{busy}"


@transaction.atomic
def queue_job(
    *,
    scene: Scene,
    by: Actor,
    kind: IngestKind = IngestKind.INGEST,
    rate_hz: float | None = None,
    labels: dict[str, Any] | None = None,
) -> IngestJob:
    """Queue work on a scene and wake workers; an active job of the scene is woken and returned instead.

    `labels` names the files that become the scene's first labels at the end of the job.
    """
    Scene.objects.select_for_update().get(pk=scene.pk)
    job = scene.ingest_jobs.filter(state__in=ACTIVE_INGEST_STATES).first()
    if job is None:
        _prepare([scene.pk], kind)
        planned = scene.frames.filter(state=FrameState.PENDING).count()
        job = IngestJob(
            scene=scene, kind=kind, rate_hz=rate_hz, requested_by=by, planned_frames=planned, labels=labels or {}
        )
        save_audited(job, by=by, reason=_reason(kind))
    wake_after_commit(job)
    return job


@transaction.atomic
def queue_jobs(*, scenes: Iterable[Scene | int], kind: IngestKind, by: Actor) -> QueuedJobs:
    """Queue the same work on many scenes (rows or ids) in one transaction, with history, a few queries per 1000.

    Scenes with an active job are left alone and counted.
    """
    ids = (scene if isinstance(scene, int) else scene.pk for scene in scenes)
    jobs: list[IngestJob] = []
    asked = 0
    for batch in _batches(ids):
        asked += len(batch)
        jobs += _queue_batch(batch, kind, by)
    transaction.on_commit(lambda: _wake(jobs[:JOBS_WOKEN]), robust=True)
    return QueuedJobs(jobs, busy=asked - len(jobs))


def _batches(ids: Iterable[int]) -> Iterator[list[int]]:
    """Each id once, in groups whose order does not depend on the caller's, so that locks are taken in one order."""
    remaining = iter(sorted(set(ids)))
    while batch := list(islice(remaining, SCENES_AT_ONCE)):
        yield batch


def _queue_batch(scene_ids: list[int], kind: IngestKind, by: Actor) -> list[IngestJob]:
    scenes = Scene.objects.select_for_update().filter(pk__in=scene_ids).order_by("pk")
    locked = list(scenes.values_list("pk", flat=True))
    busy = set(
        IngestJob.objects.filter(scene_id__in=locked, state__in=ACTIVE_INGEST_STATES).values_list("scene_id", flat=True)
    )
    free = [pk for pk in locked if pk not in busy]
    _prepare(free, kind)
    planned = _pending_counts(free)
    rows = [IngestJob(scene_id=pk, kind=kind, requested_by=by, planned_frames=planned.get(pk, 0)) for pk in free]
    created: list[IngestJob] = bulk_create_with_history(
        rows, IngestJob, batch_size=SCENES_AT_ONCE, default_user=by, default_change_reason=_reason(kind)
    )
    return created


def _pending_counts(scene_ids: Sequence[int]) -> dict[int, int]:
    pending = Frame.objects.filter(scene_id__in=scene_ids, state=FrameState.PENDING).order_by()
    return dict(pending.values_list("scene_id").annotate(frames=Count("id")))


def _prepare(scene_ids: Sequence[int], kind: IngestKind) -> None:
    """Give the frames that this kind of job reads again back to the workers; their facts stand until then."""
    if kind not in READ_AGAIN:
        return
    frames = Frame.objects.filter(scene_id__in=scene_ids, state__in=READ_AGAIN[kind])
    frames.update(state=FrameState.PENDING, problem="", attempts=0, claimed_at=None)
    if kind == IngestKind.REINGEST:
        Scene.objects.filter(pk__in=scene_ids).update(intensity_rule=None)


def _reason(kind: IngestKind) -> str:
    return f"{IngestKind(kind).label}: queued"


def wake_after_commit(job: IngestJob) -> None:
    """Tell workers to look at the job once it can be seen; when no broker answers, the sweep does it later."""
    for _ in range(settings.INGEST_PARALLEL_TASKS):
        transaction.on_commit(lambda: work_on_ingest_job.delay(job.pk), robust=True)


def _wake(jobs: Iterable[IngestJob]) -> None:
    for job in jobs:
        work_on_ingest_job.delay(job.pk)
