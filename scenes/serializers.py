"""The one serializer of each model."""

from django.contrib.auth.models import User
from rest_framework import serializers
from rest_framework.reverse import reverse

from scenes.models import Drive, Frame, IngestJob, Scene, Tag


class DriveSerializer(serializers.ModelSerializer[Drive]):
    class Meta:
        model = Drive
        fields = ["id", "name", "vehicle", "date", "location", "notes", "created_at"]


class SceneSerializer(serializers.ModelSerializer[Scene]):
    drive: serializers.SlugRelatedField[Drive] = serializers.SlugRelatedField(slug_field="name", read_only=True)
    labeler: serializers.SlugRelatedField[User] = serializers.SlugRelatedField(slug_field="username", read_only=True)
    tags: serializers.SlugRelatedField[Tag] = serializers.SlugRelatedField(slug_field="name", many=True, read_only=True)
    thumbnail = serializers.SerializerMethodField()

    class Meta:
        model = Scene
        fields = [
            "id",
            "name",
            "drive",
            "captured_at",
            "status",
            "labeler",
            "tags",
            "notes",
            "frame_count",
            "quarantined_count",
            "point_count",
            "size_bytes",
            "duration_seconds",
            "lower_bound",
            "upper_bound",
            "position_state",
            "position_problem",
            "start_latitude",
            "start_longitude",
            "end_latitude",
            "end_longitude",
            "thumbnail",
            "created_at",
            "updated_at",
        ]

    def get_thumbnail(self, scene: Scene) -> str | None:
        if scene.thumbnail is None:
            return None
        return reverse("scene-thumbnail", args=[scene.pk, scene.thumbnail.digest], request=self.context.get("request"))


class FrameSerializer(serializers.ModelSerializer[Frame]):
    sha256 = serializers.CharField(source="cloud.digest", default=None, read_only=True)
    size = serializers.IntegerField(source="cloud.size", default=None, read_only=True)
    cloud = serializers.SerializerMethodField()

    class Meta:
        model = Frame
        fields = [
            "id",
            "scene",
            "index",
            "name",
            "state",
            "problem",
            "timestamp_ns",
            "point_count",
            "finite_count",
            "lower_bound",
            "upper_bound",
            "range_max",
            "intensity_min",
            "intensity_max",
            "fields",
            "warnings",
            "sha256",
            "size",
            "cloud",
        ]

    def get_cloud(self, frame: Frame) -> str | None:
        """Where the original bytes of the frame are."""
        if frame.cloud is None:
            return None
        return reverse("frame-cloud", args=[frame.pk, frame.cloud.digest], request=self.context.get("request"))


class IngestJobSerializer(serializers.ModelSerializer[IngestJob]):
    requested_by: serializers.SlugRelatedField[User] = serializers.SlugRelatedField(
        slug_field="username", read_only=True
    )

    class Meta:
        model = IngestJob
        fields = [
            "id",
            "scene",
            "state",
            "attempts",
            "problem",
            "rate_hz",
            "requested_by",
            "created_at",
            "started_at",
            "finished_at",
            "heartbeat_at",
        ]
