"""Experiments: what runs that answer one question are gathered under."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from scenes.audit import AuditedRecords


class Experiment(models.Model):
    """A named group of runs. Archiving it is what other trackers call deleting: it can be restored.

    `tags` maps key to text. `artifact_location` is where a client of another dialect was told to keep artifacts;
    empty means here.
    """

    name = models.CharField(max_length=500, unique=True)
    notes = models.TextField(blank=True)
    tags = models.JSONField(default=dict, blank=True)
    artifact_location = models.TextField(blank=True)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="experiments",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    history = AuditedRecords(excluded_fields=["updated_at"])

    class Meta:
        ordering = ["-id"]
        constraints = [models.CheckConstraint(condition=~Q(name=""), name="experiment_has_a_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def archived(self) -> bool:
        return self.archived_at is not None
