"""How people look at the explorer: the views they saved, and what they prefer."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower

from scenes.audit import AuditedRecords


class SavedView(models.Model):
    """A named rule by which scenes are found: filters, sorting and columns, as the query of the explorer's address.

    The rule is kept and never the rows: a scene that fits it later is in the view. Who owns a view changes it; a
    shared one is seen by everybody who may see scenes.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=100)
    query = models.CharField("rule", max_length=4000, blank=True)
    shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    history = AuditedRecords(excluded_fields=["updated_at"])

    class Meta:
        ordering = [Lower("name"), "id"]
        indexes = [models.Index(Lower("name"), "id", name="saved_view_shared", condition=models.Q(shared=True))]
        constraints = [
            models.UniqueConstraint("owner", Lower("name"), name="saved_view_name_once_per_owner"),
            models.CheckConstraint(condition=~models.Q(name=""), name="saved_view_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name


class ExplorerDensity(models.TextChoices):
    COMFORTABLE = "comfortable", "Comfortable"
    COMPACT = "compact", "Compact"


class ExplorerLayout(models.TextChoices):
    TABLE = "table", "Table"
    GRID = "grid", "Grid"


class ExplorerPreferences(models.Model):
    """How one person likes the explorer: columns in their order (none: the usual ones), density, table or grid.

    `default_view` is what the explorer opens with when its address says nothing.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="explorer_preferences")
    columns = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    density = models.CharField(max_length=16, choices=ExplorerDensity, default=ExplorerDensity.COMFORTABLE)
    view = models.CharField(max_length=16, choices=ExplorerLayout, default=ExplorerLayout.TABLE)
    default_view = models.ForeignKey(
        SavedView, on_delete=models.SET_NULL, null=True, blank=True, related_name="default_of"
    )

    class Meta:
        verbose_name_plural = "explorer preferences"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(density__in=ExplorerDensity.values), name="explorer_density_is_known"
            ),
            models.CheckConstraint(condition=models.Q(view__in=ExplorerLayout.values), name="explorer_view_is_known"),
        ]

    def __str__(self) -> str:
        return f"preferences of {self.user_id}"
