"""The one serializer of each model."""

from typing import Any

from django.contrib.auth.models import User
from rest_framework import serializers
from rest_framework.reverse import reverse

from datasets.models import Dataset, DatasetExport, DatasetVersion, Item, Slice, Verification
from scenes.models import Ontology


def person() -> "serializers.SlugRelatedField[User]":
    return serializers.SlugRelatedField(slug_field="username", read_only=True)


class DatasetSerializer(serializers.ModelSerializer[Dataset]):
    created_by = person()

    class Meta:
        model = Dataset
        fields = ["id", "name", "description", "created_by", "created_at"]


class DatasetVersionSerializer(serializers.ModelSerializer[DatasetVersion]):
    """A version with its plan. `plan_number` goes back with a change of the plan, so none is overwritten unseen."""

    name = serializers.CharField(source="__str__", read_only=True)
    dataset: serializers.SlugRelatedField[Dataset] = serializers.SlugRelatedField(slug_field="name", read_only=True)
    ontology: serializers.SlugRelatedField[Ontology] = serializers.SlugRelatedField(slug_field="name", read_only=True)
    created_by = person()
    frozen_by = person()
    deprecated_by = person()
    plan_changed_by = person()
    scene_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = DatasetVersion
        fields = [
            "id", "name", "dataset", "number", "state", "parent", "notes", "query", "scene_count", "train_percent",
            "val_percent", "test_percent", "balance", "seed", "grouping", "cell_metres", "stratify_tags",
            "stratify_classes", "keep_previous", "ontology", "plan_number", "plan_changed_by", "created_by",
            "created_at", "digest", "frozen_by", "frozen_at", "deprecated_by", "deprecated_at", "deprecation_reason",
        ]  # fmt: skip


class ItemSerializer(serializers.ModelSerializer[Item]):
    """A scene in a version. `content_digest`: the sha256 of its line of the manifest, once frozen."""

    scene_name = serializers.CharField(source="scene.name", read_only=True)

    class Meta:
        model = Item
        fields = ["id", "version", "scene", "scene_name", "split", "fixed_split", "label_set", "content_digest"]


class SliceSerializer(serializers.ModelSerializer[Slice]):
    """A named subset. `digest`: the sha256 of its scenes' names, sorted, one a line, once frozen."""

    class Meta:
        model = Slice
        fields = ["id", "version", "name", "rule", "digest"]


class VerificationSerializer(serializers.ModelSerializer[Verification]):
    """A reading of all files of a version. `problems` are the first of `problem_count`."""

    requested_by = person()
    problems = serializers.ListField(child=serializers.DictField(child=serializers.CharField()), read_only=True)

    class Meta:
        model = Verification
        fields: Any = [
            "id", "version", "state", "requested_by", "total", "done", "file_count", "byte_count", "problem_count",
            "problems", "created_at", "finished_at",
        ]  # fmt: skip


class DatasetExportSerializer(serializers.ModelSerializer[DatasetExport]):
    """A version that was asked for as files: how far it is, and where it is when it is ready.

    `total` and `done` count frames. `digest` and `size` are those of a kept archive.
    """

    version_name = serializers.CharField(source="version.__str__", read_only=True)
    owner = person()
    url = serializers.SerializerMethodField(help_text="Where to download it; null until it is ready, or at a place.")
    digest = serializers.CharField(source="file.digest", read_only=True, default=None, allow_null=True)
    size = serializers.IntegerField(source="file.size", read_only=True, default=None, allow_null=True)

    class Meta:
        model = DatasetExport
        fields: Any = [
            "id", "version", "version_name", "format", "place", "state", "owner", "total", "done", "problem", "url",
            "digest", "size", "byte_count", "created_at", "started_at", "finished_at", "expires_at",
        ]  # fmt: skip

    def get_url(self, export: DatasetExport) -> str | None:
        if not export.downloadable:
            return None
        address: str = reverse("dataset-export-file", args=[export.pk], request=self.context.get("request"))
        return address
