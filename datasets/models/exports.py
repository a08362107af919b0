"""Exports of frozen versions: what was asked for, how far it is, and the archive that came of it."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from datasets.models.versions import DatasetVersion
from scenes.audit import AuditedRecords
from scenes.models import StoredFile


class ExportFormat(models.TextChoices):
    MANIFEST = "manifest-jsonl", "Manifest, JSON Lines"
    PARQUET = "manifest-parquet", "Manifest, Parquet"
    PLAIN = "plain", "Plain folders"
    SEMANTIC_KITTI = "semantic-kitti", "SemanticKITTI"
    NUSCENES = "nuscenes", "nuScenes-like"
    KITTI_RAW = "kitti-raw", "KITTI raw"


class ExportState(models.TextChoices):
    """`direct`: small enough to be made while it is downloaded; nothing is kept of it."""

    DIRECT = "direct", "Ready"
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Ready"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    EXPIRED = "expired", "Expired"


ACTIVE_EXPORT_STATES = [ExportState.QUEUED, ExportState.RUNNING]
READY_EXPORT_STATES = [ExportState.DIRECT, ExportState.DONE]


class DatasetExport(models.Model):
    """One request for a frozen version in a format: as an archive to download, or below a `place` of LAMM_EXPORTS.

    Everybody who may export shares it: the same again is the same row while it is at work or ready. `attempts` tells
    two workers apart that have one export in hand: what the earlier one says no longer counts.
    """

    version = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="exports")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="dataset_exports"
    )
    format = models.CharField(max_length=20, choices=ExportFormat)
    place = models.CharField("place of LAMM_EXPORTS", max_length=64, blank=True)
    state = models.CharField(max_length=10, choices=ExportState, default=ExportState.QUEUED)
    total = models.PositiveBigIntegerField("frames", default=0)
    done = models.PositiveBigIntegerField("frames written", default=0)
    byte_count = models.PositiveBigIntegerField("bytes written", default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    problem = models.TextField(blank=True)
    file = models.ForeignKey(
        StoredFile, on_delete=models.PROTECT, null=True, blank=True, related_name="dataset_exports",
        verbose_name="exported dataset",
    )  # fmt: skip
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    # Progress is no fact that anybody decided.
    history = AuditedRecords(excluded_fields=["done", "heartbeat_at"])

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(format__in=ExportFormat.values), name="dataset_export_format_is_known"),
            models.CheckConstraint(condition=Q(state__in=ExportState.values), name="dataset_export_state_is_known"),
            models.CheckConstraint(
                condition=Q(file__isnull=True) | Q(state=ExportState.DONE, place=""),
                name="dataset_export_file_is_of_a_done_one",
            ),
            models.CheckConstraint(
                condition=~Q(state=ExportState.DONE, place="") | Q(file__isnull=False),
                name="dataset_export_done_has_a_file",
            ),
            models.UniqueConstraint(
                fields=["version", "format", "place"],
                condition=Q(state__in=[*ACTIVE_EXPORT_STATES, *READY_EXPORT_STATES]),
                name="dataset_export_once_while_it_lasts",
            ),
        ]
        indexes = [
            models.Index(
                fields=["heartbeat_at"], name="dataset_export_active", condition=Q(state__in=ACTIVE_EXPORT_STATES)
            ),
            models.Index(
                fields=["expires_at"], name="dataset_export_expires", condition=Q(state__in=READY_EXPORT_STATES)
            ),
        ]

    def __str__(self) -> str:
        return f"export {self.pk}"

    @property
    def active(self) -> bool:
        return self.state in ACTIVE_EXPORT_STATES

    @property
    def ready(self) -> bool:
        """Whether it is all there: to download, or at its place."""
        return self.state in READY_EXPORT_STATES

    @property
    def downloadable(self) -> bool:
        return self.ready and not self.place

    @property
    def stalled(self) -> bool:
        """No worker gave a sign for longer than the lease."""
        last = self.heartbeat_at or self.created_at
        return self.active and last < timezone.now() - timedelta(seconds=settings.INGEST_LEASE_SECONDS)
