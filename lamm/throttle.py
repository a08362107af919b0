"""Log-in that slows guessing down: after a few failures a name is refused at an address for a while.

The names of accounts stay secret: failures are counted for any name, known or not, and answered alike.
"""

import ipaddress
import math
from typing import Any

from axes.backends import AxesBackend
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

IPV6_HOST_BITS = 64


class ThrottledBackend(AxesBackend):
    """Django's own accounts behind the throttle. Without a request, as in a shell, there is nobody to throttle."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **others: Any
    ) -> User | None:
        """Raises:
        AxesBackendPermissionDenied: after too many failures, before the password is looked at.
        """
        if request is not None:
            super().authenticate(request, username, password, **others)
        return ModelBackend.authenticate(self, request, username, password, **others)


def client_address(request: HttpRequest) -> str:
    """The address failures are counted for.

    Behind N proxies (LAMM_PROXY_COUNT) it is the N-th last of X-Forwarded-For: everything before that the client
    may have made up. An IPv6 host owns 2^64 addresses, so they count as one.
    """
    told = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    address = request.META.get("REMOTE_ADDR") or "127.0.0.1"  # a socket of this machine has no address
    if 0 < settings.PROXY_COUNT <= len(told):
        address = told[-settings.PROXY_COUNT]
    return _counted_as(address) or _counted_as(request.META.get("REMOTE_ADDR", "")) or "127.0.0.1"


def _counted_as(address: str) -> str | None:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found), IPV6_HOST_BITS), strict=False).network_address)


def locked_out(request: HttpRequest, response: HttpResponse | None, credentials: dict[str, Any] | None) -> HttpResponse:
    """The page after too many failures, with the time from which on log-in is possible again."""
    name = (credentials or {}).get("username") or ""
    failures = AccessAttempt.objects.filter(username=name, ip_address=client_address(request))
    last = failures.aggregate(last=Max("attempt_time"))["last"] or timezone.now()
    until = last + settings.AXES_COOLOFF_TIME
    seconds = max(1, math.ceil((until - timezone.now()).total_seconds()))
    context = {"until": until, "minutes": math.ceil(seconds / 60)}
    page = render(request, "locked_out.html", context, status=429)
    page["Retry-After"] = str(seconds)
    page["Cache-Control"] = "no-store"
    return page
