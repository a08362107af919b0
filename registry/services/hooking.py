"""Webhooks: made, tried, removed; deliveries are sent, tried again with growing pauses, and given up at last."""

from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from registry.deliveries import attempt
from registry.models import DeliveryState, RegisteredModel, Webhook, WebhookDelivery, WebhookEvent
from registry.outbound import ForbiddenAddressError, target_of
from registry.services.announcing import queue, wake
from registry.services.permissions import WEBHOOKS, check
from registry.signing import new_secret
from registry.texts import clean
from scenes.audit import save_audited
from scenes.errors import ConflictError, RefusedError

MOST_ATTEMPTS = 8
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 30, 6 * 3600
# Longer than an attempt can take, so that nobody tries what somebody else is trying.
LEASE_SECONDS = 60
MOST_WEBHOOKS, MOST_URL, KEPT_DAYS = 100, 1000, 90
CHOICES = [event for event in WebhookEvent if event != WebhookEvent.TEST]


@transaction.atomic
def add_webhook(
    *, url: str, by: User, events: Iterable[str] = tuple(CHOICES), model: RegisteredModel | None = None
) -> Webhook:
    """A webhook with a new secret, which its row has and nobody is shown again. Raises RefusedError.

    Addresses that are not public are refused unless settings.WEBHOOK_ALLOW_PRIVATE; each delivery looks again.
    """
    check(by, WEBHOOKS)
    url = clean(url, what="url", most=MOST_URL)
    try:
        target_of(url, allow_private=settings.WEBHOOK_ALLOW_PRIVATE)
    except ForbiddenAddressError as error:
        raise RefusedError(f"url: {error}", field="url") from error
    wanted = sorted(set(events))
    unknown = [event for event in wanted if event not in CHOICES]
    if unknown or not wanted:
        raise RefusedError(f"events: choose some of {', '.join(CHOICES)}.", field="events")
    if Webhook.objects.filter(removed_at=None).count() >= MOST_WEBHOOKS:
        raise ConflictError(f"There are {MOST_WEBHOOKS} webhooks. Remove one first.")
    webhook = Webhook(url=url, events=wanted, model=model, secret=new_secret(), created_by=by)
    save_audited(webhook, by=by, reason="Added")
    return webhook


@transaction.atomic
def remove_webhook(*, webhook: Webhook, by: User) -> None:
    """It is told nothing any more; the log of its deliveries stays. Twice is once."""
    check(by, WEBHOOKS)
    found = Webhook.objects.select_for_update(of=("self",)).get(pk=webhook.pk)
    if found.removed_at is None:
        found.removed_at = timezone.now()
        save_audited(found, by=by, reason="Removed")
        waiting = found.deliveries.filter(state=DeliveryState.WAITING)
        waiting.update(state=DeliveryState.FAILED, problem="The webhook was removed.", finished_at=timezone.now())


@transaction.atomic
def try_webhook(*, webhook: Webhook, by: User) -> WebhookDelivery:
    """Send a test event. Raises ConflictError for a webhook that was removed."""
    check(by, WEBHOOKS)
    found = Webhook.objects.get(pk=webhook.pk)
    if found.removed_at is not None:
        raise ConflictError("This webhook was removed.")
    return queue(found, WebhookEvent.TEST, {"asked_by": by.get_username()})


def deliver(*, delivery_id: int) -> WebhookDelivery | None:
    """Make one attempt when it is due; None when there is nothing to do.

    The attempt is noted before it is made, with a lease instead of a lock: no connection of the database waits for a
    receiver, and a worker that dies leaves the delivery to the sweep.
    """
    taken = _taken(delivery_id)
    if taken is None:
        return None
    told = attempt(taken)
    now = timezone.now()
    with transaction.atomic():
        found = WebhookDelivery.objects.select_for_update().get(pk=delivery_id)
        if found.state != DeliveryState.WAITING or found.attempts != taken.attempts:
            return found
        found.status, found.problem, found.milliseconds = told.status, told.problem, told.milliseconds
        if not told.problem:
            found.state, found.finished_at = DeliveryState.DELIVERED, now
        elif told.hopeless or found.attempts >= MOST_ATTEMPTS:
            found.state, found.finished_at = DeliveryState.FAILED, now
        else:
            found.next_attempt_at = now + timedelta(seconds=pause_after(found.attempts))
        found.save()
        return found


def pause_after(attempts: int) -> int:
    """Seconds before the next attempt: 30, 120, 480, ... up to six hours.

    >>> [pause_after(n) for n in (1, 2, 3, 8)]
    [30, 120, 480, 21600]
    """
    return min(FIRST_PAUSE_SECONDS * 4 ** (attempts - 1), LONGEST_PAUSE_SECONDS)


@transaction.atomic
def _taken(delivery_id: int) -> WebhookDelivery | None:
    rows = WebhookDelivery.objects.select_for_update(of=("self",), skip_locked=True).select_related("webhook")
    due = rows.filter(pk=delivery_id, state=DeliveryState.WAITING, next_attempt_at__lte=timezone.now())
    found = due.first()
    if found is not None:
        found.attempts += 1
        found.next_attempt_at = timezone.now() + timedelta(seconds=LEASE_SECONDS)
        found.save(update_fields=["attempts", "next_attempt_at"])
    return found


def wake_due_deliveries() -> int:
    """Wake workers for what is due, and forget deliveries that ended long ago. How many were woken."""
    now = timezone.now()
    due = WebhookDelivery.objects.filter(state=DeliveryState.WAITING, next_attempt_at__lte=now)
    ids = list(due.order_by("next_attempt_at").values_list("pk", flat=True)[:1000])
    for pk in ids:
        wake(pk)
    WebhookDelivery.objects.filter(finished_at__lt=now - timedelta(days=KEPT_DAYS)).delete()
    return len(ids)
