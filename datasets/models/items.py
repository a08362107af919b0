"""What belongs to a version: its scenes, its slices, and the warnings that somebody acknowledged."""

from django.conf import settings
from django.db import models

from datasets.models.versions import DatasetVersion, Split
from scenes.audit import AuditedRecords
from scenes.models import LabelSet, Scene


class Item(models.Model):
    """A scene in a version.

    `split` is where the last draw put it ("" before one); `fixed_split` is where somebody said it belongs, which
    every draw respects. Freezing pins the label set and writes the sha256 of the scene's line of the manifest.
    """

    version = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, db_index=False, related_name="items")
    scene = models.ForeignKey(Scene, on_delete=models.PROTECT, related_name="dataset_items")
    split = models.CharField(max_length=8, choices=Split, blank=True, editable=False)
    fixed_split = models.CharField("said to be in", max_length=8, choices=Split, blank=True)
    label_set = models.ForeignKey(
        LabelSet, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="dataset_items"
    )
    content_digest = models.CharField("sha256 of its line", max_length=64, blank=True, editable=False)
    history = AuditedRecords()

    class Meta:
        ordering = ["version", "id"]
        constraints = [
            models.UniqueConstraint(fields=["version", "scene"], name="scene_once_per_version"),
            models.CheckConstraint(condition=models.Q(split__in=["", *Split.values]), name="item_split_is_known"),
            models.CheckConstraint(
                condition=models.Q(fixed_split__in=["", *Split.values]), name="item_fixed_split_is_known"
            ),
        ]
        indexes = [models.Index(fields=["version", "id"], name="item_by_version")]

    def __str__(self) -> str:
        return f"{self.version_id}: {self.scene_id}"


class Slice(models.Model):
    """A named subset that metrics are cut by: by `rule` (a query of the explorer), or else by a list of scenes.

    A rule is evaluated for drafts and becomes rows when the version is frozen; `digest` is then the sha256 of the
    names of its scenes, sorted by their bytes, one a line.
    """

    version = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="slices")
    name = models.CharField(max_length=60)
    rule = models.TextField("scenes that match", blank=True)
    digest = models.CharField("sha256 of the names", max_length=64, blank=True, editable=False)
    history = AuditedRecords()

    class Meta:
        ordering = ["version", "name"]
        constraints = [
            models.UniqueConstraint(fields=["version", "name"], name="slice_name_once_per_version"),
            models.CheckConstraint(condition=~models.Q(name=""), name="slice_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name


class SliceItem(models.Model):
    """A scene of the version in a slice."""

    slice = models.ForeignKey(Slice, on_delete=models.CASCADE, db_index=False, related_name="members")
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="slice_links")

    class Meta:
        ordering = ["slice", "item"]
        constraints = [models.UniqueConstraint(fields=["slice", "item"], name="item_once_per_slice")]

    def __str__(self) -> str:
        return f"{self.slice_id}: {self.item_id}"


class Acknowledgement(models.Model):
    """Somebody has seen a warning of the certificate and froze the version all the same."""

    version = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="acknowledgements")
    warning = models.CharField(max_length=40)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="acknowledged_dataset_warnings"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["version", "warning"]
        constraints = [
            models.UniqueConstraint(fields=["version", "warning"], name="warning_acknowledged_once_per_version"),
        ]

    def __str__(self) -> str:
        return f"{self.version_id}: {self.warning}"
