"""Exports of the list of scenes: what was asked for, how far it is, and the file that came of it."""

from datetime import timedelta

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from scenes.models.files import StoredFile


class ExportFormat(models.TextChoices):
    CSV = "csv", "CSV"
    JSON_LINES = "jsonl", "JSON Lines"
    PARQUET = "parquet", "Parquet"


class ExportState(models.TextChoices):
    """`direct`: small enough to be written while it is downloaded; nothing is kept of it."""

    DIRECT = "direct", "Ready"
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Ready"
    FAILED = "failed", "Failed"
    EXPIRED = "expired", "Expired"


ACTIVE_EXPORT_STATES = [ExportState.QUEUED, ExportState.RUNNING]
READY_STATES = [ExportState.DIRECT, ExportState.DONE]


class SceneExport(models.Model):
    """One request for facts of scenes as a file: of those of `scene_ids`, or (null) of those that `query` finds.

    `attempts` tells two workers apart that have one export in hand: what the earlier one says no longer counts.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="scene_exports")
    query = models.CharField("matching", max_length=4000, blank=True)
    scene_ids = ArrayField(models.BigIntegerField(), null=True, blank=True, editable=False)
    columns = ArrayField(models.CharField(max_length=40), default=list)
    format = models.CharField(max_length=8, choices=ExportFormat)
    state = models.CharField(max_length=8, choices=ExportState, default=ExportState.QUEUED)
    total = models.PositiveIntegerField("scenes", default=0)
    done = models.PositiveIntegerField("scenes written", default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    problem = models.TextField(blank=True)
    file = models.ForeignKey(
        StoredFile, on_delete=models.PROTECT, null=True, blank=True, related_name="scene_exports",
        verbose_name="exported list",
    )  # fmt: skip
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(format__in=ExportFormat.values), name="scene_export_format_is_known"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=ExportState.values), name="scene_export_state_is_known"
            ),
            models.CheckConstraint(
                condition=models.Q(state=ExportState.DONE, file__isnull=False)
                | models.Q(~models.Q(state=ExportState.DONE), file__isnull=True),
                name="scene_export_done_has_a_file",
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "-id"], name="scene_export_of_owner"),
            models.Index(
                fields=["heartbeat_at"],
                name="scene_export_active",
                condition=models.Q(state__in=ACTIVE_EXPORT_STATES),
            ),
            models.Index(
                fields=["expires_at"],
                name="scene_export_expires",
                condition=models.Q(state__in=READY_STATES),
            ),
        ]

    def __str__(self) -> str:
        return f"export {self.pk}"

    @property
    def active(self) -> bool:
        return self.state in ACTIVE_EXPORT_STATES

    @property
    def ready(self) -> bool:
        """Whether it can be downloaded now."""
        return self.state in READY_STATES

    @property
    def stalled(self) -> bool:
        """No worker gave a sign for longer than the lease."""
        last = self.heartbeat_at or self.created_at
        return self.active and last < timezone.now() - timedelta(seconds=settings.INGEST_LEASE_SECONDS)

    @property
    def file_name(self) -> str:
        return f"scenes-{self.created_at:%Y%m%d-%H%M%S}-{self.pk}.{self.format}"
