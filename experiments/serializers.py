"""How rows look outside; tracker, exports and API share it."""

import math
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from experiments.models import (
    Artifact,
    DatasetInput,
    Experiment,
    FramePrediction,
    MetricSeries,
    PredictionSet,
    Run,
    RunEnvironment,
)

Username = serializers.SlugRelatedField[User]


def json_number(value: float | None) -> float | str | None:
    """JSON has no NaN and no infinities: they travel as "NaN", "Infinity" and "-Infinity"."""
    if value is None or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def json_numbers(values: np.ndarray) -> list[float | str | None]:
    """The same for float64 (n,)."""
    numbers = values.tolist()
    if np.isfinite(values).all():
        return numbers
    return [json_number(value) for value in numbers]


def json_or_null(values: np.ndarray) -> list[float | None]:
    """float64 (n,) in which NaN means that there is none."""
    numbers = values.tolist()
    if not np.isnan(values).any():
        return numbers
    return [None if value != value else value for value in numbers]


@extend_schema_field({"oneOf": [{"type": "number"}, {"type": "string", "enum": ["NaN", "Infinity", "-Infinity"]}]})
class MetricValue(serializers.Field[float, Any, Any, Any]):
    """A number, or "NaN", "Infinity", "-Infinity"."""

    def to_representation(self, value: float) -> Any:
        return json_number(value)


class ExperimentSerializer(serializers.ModelSerializer[Experiment]):
    created_by: Username = serializers.SlugRelatedField(slug_field="username", read_only=True)
    tags = serializers.DictField(child=serializers.CharField(), read_only=True)
    archived = serializers.BooleanField(read_only=True)

    class Meta:
        model = Experiment
        fields = [
            "id", "name", "notes", "tags", "artifact_location", "archived", "archived_at", "created_by", "created_at",
            "updated_at",
        ]  # fmt: skip


class RunSerializer(serializers.ModelSerializer[Run]):
    """A run of a list. `duration` is in seconds, to now while it runs; `dataset` is "Name@v2"."""

    number = serializers.CharField(read_only=True)
    experiment: serializers.SlugRelatedField[Experiment] = serializers.SlugRelatedField(
        slug_field="name", read_only=True
    )
    started_by: Username = serializers.SlugRelatedField(slug_field="username", read_only=True)
    claimed_by: Username = serializers.SlugRelatedField(slug_field="username", read_only=True)
    dataset = serializers.SerializerMethodField()
    tags = serializers.SerializerMethodField()
    duration = serializers.SerializerMethodField()
    archived = serializers.BooleanField(read_only=True)

    class Meta:
        model = Run
        fields = [
            "id", "number", "name", "experiment", "experiment_id", "status", "architecture", "dataset",
            "dataset_version", "train_splits", "validation_splits", "tags", "notes", "started_by", "claimed_by",
            "worker", "attempts", "repository", "commit", "dirty", "command", "host", "seed", "parent",
            "resumed_from", "created_at", "updated_at", "started_at", "finished_at", "heartbeat_at", "duration",
            "steps_done", "steps_total", "archived",
        ]  # fmt: skip

    def get_dataset(self, run: Run) -> str | None:
        version = run.dataset_version
        return f"{version.dataset.name}@v{version.number}" if version else None

    def get_tags(self, run: Run) -> dict[str, str]:
        return {tag.key: tag.value for tag in run.tags.all()}

    def get_duration(self, run: Run) -> float | None:
        return run.duration.total_seconds() if run.duration is not None else None


class MetricSerializer(serializers.ModelSerializer[MetricSeries]):
    """A metric of a run, rolled up. `minimum` and `maximum` leave NaN out; values that JSON can't say are texts."""

    last_value = MetricValue(read_only=True, allow_null=True)
    minimum = MetricValue(read_only=True, allow_null=True)
    maximum = MetricValue(read_only=True, allow_null=True)

    class Meta:
        model = MetricSeries
        fields = [
            "id", "run", "key", "count", "nan_count", "late_count", "last_value", "last_step", "last_timestamp",
            "last_epoch", "first_step", "minimum", "maximum",
        ]  # fmt: skip


class DatasetInputSerializer(serializers.ModelSerializer[DatasetInput]):
    class Meta:
        model = DatasetInput
        fields = ["name", "digest", "context", "source_type", "source", "schema", "profile", "tags"]


class RunDetailSerializer(RunSerializer):
    """One run with its parameters, metrics (rolled up) and inputs."""

    parameters = serializers.SerializerMethodField()
    metrics = MetricSerializer(many=True, read_only=True)
    inputs = DatasetInputSerializer(many=True, read_only=True)

    class Meta(RunSerializer.Meta):
        fields = [*RunSerializer.Meta.fields, "failure", "parameters", "metrics", "inputs"]

    def get_parameters(self, run: Run) -> dict[str, Any]:
        return {row.key: row.value for row in run.parameters.all()}


class ClaimedRunSerializer(RunDetailSerializer):
    """A run for the worker that claimed it, with the claim that its calls carry."""

    class Meta(RunDetailSerializer.Meta):
        fields = [*RunDetailSerializer.Meta.fields, "claim"]


class EnvironmentSerializer(serializers.ModelSerializer[RunEnvironment]):
    environment = serializers.DictField(source="facts", read_only=True)
    packages = serializers.DictField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = RunEnvironment
        fields = ["diff", "diff_cut", "packages", "environment"]


class ArtifactSerializer(serializers.ModelSerializer[Artifact]):
    size = serializers.IntegerField(source="file.size", read_only=True)
    sha256 = serializers.CharField(source="file.digest", read_only=True)
    created_by: Username = serializers.SlugRelatedField(slug_field="username", read_only=True)
    content = serializers.SerializerMethodField()

    class Meta:
        model = Artifact
        fields = [
            "id",
            "run",
            "path",
            "size",
            "sha256",
            "media_type",
            "created_by",
            "created_at",
            "updated_at",
            "content",
        ]

    def get_content(self, artifact: Artifact) -> str:
        """Where the bytes are."""
        return reverse("run-artifact", args=[artifact.run_id, artifact.path], request=self.context.get("request"))


class PredictionSetSerializer(serializers.ModelSerializer[PredictionSet]):
    """What a run predicts. `measure` is empty where it gives no uncertainty."""

    ontology: serializers.SlugRelatedField[Any] = serializers.SlugRelatedField(slug_field="name", read_only=True)
    declared_by: Username = serializers.SlugRelatedField(slug_field="username", read_only=True)

    class Meta:
        model = PredictionSet
        fields = [
            "id", "run", "ontology", "ontology_id", "measure", "unit", "low", "high", "frame_count", "point_count",
            "declared_by", "created_at", "updated_at",
        ]  # fmt: skip


class KeptArraySerializer(serializers.Serializer):
    """An array as it is kept: one value per point in the order of the frame's file; `content`: where its bytes are."""

    sha256 = serializers.CharField(source="digest")
    size = serializers.IntegerField()
    content = serializers.CharField()


class FramePredictionSerializer(serializers.ModelSerializer[FramePrediction]):
    """A frame's prediction. `classes`: uint8 class indices; `confidence`, `uncertainty`: .npy, null where none is."""

    run = serializers.IntegerField(source="prediction_set.run_id", read_only=True)
    recorded_by: Username = serializers.SlugRelatedField(slug_field="username", read_only=True)
    classes = serializers.SerializerMethodField()
    confidence = serializers.SerializerMethodField()
    uncertainty = serializers.SerializerMethodField()

    class Meta:
        model = FramePrediction
        fields = [
            "id", "run", "scene", "frame", "point_count", "class_counts", "classes", "confidence", "uncertainty",
            "recorded_by", "recorded_at",
        ]  # fmt: skip

    @extend_schema_field(KeptArraySerializer)
    def get_classes(self, row: FramePrediction) -> Any:
        return self._kept(row, "classes")

    @extend_schema_field(KeptArraySerializer(allow_null=True))
    def get_confidence(self, row: FramePrediction) -> Any:
        return self._kept(row, "confidence")

    @extend_schema_field(KeptArraySerializer(allow_null=True))
    def get_uncertainty(self, row: FramePrediction) -> Any:
        return self._kept(row, "uncertainty")

    def _kept(self, row: FramePrediction, part: str) -> dict[str, Any] | None:
        file = getattr(row, part)
        if file is None:
            return None
        place = reverse("prediction-file", args=[row.pk, part, file.digest], request=self.context.get("request"))
        return {"sha256": file.digest, "size": file.size, "content": place}
