"""Registered models: the names under which versions are kept."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from scenes.audit import AuditedRecords

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
NAME_WORDS = "Use letters, digits, dots, dashes and underscores, and begin with a letter or digit."


class ModelKind(models.TextChoices):
    SINGLE = "single", "Single model"
    ENSEMBLE = "ensemble", "Ensemble"


class RegisteredModel(models.Model):
    """A name for versions of a model, as in `production-classifier`; safe in addresses and file names.

    The kind says what its versions are: one trained network each, or an ensemble of several.
    """

    name = models.CharField(max_length=100, unique=True, validators=[RegexValidator(NAME, NAME_WORDS)])
    kind = models.CharField(max_length=16, choices=ModelKind, default=ModelKind.SINGLE)
    description = models.TextField(blank=True)
    tags = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, editable=False, related_name="registered_models"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    history = AuditedRecords()

    class Meta:
        ordering = ["name"]
        verbose_name = "registered model"
        constraints = [
            models.CheckConstraint(condition=Q(name__regex=NAME), name="model_name_is_safe_in_addresses"),
            models.CheckConstraint(condition=Q(kind__in=ModelKind.values), name="model_kind_is_known"),
        ]

    def __str__(self) -> str:
        return self.name
