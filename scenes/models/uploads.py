"""Uploads: files on their way in, in pieces that survive a cut connection."""

from django.conf import settings
from django.db import models

from scenes.audit import AuditedRecords
from scenes.models.files import StoredFile
from scenes.models.ingest import IngestJob


class UploadState(models.TextChoices):
    OPEN = "open", "Open"
    COMMITTED = "committed", "Committed"
    ABANDONED = "abandoned", "Abandoned"


class UploadedFileState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    RECEIVING = "receiving", "Receiving"
    RECEIVED = "received", "Being checked"
    COMPLETE = "complete", "Complete"
    REFUSED = "refused", "Refused"


class Upload(models.Model):
    """Files that will become one scene when the upload is committed."""

    scene_name = models.CharField("scene ID", max_length=200)
    drive_name = models.CharField("drive", max_length=200, blank=True)
    tag_names = models.JSONField("tags", default=list, blank=True)
    captured_at = models.DateTimeField(null=True, blank=True)
    rate_hz = models.FloatField("frames per second", null=True, blank=True)
    format = models.CharField("declared format", max_length=32, blank=True)
    state = models.CharField(max_length=16, choices=UploadState, default=UploadState.OPEN)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="uploads")
    job = models.ForeignKey(IngestJob, on_delete=models.SET_NULL, null=True, blank=True, related_name="uploads")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    history = AuditedRecords(excluded_fields=["updated_at"])

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(rate_hz__isnull=True) | models.Q(rate_hz__gt=0),
                name="upload_rate_is_positive",
            ),
        ]

    def __str__(self) -> str:
        return f"upload {self.pk} of {self.scene_name}"


class UploadedFile(models.Model):
    """One file of an upload: how much of it is here, and the kept bytes once it is whole and its hash agrees."""

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=500)
    size = models.BigIntegerField("size in bytes")
    digest = models.CharField("declared sha256", max_length=64, blank=True)
    received = models.BigIntegerField("bytes received", default=0)
    problem = models.TextField(blank=True)
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, null=True, blank=True, related_name="uploads")

    class Meta:
        ordering = ["upload", "name"]
        constraints = [
            models.UniqueConstraint(fields=["upload", "name"], name="uploaded_file_name_once_per_upload"),
            models.CheckConstraint(
                condition=models.Q(received__gte=0, received__lte=models.F("size")),
                name="uploaded_bytes_within_size",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def complete(self) -> bool:
        return self.file_id is not None

    @property
    def state(self) -> UploadedFileState:
        """What the columns say together; it is not stored."""
        if self.complete:
            return UploadedFileState.COMPLETE
        if self.received == self.size:
            return UploadedFileState.RECEIVED
        if self.received:
            return UploadedFileState.RECEIVING
        return UploadedFileState.REFUSED if self.problem else UploadedFileState.WAITING
