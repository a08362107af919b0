"""The one serializer of each model."""

from django.contrib.auth.models import User
from rest_framework import serializers
from rest_framework.reverse import reverse

from scenes.models import (
    BulkChange,
    Comment,
    Drive,
    Frame,
    FrameLabels,
    IngestJob,
    LabelSet,
    Ontology,
    SavedView,
    Scene,
    SceneExport,
    SemanticClass,
    StoredFile,
    Tag,
    Upload,
    UploadedFile,
    UploadedFileState,
)
from scenes.queries import filters_of


class DriveSerializer(serializers.ModelSerializer[Drive]):
    class Meta:
        model = Drive
        fields = ["id", "name", "vehicle", "date", "location", "notes", "created_at"]


class SceneSerializer(serializers.ModelSerializer[Scene]):
    drive: serializers.SlugRelatedField[Drive] = serializers.SlugRelatedField(slug_field="name", read_only=True)
    labeler: serializers.SlugRelatedField[User] = serializers.SlugRelatedField(slug_field="username", read_only=True)
    reviewer: serializers.SlugRelatedField[User] = serializers.SlugRelatedField(slug_field="username", read_only=True)
    tags: serializers.SlugRelatedField[Tag] = serializers.SlugRelatedField(slug_field="name", many=True, read_only=True)
    thumbnail = serializers.SerializerMethodField()
    label_thumbnail = serializers.SerializerMethodField()
    filmstrip = serializers.SerializerMethodField()

    class Meta:
        model = Scene
        fields = [
            "id",
            "name",
            "drive",
            "captured_at",
            "status",
            "status_since",
            "labeler",
            "reviewer",
            "due_on",
            "priority",
            "locked",
            "rework_reason",
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
            "max_frame_uncertainty",
            "mean_frame_uncertainty",
            "uncertainty_source",
            "uncertainty_measure",
            "uncertainty_evaluation",
            "used_in_training",
            "thumbnail",
            "label_thumbnail",
            "filmstrip",
            "created_at",
            "updated_at",
        ]

    def get_thumbnail(self, scene: Scene) -> str | None:
        return self._picture("scene-thumbnail", scene, scene.thumbnail)

    def get_label_thumbnail(self, scene: Scene) -> str | None:
        """The bird's-eye view in class colours, when there are labels."""
        return self._picture("scene-label-thumbnail", scene, scene.label_thumbnail)

    def get_filmstrip(self, scene: Scene) -> str | None:
        """Up to twelve evenly spaced frames side by side, 320 x 200 pixels each."""
        return self._picture("scene-filmstrip", scene, scene.filmstrip)

    def _picture(self, route: str, scene: Scene, file: StoredFile | None) -> str | None:
        if file is None:
            return None
        return reverse(route, args=[scene.pk, file.digest], request=self.context.get("request"))


class AssignmentSerializer(serializers.ModelSerializer[Scene]):
    """A scene in the labelling workflow. `priority`: 1 low, 2 normal, 3 high, 4 urgent."""

    scene = serializers.CharField(source="name", read_only=True)
    labeler: serializers.SlugRelatedField[User] = serializers.SlugRelatedField(slug_field="username", read_only=True)
    reviewer: serializers.SlugRelatedField[User] = serializers.SlugRelatedField(slug_field="username", read_only=True)
    overdue = serializers.BooleanField(read_only=True)
    seconds_in_status = serializers.FloatField(read_only=True)

    class Meta:
        model = Scene
        fields = [
            "id", "scene", "status", "status_since", "seconds_in_status", "labeler", "reviewer", "due_on", "overdue",
            "priority", "locked", "rework_reason",
        ]  # fmt: skip


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
            "kind",
            "state",
            "planned_frames",
            "attempts",
            "problem",
            "rate_hz",
            "requested_by",
            "created_at",
            "started_at",
            "finished_at",
            "heartbeat_at",
        ]


class UploadSerializer(serializers.ModelSerializer[Upload]):
    """An upload of `scenes.selectors.uploads_of`, with the totals of its files in bytes."""

    drive = serializers.CharField(source="drive_name", read_only=True)
    tags: serializers.ListField = serializers.ListField(
        source="tag_names", child=serializers.CharField(), read_only=True
    )
    owner: serializers.SlugRelatedField[User] = serializers.SlugRelatedField(slug_field="username", read_only=True)
    scene = serializers.IntegerField(source="job.scene_id", default=None, read_only=True)
    file_count = serializers.IntegerField(read_only=True)
    complete_count = serializers.IntegerField(read_only=True)
    size_bytes = serializers.IntegerField(read_only=True)
    received_bytes = serializers.IntegerField(read_only=True)

    class Meta:
        model = Upload
        fields = [
            "id", "scene_name", "drive", "tags", "captured_at", "rate_hz", "format", "state", "owner", "job", "scene",
            "file_count", "complete_count", "size_bytes", "received_bytes", "created_at", "updated_at",
        ]  # fmt: skip


class UploadedFileSerializer(serializers.ModelSerializer[UploadedFile]):
    """A file of an upload. In the state `received` all bytes are here and their hash is still to be checked."""

    sha256 = serializers.CharField(source="digest", read_only=True)
    state = serializers.ChoiceField(choices=UploadedFileState.choices, read_only=True)

    class Meta:
        model = UploadedFile
        fields = ["id", "name", "size", "sha256", "received", "state", "problem"]


class SemanticClassSerializer(serializers.ModelSerializer[SemanticClass]):
    class Meta:
        model = SemanticClass
        fields = ["index", "name", "colour", "ignored", "raw_ids"]


class OntologySerializer(serializers.ModelSerializer[Ontology]):
    classes = SemanticClassSerializer(many=True, read_only=True)

    class Meta:
        model = Ontology
        fields = ["id", "name", "description", "source", "classes", "created_at"]


UNKNOWN_HELP = "Raw ids that the ontology does not know, as [raw id, points]; their points have class 0."


class LabelSetSerializer(serializers.ModelSerializer[LabelSet]):
    """A version of a scene's labels. `class_counts[i]` is the number of points of the class with index i."""

    ontology: serializers.SlugRelatedField[Ontology] = serializers.SlugRelatedField(slug_field="name", read_only=True)
    author: serializers.SlugRelatedField[User] = serializers.SlugRelatedField(slug_field="username", read_only=True)
    unknown = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField()), help_text=UNKNOWN_HELP, read_only=True
    )
    frames = serializers.SerializerMethodField()

    class Meta:
        model = LabelSet
        fields = [
            "id", "scene", "version", "ontology", "kind", "author", "note", "frame_count", "class_counts", "unknown",
            "frames", "created_at",
        ]  # fmt: skip

    def get_frames(self, label_set: LabelSet) -> str:
        """Where the labels and counts of each frame are."""
        address = reverse("framelabels-list", request=self.context.get("request"))
        return f"{address}?label_set={label_set.pk}"


class FrameLabelsSerializer(serializers.ModelSerializer[FrameLabels]):
    frame_name = serializers.CharField(source="frame.name", read_only=True)
    unknown = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField()), help_text=UNKNOWN_HELP, read_only=True
    )
    original_sha256 = serializers.CharField(source="original.digest", default=None, read_only=True)
    classes_sha256 = serializers.CharField(source="classes.digest", read_only=True)
    classes = serializers.SerializerMethodField()

    class Meta:
        model = FrameLabels
        fields = [
            "id", "label_set", "frame", "frame_name", "point_count", "class_counts", "unknown", "original_sha256",
            "classes_sha256", "classes",
        ]  # fmt: skip

    def get_classes(self, labels: FrameLabels) -> str:
        """Where the class index of each point is: uint8, in the order of the frame's original file."""
        return reverse("frame-labels", args=[labels.pk, labels.classes.digest], request=self.context.get("request"))


class CommentSerializer(serializers.ModelSerializer[Comment]):
    """A comment, or with `parent` a reply. `position`: x, y, z in metres; `point_index` counts in the frame's file."""

    author: serializers.SlugRelatedField[User] = serializers.SlugRelatedField(slug_field="username", read_only=True)
    resolved_by: serializers.SlugRelatedField[User] = serializers.SlugRelatedField(
        slug_field="username", read_only=True
    )
    frame_index = serializers.IntegerField(source="frame.index", default=None, read_only=True)
    resolved = serializers.BooleanField(read_only=True)
    camera = serializers.JSONField(read_only=True, allow_null=True)

    class Meta:
        model = Comment
        fields = [
            "id", "scene", "frame", "frame_index", "parent", "author", "text", "position", "point_index", "camera",
            "resolved", "resolved_by", "resolved_at", "created_at", "edited_at",
        ]  # fmt: skip


class CommentHistorySerializer(serializers.Serializer):
    """A state that a comment was in: since when, by whom, and why."""

    at = serializers.DateTimeField()
    by = serializers.CharField(allow_null=True)
    door = serializers.CharField()
    reason = serializers.CharField()
    text = serializers.CharField()
    resolved = serializers.BooleanField()


class BulkChangeSerializer(serializers.ModelSerializer[BulkChange]):
    """One wish for many scenes: how far it is, and which scenes were left alone and why."""

    actor: serializers.SlugRelatedField[User] = serializers.SlugRelatedField(slug_field="username", read_only=True)
    undone_by = serializers.IntegerField(source="undone_by_id", read_only=True, allow_null=True)
    skipped = serializers.JSONField(read_only=True, help_text='{reason: {"count": n, "scenes": [some ids]}}')

    class Meta:
        model = BulkChange
        fields = [
            "id", "kind", "parameters", "actor", "reason", "door", "state", "total", "done", "changed", "skipped",
            "problem", "undo_of", "undone_by", "created_at", "started_at", "finished_at",
        ]  # fmt: skip


class SavedViewSerializer(serializers.ModelSerializer[SavedView]):
    """A named rule of the explorer. `url` opens it, `matching` is the part of the rule that chooses scenes."""

    owner: serializers.SlugRelatedField[User] = serializers.SlugRelatedField(slug_field="username", read_only=True)
    url = serializers.SerializerMethodField()
    matching = serializers.SerializerMethodField()

    class Meta:
        model = SavedView
        fields = ["id", "name", "query", "matching", "url", "shared", "owner", "created_at", "updated_at"]
        read_only_fields = ["query", "shared", "name"]

    def get_url(self, view: SavedView) -> str:
        address: str = reverse("explorer", request=self.context.get("request"))
        return f"{address}?{view.query}" if view.query else address

    def get_matching(self, view: SavedView) -> str:
        return filters_of(view.query)


class SceneExportSerializer(serializers.ModelSerializer[SceneExport]):
    """A list that was asked for as a file: how far it is, and where it is when it is ready."""

    url = serializers.SerializerMethodField(help_text="Where to download it; null until it is ready.")
    digest = serializers.CharField(source="file.digest", read_only=True, default=None, allow_null=True)
    size = serializers.IntegerField(source="file.size", read_only=True, default=None, allow_null=True)

    class Meta:
        model = SceneExport
        fields = [
            "id", "format", "columns", "query", "state", "total", "done", "problem", "url", "digest", "size",
            "created_at", "started_at", "finished_at", "expires_at",
        ]  # fmt: skip

    def get_url(self, export: SceneExport) -> str | None:
        if not export.ready:
            return None
        address: str = reverse("scene-export-file", args=[export.pk], request=self.context.get("request"))
        return address
