"""Exports of the list of scenes as files: asked for, followed, downloaded by their `url`."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from scenes.api.bulk import MOST_IDS
from scenes.api.maintaining import person
from scenes.api.pages import ReadOnly
from scenes.api.strict import StrictSerializer
from scenes.api.views import SeesScenes
from scenes.filters import SceneExportFilterSet
from scenes.models import ExportFormat, SceneExport
from scenes.serializers import SceneExportSerializer
from scenes.services import exporting


class ExportBody(StrictSerializer):
    """Which scenes (`scenes` or `matching`, one of them), as what, and which columns (none given: all).

    Columns are facts (`point_count`) or columns of the explorer (`points`); the id is always the first.
    """

    format = serializers.ChoiceField(choices=ExportFormat.choices)
    scenes = serializers.ListField(child=serializers.IntegerField(min_value=1), required=False, max_length=MOST_IDS)
    matching = serializers.CharField(required=False, allow_blank=True, max_length=4000)
    columns = serializers.ListField(child=serializers.CharField(max_length=40), required=False, max_length=100)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if ("scenes" in given) == ("matching" in given):
            raise serializers.ValidationError({"detail": "Name the scenes by their ids or by matching, one of them."})
        return given


class SceneExportViewSet(ReadOnly):
    queryset = SceneExport.objects.select_related("file").defer("scene_ids")
    serializer_class = SceneExportSerializer
    filterset_class = SceneExportFilterSet
    permission_classes = [SeesScenes]

    def get_queryset(self) -> QuerySet[SceneExport]:
        """Everybody's own."""
        if getattr(self, "swagger_fake_view", False):
            return SceneExport.objects.none()
        return super().get_queryset().filter(owner=person(self.request))

    @extend_schema(request=ExportBody, responses={202: SceneExportSerializer})
    def create(self, request: Request) -> Response:
        """Ask for a list as a file. Small ones are ready with the answer; follow `state` and `done` of larger ones."""
        body = ExportBody(data=request.data)
        body.is_valid(raise_exception=True)
        wishes = dict(body.validated_data)
        export = exporting.request_export(by=person(request), form=wishes.pop("format"), **wishes)
        return Response(self.get_serializer(export).data, status=202)
