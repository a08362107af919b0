"""Bulk changes: the same wish for many scenes, chosen by ids or by the list's own filters, followed and undone."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db.models import F, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from scenes.api.maintaining import person
from scenes.api.pages import ReadOnly
from scenes.api.strict import StrictSerializer, refuse_unknown
from scenes.filters import BulkChangeFilterSet
from scenes.models import BulkChange, BulkKind, Drive, IngestKind, LabelingStatus, Priority, Scene
from scenes.serializers import BulkChangeSerializer
from scenes.services import curating
from scenes.services.selecting import scenes_matching
from scenes.services.workflow import CURATE

MOST_IDS = 100_000
# What each kind needs beside the scenes, and what it may have.
NEEDED = {
    BulkKind.ADD_TAGS: {"tags"},
    BulkKind.REMOVE_TAGS: {"tags"},
    BulkKind.ASSIGN: {"labeler"},
    BulkKind.SET_DRIVE: {"drive"},
    BulkKind.SET_STATUS: {"status"},
    BulkKind.WORK: {"work"},
}
WISHES = [(kind.value, kind.label) for kind in NEEDED]
ALLOWED = {BulkKind.ASSIGN: {"due_on", "priority"}}
VERBS: dict[str, Callable[..., BulkChange]] = {
    BulkKind.ADD_TAGS: curating.add_tags,
    BulkKind.REMOVE_TAGS: curating.remove_tags,
    BulkKind.ASSIGN: curating.assign,
    BulkKind.SET_DRIVE: curating.set_drive,
    BulkKind.SET_STATUS: curating.set_status,
    BulkKind.WORK: curating.work_again,
}


class BulkBody(StrictSerializer):
    """Which scenes (`scenes` or `matching`, one of them), what to do with them, and what that kind needs.

    `matching` is the query of `/api/scenes/`, such as "tag=rain&status=unlabeled"; an empty one means all scenes.
    """

    kind = serializers.ChoiceField(choices=WISHES)
    scenes = serializers.ListField(child=serializers.IntegerField(min_value=1), required=False, max_length=MOST_IDS)
    matching = serializers.CharField(required=False, allow_blank=True, max_length=4000)
    reason = serializers.CharField(required=False, allow_blank=True, max_length=curating.MOST_REASON)
    tags = serializers.ListField(child=serializers.CharField(), required=False, max_length=curating.MOST_TAGS)
    labeler: serializers.SlugRelatedField[User] = serializers.SlugRelatedField(
        slug_field="username", queryset=get_user_model().objects.all(), required=False
    )
    due_on = serializers.DateField(required=False)
    priority = serializers.ChoiceField(choices=Priority.choices, required=False)
    drive: serializers.SlugRelatedField[Drive] = serializers.SlugRelatedField(
        slug_field="name", queryset=Drive.objects.all(), required=False, allow_null=True
    )
    status = serializers.ChoiceField(choices=LabelingStatus.choices, required=False)
    work = serializers.ChoiceField(choices=IngestKind.choices, required=False)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if ("scenes" in given) == ("matching" in given):
            raise serializers.ValidationError({"detail": "Name the scenes by their ids or by matching, one of them."})
        kind = BulkKind(given["kind"])
        wishes = set(given) - {"kind", "scenes", "matching", "reason"}
        missing = NEEDED[kind] - wishes
        if missing:
            raise serializers.ValidationError({"detail": f"{kind.label} needs {', '.join(sorted(missing))}."})
        refuse_unknown(f"fields of {kind.value}", wishes, NEEDED[kind] | ALLOWED.get(kind, set()))
        return given


class UndoBody(StrictSerializer):
    reason = serializers.CharField(required=False, allow_blank=True, max_length=curating.MOST_REASON)


class SeesBulkChanges(BasePermission):
    """Who sees bulk changes may ask for one; the service asks for the right that its kind needs."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return request.user.has_perm("scenes.view_bulkchange")


class MayCurate(BasePermission):
    """What can be undone was the work of somebody who may change scenes."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return request.user.has_perm(CURATE)


class BulkChangeViewSet(ReadOnly):
    queryset = BulkChange.objects.select_related("actor").annotate(undone_by_id=F("undone_by__id")).defer("scene_ids")
    serializer_class = BulkChangeSerializer
    filterset_class = BulkChangeFilterSet
    permission_classes = [SeesBulkChanges]

    @extend_schema(request=BulkBody, responses={202: BulkChangeSerializer})
    def create(self, request: Request) -> Response:
        """Change many scenes. Small changes are done with the answer, larger ones go on: follow `state` and `done`."""
        body = BulkBody(data=request.data)
        body.is_valid(raise_exception=True)
        wishes = dict(body.validated_data)
        verb = VERBS[wishes.pop("kind")]
        scenes = _selection(wishes)
        if "work" in wishes:
            wishes["kind"] = IngestKind(wishes.pop("work"))
        return self._told(verb(scenes=scenes, by=person(request), **wishes))

    @extend_schema(request=UndoBody, responses={202: BulkChangeSerializer})
    @action(detail=True, methods=["post"], permission_classes=[MayCurate])
    def undo(self, request: Request, pk: str | None = None) -> Response:
        """Take a change back where nobody has changed the scene since; once. Answers with the change that does it."""
        body = UndoBody(data=request.data)
        body.is_valid(raise_exception=True)
        return self._told(curating.undo_bulk(change=self.get_object(), by=person(request), **body.validated_data))

    def _told(self, change: BulkChange) -> Response:
        return Response(self.get_serializer(self.get_queryset().get(pk=change.pk)).data, status=202)


def _selection(wishes: dict[str, Any]) -> QuerySet[Scene] | list[int]:
    """The scenes of a body; takes `scenes` or `matching` out of it."""
    if "scenes" in wishes:
        ids: list[int] = wishes.pop("scenes")
        return ids
    return scenes_matching(wishes.pop("matching"))
