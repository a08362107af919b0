"""Promotions: asked for, held against the gates, decided; and the gates themselves."""

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from registry import services
from registry.api import bodies
from registry.api.access import REFUSALS, SeesGates, SeesPromotions, fields, person
from registry.filters import GateFilterSet, PromotionRequestFilterSet
from registry.models import Gate, PromotionRequest
from registry.serializers import GateSerializer, PromotionRequestSerializer
from scenes.api.pages import NewestFirst
from scenes.api.strict import StrictParameters

STEPPED = {200: PromotionRequestSerializer, **REFUSALS}


class PromotionRequestViewSet(
    StrictParameters, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet
):
    """Promotions with what the gates said of them, the newest first."""

    queryset = PromotionRequest.objects.select_related("version__model", "asked_by", "decided_by").prefetch_related(
        "results__gate", "waivers__person"
    )
    serializer_class = PromotionRequestSerializer
    filterset_class = PromotionRequestFilterSet
    pagination_class = NewestFirst
    permission_classes = [SeesPromotions]
    lookup_value_regex = "[0-9]{1,18}"

    @extend_schema(request=bodies.PromotionBody, responses={201: PromotionRequestSerializer, **REFUSALS})
    def create(self, request: Request) -> Response:
        """Ask for a promotion; another person decides."""
        asked = services.request_promotion(by=person(request), **fields(request, bodies.PromotionBody))
        return self._told(asked, 201)

    @extend_schema(request=bodies.NothingElse, responses=STEPPED)
    @action(detail=True, methods=["post"])
    def check(self, request: Request, pk: str) -> Response:
        """Hold the request against the gates and the Production of now."""
        fields(request, bodies.NothingElse)
        return self._told(services.check_gates(request=self.get_object(), by=person(request)))

    @extend_schema(request=bodies.WaiverBody, responses=STEPPED)
    @action(detail=True, methods=["post"])
    def waive(self, request: Request, pk: str) -> Response:
        """Take the responsibility for a gate that is not passed. It stays visible."""
        wishes = fields(request, bodies.WaiverBody)
        return self._told(services.waive_gate(request=self.get_object(), by=person(request), **wishes).request)

    @extend_schema(request=bodies.ApprovalBody, responses=STEPPED)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str) -> Response:
        """Promote, as another person than the one who asked. The gates are looked at again."""
        wishes = fields(request, bodies.ApprovalBody)
        return self._told(services.approve(request=self.get_object(), by=person(request), **wishes))

    @extend_schema(request=bodies.StageReasonBody, responses=STEPPED)
    @action(detail=True, methods=["post"])
    def refuse(self, request: Request, pk: str) -> Response:
        """Say no, with the reason."""
        wishes = fields(request, bodies.StageReasonBody)
        return self._told(services.refuse(request=self.get_object(), by=person(request), **wishes))

    @extend_schema(request=bodies.NothingElse, responses=STEPPED)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """Take one's own request back."""
        fields(request, bodies.NothingElse)
        return self._told(services.withdraw(request=self.get_object(), by=person(request)))

    def _told(self, asked: PromotionRequest, status: int = 200) -> Response:
        return Response(self.get_serializer(self.get_queryset().get(pk=asked.pk)).data, status=status)


class GateViewSet(StrictParameters, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Conditions for promotions. They never change: one is retired, and another is made."""

    queryset = Gate.objects.select_related(
        "model", "dataset_version__dataset", "created_by", "retired_by"
    ).prefetch_related("scene_links")
    serializer_class = GateSerializer
    filterset_class = GateFilterSet
    pagination_class = NewestFirst
    permission_classes = [SeesGates]
    lookup_value_regex = "[0-9]{1,18}"

    @extend_schema(request=bodies.GateBody, responses={201: GateSerializer, **REFUSALS})
    def create(self, request: Request) -> Response:
        """Make a condition for the promotions of a model."""
        return self._told(services.add_gate(by=person(request), **fields(request, bodies.GateBody)), 201)

    @extend_schema(request=bodies.NothingElse, responses={200: GateSerializer, **REFUSALS})
    @action(detail=True, methods=["post"])
    def retire(self, request: Request, pk: str) -> Response:
        """It asks nothing of later promotions."""
        fields(request, bodies.NothingElse)
        return self._told(services.retire_gate(gate=self.get_object(), by=person(request)))

    def _told(self, gate: Gate, status: int = 200) -> Response:
        return Response(self.get_serializer(self.get_queryset().get(pk=gate.pk)).data, status=status)
