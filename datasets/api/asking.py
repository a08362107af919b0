"""What requests of this app share: who may ask, which scenes are meant, and how they are refused."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from datasets.rules import scenes_matching
from datasets.services.permissions import BUILD
from scenes.api.strict import StrictSerializer
from scenes.models import Scene

MOST_IDS = 100_000


class DatasetRefusal(serializers.Serializer):
    """Why it was not done. `state`: of the version, when that is in the way."""

    detail = serializers.CharField()
    state = serializers.CharField(required=False)


REFUSALS = {status: OpenApiResponse(DatasetRefusal) for status in (400, 403, 404, 409)}


class May(BasePermission):
    """The permission that the action names."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return request.user.has_perm(view.asks_for)


class LookOrBuild(BasePermission):
    """Reading asks for the model's view permission, writing for the right to build datasets."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.method in SAFE_METHODS:
            return request.user.has_perm(f"datasets.view_{view.queryset.model._meta.model_name}")
        return request.user.has_perm(BUILD)


def step(body: type[StrictSerializer] | None, answer: Any, *, asks_for: str, **wishes: Any) -> Any:
    """An action of POST on one row, for people with the permission `asks_for`."""

    def decorate(method: Any) -> Any:
        made = action(detail=True, methods=["post"], permission_classes=[May], asks_for=asks_for, **wishes)(method)
        return extend_schema(request=body, responses={200: answer, **REFUSALS})(made)

    return decorate


def fields(request: Request, body: type[StrictSerializer]) -> dict[str, Any]:
    given = body(data=request.data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)


class SelectionBody(StrictSerializer):
    """Scenes by their ids, or all that match a query of `/api/scenes/`, such as "tag=night&status=labeled"."""

    scenes = serializers.ListField(child=serializers.IntegerField(min_value=1), required=False, max_length=MOST_IDS)
    matching = serializers.CharField(required=False, allow_blank=True, max_length=8000)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if ("scenes" in given) == ("matching" in given):
            raise serializers.ValidationError({"detail": "Name the scenes by their ids or by matching, one of them."})
        return given


def selection(given: dict[str, Any]) -> QuerySet[Scene] | list[int]:
    """What a SelectionBody means; takes its fields out of `given`."""
    if "scenes" in given:
        ids: list[int] = given.pop("scenes")
        return ids
    return scenes_matching(given.pop("matching"))
