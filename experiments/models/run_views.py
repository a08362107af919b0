"""How people look at the tracker: the views they saved, and what they prefer."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower

from scenes.audit import AuditedRecords


class RunView(models.Model):
    """A named question of the tracker: filters, order, columns and baseline, as the query of its address.

    The question is kept and never the rows. Who owns a view changes it; a shared one is seen by all who see runs.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="run_views")
    name = models.CharField(max_length=100)
    query = models.CharField("question", max_length=6000, blank=True)
    shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    history = AuditedRecords(excluded_fields=["updated_at"])

    class Meta:
        ordering = [Lower("name"), "id"]
        verbose_name = "view of runs"
        verbose_name_plural = "views of runs"
        indexes = [models.Index(Lower("name"), "id", name="run_view_shared", condition=models.Q(shared=True))]
        constraints = [
            models.UniqueConstraint("owner", Lower("name"), name="run_view_name_once_per_owner"),
            models.CheckConstraint(condition=~models.Q(name=""), name="run_view_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name


class RunDensity(models.TextChoices):
    COMFORTABLE = "comfortable", "Comfortable"
    COMPACT = "compact", "Compact"


class RunPreferences(models.Model):
    """How one person likes the tracker: columns in their order (none: the usual ones), row height, and the metrics
    that stand for the figures of run_figures, where they are not the usual ones (figure name to metric key).
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="run_preferences")
    columns = ArrayField(models.CharField(max_length=300), default=list, blank=True)
    density = models.CharField(max_length=16, choices=RunDensity, default=RunDensity.COMFORTABLE)
    figures = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name_plural = "preferences of runs"
        constraints = [
            models.CheckConstraint(condition=models.Q(density__in=RunDensity.values), name="run_density_is_known"),
        ]

    def __str__(self) -> str:
        return f"preferences of {self.user_id}"
