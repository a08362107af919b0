"""Artifacts of a run: listed, streamed in and out, removed. Bytes are never looked into."""

from io import BytesIO
from typing import Any, cast

from django.db.models import QuerySet
from django.http import FileResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from experiments import services
from experiments.api.access import CLAIM, REFUSALS, SeesRuns, claim_of, person
from experiments.api.bodies import body_length
from experiments.filters import ArtifactFilterSet
from experiments.models import Artifact, Run
from experiments.serializers import ArtifactSerializer
from scenes.api.pages import KeysetPages
from scenes.api.strict import StrictParameters
from scenes.api.uploads import RawBody

DIGEST_HEADER = "Content-SHA256"
RUN_ID = OpenApiParameter("run_id", OpenApiTypes.INT, OpenApiParameter.PATH)
PATH = OpenApiParameter("path", str, OpenApiParameter.PATH, description="names joined by /")
DIGEST = OpenApiParameter(DIGEST_HEADER, str, OpenApiParameter.HEADER, description="refuse other bytes than these")
BINARY = "application/octet-stream"


class ByPath(KeysetPages):
    ordering = "path"


@extend_schema(parameters=[RUN_ID])
class RunArtifacts(StrictParameters, mixins.ListModelMixin, viewsets.GenericViewSet):
    """The artifacts of a run, by path; `folder` shows one folder and what is below it."""

    queryset = Artifact.objects.select_related("file", "created_by")
    serializer_class = ArtifactSerializer
    filterset_class = ArtifactFilterSet
    pagination_class = ByPath
    permission_classes = [SeesRuns]

    def get_queryset(self) -> QuerySet[Artifact]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return self.queryset.filter(run=get_object_or_404(Run, pk=self.kwargs["run_id"]))


class RunArtifact(StrictParameters, APIView):
    """One artifact: its bytes."""

    permission_classes = [SeesRuns]
    parser_classes = [RawBody]

    @extend_schema(parameters=[RUN_ID, PATH], responses={(200, BINARY): OpenApiTypes.BINARY, 404: REFUSALS[404]})
    def get(self, request: Request, run_id: int, path: str) -> HttpResponseBase:
        """The bytes, as an attachment: a browser stores them and shows nothing."""
        artifact = self._found(run_id, path)
        file = artifact.file
        tag = f'"{file.digest}"'
        if request.headers.get("If-None-Match") == tag:
            return HttpResponseNotModified(headers={"ETag": tag})
        name = path.rpartition("/")[2]
        response = FileResponse(file.open(), as_attachment=True, filename=name, content_type=BINARY)
        response["Content-Type"] = artifact.media_type if _harmless(artifact.media_type) else BINARY
        response["ETag"], response["Cache-Control"] = tag, "private, no-cache"
        return response

    @extend_schema(
        parameters=[RUN_ID, PATH, CLAIM, DIGEST],
        request={BINARY: OpenApiTypes.BINARY},
        responses={200: ArtifactSerializer, **REFUSALS},
    )
    def put(self, request: Request, run_id: int, path: str) -> Response:
        """Keep the raw body as this artifact; what had the path before is replaced. Memory does not grow with it."""
        run = get_object_or_404(Run, pk=run_id)
        length = body_length(request)
        artifact = services.save_artifact(
            run=run,
            path=path,
            stream=cast(Any, request.data) if length else BytesIO(),
            length=length,
            by=person(request),
            media_type=_told_type(request),
            digest=request.headers.get(DIGEST_HEADER, ""),
            claim=claim_of(request),
        )
        return Response(ArtifactSerializer(artifact, context={"request": request}).data)

    @extend_schema(parameters=[RUN_ID, PATH], responses={204: OpenApiResponse(description="gone"), **REFUSALS})
    def delete(self, request: Request, run_id: int, path: str) -> Response:
        services.remove_artifact(artifact=self._found(run_id, path), by=person(request))
        return Response(status=204)

    def _found(self, run_id: int, path: str) -> Artifact:
        artifacts = Artifact.objects.select_related("file", "run").filter(run=run_id)
        artifact = None if "\0" in path else artifacts.filter(path=path).first()
        if artifact is None:
            raise NotFound(f"run-{run_id} has no artifact {path[:200]!r}.")
        return artifact


def _told_type(request: Request) -> str:
    """The media type that came with the bytes; the one that says nothing is guessed from the name instead."""
    told = (request.content_type or "").partition(";")[0].strip().lower()
    return "" if told in (BINARY, "application/x-www-form-urlencoded") else told


def _harmless(media_type: str) -> bool:
    """Whether the type may be told as it is: it goes out as an attachment, and must be a type at all."""
    return media_type.isascii() and media_type.isprintable() and media_type.count("/") == 1
