"""Ingest jobs: the truth about pending ingestion."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from scenes.audit import AuditedRecords
from scenes.models.scenes import Scene


class IngestState(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class IngestKind(models.TextChoices):
    """What a job does with its scene's frames; each is idempotent."""

    INGEST = "ingest", "Bring in"
    REINGEST = "reingest", "Read again"
    THUMBNAILS = "thumbnails", "Rebuild pictures"
    DISPLAY = "display", "Rebuild display files"


ACTIVE_INGEST_STATES = [IngestState.QUEUED, IngestState.RUNNING]


class IngestJob(models.Model):
    """The truth about pending ingestion: one row per scene and request, with state, attempts and heartbeat.

    `planned_frames` is how many frames were pending when the job was queued; progress and speed count from it.
    """

    scene = models.ForeignKey(Scene, on_delete=models.CASCADE, related_name="ingest_jobs")
    kind = models.CharField(max_length=16, choices=IngestKind, default=IngestKind.INGEST)
    state = models.CharField(max_length=16, choices=IngestState, default=IngestState.QUEUED)
    planned_frames = models.PositiveIntegerField("frames to handle", default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True)
    rate_hz = models.FloatField("frames per second", null=True, blank=True)
    labels = models.JSONField("labels to add at the end", default=dict, blank=True, editable=False)
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
    history = AuditedRecords(excluded_fields=["heartbeat_at"])

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
            models.Index(fields=["state", "-id"], name="ingest_job_by_state"),
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
