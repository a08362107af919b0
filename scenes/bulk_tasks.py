"""Celery's envelope of bulk changes, above the services: ids only, one call to the work, and its wake-ups."""

import time
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from scenes.models import ACTIVE_BULK_STATES, BulkChange
from scenes.services import bulk

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
