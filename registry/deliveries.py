"""One attempt to deliver an event to a webhook."""

import time
from dataclasses import dataclass

import httpx
from django.conf import settings

from registry.models import WebhookDelivery
from registry.outbound import ForbiddenAddressError, target_of
from registry.signing import DELIVERY_HEADER, EVENT_HEADER, SIGNATURE_HEADER, signature

TIME_OUT = httpx.Timeout(10.0, connect=5.0)


@dataclass(frozen=True)
class Attempt:
    """What came of it: `problem` is empty when the receiver took the event. Times in milliseconds."""

    status: int | None
    problem: str
    milliseconds: int
    hopeless: bool = False


def attempt(delivery: WebhookDelivery) -> Attempt:
    """Send the event once. Redirects are not followed: they could lead anywhere."""
    began = time.monotonic()
    body = delivery.payload.encode()
    try:
        target = target_of(delivery.webhook.url, allow_private=settings.WEBHOOK_ALLOW_PRIVATE)
        headers = {
            "Host": target.host,
            "Content-Type": "application/json",
            "User-Agent": "LAMM",
            EVENT_HEADER: delivery.event,
            DELIVERY_HEADER: str(delivery.pk),
            SIGNATURE_HEADER: signature(delivery.webhook.secret, body, at=int(time.time())),
        }
        with (
            httpx.Client(timeout=TIME_OUT, follow_redirects=False, trust_env=False) as client,
            client.stream(
                "POST", target.url, content=body, headers=headers, extensions={"sni_hostname": target.name}
            ) as answer,
        ):
            status = answer.status_code
    except ForbiddenAddressError as error:
        return Attempt(None, str(error), _since(began), hopeless=True)
    except httpx.HTTPError as error:
        return Attempt(None, f"No answer: {type(error).__name__}.", _since(began))
    problem = "" if 200 <= status < 300 else f"The receiver answered {status}."
    return Attempt(status, problem, _since(began))


def _since(began: float) -> int:
    return int((time.monotonic() - began) * 1000)
