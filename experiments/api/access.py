"""Who may use the endpoints of runs; which run is decided by the services."""

from typing import Any, cast

from django.contrib.auth.models import User
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

CLAIM_HEADER, KEY_HEADER = "Run-Claim", "Idempotency-Key"
CLAIM = OpenApiParameter(CLAIM_HEADER, str, OpenApiParameter.HEADER, description="of the worker that claimed the run")
IDEMPOTENCY = OpenApiParameter(
    KEY_HEADER, str, OpenApiParameter.HEADER, description="the same for each try of a request"
)


class RunRefusal(serializers.Serializer):
    """`field`: the place of what is wrong. `status`: what the run is, where the refusal is about that."""

    detail = serializers.CharField()
    field = serializers.CharField(required=False)
    status = serializers.CharField(required=False)


REFUSALS = {status: OpenApiResponse(RunRefusal) for status in (400, 403, 404, 409, 413)}


class SeesRuns(BasePermission):
    """`view_run` reads; `add_run` writes own runs, `change_run` all. Where nothing can be read, writers see that."""

    reads, writes = "experiments.view_run", ("experiments.add_run", "experiments.change_run")

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.method in SAFE_METHODS and hasattr(view, str(request.method).lower()):
            return request.user.has_perm(self.reads)
        return any(map(request.user.has_perm, self.writes))


class SeesExperiments(SeesRuns):
    reads, writes = (
        "experiments.view_experiment",
        ("experiments.add_experiment", "experiments.change_experiment"),
    )


def person(request: Request) -> User:
    """Who asks; the permission has let nobody in who is not logged in."""
    return cast(User, request.user)


def claim_of(request: Request) -> str:
    return request.headers.get(CLAIM_HEADER, "")
