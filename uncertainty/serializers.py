"""How evaluations and scores look outside; pages, exports and API share it."""

from typing import Any

from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from uncertainty.models import Evaluation, PointScores, SceneScores
from uncertainty.selectors import TopFrame, top_frames

Username = serializers.SlugRelatedField[User]


class EvaluationSerializer(serializers.ModelSerializer[Evaluation]):
    """An evaluation in a list. Scores compare with those of the same `definition` only."""

    title = serializers.CharField(read_only=True)
    definition = serializers.CharField(read_only=True)
    dataset = serializers.SerializerMethodField()
    created_by: Username = serializers.SlugRelatedField(slug_field="username", read_only=True)
    coverage = serializers.FloatField(read_only=True, allow_null=True)

    class Meta:
        model = Evaluation
        fields = [
            "id", "title", "name", "run", "model_version", "dataset_version", "dataset", "split", "definition",
            "measure", "custom_name", "unit", "normalised", "aggregator", "threshold", "low", "high", "state", "mean",
            "p95", "maximum", "scene_count", "scene_total", "frame_count", "frame_total", "coverage", "created_by",
            "created_at", "finished_at",
        ]  # fmt: skip

    def get_dataset(self, evaluation: Evaluation) -> str:
        return str(evaluation.dataset_version)


class TopFrameSerializer(serializers.Serializer[TopFrame]):
    scene = serializers.IntegerField(source="scene_id")
    scene_name = serializers.CharField(source="scene")
    frame = serializers.IntegerField(source="frame_id")
    frame_name = serializers.CharField(source="name")
    position = serializers.IntegerField()
    score = serializers.FloatField()
    iou = serializers.FloatField(allow_null=True)


class HistogramSerializer(serializers.Serializer[Any]):
    edges = serializers.ListField(child=serializers.FloatField())
    counts = serializers.ListField(child=serializers.IntegerField())


class EvaluationDetailSerializer(EvaluationSerializer):
    """One evaluation with its members and everything that finishing stored."""

    members = serializers.SerializerMethodField()
    histogram = serializers.SerializerMethodField()
    top_frames = serializers.SerializerMethodField()

    class Meta(EvaluationSerializer.Meta):
        fields = [
            *EvaluationSerializer.Meta.fields, "classes", "members", "notes", "histogram", "top_frames",
            "superseded_by", "withdrawn_at", "withdrawal_reason",
        ]  # fmt: skip

    @extend_schema_field(HistogramSerializer(allow_null=True))
    def get_histogram(self, evaluation: Evaluation) -> dict[str, Any] | None:
        """Once it is finished: equal buckets over the range, the last one closed."""
        return evaluation.histogram or None

    def get_members(self, evaluation: Evaluation) -> list[int]:
        """The runs of the ensemble, in their order."""
        return list(evaluation.members.order_by("position").values_list("run_id", flat=True))

    @extend_schema_field(TopFrameSerializer(many=True))
    def get_top_frames(self, evaluation: Evaluation) -> list[dict[str, Any]]:
        """The most uncertain frames, highest first."""
        return [dict(TopFrameSerializer(one).data) for one in top_frames(evaluation, most=10)]


class SceneScoresSerializer(serializers.ModelSerializer[SceneScores]):
    """A scene in an evaluation, without its vector. `rank` counts from the most uncertain one, once finished."""

    frames = serializers.IntegerField(read_only=True)
    scene_name = serializers.CharField(source="scene.name", read_only=True)

    class Meta:
        model = SceneScores
        fields = ["scene", "scene_name", "n", "frames", "max", "mean", "p95", "argmax", "rank"]


class PointScoresSerializer(serializers.ModelSerializer[PointScores]):
    """The values of a frame's points: their sha256, by which a script knows what has arrived."""

    sha256 = serializers.CharField(source="values.digest", read_only=True)

    class Meta:
        model = PointScores
        fields = ["scene", "frame", "point_count", "sha256"]
