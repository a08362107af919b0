"""Signatures of webhooks: HMAC-SHA256 over time and body, so that a receiver knows who sent it, and when."""

import hashlib
import hmac
import secrets

SIGNATURE_HEADER, EVENT_HEADER, DELIVERY_HEADER = "LAMM-Signature", "LAMM-Event", "LAMM-Delivery"


def new_secret() -> str:
    return f"lammhook_{secrets.token_urlsafe(32)}"


def signature(secret: str, body: bytes, *, at: int) -> str:
    """The header of a delivery: `t=` the time in seconds since 1970, `v1=` HMAC-SHA256 of `<time>.<body>` in hex."""
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"
