"""Scenes, their labeling status, and the tags they are found by."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Upper
from django.utils import timezone
from taggit.managers import TaggableManager
from taggit.models import ItemBase, TagBase

from scenes.audit import AuditedRecords
from scenes.errors import ConflictError
from scenes.models.drives import Drive
from scenes.models.files import StoredFile


class LabelingStatus(models.TextChoices):
    UNLABELED = "unlabeled", "Unlabeled"
    IN_PROGRESS = "in_progress", "In Progress"
    IN_REVIEW = "in_review", "In Review"
    LABELED = "labeled", "Labeled"


class Priority(models.IntegerChoices):
    """How soon a scene should be labelled; larger numbers come first."""

    LOW = 1, "Low"
    NORMAL = 2, "Normal"
    HIGH = 3, "High"
    URGENT = 4, "Urgent"


class PositionState(models.TextChoices):
    KNOWN = "known", "Known"
    MISSING = "missing", "Missing"
    UNUSABLE = "unusable", "Unusable"


# Facts of a scene that follow from others; their own sources have the history.
PUSHED_DOWN = [
    "max_frame_uncertainty", "mean_frame_uncertainty", "uncertainty_source", "uncertainty_measure",
    "uncertainty_evaluation", "used_in_training", "class_ids", "field_scales",
]  # fmt: skip


class Tag(TagBase):
    """A user-defined word that scenes are found by."""

    history = AuditedRecords()

    class Meta(TagBase.Meta):
        verbose_name = "tag"
        verbose_name_plural = "tags"


class SceneTag(ItemBase):
    """The link between a scene and a tag: a direct foreign key, so that filters need no generic relation.

    It carries the scene's status and max. frame uncertainty, so that the questions about tags, which are the commonest,
    are answered by an index of this table alone. Triggers of migration 0012 keep both in step; nobody writes them.
    """

    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="scene_links", db_index=False)
    content_object = models.ForeignKey("Scene", on_delete=models.CASCADE, related_name="tag_links")
    status = models.CharField(
        max_length=16, choices=LabelingStatus, db_default=LabelingStatus.UNLABELED, editable=False
    )
    max_uncertainty = models.FloatField(null=True, blank=True, editable=False)
    history = AuditedRecords(excluded_fields=["status", "max_uncertainty"])

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tag", "content_object"], name="scene_has_a_tag_once"),
        ]
        indexes = [
            models.Index(
                "tag", "status", models.F("max_uncertainty").desc(nulls_last=True), models.F("content_object").desc(),
                name="tag_by_status_uncertainty",
            ),
            models.Index(
                "tag", models.F("max_uncertainty").desc(nulls_last=True), models.F("content_object").desc(),
                name="tag_by_uncertainty",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.content_object_id}: {self.tag_id}"


class SceneQuerySet(models.QuerySet["Scene"]):
    def for_listing(self) -> "SceneQuerySet":
        """Everything that a row of the explorer or the API shows, in two queries."""
        pictures = ["thumbnail", "label_thumbnail", "filmstrip"]
        return self.select_related("drive", "labeler", "reviewer", *pictures).prefetch_related("tags")

    def overdue(self) -> "SceneQuerySet":
        """Scenes whose due date has passed and that are not labeled yet."""
        return self.filter(due_on__lt=timezone.localdate()).exclude(status=LabelingStatus.LABELED)

    def in_time(self) -> "SceneQuerySet":
        """All that are not overdue."""
        in_time = Q(due_on__isnull=True) | Q(due_on__gte=timezone.localdate())
        return self.filter(in_time | Q(status=LabelingStatus.LABELED))

    def most_pressing_first(self) -> "SceneQuerySet":
        """Highest priority first, among those the earliest due date, then the oldest scene."""
        return self.order_by("-priority", models.F("due_on").asc(nulls_last=True), "pk")


class Scene(models.Model):  # type: ignore[django-manager-missing]
    """A recorded sequence of frames, or a single cloud as a scene with one frame.

    The counts, sizes, bounds, times and the thumbnail are rolled up from the frames by ingestion.
    `intensity_rule` is the first frame's way to scale intensity for display; all frames share it, so that
    they compare (scenes.clouds.tiles.IntensityRule).
    Uncertainty, use in training and the classes of the newest labels are pushed down by scenes.services.uncertainty,
    scenes.services.training and scenes.labelling; `manage.py check_facts` compares what can be derived here.
    Status, people and lock change through scenes.services.workflow only; `reviewer` decided on the labels last, and
    `rework_reason` says why they came back. People are protected: an account that labels is disabled, not deleted.
    """

    name = models.CharField("scene ID", max_length=200, unique=True)
    drive = models.ForeignKey(
        Drive, on_delete=models.PROTECT, null=True, blank=True, db_index=False, related_name="scenes"
    )
    captured_at = models.DateTimeField("date captured", null=True, blank=True)
    status = models.CharField(
        "labeling status", max_length=16, choices=LabelingStatus, default=LabelingStatus.UNLABELED
    )
    status_since = models.DateTimeField("in this status since", default=timezone.now, editable=False)
    labeler = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="scenes_to_label",
    )
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="reviewed_scenes",
    )
    due_on = models.DateField("due on", null=True, blank=True)
    priority = models.PositiveSmallIntegerField(choices=Priority, default=Priority.NORMAL)
    locked = models.BooleanField("labels are locked", default=False, editable=False)
    rework_reason = models.TextField("sent back because", blank=True, editable=False)
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
    max_frame_uncertainty = models.FloatField(null=True, blank=True, editable=False)
    mean_frame_uncertainty = models.FloatField("avg. frame uncertainty", null=True, blank=True, editable=False)
    uncertainty_source = models.CharField(
        "uncertainty source model", max_length=200, blank=True, db_default="", default="", editable=False
    )
    uncertainty_measure = models.CharField(max_length=100, blank=True, db_default="", default="", editable=False)
    uncertainty_evaluation = models.BigIntegerField(null=True, blank=True, editable=False)
    used_in_training = models.BooleanField(db_default=False, default=False, editable=False)
    class_ids = ArrayField(
        models.BigIntegerField(),
        verbose_name="classes present",
        db_default=Value([], output_field=ArrayField(models.BigIntegerField())),
        default=list,
        blank=True,
        editable=False,
    )

    field_scales = models.JSONField("colour scales of fields", null=True, blank=True, editable=False)

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = SceneQuerySet.as_manager()
    history = AuditedRecords(excluded_fields=["updated_at", *PUSHED_DOWN])

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="scene_newest_first"),
            models.Index(fields=["status", "-created_at", "-id"], name="scene_by_status"),
            models.Index(fields=["captured_at", "id"], name="scene_by_capture_time"),
            GinIndex(OpClass(Upper("name"), name="gin_trgm_ops"), name="scene_name_substrings"),
            models.Index(fields=["labeler", "status"], name="scene_by_labeler", condition=Q(labeler__isnull=False)),
            models.Index(
                models.F("priority").desc(),
                models.F("due_on").asc(nulls_last=True),
                "id",
                name="scene_open_to_take",
                condition=Q(status=LabelingStatus.UNLABELED, labeler__isnull=True),
            ),
            models.Index(
                models.F("priority").desc(),
                models.F("due_on").asc(nulls_last=True),
                "id",
                name="scene_to_review",
                condition=Q(status=LabelingStatus.IN_REVIEW),
            ),
            # What the explorer sorts by; forwards and backwards, rows without a value come from the same index.
            models.Index(fields=["status", "id"], name="scene_status_order"),
            models.Index(fields=["drive", "id"], name="scene_drive_order"),
            models.Index(fields=["labeler", "id"], name="scene_labeler_order"),
            models.Index(fields=["duration_seconds", "id"], name="scene_duration_order"),
            models.Index(fields=["position_state", "id"], name="scene_position_order"),
            models.Index(fields=["point_count", "id"], name="scene_points_order"),
            models.Index(fields=["frame_count", "id"], name="scene_frames_order"),
            models.Index(fields=["size_bytes", "id"], name="scene_size_order"),
            models.Index(fields=["priority", "id"], name="scene_priority_order"),
            models.Index(fields=["due_on", "id"], name="scene_due_order"),
            models.Index(fields=["max_frame_uncertainty", "id"], name="scene_max_uncertainty_order"),
            models.Index(fields=["mean_frame_uncertainty", "id"], name="scene_mean_uncertainty_order"),
            models.Index(fields=["uncertainty_source", "id"], name="scene_source_order"),
            models.Index(fields=["used_in_training", "id"], name="scene_training_order"),
            GinIndex(fields=["class_ids"], name="scene_classes"),
            models.Index(fields=["id"], name="scene_quarantined", condition=Q(quarantined_count__gt=0)),
            models.Index(fields=["id"], name="scene_without_picture", condition=Q(thumbnail__isnull=True)),
            models.Index(
                fields=["start_latitude", "start_longitude"],
                name="scene_by_start",
                condition=Q(position_state=PositionState.KNOWN),
            ),
        ]
        permissions = [
            ("label_scene", "Can take scenes, label them and submit the labels"),
            ("review_scene", "Can accept labels or send them back"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=LabelingStatus.values), name="scene_status_is_known"),
            models.CheckConstraint(
                condition=~Q(position_state=PositionState.KNOWN)
                | Q(
                    start_latitude__range=(-90, 90),
                    start_longitude__range=(-180, 180),
                    end_latitude__range=(-90, 90),
                    end_longitude__range=(-180, 180),
                ),
                name="scene_known_position_is_on_earth",
            ),
            models.CheckConstraint(
                condition=Q(duration_seconds__isnull=True) | Q(duration_seconds__gte=0),
                name="scene_duration_not_negative",
            ),
            models.CheckConstraint(condition=Q(priority__in=Priority.values), name="scene_priority_is_known"),
            models.CheckConstraint(
                condition=Q(reviewer__isnull=True) | ~Q(reviewer=models.F("labeler")),
                name="scene_reviewer_is_not_its_labeler",
            ),
            models.CheckConstraint(
                condition=Q(status=LabelingStatus.UNLABELED) | Q(labeler__isnull=False),
                name="scene_at_work_has_a_labeler",
            ),
            models.CheckConstraint(
                condition=~Q(status=LabelingStatus.LABELED) | Q(reviewer__isnull=False),
                name="labeled_scene_has_a_reviewer",
            ),
            models.CheckConstraint(
                condition=Q(locked=True, status=LabelingStatus.LABELED)
                | Q(~Q(status=LabelingStatus.LABELED), locked=False),
                name="scene_is_locked_when_labeled",
            ),
            models.CheckConstraint(
                condition=Q(rework_reason="") | Q(status=LabelingStatus.IN_PROGRESS),
                name="rework_is_in_progress",
            ),
            models.CheckConstraint(
                condition=Q(
                    max_frame_uncertainty__isnull=True,
                    mean_frame_uncertainty__isnull=True,
                    uncertainty_source="",
                    uncertainty_measure="",
                    uncertainty_evaluation__isnull=True,
                )
                | Q(
                    max_frame_uncertainty__gte=0,
                    max_frame_uncertainty__lt=float("inf"),
                    mean_frame_uncertainty__gte=0,
                    mean_frame_uncertainty__lt=float("inf"),
                    uncertainty_source__gt="",
                    uncertainty_measure__gt="",
                ),
                name="scene_uncertainty_names_its_source",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def position_known(self) -> bool:
        return self.position_state == PositionState.KNOWN

    @property
    def rework(self) -> bool:
        """Whether a reviewer sent the labels back."""
        return bool(self.rework_reason)

    @property
    def overdue(self) -> bool:
        late = self.due_on is not None and self.due_on < timezone.localdate()
        return late and self.status != LabelingStatus.LABELED

    @property
    def seconds_in_status(self) -> float:
        return max(0.0, (timezone.now() - self.status_since).total_seconds())

    def refuse_when_locked(self) -> None:
        """Raises ConflictError when the labels are accepted: they get no new version until the scene is reopened."""
        if self.locked:
            raise ConflictError(
                f"The labels of {self.name} are accepted and locked. Ask a curator to reopen the scene first.",
                status=self.status,
            )
