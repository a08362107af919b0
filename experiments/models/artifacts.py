"""Artifacts: files that a run leaves behind."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from experiments.models.runs import Run
from scenes.audit import AuditedRecords
from scenes.models import StoredFile


class Artifact(models.Model):
    """A file of a run under the name that its script gave it. The name is a fact, never a path on a disk:
    the bytes are kept by their sha256. Nothing is ever loaded or executed.
    """

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="artifacts")
    path = models.CharField(max_length=500)
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, verbose_name="artifact", related_name="artifacts")
    media_type = models.CharField(max_length=255, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="artifacts"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    history = AuditedRecords(excluded_fields=["updated_at"])

    class Meta:
        ordering = ["run_id", "path"]
        constraints = [
            models.UniqueConstraint(fields=["run", "path"], name="artifact_path_once_per_run"),
            models.CheckConstraint(
                condition=~Q(path="") & ~Q(path__startswith="/") & ~Q(path__endswith="/"),
                name="artifact_path_is_relative",
            ),
        ]

    def __str__(self) -> str:
        return self.path
