"""Webhooks and the log of their deliveries."""

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from registry import services
from registry.api import bodies
from registry.api.access import REFUSALS, SeesWebhooks, fields, person
from registry.filters import WebhookDeliveryFilterSet, WebhookFilterSet
from registry.models import Webhook, WebhookDelivery
from registry.serializers import WebhookDeliverySerializer, WebhookSerializer
from scenes.api.pages import NewestFirst, ReadOnly
from scenes.api.strict import StrictParameters


class WebhookViewSet(StrictParameters, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Addresses that are told of promotions."""

    queryset = Webhook.objects.filter(removed_at=None).select_related("model", "created_by")
    serializer_class = WebhookSerializer
    filterset_class = WebhookFilterSet
    pagination_class = NewestFirst
    permission_classes = [SeesWebhooks]
    lookup_value_regex = "[0-9]{1,18}"

    @extend_schema(request=bodies.WebhookBody, responses={201: bodies.NewWebhookDocument, **REFUSALS})
    def create(self, request: Request) -> Response:
        """Make a webhook. The answer shows its secret, for the only time."""
        webhook = services.add_webhook(by=person(request), **fields(request, bodies.WebhookBody))
        return Response({"id": webhook.pk, "url": webhook.url, "secret": webhook.secret}, status=201)

    @extend_schema(responses={204: OpenApiResponse(description="it is told nothing any more"), **REFUSALS})
    def destroy(self, request: Request, pk: str) -> Response:
        """Remove it; the log of its deliveries stays."""
        services.remove_webhook(webhook=self.get_object(), by=person(request))
        return Response(status=204)

    @extend_schema(request=bodies.NothingElse, responses={201: WebhookDeliverySerializer, **REFUSALS})
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: str) -> Response:
        """Send a test event."""
        fields(request, bodies.NothingElse)
        delivery = services.try_webhook(webhook=self.get_object(), by=person(request))
        return Response(WebhookDeliverySerializer(delivery).data, status=201)


class WebhookDeliveryViewSet(ReadOnly):
    """The log: every event for every webhook, with the last attempt's outcome."""

    queryset = WebhookDelivery.objects.all()
    serializer_class = WebhookDeliverySerializer
    filterset_class = WebhookDeliveryFilterSet
    pagination_class = NewestFirst
    permission_classes = [SeesWebhooks]
