"""Versions of registered models: what they were made of, which never changes, and the model card beside it."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from datasets.models import DatasetVersion
from experiments.models import Artifact, Run
from registry.models.registered import RegisteredModel
from scenes.audit import AuditedRecords
from scenes.models import Ontology, StoredFile

LABEL = r"^v[0-9]+(\.[0-9]+){0,3}([.-][A-Za-z0-9]+)*$"
LABEL_WORDS = "Write it as v3, v3.2 or v3.2.1-rc1."


class Stage(models.TextChoices):
    DEVELOPMENT = "development", "Development"
    STAGING = "staging", "Staging"
    PRODUCTION = "production", "Production"


class ModelVersionQuerySet(models.QuerySet["ModelVersion"]):
    def for_listing(self) -> "ModelVersionQuerySet":
        """Everything that a row of a list shows, in one query."""
        related = ["model", "run", "file", "ontology", "dataset_version__dataset", "created_by"]
        large = [f"dataset_version__{name}" for name in ("certificate", "statistics", "drawn")]
        return self.select_related(*related).defer("run__failure", "run__command", *large)


class ModelVersion(models.Model):
    """One version of a registered model, such as `production-classifier v3.2`.

    Pinned when it is registered, and kept by triggers: the run it was made by, its artifact by sha256 (`file`, the
    path it had in the run, the row it was copied from as long as that is there), the ontology it speaks, the dataset
    version it was trained on, and `metrics`, the server's own figures of that moment (registry.snapshots). `number`
    counts the versions of a model. An ensemble has members, and may have the run that logged its joint predictions.

    `stage` and `archived_at` change through registry.services only. The rest is the model card (Markdown).
    `miou`, `ece` and `ause` repeat figures of `metrics` for lists that sort by them.
    """

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, editable=False, related_name="versions")
    number = models.PositiveIntegerField(editable=False)
    label = models.CharField(max_length=40, editable=False)
    stage = models.CharField(max_length=16, choices=Stage, default=Stage.DEVELOPMENT, editable=False)
    run = models.ForeignKey(
        Run, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="model_versions"
    )
    artifact = models.ForeignKey(
        Artifact, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="model_versions"
    )
    artifact_path = models.CharField(max_length=500, blank=True, editable=False)
    file = models.ForeignKey(
        StoredFile,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        verbose_name="model",
        related_name="model_versions",
    )
    digest = models.CharField("sha256 of the artifact", max_length=64, blank=True, editable=False)
    ontology = models.ForeignKey(
        Ontology, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="model_versions"
    )
    dataset_version = models.ForeignKey(
        DatasetVersion, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="model_versions"
    )
    metrics = models.JSONField(default=dict, blank=True, editable=False)
    miou = models.FloatField("mIoU", null=True, blank=True, editable=False)
    ece = models.FloatField("ECE", null=True, blank=True, editable=False)
    ause = models.FloatField("AUSE", null=True, blank=True, editable=False)
    contaminated = models.BooleanField(null=True, blank=True, editable=False)
    member_count = models.PositiveSmallIntegerField("members", default=0, editable=False)

    tags = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    release_notes = models.TextField(blank=True)
    intended_use = models.TextField(blank=True)
    training_data = models.TextField("data", blank=True)
    limits = models.TextField(blank=True)
    licence = models.CharField(max_length=200, blank=True)

    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, editable=False, related_name="model_versions"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ModelVersionQuerySet.as_manager()
    history = AuditedRecords(excluded_fields=["metrics"])

    class Meta:
        ordering = ["-id"]
        verbose_name = "model version"
        indexes = [
            models.Index(fields=["stage", "-id"], name="model_version_by_stage"),
            models.Index(F("miou").desc(nulls_last=True), "id", name="model_version_by_miou"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["model", "number"], name="model_version_number_once_per_model"),
            models.UniqueConstraint(fields=["model", "label"], name="model_version_label_once_per_model"),
            models.UniqueConstraint(
                fields=["model"], condition=Q(stage=Stage.PRODUCTION), name="one_version_in_production_per_model"
            ),
            models.CheckConstraint(condition=Q(stage__in=Stage.values), name="model_version_stage_is_known"),
            models.CheckConstraint(condition=Q(label__regex=LABEL), name="model_version_label_is_a_version"),
            models.CheckConstraint(
                condition=Q(file__isnull=True, digest="") | Q(file__isnull=False, digest__regex="^[0-9a-f]{64}$"),
                name="model_version_file_has_a_digest",
            ),
            models.CheckConstraint(
                condition=Q(archived_at__isnull=True) | Q(stage=Stage.DEVELOPMENT),
                name="archived_model_version_is_not_deployed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model.name} {self.label}"

    @property
    def archived(self) -> bool:
        return self.archived_at is not None


class EnsembleMember(models.Model):
    """A member of an ensemble: a registered version, or a run that never was registered. Written once."""

    ensemble = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="members")
    position = models.PositiveSmallIntegerField()
    version = models.ForeignKey(
        ModelVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="ensemble_memberships"
    )
    run = models.ForeignKey(Run, on_delete=models.PROTECT, null=True, blank=True, related_name="ensemble_memberships")

    class Meta:
        ordering = ["ensemble", "position"]
        verbose_name = "member of an ensemble"
        constraints = [
            models.UniqueConstraint(fields=["ensemble", "position"], name="ensemble_position_once"),
            models.UniqueConstraint(fields=["ensemble", "version"], name="ensemble_member_version_once"),
            models.UniqueConstraint(fields=["ensemble", "run"], name="ensemble_member_run_once"),
            models.CheckConstraint(
                condition=Q(version__isnull=True, run__isnull=False) | Q(version__isnull=False, run__isnull=True),
                name="ensemble_member_is_a_version_or_a_run",
            ),
            models.CheckConstraint(condition=~Q(version=F("ensemble")), name="ensemble_is_not_its_own_member"),
        ]

    def __str__(self) -> str:
        return str(self.version if self.version_id else self.run)
