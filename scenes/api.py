"""The REST API of drives, scenes, frames and ingest jobs: lists by keyset pages, filters as in the explorer."""

from rest_framework import mixins, viewsets
from rest_framework.pagination import CursorPagination

from scenes.filters import DriveFilterSet, FrameFilterSet, IngestJobFilterSet, SceneFilterSet
from scenes.models import Drive, Frame, IngestJob, Scene
from scenes.serializers import (
    DriveSerializer,
    FrameSerializer,
    IngestJobSerializer,
    SceneSerializer,
)


class KeysetPages(CursorPagination):
    """Page 1000 costs what page 1 costs, and rows that arrive meanwhile shift nothing."""

    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000


class NewestFirst(KeysetPages):
    ordering = "-id"


class InPlayingOrder(KeysetPages):
    ordering = ("scene", "index")


class ReadOnly(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    pagination_class: type[KeysetPages] = NewestFirst


class DriveViewSet(ReadOnly):
    queryset = Drive.objects.all()
    serializer_class = DriveSerializer
    filterset_class = DriveFilterSet


class SceneViewSet(ReadOnly):
    queryset = Scene.objects.for_listing()
    serializer_class = SceneSerializer
    filterset_class = SceneFilterSet


class FrameViewSet(ReadOnly):
    queryset = Frame.objects.select_related("cloud")
    serializer_class = FrameSerializer
    filterset_class = FrameFilterSet
    pagination_class = InPlayingOrder


class IngestJobViewSet(ReadOnly):
    queryset = IngestJob.objects.select_related("requested_by")
    serializer_class = IngestJobSerializer
    filterset_class = IngestJobFilterSet
