"""Who changed what, when, and through which door.

Every history row carries the door a change came through (admin, page, API, command, worker) and the id of the
request, beside the actor, time and reason that simple-history records.
"""

import os
import uuid
from collections.abc import Callable
from contextvars import ContextVar

from django.contrib.auth.models import User
from django.db import models
from django.http import HttpRequest, HttpResponse

_door: ContextVar[str] = ContextVar("door", default="")
_request_id: ContextVar[str] = ContextVar("request_id", default="")
DOORS_BY_PREFIX = {"/admin/": "admin", "/api/": "api"}


def current_door() -> str:
    """The door the running change comes through; processes without requests name theirs in LAMM_DOOR."""
    return _door.get() or os.environ.get("LAMM_DOOR", "shell")


def current_request_id() -> str:
    return _request_id.get()


class AuditedHistory(models.Model):
    """Base of every history table: the columns that simple-history does not know."""

    door = models.CharField(max_length=16, default=current_door)
    request_id = models.CharField(max_length=36, default=current_request_id, blank=True)

    class Meta:
        abstract = True


def save_audited(row: models.Model, *, by: User | None, reason: str) -> None:
    """Save with the actor and the reason that the history row shows; nobody (`None`) is the machine itself."""
    row._history_user, row._change_reason = by, reason  # type: ignore[attr-defined]
    row.save()


class DoorMiddleware:
    """Tells history which door a request came through, and gives the request an id."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        door = next((d for p, d in DOORS_BY_PREFIX.items() if request.path.startswith(p)), "page")
        request_id = str(uuid.uuid4())
        tokens = _door.set(door), _request_id.set(request_id)
        try:
            response = self.get_response(request)
        finally:
            _door.reset(tokens[0])
            _request_id.reset(tokens[1])
        response["X-Request-ID"] = request_id
        return response
