"""Facts about models that were promoted from runs: versions, stages, gates, decisions, and who is told of them."""

from registry.models.gates import Gate, GateKind, GateScene
from registry.models.promotions import DECIDED_STATES, GateResult, PromotionRequest, RequestState, Waiver
from registry.models.registered import NAME, NAME_WORDS, ModelKind, RegisteredModel
from registry.models.stages import ALIAS, Alias, Move, StageTransition
from registry.models.versions import LABEL, LABEL_WORDS, EnsembleMember, ModelVersion, Stage
from registry.models.webhooks import DeliveryState, Webhook, WebhookDelivery, WebhookEvent

__all__ = [
    "ALIAS",
    "DECIDED_STATES",
    "LABEL",
    "LABEL_WORDS",
    "NAME",
    "NAME_WORDS",
    "Alias",
    "DeliveryState",
    "EnsembleMember",
    "Gate",
    "GateKind",
    "GateResult",
    "GateScene",
    "ModelKind",
    "ModelVersion",
    "Move",
    "PromotionRequest",
    "RegisteredModel",
    "RequestState",
    "Stage",
    "StageTransition",
    "Waiver",
    "Webhook",
    "WebhookDelivery",
    "WebhookEvent",
]
