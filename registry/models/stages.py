"""How versions moved between stages, and the aliases that point at them."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from registry.models.promotions import PromotionRequest
from registry.models.registered import RegisteredModel
from registry.models.versions import ModelVersion, Stage
from scenes.audit import AuditedRecords

ALIAS = r"^[a-z][a-z0-9_-]*$"


class Move(models.TextChoices):
    """Why a version changed its stage."""

    REGISTERED = "registered", "Registered"
    PROMOTED = "promoted", "Promoted"
    REPLACED = "replaced", "Replaced by another version"
    STEPPED_DOWN = "stepped_down", "Stepped down"
    ROLLED_BACK = "rolled_back", "Rolled back"
    RETURNED = "returned", "Returned by a roll back"


class StageTransition(models.Model):
    """A version moved from one stage to another. Rows are added and never changed, so that the past can be asked.

    Two rows of one exchange (one leaves Production, one enters) carry the same time; the one that leaves comes first.
    """

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, db_index=False, related_name="transitions")
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="transitions")
    from_stage = models.CharField(max_length=16, choices=Stage, blank=True)
    to_stage = models.CharField(max_length=16, choices=Stage)
    move = models.CharField(max_length=16, choices=Move)
    request = models.ForeignKey(
        PromotionRequest, on_delete=models.PROTECT, null=True, blank=True, related_name="transitions"
    )
    reason = models.TextField(blank=True)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="stage_transitions")
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name = "stage transition"
        indexes = [models.Index(fields=["model", "-at", "-id"], name="transition_by_model")]
        constraints = [
            models.CheckConstraint(condition=Q(to_stage__in=Stage.values), name="transition_to_a_known_stage"),
            models.CheckConstraint(condition=Q(move__in=Move.values), name="transition_move_is_known"),
            models.CheckConstraint(condition=~Q(from_stage=F("to_stage")), name="transition_changes_the_stage"),
        ]

    def __str__(self) -> str:
        return f"{self.version_id}: {self.from_stage or 'new'} to {self.to_stage}"


class Alias(models.Model):
    """A name that points at one version of a model, and can be moved: `production-classifier@champion`.

    Where it pointed before stands in its history.
    """

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="aliases")
    name = models.CharField(max_length=60)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="aliases")
    moved_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="moved_aliases")
    moved_at = models.DateTimeField()
    history = AuditedRecords()

    class Meta:
        ordering = ["model", "name"]
        verbose_name_plural = "aliases"
        constraints = [
            models.UniqueConstraint(fields=["model", "name"], name="alias_once_per_model"),
            models.CheckConstraint(condition=Q(name__regex=ALIAS), name="alias_is_a_word"),
        ]

    def __str__(self) -> str:
        return self.name
