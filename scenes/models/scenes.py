"""Scenes, their labeling status, and the tags they are found by."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models.functions import Upper
from simple_history.models import HistoricalRecords
from taggit.managers import TaggableManager
from taggit.models import ItemBase, TagBase

from scenes.audit import AuditedHistory
from scenes.models.drives import Drive
from scenes.models.files import StoredFile


class LabelingStatus(models.TextChoices):
    UNLABELED = "unlabeled", "Unlabeled"
    IN_PROGRESS = "in_progress", "In Progress"
    IN_REVIEW = "in_review", "In Review"
    LABELED = "labeled", "Labeled"


class PositionState(models.TextChoices):
    KNOWN = "known", "Known"
    MISSING = "missing", "Missing"
    UNUSABLE = "unusable", "Unusable"


class Tag(TagBase):
    """A user-defined word that scenes are found by."""

    class Meta(TagBase.Meta):
        verbose_name = "tag"
        verbose_name_plural = "tags"


class SceneTag(ItemBase):
    """The link between a scene and a tag: a direct foreign key, so that filters need no generic relation."""

    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="scene_links")
    content_object = models.ForeignKey("Scene", on_delete=models.CASCADE, related_name="tag_links")
    history = HistoricalRecords(bases=[AuditedHistory])

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tag", "content_object"], name="scene_has_a_tag_once"),
        ]

    def __str__(self) -> str:
        return f"{self.content_object_id}: {self.tag_id}"


class SceneQuerySet(models.QuerySet["Scene"]):
    def for_listing(self) -> "SceneQuerySet":
        """Everything that a row of the explorer or the API shows, in two queries."""
        return self.select_related("drive", "labeler", "thumbnail").prefetch_related("tags")


class Scene(models.Model):  # type: ignore[django-manager-missing]
    """A recorded sequence of frames, or a single cloud as a scene with one frame.

    The counts, sizes, bounds, times and the thumbnail are rolled up from the frames by ingestion.
    `intensity_rule` is the first frame's way to scale intensity for display; all frames share it, so that
    they compare (scenes.clouds.tiles.IntensityRule).
    """

    name = models.CharField("scene ID", max_length=200, unique=True)
    drive = models.ForeignKey(Drive, on_delete=models.PROTECT, null=True, blank=True, related_name="scenes")
    captured_at = models.DateTimeField("date captured", null=True, blank=True)
    status = models.CharField(
        "labeling status", max_length=16, choices=LabelingStatus, default=LabelingStatus.UNLABELED
    )
    labeler = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="scenes_to_label",
    )
    tags = TaggableManager(through=SceneTag, blank=True)
    notes = models.TextField(blank=True)

    frame_count = models.PositiveIntegerField(default=0, editable=False)
    quarantined_count = models.PositiveIntegerField(default=0, editable=False)
    point_count = models.BigIntegerField(default=0, editable=False)
    size_bytes = models.BigIntegerField(default=0, editable=False)
    duration_seconds = models.FloatField("duration (s)", null=True, blank=True, editable=False)
    lower_bound = ArrayField(models.FloatField(), size=3, null=True, blank=True, editable=False)
    upper_bound = ArrayField(models.FloatField(), size=3, null=True, blank=True, editable=False)

    intensity_rule = models.PositiveSmallIntegerField(null=True, blank=True, editable=False)

    position_state = models.CharField(
        max_length=16, choices=PositionState, default=PositionState.MISSING, editable=False
    )
    position_problem = models.CharField(max_length=300, blank=True, editable=False)
    start_latitude = models.FloatField(null=True, blank=True, editable=False)
    start_longitude = models.FloatField(null=True, blank=True, editable=False)
    end_latitude = models.FloatField(null=True, blank=True, editable=False)
    end_longitude = models.FloatField(null=True, blank=True, editable=False)

    thumbnail = models.ForeignKey(
        StoredFile,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="thumbnail_of",
    )
    label_thumbnail = models.ForeignKey(
        StoredFile,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="label_thumbnail_of",
    )
    filmstrip = models.ForeignKey(
        StoredFile,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="filmstrip_of",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = SceneQuerySet.as_manager()
    history = HistoricalRecords(bases=[AuditedHistory], excluded_fields=["updated_at"])

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="scene_newest_first"),
            models.Index(fields=["status", "-created_at", "-id"], name="scene_by_status"),
            models.Index(fields=["captured_at"], name="scene_by_capture_time"),
            GinIndex(OpClass(Upper("name"), name="gin_trgm_ops"), name="scene_name_substrings"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(status__in=LabelingStatus.values), name="scene_status_is_known"),
            models.CheckConstraint(
                condition=~models.Q(position_state=PositionState.KNOWN)
                | models.Q(
                    start_latitude__range=(-90, 90),
                    start_longitude__range=(-180, 180),
                    end_latitude__range=(-90, 90),
                    end_longitude__range=(-180, 180),
                ),
                name="scene_known_position_is_on_earth",
            ),
            models.CheckConstraint(
                condition=models.Q(duration_seconds__isnull=True) | models.Q(duration_seconds__gte=0),
                name="scene_duration_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def position_known(self) -> bool:
        return self.position_state == PositionState.KNOWN
