"""The REST API of this app."""

from registry.api.models import RegisteredModelViewSet, StageTransitionViewSet
from registry.api.promotions import GateViewSet, PromotionRequestViewSet
from registry.api.versions import ModelVersionViewSet
from registry.api.webhooks import WebhookDeliveryViewSet, WebhookViewSet

__all__ = [
    "GateViewSet",
    "ModelVersionViewSet",
    "PromotionRequestViewSet",
    "RegisteredModelViewSet",
    "StageTransitionViewSet",
    "WebhookDeliveryViewSet",
    "WebhookViewSet",
]
