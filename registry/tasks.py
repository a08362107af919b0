"""Celery's envelopes: one call to the work each."""

from celery import shared_task

from registry import services


@shared_task(time_limit=45, soft_time_limit=40)
def deliver_webhook(delivery_id: int) -> None:
    """Send one event to one webhook."""
    services.deliver(delivery_id=delivery_id)


@shared_task(time_limit=60, soft_time_limit=50)
def wake_due_deliveries() -> None:
    """Wake workers for deliveries that are due."""
    services.wake_due_deliveries()
