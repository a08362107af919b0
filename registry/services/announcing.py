"""Events for webhooks are written down in the transaction of what happened, and sent after it."""

import json
from typing import Any

from celery import current_app
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from registry.models import ModelVersion, PromotionRequest, StageTransition, Webhook, WebhookDelivery, WebhookEvent

TASK = "registry.tasks.deliver_webhook"


def announce_request(request: PromotionRequest, *, asked: bool = False) -> None:
    """A promotion was asked for, or decided."""
    event = WebhookEvent.ASKED if asked else WebhookEvent.DECIDED
    told = {
        "promotion": {
            "id": request.pk,
            "target": request.target,
            "state": request.state,
            "asked_by": request.asked_by.get_username(),
            "decided_by": request.decided_by.get_username() if request.decided_by else None,
            "reason": request.reason,
            "note": request.note,
        }
    }
    announce(event, request.version, told)


def announce_move(transition: StageTransition) -> None:
    """A version moved to another stage."""
    told = {
        "transition": {
            "from": transition.from_stage,
            "to": transition.to_stage,
            "move": transition.move,
            "reason": transition.reason,
            "person": transition.person.get_username(),
            "at": transition.at.isoformat(),
        }
    }
    announce(WebhookEvent.STAGE_CHANGED, transition.version, told)


def announce(event: WebhookEvent, version: ModelVersion, told: dict[str, Any]) -> None:
    """Put the event into the log of every webhook that listens; workers send it when the transaction is done."""
    listening = Webhook.objects.filter(removed_at=None, events__contains=[event])
    for webhook in listening.filter(Q(model=None) | Q(model=version.model_id)):
        queue(webhook, event, {"model": version.model.name, "version": described(version), **told})


def described(version: ModelVersion) -> dict[str, Any]:
    return {
        "id": version.pk,
        "label": version.label,
        "stage": version.stage,
        "run": version.run_id,
        "artifact_sha256": version.digest or None,
    }


def queue(webhook: Webhook, event: str, told: dict[str, Any]) -> WebhookDelivery:
    """A delivery that is sent after the transaction."""
    now = timezone.now()
    payload = json.dumps({"event": event, "at": now.isoformat(), **told}, ensure_ascii=False, sort_keys=True)
    delivery = WebhookDelivery.objects.create(webhook=webhook, event=event, payload=payload, next_attempt_at=now)
    transaction.on_commit(lambda: wake(delivery.pk), robust=True)
    return delivery


def wake(delivery_id: int) -> None:
    """Tell a worker; when no broker answers, the sweep does it later."""
    current_app.send_task(TASK, args=[delivery_id])
