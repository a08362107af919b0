"""Drives, scenes, frames and ingest jobs to read, with the explorer's filters."""

from scenes.api.maintaining import ReadAgain, Replaced, RetriedAndCancelled
from scenes.api.pages import InPlayingOrder, ReadOnly
from scenes.api.working import Worked
from scenes.filters import DriveFilterSet, FrameFilterSet, IngestJobFilterSet, SceneFilterSet
from scenes.models import Drive, Frame, IngestJob, Scene
from scenes.serializers import DriveSerializer, FrameSerializer, IngestJobSerializer, SceneSerializer


class DriveViewSet(ReadOnly):
    queryset = Drive.objects.all()
    serializer_class = DriveSerializer
    filterset_class = DriveFilterSet


class SceneViewSet(ReadAgain, Worked, ReadOnly):
    queryset = Scene.objects.for_listing()
    serializer_class = SceneSerializer
    filterset_class = SceneFilterSet


class FrameViewSet(Replaced, ReadOnly):
    queryset = Frame.objects.select_related("cloud")
    serializer_class = FrameSerializer
    filterset_class = FrameFilterSet
    pagination_class = InPlayingOrder


class IngestJobViewSet(RetriedAndCancelled, ReadOnly):
    queryset = IngestJob.objects.select_related("requested_by")
    serializer_class = IngestJobSerializer
    filterset_class = IngestJobFilterSet
