"""Drives: the logs that scenes come from."""

from django.db import models

from scenes.audit import AuditedRecords


class Drive(models.Model):
    """One log of one vehicle: the unit that must not straddle two splits."""

    name = models.CharField(max_length=200, unique=True)
    vehicle = models.CharField(max_length=200, blank=True)
    date = models.DateField(null=True, blank=True)
    location = models.CharField(max_length=200, blank=True)
    notes = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    history = AuditedRecords()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
