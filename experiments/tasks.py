"""Celery's envelope: one call to the work."""

from celery import shared_task

from experiments import services


@shared_task(time_limit=120, soft_time_limit=110)
def sweep_silent_runs() -> None:
    """Runs that fell silent are stalled, or go back to the queue."""
    services.sweep_silent_runs()
