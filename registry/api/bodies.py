"""What requests to the registry may say."""

from typing import Any

from rest_framework import serializers

from datasets.models import DatasetVersion, Split
from experiments.models import Run
from registry.models import Gate, GateKind, ModelKind, ModelVersion, RegisteredModel, Stage, WebhookEvent
from registry.texts import MOST_REASON, MOST_TEXT
from scenes.api.strict import StrictSerializer

TARGETS = [(stage.value, stage.label) for stage in (Stage.STAGING, Stage.PRODUCTION)]
EVENTS = [(event.value, event.label) for event in WebhookEvent if event != WebhookEvent.TEST]


def text(most: int = MOST_TEXT, **wishes: Any) -> serializers.CharField:
    return serializers.CharField(required=False, allow_blank=True, max_length=most, **wishes)


def tags() -> serializers.ListField:
    return serializers.ListField(child=serializers.CharField(max_length=60), required=False, max_length=30)


class NothingElse(StrictSerializer):
    """These requests say everything by their address."""


class ModelBody(StrictSerializer):
    name = serializers.CharField(max_length=100)
    kind = serializers.ChoiceField(choices=ModelKind.choices, required=False)
    description = text()
    tags = tags()


class ModelChangeBody(StrictSerializer):
    """What is left out stays."""

    description = text()
    tags = tags()


class CardBody(StrictSerializer):
    """Texts of the model card, in Markdown but for the licence. What is left out stays."""

    release_notes = text()
    intended_use = text()
    training_data = text()
    limits = text()
    licence = text(200)
    tags = tags()


class VersionBody(CardBody):
    """A version of the model named, made by a run; the model is registered when there is none of this name.

    `artifact_path`: which artifact of the run; its only one when left out. `label`: v3.2 or the like, else the next.
    `members` of an ensemble: registered versions as "model@v3.2", runs as "run-7", in their order.
    """

    model = serializers.CharField(max_length=100)
    run: Any = serializers.PrimaryKeyRelatedField(queryset=Run.objects.all(), required=False, allow_null=True)
    artifact_path = text(500)
    label = text(40)  # type: ignore[assignment]
    members = serializers.ListField(child=serializers.CharField(max_length=200), required=False, max_length=100)


class AliasBody(StrictSerializer):
    """`version` is a label of the model, such as v3.2."""

    name = serializers.CharField(max_length=60)
    version = serializers.CharField(max_length=40)


class AliasName(StrictSerializer):
    name = serializers.CharField(max_length=60)


class StageReasonBody(StrictSerializer):
    reason = serializers.CharField(max_length=MOST_REASON)


class RollBackBody(StageReasonBody):
    """`seen`: the id of the version that is thought to be in Production; when another one is, nothing happens."""

    seen = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)


class MomentBody(StrictSerializer):
    at = serializers.DateTimeField()


class PromotionBody(StrictSerializer):
    version: Any = serializers.PrimaryKeyRelatedField(queryset=ModelVersion.objects.select_related("model"))
    target = serializers.ChoiceField(choices=TARGETS, required=False)
    note = text(MOST_REASON)


class ApprovalBody(StrictSerializer):
    reason = text(MOST_REASON)


class WaiverBody(StageReasonBody):
    gate: Any = serializers.PrimaryKeyRelatedField(queryset=Gate.objects.all())


class GateBody(StrictSerializer):
    """`threshold`, 0 to 1: the least IoU (minimum_iou, must_pass_scenes), the greatest ECE (maximum_ece), or the loss
    against Production that is taken (no_regression). Empty `class_name`: the mIoU. `scenes`: for must_pass_scenes.
    """

    model: Any = serializers.SlugRelatedField(slug_field="name", queryset=RegisteredModel.objects.all())
    kind = serializers.ChoiceField(choices=GateKind.choices)
    dataset_version: Any = serializers.PrimaryKeyRelatedField(
        queryset=DatasetVersion.objects.select_related("dataset", "ontology")
    )
    threshold = serializers.FloatField(min_value=0, max_value=1)
    target = serializers.ChoiceField(choices=TARGETS, required=False)
    split = serializers.ChoiceField(choices=Split.choices, required=False, allow_blank=True)
    slice_name = text(60)
    class_name = text(100)
    scenes = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), required=False, max_length=50
    )


class WebhookBody(StrictSerializer):
    """`model`: only events of this model; all when left out."""

    url = serializers.CharField(max_length=1000)
    model: Any = serializers.SlugRelatedField(
        slug_field="name", queryset=RegisteredModel.objects.all(), required=False, allow_null=True
    )
    events = serializers.ListField(child=serializers.ChoiceField(choices=EVENTS), required=False)


class NewWebhookDocument(serializers.Serializer):
    """The only time that the secret is shown."""

    id = serializers.IntegerField()
    url = serializers.CharField()
    secret = serializers.CharField()
