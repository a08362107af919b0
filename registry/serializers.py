"""The one serializer of each model."""

from typing import Any

from django.contrib.auth.models import User
from rest_framework import serializers
from rest_framework.reverse import reverse

from registry.models import (
    Alias,
    EnsembleMember,
    Gate,
    GateResult,
    ModelVersion,
    PromotionRequest,
    RegisteredModel,
    StageTransition,
    Waiver,
    Webhook,
    WebhookDelivery,
)


def person() -> "serializers.SlugRelatedField[User]":
    return serializers.SlugRelatedField(slug_field="username", read_only=True)


class RegisteredModelSerializer(serializers.ModelSerializer[RegisteredModel]):
    """A registered model. `aliases` maps each to the label that it points at; `production` is the label there now."""

    created_by = person()
    tags = serializers.ListField(child=serializers.CharField(), read_only=True)
    aliases = serializers.SerializerMethodField()
    production = serializers.SerializerMethodField()

    class Meta:
        model = RegisteredModel
        fields: Any = [
            "id", "name", "kind", "description", "tags", "aliases", "production", "created_by", "created_at",
        ]  # fmt: skip

    def get_aliases(self, model: RegisteredModel) -> dict[str, str]:
        return {alias.name: alias.version.label for alias in model.aliases.all()}

    def get_production(self, model: RegisteredModel) -> str | None:
        found = getattr(model, "in_production", [])
        return found[0].label if found else None


class EnsembleMemberSerializer(serializers.ModelSerializer[EnsembleMember]):
    """A member: a registered version, or a run. `name` is what people call it."""

    name = serializers.CharField(source="__str__", read_only=True)

    class Meta:
        model = EnsembleMember
        fields: Any = ["position", "name", "version", "run"]


class ModelVersionSerializer(serializers.ModelSerializer[ModelVersion]):
    """A version of a list. `name` is "model@v3.2", by which clients ask for it; `sha256` and `size` are the artifact's.

    `miou`, `ece` and `ause` are the server's own figures when it was registered; `contaminated`: whether what they
    were computed on had been trained on (null: not known).
    """

    name = serializers.SerializerMethodField()
    model: serializers.SlugRelatedField[RegisteredModel] = serializers.SlugRelatedField(
        slug_field="name", read_only=True
    )
    kind = serializers.CharField(source="model.kind", read_only=True)
    sha256 = serializers.CharField(source="digest", read_only=True)
    size = serializers.IntegerField(source="file.size", read_only=True, allow_null=True, default=None)
    ontology: Any = serializers.SlugRelatedField(slug_field="name", read_only=True)
    dataset = serializers.SerializerMethodField()
    tags = serializers.ListField(child=serializers.CharField(), read_only=True)
    aliases = serializers.SerializerMethodField()
    members = EnsembleMemberSerializer(many=True, read_only=True)
    created_by = person()
    archived = serializers.BooleanField(read_only=True)
    content = serializers.SerializerMethodField()

    class Meta:
        model = ModelVersion
        fields: Any = [
            "id", "name", "model", "kind", "number", "label", "stage", "run", "artifact_path", "sha256", "size",
            "content", "ontology", "dataset", "dataset_version", "miou", "ece", "ause", "contaminated", "tags",
            "aliases", "members", "release_notes", "archived", "archived_at", "created_by", "created_at",
        ]  # fmt: skip

    def get_name(self, version: ModelVersion) -> str:
        return f"{version.model.name}@{version.label}"

    def get_dataset(self, version: ModelVersion) -> str | None:
        return str(version.dataset_version) if version.dataset_version else None

    def get_aliases(self, version: ModelVersion) -> list[str]:
        return [alias.name for alias in version.aliases.all()]

    def get_content(self, version: ModelVersion) -> str | None:
        """Where the artifact's bytes are."""
        if version.file_id is None:
            return None
        return reverse("modelversion-artifact", args=[version.pk], request=self.context.get("request"))


class ModelVersionDetailSerializer(ModelVersionSerializer):
    """One version with its model card and the figures that were kept with it."""

    metrics = serializers.DictField(read_only=True)

    class Meta(ModelVersionSerializer.Meta):
        fields: Any = [
            *ModelVersionSerializer.Meta.fields, "intended_use", "training_data", "limits", "licence", "metrics",
        ]  # fmt: skip


class AliasSerializer(serializers.ModelSerializer[Alias]):
    version = serializers.CharField(source="version.label", read_only=True)
    moved_by = person()

    class Meta:
        model = Alias
        fields: Any = ["name", "version", "moved_by", "moved_at"]


class GateSerializer(serializers.ModelSerializer[Gate]):
    """A condition for promotions. `threshold`: see the documentation of `kind`. `scenes` are those that must pass."""

    model: Any = serializers.SlugRelatedField(slug_field="name", read_only=True)
    dataset = serializers.CharField(source="dataset_version.__str__", read_only=True)
    scenes = serializers.SerializerMethodField()
    created_by = person()
    retired_by = person()

    class Meta:
        model = Gate
        fields: Any = [
            "id", "model", "kind", "target", "dataset", "dataset_version", "split", "slice_name", "class_name",
            "threshold", "scenes", "created_by", "created_at", "retired_by", "retired_at",
        ]  # fmt: skip

    def get_scenes(self, gate: Gate) -> list[int]:
        return [link.scene_id for link in gate.scene_links.all()]


class GateResultSerializer(serializers.ModelSerializer[GateResult]):
    kind = serializers.CharField(source="gate.kind", read_only=True)
    evidence = serializers.DictField(read_only=True)

    class Meta:
        model = GateResult
        fields: Any = ["gate", "kind", "passed", "measured", "threshold", "contaminated", "words", "evidence"]


class WaiverSerializer(serializers.ModelSerializer[Waiver]):
    person = person()

    class Meta:
        model = Waiver
        fields: Any = ["gate", "reason", "person", "created_at"]


class PromotionRequestSerializer(serializers.ModelSerializer[PromotionRequest]):
    """A promotion. `results` are those of the last check of the gates; `compared_with` was in Production then."""

    version = serializers.SerializerMethodField()
    version_id = serializers.IntegerField(read_only=True)
    asked_by = person()
    decided_by = person()
    results = serializers.SerializerMethodField()
    waivers = WaiverSerializer(many=True, read_only=True)

    class Meta:
        model = PromotionRequest
        fields: Any = [
            "id", "version", "version_id", "target", "state", "note", "asked_by", "asked_at", "check_number",
            "checked_at", "compared_with", "results", "waivers", "decided_by", "decided_at", "withdrawn_at", "reason",
        ]  # fmt: skip

    def get_version(self, request: PromotionRequest) -> str:
        return f"{request.version.model.name}@{request.version.label}"

    def get_results(self, request: PromotionRequest) -> list[dict[str, Any]]:
        last = [one for one in request.results.all() if one.check_number == request.check_number]
        return [dict(GateResultSerializer(one).data) for one in last]


class StageTransitionSerializer(serializers.ModelSerializer[StageTransition]):
    model: Any = serializers.SlugRelatedField(slug_field="name", read_only=True)
    version = serializers.CharField(source="version.label", read_only=True)
    person = person()

    class Meta:
        model = StageTransition
        fields: Any = [
            "id", "model", "version", "version_id", "from_stage", "to_stage", "move", "request", "reason", "person",
            "at",
        ]  # fmt: skip


class WebhookSerializer(serializers.ModelSerializer[Webhook]):
    """A webhook, without its secret: that is shown once, when it is made."""

    model: Any = serializers.SlugRelatedField(slug_field="name", read_only=True)
    events = serializers.ListField(child=serializers.CharField(), read_only=True)
    created_by = person()

    class Meta:
        model = Webhook
        fields: Any = ["id", "url", "model", "events", "created_by", "created_at"]


class WebhookDeliverySerializer(serializers.ModelSerializer[WebhookDelivery]):
    class Meta:
        model = WebhookDelivery
        fields: Any = [
            "id", "webhook", "event", "payload", "state", "attempts", "next_attempt_at", "status", "problem",
            "milliseconds", "created_at", "finished_at",
        ]  # fmt: skip
