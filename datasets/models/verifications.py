"""Verifications: jobs that read every file of a frozen version again, and what they found."""

from django.conf import settings
from django.db import models

from datasets.models.versions import DatasetVersion


class VerificationState(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SOUND = "sound", "Sound"
    DAMAGED = "damaged", "Damaged"
    FAILED = "failed", "Failed"


ACTIVE_VERIFICATION_STATES = [VerificationState.QUEUED, VerificationState.RUNNING]


class Verification(models.Model):
    """One reading of all files of a frozen version against its manifest; itself a record, whose progress alone changes.

    Scenes are handled in the order of the manifest, `done` of `total` so far. `problems` names the first of them as
    {"scene", "frame", "file", "problem"}, `problem_count` counts all.
    """

    version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="verifications")
    state = models.CharField(max_length=16, choices=VerificationState, default=VerificationState.QUEUED)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="verifications"
    )
    total = models.PositiveIntegerField("scenes", default=0)
    done = models.PositiveIntegerField("scenes handled", default=0)
    file_count = models.PositiveBigIntegerField("files read", default=0)
    byte_count = models.PositiveBigIntegerField("bytes read", default=0)
    problems = models.JSONField(default=list, blank=True)
    problem_count = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=VerificationState.values), name="verification_state_is_known"
            ),
            models.UniqueConstraint(
                fields=["version"],
                condition=models.Q(state__in=ACTIVE_VERIFICATION_STATES),
                name="one_active_verification_per_version",
            ),
        ]

    def __str__(self) -> str:
        return f"verification {self.pk}"

    @property
    def active(self) -> bool:
        return self.state in ACTIVE_VERIFICATION_STATES
