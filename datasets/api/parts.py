"""Items, slices and verifications of versions."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from datasets import services
from datasets.api.asking import MOST_IDS, REFUSALS, LookOrBuild, fields
from datasets.filters import ItemFilterSet, SliceFilterSet, VerificationFilterSet
from datasets.models import DatasetVersion, Item, Slice, Verification
from datasets.serializers import ItemSerializer, SliceSerializer, VerificationSerializer
from scenes.api.maintaining import person
from scenes.api.pages import KeysetPages, ReadOnly
from scenes.api.strict import StrictSerializer


class InOrderOfComing(KeysetPages):
    ordering = "id"


class ItemViewSet(ReadOnly):
    queryset = Item.objects.select_related("scene")
    serializer_class = ItemSerializer
    filterset_class = ItemFilterSet
    pagination_class = InOrderOfComing


class SliceBody(StrictSerializer):
    """By `rule`, a query of `/api/scenes/`, or by `scenes`, their ids; one of them."""

    version: Any = serializers.PrimaryKeyRelatedField(queryset=DatasetVersion.objects.all())
    name = serializers.CharField(max_length=60)
    rule = serializers.CharField(required=False, max_length=8000)
    scenes = serializers.ListField(child=serializers.IntegerField(min_value=1), required=False, max_length=MOST_IDS)


class SliceViewSet(ReadOnly):
    queryset = Slice.objects.select_related("version__dataset")
    serializer_class = SliceSerializer
    filterset_class = SliceFilterSet
    permission_classes = [LookOrBuild]

    @extend_schema(request=SliceBody, responses={201: SliceSerializer, **REFUSALS})
    def create(self, request: Request) -> Response:
        """Make a slice of a draft, or say anew what is in the slice of this name."""
        made = services.set_slice(by=person(request), **fields(request, SliceBody))
        return Response(self.get_serializer(made).data, status=201)

    @extend_schema(responses={204: None, **REFUSALS})
    def destroy(self, request: Request, pk: str) -> Response:
        """Take a slice out of a draft."""
        services.remove_slice(slice_=self.get_object(), by=person(request))
        return Response(status=204)


class VerificationViewSet(ReadOnly):
    queryset = Verification.objects.select_related("requested_by")
    serializer_class = VerificationSerializer
    filterset_class = VerificationFilterSet
