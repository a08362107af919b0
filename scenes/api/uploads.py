"""Uploads: opened, filled piece by piece, committed. Only their owner, or a superuser, sees them."""

import math
import re
from dataclasses import asdict
from io import BytesIO
from typing import IO, Any, cast

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import mixins, parsers, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from scenes import services
from scenes.api.pages import KeysetPages, NewestFirst
from scenes.api.strict import StrictParameters, StrictSerializer, refuse_fields
from scenes.errors import RefusedError, TooLargeError
from scenes.filters import UploadedFileFilterSet, UploadFilterSet
from scenes.models import FrameState, Upload, UploadedFile
from scenes.selectors import job_progress, uploads_of
from scenes.serializers import UploadedFileSerializer, UploadSerializer

MAX_DECLARATION_BYTES = 16 * 1024**2
PROBLEMS_TOLD = 100
CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")


class FileName(serializers.CharField):
    """A name as it came: the service judges it, so that one call tells the problems of all names."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, allow_blank=True, **kwargs)
        self.validators = []


class OpenUploadBody(StrictSerializer):
    scene_name = serializers.CharField(max_length=200)
    drive = serializers.CharField(max_length=200, required=False, allow_blank=True)
    tags = serializers.ListField(child=serializers.CharField(max_length=100), required=False, max_length=100)
    captured_at = serializers.DateTimeField(required=False, allow_null=True)
    rate_hz = serializers.FloatField(required=False, allow_null=True)
    format = serializers.CharField(max_length=32, required=False, allow_blank=True)

    def validate_rate_hz(self, rate: float | None) -> float | None:
        if rate is not None and not (math.isfinite(rate) and rate > 0):
            raise serializers.ValidationError("Frames per second must be above 0.")
        return rate


class DeclaredFileBody(StrictSerializer):
    name = FileName()
    size = serializers.IntegerField(min_value=-(2**63), max_value=2**63 - 1)
    sha256 = serializers.CharField(required=False, allow_blank=True, max_length=200)


class DeclarationBody(StrictSerializer):
    files = DeclaredFileBody(many=True, allow_empty=False)


class DeclarationAnswer(serializers.Serializer):
    files = UploadedFileSerializer(many=True)


class FileProblem(serializers.Serializer):
    name = serializers.CharField()
    problem = serializers.CharField()


class Refusal(serializers.Serializer):
    """`received`: where the file goes on. `files`: names, or names with problems, where the refusal is about files."""

    detail = serializers.CharField()
    received = serializers.IntegerField(required=False)
    files = serializers.ListField(required=False)


class UploadIngest(serializers.Serializer):
    """What became of a committed upload: `handled` of `total` frames are in or quarantined."""

    job = serializers.IntegerField()
    scene = serializers.IntegerField()
    state = serializers.CharField()
    problem = serializers.CharField()
    handled = serializers.IntegerField()
    total = serializers.IntegerField()
    quarantined = serializers.IntegerField()
    problems = FileProblem(many=True)


REFUSALS = {status: OpenApiResponse(Refusal) for status in (400, 403, 404, 409, 413)}


class MayUpload(BasePermission):
    """`scenes.add_upload` opens the door; whose upload it is decides the rest."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.user.has_perm("scenes.add_upload")


class RawBody(parsers.BaseParser):
    """The body as a stream: its bytes are read where they are kept, never as a whole."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        return stream


class OfTheirOwner(StrictParameters, viewsets.GenericViewSet):
    permission_classes = [MayUpload]
    lookup_value_regex = "[0-9]{1,18}"

    @property
    def person(self) -> User:
        return cast(User, self.request.user)


class UploadViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OfTheirOwner):
    queryset = Upload.objects.all()
    serializer_class = UploadSerializer
    filterset_class = UploadFilterSet
    pagination_class = NewestFirst

    def get_queryset(self) -> QuerySet[Upload]:
        return uploads_of(self.person)

    @extend_schema(request=OpenUploadBody, responses={201: UploadSerializer, **REFUSALS})
    def create(self, request: Request) -> Response:
        body = OpenUploadBody(data=request.data)
        body.is_valid(raise_exception=True)
        upload = services.open_upload(by=self.person, **body.validated_data)
        return Response(self.get_serializer(self.get_queryset().get(pk=upload.pk)).data, status=201)

    @extend_schema(responses={204: None, **REFUSALS})
    def destroy(self, request: Request, pk: str) -> Response:
        """Abandon the upload: what came in is dropped."""
        services.abandon_upload(upload=self.get_object(), by=self.person)
        return Response(status=204)

    @extend_schema(request=None, responses={200: UploadIngest, **REFUSALS})
    @action(detail=True, methods=["post"])
    def commit(self, request: Request, pk: str) -> Response:
        """Make a scene of the upload. All its files must be complete; a second call answers as the first."""
        refuse_fields(request)
        upload = self.get_object()
        services.commit_upload(upload=upload, by=self.person)
        upload.refresh_from_db()
        return Response(_ingest(upload))

    @extend_schema(responses={200: UploadIngest, **REFUSALS})
    @action(detail=True, methods=["get"])
    def ingest(self, request: Request, pk: str) -> Response:
        """How far the ingestion of a committed upload is, and which frames are quarantined."""
        upload = self.get_object()
        if upload.job is None:
            raise RefusedError("The upload is not committed, or its job is gone.")
        return Response(_ingest(upload))


def _ingest(upload: Upload) -> dict[str, Any]:
    job = upload.job
    assert job is not None
    bad = job.scene.frames.filter(state=FrameState.QUARANTINED).order_by("index")
    return {
        "job": job.pk,
        "scene": job.scene_id,
        "state": job.state,
        "problem": job.problem,
        **asdict(job_progress([job])[job.pk]),
        "problems": list(bad.values("name", "problem")[:PROBLEMS_TOLD]),
    }


class ByNumber(KeysetPages):
    ordering = "id"


UPLOAD_ID = OpenApiParameter("upload_id", OpenApiTypes.INT, OpenApiParameter.PATH)


@extend_schema(parameters=[UPLOAD_ID])
class UploadedFileViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OfTheirOwner):
    queryset = UploadedFile.objects.all()
    serializer_class = UploadedFileSerializer
    filterset_class = UploadedFileFilterSet
    pagination_class = ByNumber

    def get_queryset(self) -> QuerySet[UploadedFile]:
        return UploadedFile.objects.filter(upload=self._upload()).select_related("upload", "file")

    def _upload(self) -> Upload:
        if getattr(self, "swagger_fake_view", False):
            return Upload()
        return get_object_or_404(uploads_of(self.person), pk=self.kwargs["upload_id"])

    @extend_schema(request=DeclarationBody, responses={201: DeclarationAnswer, **REFUSALS})
    def create(self, request: Request, upload_id: str) -> Response:
        """Declare files, at most 10,000 a call; the answer has them in the same order, with what is here already."""
        if _length(request) > MAX_DECLARATION_BYTES:
            raise TooLargeError(f"At most {MAX_DECLARATION_BYTES:,} bytes a call. Declare the files in several.")
        upload = self._upload()
        body = DeclarationBody(data=request.data)
        body.is_valid(raise_exception=True)
        declared = [
            services.DeclaredFile(file["name"], file["size"], file.get("sha256", ""))
            for file in body.validated_data["files"]
        ]
        files = services.declare_files(upload=upload, files=declared, by=self.person)
        return Response({"files": self.get_serializer(files, many=True).data}, status=201)

    @extend_schema(responses={204: None, **REFUSALS})
    def destroy(self, request: Request, upload_id: str, pk: str) -> Response:
        """Leave a file out of an open upload."""
        services.leave_out(file=self.get_object())
        return Response(status=204)

    @extend_schema(
        request={"application/octet-stream": OpenApiTypes.BINARY},
        parameters=[
            OpenApiParameter("Upload-Offset", OpenApiTypes.INT, OpenApiParameter.HEADER),
            OpenApiParameter("Content-Range", str, OpenApiParameter.HEADER, description="instead: bytes 0-99/1000"),
        ],
        responses={200: UploadedFileSerializer, **REFUSALS},
    )
    @action(detail=True, methods=["put"], parser_classes=[RawBody])
    def content(self, request: Request, upload_id: str, pk: str) -> Response:
        """Bytes of the file from an offset on, as many as you like. `received` says where to go on."""
        file = self.get_object()
        length = _length(request)
        offset = _offset(request, file.size, length)
        stream = cast(IO[bytes], request.data if length else BytesIO())
        return Response(
            self.get_serializer(services.append(file=file, offset=offset, stream=stream, length=length)).data
        )


def _length(request: Request) -> int:
    given = request.META.get("CONTENT_LENGTH") or ("" if "HTTP_TRANSFER_ENCODING" in request.META else "0")
    if not re.fullmatch("[0-9]{1,18}", given):
        raise RefusedError("The length of the body is not known. Send it with Content-Length.")
    return int(given)


def _offset(request: Request, size: int, length: int) -> int:
    given, span = request.headers.get("Upload-Offset", ""), request.headers.get("Content-Range", "")
    if re.fullmatch("[0-9]{1,18}", given) and not span:
        return int(given)
    match = CONTENT_RANGE.fullmatch(span)
    if given or match is None:
        raise RefusedError("Say where the bytes stand: Upload-Offset: 0, or Content-Range: bytes 0-99/1000.")
    first, last, whole = map(int, match.groups())
    if whole != size or last - first + 1 != length:
        raise RefusedError(f"Content-Range does not fit {length:,} bytes of a file of {size:,}.")
    return first
