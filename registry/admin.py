"""Models for those who enter the admin: to look at, with their history."""

from django.contrib import admin
from unfold.admin import ModelAdmin
from unfold.decorators import display

from registry.models import (
    Alias,
    Gate,
    ModelVersion,
    PromotionRequest,
    RegisteredModel,
    Stage,
    StageTransition,
    Webhook,
    WebhookDelivery,
)
from scenes.admin.base import HistoryAdmin, ReadOnly

STAGE_COLOURS = {Stage.DEVELOPMENT: "default", Stage.STAGING: "info", Stage.PRODUCTION: "success"}


@admin.register(RegisteredModel)
class RegisteredModelAdmin(ReadOnly, HistoryAdmin):
    """Changed through the pages and the API only, whose services guard every step."""

    list_display = ["name", "kind", "created_by", "created_at"]
    list_filter = ["kind"]
    search_fields = ["name", "description"]
    list_select_related = ["created_by"]


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnly, HistoryAdmin):
    list_display = ["label", "model", "show_stage", "run", "miou", "created_by", "created_at", "archived_at"]
    list_filter = ["stage", ("archived_at", admin.EmptyFieldListFilter)]
    search_fields = ["label", "model__name", "digest"]
    list_select_related = ["model", "run", "created_by"]

    @display(description="Stage", ordering="stage", label=STAGE_COLOURS)
    def show_stage(self, version: ModelVersion) -> tuple[str, str]:
        return version.stage, version.get_stage_display()


@admin.register(PromotionRequest)
class PromotionRequestAdmin(ReadOnly, HistoryAdmin):
    list_display = ["id", "version", "target", "state", "asked_by", "asked_at", "decided_by", "decided_at"]
    list_filter = ["state", "target"]
    search_fields = ["version__model__name", "version__label"]
    list_select_related = ["version__model", "asked_by", "decided_by"]


@admin.register(Gate)
class GateAdmin(ReadOnly, HistoryAdmin):
    list_display = ["model", "kind", "measures", "threshold", "dataset_version", "target", "retired_at"]
    list_filter = ["kind", ("retired_at", admin.EmptyFieldListFilter)]
    search_fields = ["model__name"]
    list_select_related = ["model", "dataset_version__dataset"]


@admin.register(StageTransition)
class StageTransitionAdmin(ReadOnly, ModelAdmin):
    list_display = ["at", "model", "version", "from_stage", "to_stage", "move", "person"]
    list_filter = ["move", "to_stage"]
    search_fields = ["model__name"]
    list_select_related = ["model", "version__model", "person"]


@admin.register(Alias)
class AliasAdmin(ReadOnly, HistoryAdmin):
    list_display = ["name", "model", "version", "moved_by", "moved_at"]
    search_fields = ["name", "model__name"]
    list_select_related = ["model", "version__model", "moved_by"]


@admin.register(Webhook)
class WebhookAdmin(ReadOnly, HistoryAdmin):
    """Without the secret, which nobody reads again."""

    list_display = ["url", "model", "created_by", "created_at", "removed_at"]
    exclude = ["secret"]
    list_select_related = ["model", "created_by"]


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnly, ModelAdmin):
    list_display = ["id", "webhook", "event", "state", "attempts", "status", "created_at"]
    list_filter = ["state", "event"]
    list_select_related = ["webhook"]
