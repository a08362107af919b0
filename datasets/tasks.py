"""Celery's envelope: ids only, one call to the work, and its wake-ups."""

import time
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from datasets.models import ACTIVE_EXPORT_STATES, ACTIVE_VERIFICATION_STATES, DatasetExport, Verification
from datasets.services import exporting, verifying

SLICE_SECONDS = 120


@shared_task(time_limit=900, soft_time_limit=840)
def work_on_verification(verification_id: int) -> None:
    """Work on a verification for a slice of time, then make room for others and come back."""
    stop_at = time.monotonic() + SLICE_SECONDS
    if verifying.work(verification_id, go_on=lambda: time.monotonic() < stop_at):
        verifying.wake(verification_id)


@shared_task(time_limit=60, soft_time_limit=50)
def wake_stuck_verifications() -> None:
    """Wake workers for active verifications that gave no sign for a while."""
    silent = timezone.now() - timedelta(seconds=settings.INGEST_LEASE_SECONDS)
    active = Verification.objects.filter(state__in=ACTIVE_VERIFICATION_STATES)
    stuck = active.filter(heartbeat_at__lt=silent) | active.filter(heartbeat_at=None, created_at__lt=silent)
    for verification_id in stuck.values_list("pk", flat=True)[:1000]:
        verifying.wake(verification_id)


@shared_task(time_limit=6 * 3600, soft_time_limit=6 * 3600 - 60)
def work_on_dataset_export(export_id: int) -> None:
    """Make the archive of an export, or write it to its place."""
    exporting.work(export_id)


@shared_task(time_limit=60, soft_time_limit=50)
def wake_stuck_dataset_exports() -> None:
    """Wake workers for exports that gave no sign for a while: their message or their worker was lost."""
    silent = timezone.now() - exporting.LEASE
    active = DatasetExport.objects.filter(state__in=ACTIVE_EXPORT_STATES)
    stuck = active.filter(heartbeat_at__lt=silent) | active.filter(heartbeat_at=None, created_at__lt=silent)
    for export_id in stuck.values_list("pk", flat=True)[:1000]:
        exporting.wake(export_id)


@shared_task(time_limit=900, soft_time_limit=840)
def sweep_dataset_exports() -> None:
    """Remove the archives of exports that are older than they are kept."""
    exporting.expire()
