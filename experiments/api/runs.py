"""Runs: made once, found, described, ended; and what their scripts log."""

from typing import Annotated, Any

import msgspec
from django.conf import settings
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema
from msgspec import Meta
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import services
from experiments.api import documents
from experiments.api.access import CLAIM, IDEMPOTENCY, KEY_HEADER, REFUSALS, SeesRuns, claim_of, person
from experiments.api.bodies import decode
from experiments.api.metric_bodies import MetricsBody, MetricsDocument, RecordedDocument, batch_of
from experiments.api.steps import Steps
from experiments.filters import RunFilterSet
from experiments.models import Run, RunEnvironment
from experiments.serializers import (
    ClaimedRunSerializer,
    EnvironmentSerializer,
    RunDetailSerializer,
    RunSerializer,
)
from experiments.wishes import EnvironmentWishes, InputWishes, RunWishes
from scenes.api.pages import NewestFirst
from scenes.api.strict import StrictParameters
from scenes.api.uploads import RawBody

Steps64 = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class ParametersBody(msgspec.Struct, forbid_unknown_fields=True):
    parameters: dict[str, Any]


class TagsBody(msgspec.Struct, forbid_unknown_fields=True):
    set: dict[str, str] = {}
    remove: list[str] = []


class InputsBody(msgspec.Struct, forbid_unknown_fields=True):
    inputs: list[InputWishes]


class BeatBody(msgspec.Struct, forbid_unknown_fields=True):
    steps_done: Steps64 | None = None
    steps_total: Annotated[int, Meta(ge=1, le=2**63 - 1)] | None = None


class RunViewSet(Steps, StrictParameters, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Training runs. The list leaves archived ones out unless `archived` asks for them."""

    queryset = Run.objects.for_listing()
    serializer_class = RunSerializer
    filterset_class = RunFilterSet
    pagination_class = NewestFirst
    permission_classes = [SeesRuns]
    lookup_value_regex = "[0-9]{1,18}"

    def get_parsers(self) -> list[Any]:
        """Making a run is decoded like what it logs."""
        making = self.request is not None and getattr(self, "action_map", {}).get("post") == "create"
        return [RawBody()] if making else super().get_parsers()

    def get_serializer_class(self) -> Any:
        return RunSerializer if self.action == "list" else RunDetailSerializer

    def get_queryset(self) -> QuerySet[Run]:
        if self.action in ("list", "retrieve"):
            return Run.objects.for_listing()
        return Run.objects.all()

    def filter_queryset(self, queryset: Any) -> Any:
        """Only lists leave something out: an archived one is still there under its number."""
        return super().filter_queryset(queryset) if self.action == "list" else queryset

    def told(self, run: Run, status: int = 200) -> Response:
        """The run as it is now, whole."""
        found = Run.objects.for_listing().get(pk=run.pk)
        return Response(RunDetailSerializer(found, context=self.get_serializer_context()).data, status=status)

    @extend_schema(
        request=documents.RunDocument,
        parameters=[IDEMPOTENCY],
        responses={
            201: RunDetailSerializer,
            200: OpenApiResponse(RunDetailSerializer, description="the run that the same request made before"),
            **REFUSALS,
        },
    )
    def create(self, request: Request) -> Response:
        """Make a run. With an Idempotency-Key the same request again answers with the same run."""
        wishes = decode(request, RunWishes, most=settings.RUN_MAX_BODY_BYTES)
        key = request.headers.get(KEY_HEADER, "")
        made = services.create_run(wishes=wishes, by=person(request), idempotency_key=key)
        return self.told(made.run, 201 if made.new else 200)

    @extend_schema(request=documents.DescribeBody, responses={200: RunDetailSerializer, **REFUSALS})
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change name, notes or architecture."""
        body = documents.DescribeBody(data=request.data)
        body.is_valid(raise_exception=True)
        return self.told(services.describe_run(run=self.get_object(), by=person(request), **body.validated_data))

    @extend_schema(
        request=documents.ClaimBody,
        responses={200: ClaimedRunSerializer, 204: OpenApiResponse(description="no run waits"), **REFUSALS},
    )
    @action(detail=False, methods=["post"])
    def claim(self, request: Request) -> Response:
        """Take the queued run that has waited longest. Its `claim` goes into the header Run-Claim of later calls."""
        body = documents.ClaimBody(data=request.data)
        body.is_valid(raise_exception=True)
        run = services.claim_run(by=person(request), **body.validated_data)
        if run is None:
            return Response(status=204)
        found = Run.objects.for_listing().get(pk=run.pk)
        return Response(ClaimedRunSerializer(found, context=self.get_serializer_context()).data)

    @extend_schema(request=MetricsDocument, parameters=[CLAIM], responses={200: RecordedDocument, **REFUSALS})
    @action(detail=True, methods=["post"], parser_classes=[RawBody])
    def metrics(self, request: Request, pk: str) -> Response:
        """Log points, all or none. Sending a batch again adds nothing."""
        batch = batch_of(decode(request, MetricsBody, most=settings.METRICS_MAX_BODY_BYTES))
        told = services.record_metrics(run=self.get_object(), batch=batch, by=person(request), claim=claim_of(request))
        return Response({"received": told.received, "added": told.added, "late": told.late})

    @extend_schema(
        request=documents.ParametersDocument, parameters=[CLAIM], responses={200: documents.AddedDocument, **REFUSALS}
    )
    @action(detail=True, methods=["post"], parser_classes=[RawBody])
    def parameters(self, request: Request, pk: str) -> Response:
        """Write parameters, once each."""
        body = decode(request, ParametersBody, most=settings.RUN_MAX_BODY_BYTES)
        added = services.record_parameters(
            run=self.get_object(), parameters=body.parameters, by=person(request), claim=claim_of(request)
        )
        return Response({"added": added})

    @extend_schema(request=documents.TagsDocument, parameters=[CLAIM], responses={200: RunDetailSerializer, **REFUSALS})
    @action(detail=True, methods=["post"], parser_classes=[RawBody])
    def tags(self, request: Request, pk: str) -> Response:
        """Set and remove tags."""
        body = decode(request, TagsBody, most=settings.RUN_MAX_BODY_BYTES)
        run = self.get_object()
        services.change_tags(run=run, tags=body.set, remove=body.remove, by=person(request), claim=claim_of(request))
        return self.told(run)

    @extend_schema(
        request=documents.InputsDocument, parameters=[CLAIM], responses={200: documents.AddedDocument, **REFUSALS}
    )
    @action(detail=True, methods=["post"], parser_classes=[RawBody])
    def inputs(self, request: Request, pk: str) -> Response:
        """Note data that the run reads."""
        body = decode(request, InputsBody, most=32 * 1024**2)
        added = services.record_inputs(
            run=self.get_object(), inputs=body.inputs, by=person(request), claim=claim_of(request)
        )
        return Response({"added": added})

    @extend_schema(methods=["GET"], responses={200: EnvironmentSerializer})
    @extend_schema(
        methods=["POST"],
        request=documents.EnvironmentDocument,
        parameters=[CLAIM],
        responses={200: EnvironmentSerializer, **REFUSALS},
    )
    @action(detail=True, methods=["get", "post"], parser_classes=[RawBody])
    def environment(self, request: Request, pk: str) -> Response:
        """Packages, patch of uncommitted changes, and what else the run tells of where it runs."""
        run = self.get_object()
        if request.method == "POST":
            wishes = decode(request, EnvironmentWishes, most=settings.RUN_MAX_BODY_BYTES)
            services.record_environment(run=run, wishes=wishes, by=person(request), claim=claim_of(request))
        row = RunEnvironment.objects.filter(run=run).first() or RunEnvironment(run=run)
        return Response(EnvironmentSerializer(row).data)

    @extend_schema(
        request=documents.BeatDocument, parameters=[CLAIM], responses={200: documents.AliveDocument, **REFUSALS}
    )
    @action(detail=True, methods=["post"], parser_classes=[RawBody])
    def heartbeat(self, request: Request, pk: str) -> Response:
        """A sign of life, with the progress. `status` tells whether to go on."""
        body = decode(request, BeatBody, most=10_000)
        run = services.beat(
            run=self.get_object(),
            by=person(request),
            claim=claim_of(request),
            steps_done=body.steps_done,
            steps_total=body.steps_total,
        )
        return Response({"status": run.status})
