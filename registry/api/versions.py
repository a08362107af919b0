"""Versions of models: registered from runs, resolved by name, described, archived; and their artifacts."""

from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from experiments.models import Run
from registry import selectors, services
from registry.api import bodies
from registry.api.access import REFUSALS, SeesVersions, fields, person
from registry.filters import ModelVersionFilterSet
from registry.models import ModelVersion
from registry.serializers import ModelVersionDetailSerializer, ModelVersionSerializer
from registry.services.registering import CARD, Member
from scenes.api.pages import NewestFirst
from scenes.api.strict import StrictParameters
from scenes.errors import MissingError, RefusedError
from scenes.views.answers import stored

BINARY = "application/octet-stream"
NAME = OpenApiParameter("name", str, description="model@v3.2, model@alias, model@production, or model", required=True)
STEPPED = {200: ModelVersionDetailSerializer, **REFUSALS}


class ModelVersionViewSet(StrictParameters, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Versions of registered models. The list leaves archived ones out unless `archived` asks for them."""

    queryset = selectors.versions_with_aliases(ModelVersion.objects.for_listing())
    filterset_class = ModelVersionFilterSet
    pagination_class = NewestFirst
    permission_classes = [SeesVersions]
    lookup_value_regex = "[0-9]{1,18}"
    known_parameters = frozenset({"format", "name"})

    def get_serializer_class(self) -> Any:
        return ModelVersionSerializer if self.action == "list" else ModelVersionDetailSerializer

    def get_queryset(self) -> Any:
        return super().get_queryset().defer("metrics") if self.action == "list" else super().get_queryset()

    def filter_queryset(self, queryset: Any) -> Any:
        """Only lists leave something out: an archived version is still there under its number."""
        return super().filter_queryset(queryset) if self.action == "list" else queryset

    @extend_schema(request=bodies.VersionBody, responses={201: ModelVersionDetailSerializer, **REFUSALS})
    def create(self, request: Request) -> Response:
        """Register what a run made: one call is enough."""
        wishes = fields(request, bodies.VersionBody)
        card = {name: wishes.pop(name) for name in CARD if name in wishes}
        members = [_member(one) for one in wishes.pop("members", [])]
        return self._told(services.register_version(by=person(request), card=card, members=members, **wishes), 201)

    @extend_schema(request=bodies.CardBody, responses=STEPPED)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change texts of the model card, or tags."""
        wishes = fields(request, bodies.CardBody)
        tags = wishes.pop("tags", None)
        return self._told(
            services.describe_version(version=self.get_object(), by=person(request), card=wishes, tags=tags)
        )

    @extend_schema(parameters=[NAME], responses={200: ModelVersionDetailSerializer, 404: REFUSALS[404]})
    @action(detail=False, methods=["get"], filter_backends=[], pagination_class=None)
    def resolve(self, request: Request) -> Response:
        """The version that a name means now."""
        return self._told(selectors.resolve(request.query_params.get("name", "")))

    @extend_schema(responses={(200, BINARY): OpenApiTypes.BINARY, 404: REFUSALS[404]})
    @action(detail=True, methods=["get"], filter_backends=[], pagination_class=None)
    def artifact(self, request: Request, pk: str) -> HttpResponseBase:
        """The artifact's bytes, as they were when the version was registered; ranges are answered."""
        version = self.get_object()
        if version.file is None:
            raise MissingError(f"{version} has no artifact: it is an ensemble of other models.")
        name = version.artifact_path.rpartition("/")[2]
        return stored(request, version.file, version.digest, filename=name)

    @extend_schema(request=bodies.NothingElse, responses=STEPPED)
    @action(detail=True, methods=["post"])
    def archive(self, request: Request, pk: str) -> Response:
        """Take a version out of use; it stays readable."""
        fields(request, bodies.NothingElse)
        return self._told(services.archive_version(version=self.get_object(), by=person(request)))

    @extend_schema(request=bodies.NothingElse, responses=STEPPED)
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, pk: str) -> Response:
        fields(request, bodies.NothingElse)
        return self._told(services.restore_version(version=self.get_object(), by=person(request)))

    @extend_schema(request=bodies.StageReasonBody, responses=STEPPED)
    @action(detail=True, methods=["post"], url_path="step-down")
    def step_down(self, request: Request, pk: str) -> Response:
        """From Production to Staging, or from Staging to Development."""
        wishes = fields(request, bodies.StageReasonBody)
        return self._told(services.step_down(version=self.get_object(), by=person(request), **wishes))

    def _told(self, version: ModelVersion, status: int = 200) -> Response:
        found = self.get_queryset().get(pk=version.pk)
        context = self.get_serializer_context()
        return Response(ModelVersionDetailSerializer(found, context=context).data, status=status)


def _member(name: str) -> Member:
    """The member that a text names. Raises RefusedError."""
    number = name.removeprefix("run-")
    if name.startswith("run-") and number.isascii() and number.isdigit() and len(number) < 19:
        run = Run.objects.filter(pk=int(number)).first()
        if run is None:
            raise RefusedError(f"members: there is no {name}.", field="members")
        return run
    try:
        return selectors.resolve(name)
    except MissingError as error:
        raise RefusedError(f"members: {error}", field="members") from error
