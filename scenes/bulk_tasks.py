"""Celery's envelope of bulk changes and exports, above the services: ids only, one call to the work, and wake-ups."""

import time
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from scenes.models import ACTIVE_BULK_STATES, ACTIVE_EXPORT_STATES, BulkChange, SceneExport
from scenes.services import bulk, exporting

SLICE_SECONDS = 120


@shared_task(time_limit=900, soft_time_limit=840)
def work_on_bulk_change(change_id: int) -> None:
    """Work on a bulk change for a slice of time, then make room for others and come back."""
    stop_at = time.monotonic() + SLICE_SECONDS
    if bulk.work(change_id, go_on=lambda: time.monotonic() < stop_at):
        bulk.wake(change_id)


@shared_task(time_limit=60, soft_time_limit=50)
def wake_stuck_bulk_changes() -> None:
    """Wake workers for active changes that gave no sign for a while: their message or their worker was lost."""
    silent = timezone.now() - timedelta(seconds=settings.INGEST_LEASE_SECONDS)
    active = BulkChange.objects.filter(state__in=ACTIVE_BULK_STATES)
    stuck = active.filter(heartbeat_at__lt=silent) | active.filter(heartbeat_at=None, created_at__lt=silent)
    for change_id in stuck.values_list("pk", flat=True)[:1000]:
        bulk.wake(change_id)


@shared_task(time_limit=900, soft_time_limit=840)
def work_on_export(export_id: int) -> None:
    """Write the file of an export of the list."""
    exporting.work(export_id)


@shared_task(time_limit=60, soft_time_limit=50)
def wake_stuck_exports() -> None:
    """Wake workers for exports that gave no sign for a while: their message or their worker was lost."""
    silent = timezone.now() - exporting.LEASE
    active = SceneExport.objects.filter(state__in=ACTIVE_EXPORT_STATES)
    stuck = active.filter(heartbeat_at__lt=silent) | active.filter(heartbeat_at=None, created_at__lt=silent)
    for export_id in stuck.values_list("pk", flat=True)[:1000]:
        exporting.wake(export_id)


@shared_task(time_limit=900, soft_time_limit=840)
def sweep_exports() -> None:
    """Remove the files of exports that are older than they are kept."""
    exporting.expire()
