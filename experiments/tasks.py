"""Celery's envelope: ids only, one call to the work, and its wake-ups."""

import time
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from experiments import services
from experiments.models import ACTIVE_EVALUATION_STATES, RunEvaluation
from experiments.services import evaluating

SLICE_SECONDS = 120


@shared_task(time_limit=120, soft_time_limit=110)
def sweep_silent_runs() -> None:
    """Runs that fell silent are stalled, or go back to the queue."""
    services.sweep_silent_runs()


@shared_task(time_limit=900, soft_time_limit=840)
def work_on_evaluation(evaluation_id: int) -> None:
    """Work on an evaluation for a slice of time, then make room for others and come back."""
    stop_at = time.monotonic() + SLICE_SECONDS
    if evaluating.work(evaluation_id, go_on=lambda: time.monotonic() < stop_at):
        evaluating.wake(evaluation_id)


@shared_task(time_limit=60, soft_time_limit=50)
def wake_stuck_evaluations() -> None:
    """Wake workers for active evaluations that gave no sign for a while: their message or their worker was lost."""
    silent = timezone.now() - timedelta(seconds=settings.INGEST_LEASE_SECONDS)
    active = RunEvaluation.objects.filter(state__in=ACTIVE_EVALUATION_STATES)
    stuck = active.filter(heartbeat_at__lt=silent) | active.filter(heartbeat_at=None, created_at__lt=silent)
    for evaluation_id in stuck.values_list("pk", flat=True)[:1000]:
        evaluating.wake(evaluation_id)
