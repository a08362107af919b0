"""Exports of frozen versions: asked for, followed, cancelled, downloaded by their `url`."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from datasets import services
from datasets.api.asking import REFUSALS, fields, step
from datasets.filters import DatasetExportFilterSet
from datasets.models import DatasetExport, DatasetVersion, ExportFormat
from datasets.serializers import DatasetExportSerializer
from datasets.services.permissions import EXPORT
from scenes.api.maintaining import person
from scenes.api.pages import ReadOnly
from scenes.api.strict import StrictSerializer, refuse_fields


class DatasetExportBody(StrictSerializer):
    """`place`: a name of the installation's LAMM_EXPORTS to write to, instead of an archive to download."""

    version: Any = serializers.PrimaryKeyRelatedField(queryset=DatasetVersion.objects.select_related("dataset"))
    format = serializers.ChoiceField(choices=ExportFormat.choices)
    place = serializers.CharField(required=False, max_length=64)


class DatasetExportViewSet(ReadOnly):
    queryset = DatasetExport.objects.select_related("version__dataset", "owner", "file")
    serializer_class = DatasetExportSerializer
    filterset_class = DatasetExportFilterSet
    asks_for = ""

    @extend_schema(request=DatasetExportBody, responses={202: DatasetExportSerializer, **REFUSALS})
    def create(self, request: Request) -> Response:
        """Ask for a frozen version as files. One that is at work or ready is returned instead of a new one.

        Small ones are ready with the answer; follow `state` and `done` of larger ones.
        """
        given = fields(request, DatasetExportBody)
        export = services.request_export(by=person(request), form=given.pop("format"), **given)
        return Response(self.get_serializer(export).data, status=202)

    @step(None, DatasetExportSerializer, asks_for=EXPORT)
    def cancel(self, request: Request, pk: str | None = None) -> Response:
        """Stop an export; one that has ended is left alone."""
        refuse_fields(request)
        export = services.cancel_export(export=self.get_object(), by=person(request))
        return Response(self.get_serializer(export).data)
