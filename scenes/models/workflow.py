"""The record of the labelling workflow: from which the time in each status is known."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from scenes.models.scenes import LabelingStatus, Scene


class StatusChange(models.Model):
    """One step of a scene from a status to another. Rows are added and never changed (a trigger holds it, too)."""

    scene = models.ForeignKey(Scene, on_delete=models.CASCADE, related_name="status_changes")
    from_status = models.CharField(max_length=16, choices=LabelingStatus)
    to_status = models.CharField(max_length=16, choices=LabelingStatus)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="status_changes"
    )
    reason = models.TextField(blank=True)
    at = models.DateTimeField(default=timezone.now)
    seconds_in_previous = models.FloatField("seconds in the status before")

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["scene", "-at", "-id"], name="status_changes_of_scene")]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(from_status=models.F("to_status")), name="status_change_changes_the_status"
            ),
            models.CheckConstraint(
                condition=models.Q(from_status__in=LabelingStatus.values, to_status__in=LabelingStatus.values),
                name="status_change_is_between_known",
            ),
            models.CheckConstraint(
                condition=models.Q(seconds_in_previous__gte=0), name="status_change_time_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scene_id}: {self.from_status} to {self.to_status}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise ValidationError("Status changes are a record: they stay as they are.")
        super().save(*args, **kwargs)
