"""Facts about recorded data: drives, scenes, their frames, the files behind them, and the jobs that bring them in."""

from datetime import timedelta

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models.functions import Upper
from django.utils import timezone
from simple_history.models import HistoricalRecords
from taggit.managers import TaggableManager
from taggit.models import ItemBase, TagBase

from scenes.audit import AuditedHistory


class LabelingStatus(models.TextChoices):
    UNLABELED = "unlabeled", "Unlabeled"
    IN_PROGRESS = "in_progress", "In Progress"
    IN_REVIEW = "in_review", "In Review"
    LABELED = "labeled", "Labeled"


class PositionState(models.TextChoices):
    KNOWN = "known", "Known"
    MISSING = "missing", "Missing"
    UNUSABLE = "unusable", "Unusable"


class FrameState(models.TextChoices):
    PENDING = "pending", "Pending"
    READY = "ready", "Ready"
    QUARANTINED = "quarantined", "Quarantined"


class IngestState(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


ACTIVE_INGEST_STATES = [IngestState.QUEUED, IngestState.RUNNING]


class StoredFile(models.Model):
    """Bytes kept under their sha256. Files are referenced from here only, and the bytes never change."""

    class Storage(models.TextChoices):
        ORIGINALS = "originals", "Originals"
        DERIVED = "derived", "Derived"

    digest = models.CharField("sha256", max_length=64)
    size = models.BigIntegerField("size in bytes")
    storage = models.CharField(max_length=16, choices=Storage)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["digest", "storage"], name="stored_file_once_per_storage"),
            models.CheckConstraint(condition=models.Q(size__gte=0), name="stored_file_size_not_negative"),
            models.CheckConstraint(
                condition=models.Q(digest__regex=r"^[0-9a-f]{64}$"), name="stored_file_digest_is_sha256"
            ),
        ]

    def __str__(self) -> str:
        return f"sha256:{self.digest}"


class Drive(models.Model):
    """One log of one vehicle: the unit that must not straddle two splits."""

    name = models.CharField(max_length=200, unique=True)
    vehicle = models.CharField(max_length=200, blank=True)
    date = models.DateField(null=True, blank=True)
    location = models.CharField(max_length=200, blank=True)
    notes = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    history = HistoricalRecords(bases=[AuditedHistory])

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


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


class FrameQuerySet(models.QuerySet["Frame"]):
    def claimable(self, lease: timedelta) -> "FrameQuerySet":
        """Pending frames that no living worker holds: never claimed, or claimed longer ago than the lease."""
        stale = timezone.now() - lease
        unclaimed = models.Q(claimed_at__isnull=True) | models.Q(claimed_at__lt=stale)
        return self.filter(unclaimed, state=FrameState.PENDING)


class Frame(models.Model):
    """One point cloud of a scene. A bad one is quarantined with its problem while the rest goes in."""

    scene = models.ForeignKey(Scene, on_delete=models.CASCADE, related_name="frames")
    index = models.PositiveIntegerField()
    name = models.CharField(max_length=255)
    source = models.TextField("came from", blank=True, editable=False)
    state = models.CharField(max_length=16, choices=FrameState, default=FrameState.PENDING)
    problem = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    claimed_at = models.DateTimeField(null=True, blank=True)
    timestamp_ns = models.BigIntegerField("time (ns since 1970)", null=True, blank=True)

    cloud = models.ForeignKey(StoredFile, on_delete=models.PROTECT, null=True, blank=True, related_name="cloud_of")
    display = models.ForeignKey(StoredFile, on_delete=models.PROTECT, null=True, blank=True, related_name="display_of")
    point_count = models.PositiveIntegerField(default=0)
    finite_count = models.PositiveIntegerField(default=0)
    lower_bound = ArrayField(models.FloatField(), size=3, null=True, blank=True)
    upper_bound = ArrayField(models.FloatField(), size=3, null=True, blank=True)
    range_max = models.FloatField("longest range (m)", null=True, blank=True)
    intensity_min = models.FloatField(null=True, blank=True)
    intensity_max = models.FloatField(null=True, blank=True)
    fields = models.JSONField(default=list, blank=True)
    warnings = models.JSONField(default=list, blank=True)

    objects = FrameQuerySet.as_manager()

    class Meta:
        ordering = ["scene", "index"]
        constraints = [
            models.UniqueConstraint(fields=["scene", "index"], name="frame_index_once_per_scene"),
            models.UniqueConstraint(fields=["scene", "name"], name="frame_name_once_per_scene"),
            models.CheckConstraint(
                condition=~models.Q(state=FrameState.READY) | models.Q(cloud__isnull=False),
                name="ready_frame_has_its_cloud",
            ),
            models.CheckConstraint(
                condition=~models.Q(state=FrameState.QUARANTINED) | ~models.Q(problem=""),
                name="quarantined_frame_has_a_problem",
            ),
        ]
        indexes = [
            models.Index(
                fields=["scene", "index"],
                name="frame_still_pending",
                condition=models.Q(state=FrameState.PENDING),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scene_id}/{self.name}"


class IngestJob(models.Model):
    """The truth about pending ingestion: one row per scene and request, with state, attempts and heartbeat."""

    scene = models.ForeignKey(Scene, on_delete=models.CASCADE, related_name="ingest_jobs")
    state = models.CharField(max_length=16, choices=IngestState, default=IngestState.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True)
    rate_hz = models.FloatField("frames per second", null=True, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="ingest_jobs",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    history = HistoricalRecords(bases=[AuditedHistory], excluded_fields=["heartbeat_at"])

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["scene"],
                condition=models.Q(state__in=ACTIVE_INGEST_STATES),
                name="one_active_ingest_job_per_scene",
            ),
            models.CheckConstraint(
                condition=models.Q(rate_hz__isnull=True) | models.Q(rate_hz__gt=0),
                name="ingest_rate_is_positive",
            ),
        ]
        indexes = [
            models.Index(
                fields=["heartbeat_at"],
                name="ingest_job_active",
                condition=models.Q(state__in=ACTIVE_INGEST_STATES),
            ),
        ]

    def __str__(self) -> str:
        return f"ingest {self.pk}"

    @property
    def active(self) -> bool:
        return self.state in ACTIVE_INGEST_STATES

    def finish(self, state: IngestState, problem: str = "") -> None:
        """Move to an end state; the caller saves. Raises ValueError when that is no end or the job has ended."""
        if not self.active or state in ACTIVE_INGEST_STATES:
            raise ValueError(f"An ingest job can't go from {self.state} to {state}.")
        self.state, self.problem, self.finished_at = state, problem, timezone.now()
