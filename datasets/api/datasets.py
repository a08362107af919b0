"""Datasets: to read, and to begin one."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from datasets import services
from datasets.api.asking import REFUSALS, LookOrBuild, fields
from datasets.filters import DatasetFilterSet
from datasets.models import Dataset, DatasetVersion
from datasets.serializers import DatasetSerializer, DatasetVersionSerializer
from scenes.api.maintaining import person
from scenes.api.pages import KeysetPages, ReadOnly
from scenes.api.strict import StrictSerializer


class NewDatasetBody(StrictSerializer):
    name = serializers.CharField(max_length=100)
    notes = serializers.CharField(required=False, allow_blank=True, max_length=10_000)
    description = serializers.CharField(required=False, allow_blank=True, max_length=10_000)


class ByName(KeysetPages):
    ordering = ("name", "id")


class DatasetViewSet(ReadOnly):
    queryset = Dataset.objects.select_related("created_by")
    serializer_class = DatasetSerializer
    filterset_class = DatasetFilterSet
    pagination_class = ByName
    permission_classes = [LookOrBuild]

    @extend_schema(request=NewDatasetBody, responses={201: DatasetVersionSerializer, **REFUSALS})
    def create(self, request: Request) -> Response:
        """Begin a dataset; answers with its first version, an empty draft."""
        version = services.create_dataset(by=person(request), **fields(request, NewDatasetBody))
        told = DatasetVersion.objects.for_listing().get(pk=version.pk)
        return Response(DatasetVersionSerializer(told).data, status=201)
