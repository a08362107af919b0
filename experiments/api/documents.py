"""What the OpenAPI description says of bodies that are decoded without serializers (experiments.wishes)."""

from rest_framework import serializers

from datasets.models import Split
from experiments.models import ENDED_RUN_STATUSES, RunStatus
from scenes.api.strict import StrictSerializer

ENDS = [(status, RunStatus(status).label) for status in ENDED_RUN_STATUSES]


def text(**wishes: object) -> serializers.CharField:
    return serializers.CharField(required=False, allow_blank=True, **wishes)  # type: ignore[arg-type]


class InputDocument(serializers.Serializer):
    name = serializers.CharField(max_length=500)
    digest = text(max_length=64)
    context = text(max_length=250)  # type: ignore[assignment]
    source_type = text(max_length=250)
    source = text()  # type: ignore[assignment]
    schema = text()
    profile = text()
    tags = serializers.DictField(child=serializers.CharField(), required=False)


class EnvironmentDocument(serializers.Serializer):
    repository = text(max_length=500)
    commit = text(max_length=64)
    dirty = serializers.BooleanField(required=False)
    diff = text()
    packages = serializers.DictField(child=serializers.CharField(), required=False)
    environment = serializers.DictField(required=False)
    command = text()
    host = text(max_length=255)
    seed = serializers.IntegerField(required=False, allow_null=True)


class RunDocument(EnvironmentDocument):
    experiment = text(max_length=500)
    name = text(max_length=500)
    queued = serializers.BooleanField(required=False)
    architecture = text(max_length=200)
    dataset = text(help_text="Name@v2, frozen")
    train_splits = serializers.ListField(child=serializers.ChoiceField(choices=Split.choices), required=False)
    validation_splits = serializers.ListField(child=serializers.ChoiceField(choices=Split.choices), required=False)
    parameters = serializers.DictField(required=False)
    tags = serializers.DictField(child=serializers.CharField(allow_blank=True), required=False)
    inputs = InputDocument(many=True, required=False)
    notes = text()
    parent = serializers.IntegerField(required=False, allow_null=True)  # type: ignore[assignment]
    resumed_from = serializers.IntegerField(required=False, allow_null=True)
    started_at = serializers.DateTimeField(required=False, allow_null=True)


class ParametersDocument(serializers.Serializer):
    parameters = serializers.DictField()


class TagsDocument(serializers.Serializer):
    """`set` writes tags by key, `remove` takes keys away; others stay."""

    set = serializers.DictField(child=serializers.CharField(allow_blank=True), required=False)
    remove = serializers.ListField(child=serializers.CharField(), required=False)


class InputsDocument(serializers.Serializer):
    inputs = InputDocument(many=True)


class AddedDocument(serializers.Serializer):
    added = serializers.IntegerField()


class BeatDocument(serializers.Serializer):
    steps_done = serializers.IntegerField(required=False, allow_null=True)
    steps_total = serializers.IntegerField(required=False, allow_null=True)


class AliveDocument(serializers.Serializer):
    """`status` is what the run is by now: a script whose run has ended should stop."""

    status = serializers.ChoiceField(choices=RunStatus.choices)


class FinishBody(StrictSerializer):
    status = serializers.ChoiceField(choices=ENDS)
    failure = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False, max_length=1_000_000)
    finished_at = serializers.DateTimeField(required=False, allow_null=True)


class DescribeBody(StrictSerializer):
    name = serializers.CharField(required=False, allow_blank=True, max_length=500)
    notes = serializers.CharField(required=False, allow_blank=True, max_length=100_000)
    architecture = serializers.CharField(required=False, allow_blank=True, max_length=200)


class ClaimBody(StrictSerializer):
    worker = serializers.CharField(max_length=200)
    experiment = serializers.CharField(required=False, allow_blank=True, max_length=500)


class DatasetBody(StrictSerializer):
    """The frozen version ("Name@v2") that a run trains and validates on."""

    dataset = serializers.CharField(max_length=500)
    train_splits = serializers.ListField(
        child=serializers.ChoiceField(choices=Split.choices), required=False, max_length=3
    )
    validation_splits = serializers.ListField(
        child=serializers.ChoiceField(choices=Split.choices), required=False, max_length=3
    )


class ExperimentBody(StrictSerializer):
    name = serializers.CharField(max_length=500)
    notes = serializers.CharField(required=False, allow_blank=True, max_length=100_000)
    tags = serializers.DictField(child=serializers.CharField(allow_blank=True), required=False)
    artifact_location = serializers.CharField(required=False, allow_blank=True, max_length=2000)


class ExperimentChangeBody(StrictSerializer):
    """What is left out stays; a tag given as null goes."""

    name = serializers.CharField(required=False, max_length=500)
    notes = serializers.CharField(required=False, allow_blank=True, max_length=100_000)
    tags = serializers.DictField(child=serializers.CharField(allow_blank=True, allow_null=True), required=False)
