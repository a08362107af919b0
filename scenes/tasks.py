"""Celery's envelope: ids only, one call to the work, and the wake-ups that follow from its answer."""

import time
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from scenes import ingest, uploads
from scenes.models import ACTIVE_INGEST_STATES, IngestJob, IngestState

SLICE_SECONDS = 120
# A few jobs keep all workers busy, and each that ends calls the next.
WOKEN_AT_ONCE = 20


@shared_task(time_limit=900, soft_time_limit=840)
def work_on_ingest_job(job_id: int) -> None:
    """Work on a job for a slice of time, then make room for others and come back."""
    stop_at = time.monotonic() + SLICE_SECONDS
    left = ingest.work(job_id, go_on=lambda: time.monotonic() < stop_at)
    if left and time.monotonic() >= stop_at:
        work_on_ingest_job.delay(job_id)
    elif not left:
        _wake_next()


def _wake_next() -> None:
    """A finished job calls the one that has waited longest, so that long queues need no message per job."""
    waiting = IngestJob.objects.filter(state=IngestState.QUEUED).order_by("created_at", "pk")
    for job_id in waiting.values_list("pk", flat=True)[:1]:
        work_on_ingest_job.delay(job_id)


@shared_task(time_limit=60, soft_time_limit=50)
def wake_stuck_ingest_jobs() -> None:
    """Wake workers for active jobs without a recent heartbeat: their message or their worker was lost."""
    silent = timezone.now() - timedelta(seconds=settings.INGEST_LEASE_SECONDS)
    stuck = IngestJob.objects.filter(state__in=ACTIVE_INGEST_STATES).exclude(heartbeat_at__gte=silent)
    waiting = stuck.exclude(created_at__gte=silent, heartbeat_at=None).order_by("created_at", "pk")
    for job_id in waiting.values_list("pk", flat=True)[:WOKEN_AT_ONCE]:
        work_on_ingest_job.delay(job_id)


@shared_task(time_limit=900, soft_time_limit=840)
def sweep_uploads() -> None:
    """Abandon uploads that nobody touched for long, and remove what ended ones left behind."""
    uploads.sweep()
