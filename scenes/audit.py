"""Who changed what, when, and through which door.

Every history row carries the door a change came through (admin, page, API, command, worker) and the id of the
request, beside the actor, time and reason that simple-history records.
"""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from celery import current_task
from django.contrib.auth.models import User
from django.db import models
from django.http import HttpRequest, HttpResponse
from simple_history.models import HistoricalRecords

_door: ContextVar[str] = ContextVar("door", default="")
_request_id: ContextVar[str] = ContextVar("request_id", default="")
_bulk: ContextVar[int | None] = ContextVar("bulk", default=None)
DOORS_BY_PREFIX = {"/admin/": "admin", "/api/": "api"}


def current_door() -> str:
    """The door the running change comes through; a worker is its own, other processes name theirs in LAMM_DOOR."""
    return _door.get() or ("worker" if current_task else os.environ.get("LAMM_DOOR", "shell"))


def current_request_id() -> str:
    return _request_id.get()


def current_bulk() -> int | None:
    """The id of the bulk change that is being made, by which its history rows are found together."""
    return _bulk.get()


@contextmanager
def part_of_bulk(bulk: int, *, door: str, request_id: str) -> Iterator[None]:
    """What happens inside belongs to a bulk change and came through its door, also when a worker does it later."""
    tokens = _bulk.set(bulk), _door.set(door), _request_id.set(request_id)
    try:
        yield
    finally:
        _bulk.reset(tokens[0])
        _door.reset(tokens[1])
        _request_id.reset(tokens[2])


class AuditedHistory(models.Model):
    """Base of every history table: the columns that simple-history does not know."""

    door = models.CharField(max_length=16, default=current_door)
    request_id = models.CharField(max_length=36, default=current_request_id, blank=True)
    bulk = models.BigIntegerField("bulk change", default=current_bulk, null=True, blank=True)

    class Meta:
        abstract = True


class AuditedRecords(HistoricalRecords):
    """The history of a model: with the columns of AuditedHistory and the indexes that the audit page walks along."""

    def __init__(self, **options: Any) -> None:
        super().__init__(bases=[AuditedHistory], **options)

    def get_meta_options(self, model: type[models.Model]) -> dict[str, Any]:
        name = model._meta.model_name
        return super().get_meta_options(model) | {
            "indexes": [
                models.Index(fields=["-history_date", "-history_id"], name=f"{name}_audit"),
                models.Index(fields=["bulk"], name=f"{name}_bulk", condition=models.Q(bulk__isnull=False)),
            ]
        }


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
