"""What may be asked of scenes, frames and ingest jobs: read again, replace, retry, cancel."""

from typing import Any, cast

from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from scenes import services, storage
from scenes.api.strict import StrictSerializer, refuse_fields
from scenes.models import IngestJob, IngestKind, StoredFile
from scenes.serializers import IngestJobSerializer


class MayOperate(BasePermission):
    """Whoever may change ingest jobs may start, retry and cancel them."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return request.user.has_perm("scenes.change_ingestjob")


class FileSerializer(StrictSerializer):
    """The better file of a frame. Another suffix than the frame's changes the frame's name."""

    file = serializers.FileField(max_length=255)


def queued(job: IngestJob) -> Response:
    return Response(IngestJobSerializer(job).data, status=status.HTTP_202_ACCEPTED)


def person(request: Request) -> User:
    """Who asks; the permission has let nobody in who is not logged in."""
    return cast(User, request.user)


class RetriedAndCancelled(GenericViewSet):
    """Ingest jobs that can be retried and cancelled."""

    @extend_schema(request=None, responses={202: IngestJobSerializer})
    @action(detail=True, methods=["post"], permission_classes=[MayOperate])
    def retry(self, request: Request, pk: str | None = None) -> Response:
        """Queue another try; answers with the job that does it, which is the active one when there is one."""
        refuse_fields(request)
        return queued(services.retry_ingest(job=self.get_object(), by=person(request)))

    @extend_schema(request=None, responses={200: IngestJobSerializer})
    @action(detail=True, methods=["post"], permission_classes=[MayOperate])
    def cancel(self, request: Request, pk: str | None = None) -> Response:
        """Stop a job; frames that are in stay. A job that has ended is left as it is."""
        refuse_fields(request)
        job = services.cancel_ingest(job=self.get_object(), by=person(request))
        return Response(IngestJobSerializer(job).data)


class ReadAgain(GenericViewSet):
    """Scenes whose frames can be read again."""

    @extend_schema(request=None, responses={202: IngestJobSerializer})
    @action(detail=True, methods=["post"], permission_classes=[MayOperate])
    def reingest(self, request: Request, pk: str | None = None) -> Response:
        """Read every frame again from its stored original; an active job of the scene is answered instead."""
        refuse_fields(request)
        scene = self.get_object()
        return queued(services.queue_job(scene=scene, kind=IngestKind.REINGEST, by=person(request)))


class Replaced(GenericViewSet):
    """Frames whose refused file can be replaced."""

    @extend_schema(request={"multipart/form-data": FileSerializer}, responses={202: IngestJobSerializer})
    @action(detail=True, methods=["post"], permission_classes=[MayOperate], parser_classes=[MultiPartParser])
    def replace(self, request: Request, pk: str | None = None) -> Response:
        """Give a quarantined frame a better file (form field `file`) and queue its ingestion."""
        given = FileSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        file, frame = given.validated_data["file"], self.get_object()
        suffix = file.name.rpartition(".")[2].lower()
        name = frame.name if frame.name.lower().endswith(f".{suffix}") else file.name
        stored = StoredFile.objects.row_for(storage.save_stream(file.chunks(), storage=storage.ORIGINALS))
        return queued(services.replace_frame(frame=frame, data=stored, name=name, by=person(request)))
