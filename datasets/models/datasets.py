"""Datasets: the names under which versions are kept."""

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models

from scenes.audit import AuditedRecords

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
NAME_WORDS = "Use letters, digits, dots, dashes and underscores, and begin with a letter or digit."


class Dataset(models.Model):
    """A name for versions of a set of scenes, as in `Urban_Night_Scenes@v2`; safe in addresses and file names."""

    name = models.CharField(max_length=100, unique=True, validators=[RegexValidator(NAME, NAME_WORDS)])
    description = models.TextField(blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="datasets"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    history = AuditedRecords()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=models.Q(name__regex=NAME), name="dataset_name_is_safe_in_addresses"),
        ]

    def __str__(self) -> str:
        return self.name
