"""Registered models: made, described, aliased, rolled back."""

from typing import Any

from django.db.models import Prefetch
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from registry import selectors, services
from registry.api import bodies
from registry.api.access import REFUSALS, SeesModels, SeesTransitions, fields, person
from registry.filters import RegisteredModelFilterSet, StageTransitionFilterSet
from registry.models import Alias, ModelVersion, RegisteredModel, Stage, StageTransition
from registry.serializers import (
    AliasSerializer,
    ModelVersionSerializer,
    RegisteredModelSerializer,
    StageTransitionSerializer,
)
from scenes.api.pages import KeysetPages
from scenes.api.strict import StrictParameters
from scenes.errors import MissingError, RefusedError

AT = OpenApiParameter("at", str, description="a moment, ISO 8601", required=True)


class ByName(KeysetPages):
    ordering = "name"


class NewestMoves(KeysetPages):
    ordering = ("-at", "-id")


class RegisteredModelViewSet(
    StrictParameters, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet
):
    """Registered models, by name."""

    queryset = RegisteredModel.objects.select_related("created_by").prefetch_related(
        Prefetch("aliases", queryset=Alias.objects.select_related("version").order_by("name")),
        Prefetch("versions", queryset=ModelVersion.objects.filter(stage=Stage.PRODUCTION), to_attr="in_production"),
    )
    serializer_class = RegisteredModelSerializer
    filterset_class = RegisteredModelFilterSet
    pagination_class = ByName
    permission_classes = [SeesModels]
    lookup_value_regex = "[0-9]{1,18}"
    known_parameters = frozenset({"format", "at"})

    def filter_queryset(self, queryset: Any) -> Any:
        return super().filter_queryset(queryset) if self.action == "list" else queryset

    @extend_schema(request=bodies.ModelBody, responses={201: RegisteredModelSerializer, **REFUSALS})
    def create(self, request: Request) -> Response:
        """Register a name. Registering a version does it, too."""
        return self._told(services.register_model(by=person(request), **fields(request, bodies.ModelBody)), 201)

    @extend_schema(request=bodies.ModelChangeBody, responses={200: RegisteredModelSerializer, **REFUSALS})
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change description or tags."""
        wishes = fields(request, bodies.ModelChangeBody)
        return self._told(services.describe_model(model=self.get_object(), by=person(request), **wishes))

    @extend_schema(request=bodies.AliasBody, responses={200: AliasSerializer, **REFUSALS})
    @action(detail=True, methods=["post"])
    def aliases(self, request: Request, pk: str) -> Response:
        """Point an alias at a version, in one step."""
        wishes = fields(request, bodies.AliasBody)
        model = self.get_object()
        version = model.versions.filter(label=wishes["version"]).first()
        if version is None:
            raise RefusedError(f"version: {model.name} has no {wishes['version']!r}.", field="version")
        return Response(
            AliasSerializer(services.set_alias(version=version, name=wishes["name"], by=person(request))).data
        )

    @extend_schema(
        request=bodies.AliasName, responses={204: OpenApiResponse(description="the alias is gone"), **REFUSALS}
    )
    @action(detail=True, methods=["post"], url_path="remove-alias")
    def remove_alias(self, request: Request, pk: str) -> Response:
        """Take an alias away; its history stays."""
        services.remove_alias(model=self.get_object(), by=person(request), **fields(request, bodies.AliasName))
        return Response(status=204)

    @extend_schema(request=bodies.RollBackBody, responses={200: ModelVersionSerializer, **REFUSALS})
    @action(detail=True, methods=["post"], url_path="roll-back")
    def roll_back(self, request: Request, pk: str) -> Response:
        """Bring the version before back to Production."""
        wishes = fields(request, bodies.RollBackBody)
        version = services.roll_back(model=self.get_object(), by=person(request), **wishes)
        return self._version(version)

    @extend_schema(parameters=[AT], responses={200: ModelVersionSerializer, 404: REFUSALS[404]})
    @action(detail=True, methods=["get"], filter_backends=[], pagination_class=None)
    def production(self, request: Request, pk: str) -> Response:
        """The version that was in Production at a moment."""
        asked = bodies.MomentBody(data={"at": request.query_params.get("at")})
        asked.is_valid(raise_exception=True)
        model = self.get_object()
        found = selectors.in_production_at(model, asked.validated_data["at"])
        if found is None:
            raise MissingError(f"No version of {model.name} was in Production then.")
        return self._version(found)

    def _version(self, version: ModelVersion) -> Response:
        rows = selectors.versions_with_aliases(ModelVersion.objects.for_listing())
        found = get_object_or_404(rows, pk=version.pk)
        return Response(ModelVersionSerializer(found, context=self.get_serializer_context()).data)

    def _told(self, model: RegisteredModel, status: int = 200) -> Response:
        return Response(self.get_serializer(self.get_queryset().get(pk=model.pk)).data, status=status)


class StageTransitionViewSet(StrictParameters, mixins.ListModelMixin, viewsets.GenericViewSet):
    """How versions moved between stages, the newest first. Nothing here ever changes."""

    queryset = StageTransition.objects.select_related("model", "version", "person")
    serializer_class = StageTransitionSerializer
    filterset_class = StageTransitionFilterSet
    pagination_class = NewestMoves
    permission_classes = [SeesTransitions]
