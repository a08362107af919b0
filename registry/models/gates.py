"""Gates: what a version must have shown before it may be promoted."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from datasets.models import DatasetVersion, Split
from registry.models.registered import RegisteredModel
from registry.models.versions import Stage
from scenes.audit import AuditedRecords
from scenes.models import Scene


class GateKind(models.TextChoices):
    MINIMUM_IOU = "minimum_iou", "Minimum IoU"
    MAXIMUM_ECE = "maximum_ece", "Maximum ECE"
    NO_REGRESSION = "no_regression", "No regression against Production"
    MUST_PASS_SCENES = "must_pass_scenes", "Scenes that must pass"


class Gate(models.Model):
    """One condition on evidence from a frozen dataset version. It never changes: it is retired, and another is made.

    Measured is the IoU of `class_name`, or the mIoU when that is empty, over one `slice_name` and `split` of the
    dataset version where they are given; for `maximum_ece` the ECE. `threshold` is the least IoU, the greatest ECE,
    the loss of IoU against Production that is still taken, or the least IoU of each of the gate's scenes.
    """

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="gates")
    kind = models.CharField(max_length=20, choices=GateKind)
    target = models.CharField("before", max_length=16, choices=Stage, default=Stage.PRODUCTION)
    dataset_version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="gates")
    split = models.CharField(max_length=8, choices=Split, blank=True)
    slice_name = models.CharField("slice", max_length=60, blank=True)
    class_name = models.CharField("class", max_length=100, blank=True)
    threshold = models.FloatField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="made_gates")
    created_at = models.DateTimeField(auto_now_add=True)
    retired_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="retired_gates"
    )
    retired_at = models.DateTimeField(null=True, blank=True)
    history = AuditedRecords()

    class Meta:
        ordering = ["model", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=GateKind.values), name="gate_kind_is_known"),
            models.CheckConstraint(
                condition=Q(target__in=[Stage.STAGING, Stage.PRODUCTION]), name="gate_is_before_a_promotion"
            ),
            models.CheckConstraint(condition=Q(split__in=["", *Split.values]), name="gate_split_is_known"),
            models.CheckConstraint(condition=Q(threshold__gte=0, threshold__lte=1), name="gate_threshold_is_a_share"),
            models.CheckConstraint(
                condition=~Q(kind=GateKind.MAXIMUM_ECE) | Q(class_name=""), name="gate_on_ece_has_no_class"
            ),
            models.CheckConstraint(
                condition=Q(retired_at__isnull=True, retired_by__isnull=True)
                | Q(retired_at__isnull=False, retired_by__isnull=False),
                name="retired_gate_names_who",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.measures}"

    @property
    def measures(self) -> str:
        """What is measured, and where: `IoU of road, slice night, Validation`."""
        figure = "ECE" if self.kind == GateKind.MAXIMUM_ECE else f"IoU of {self.class_name}" if self.class_name else ""
        where = [f"slice {self.slice_name}" if self.slice_name else "", self.get_split_display() if self.split else ""]
        return ", ".join(filter(None, [figure or "mIoU", *where]))


class GateScene(models.Model):
    """A scene that must pass. A part of its gate: written once."""

    gate = models.ForeignKey(Gate, on_delete=models.CASCADE, db_index=False, related_name="scene_links")
    scene = models.ForeignKey(Scene, on_delete=models.PROTECT, related_name="gate_links")

    class Meta:
        ordering = ["gate", "scene"]
        verbose_name = "scene of a gate"
        constraints = [models.UniqueConstraint(fields=["gate", "scene"], name="scene_once_per_gate")]

    def __str__(self) -> str:
        return f"{self.gate_id}: {self.scene_id}"
