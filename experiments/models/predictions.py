"""Predictions: what a run says of every point of a frame."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from experiments.models.runs import Run
from scenes.audit import AuditedRecords
from scenes.models import Frame, Ontology, Scene, StoredFile


class UncertaintyMeasure(models.TextChoices):
    """What a number per point says. Raw numbers of different measures are never compared."""

    PREDICTIVE_ENTROPY = "predictive_entropy", "Predictive entropy"
    MUTUAL_INFORMATION = "mutual_information", "Mutual information"
    EXPECTED_ENTROPY = "expected_entropy", "Expected entropy"
    VARIATION_RATIO = "variation_ratio", "Variation ratio"
    DISAGREEMENT = "disagreement", "Disagreement"
    VARIANCE = "variance", "Variance"
    CUSTOM = "custom", "Custom"


class PredictionSet(models.Model):
    """The predictions of a run: in which ontology, and what its uncertainty per point measures.

    `measure` is empty where the run gives no uncertainty; else `low` and `high` are the ends that no value goes beyond,
    and `unit` is "nats", "normalised" or, of a custom measure, any text. `frame_count` and `point_count` follow from
    the frames (triggers of migration 0004), which also keep what was declared once a frame is there.
    """

    # Its frames hold class indices: see Ontology.in_use.
    KEEPS_CLASSES = True

    run = models.OneToOneField(Run, on_delete=models.PROTECT, related_name="predictions")
    ontology = models.ForeignKey(Ontology, on_delete=models.PROTECT, related_name="prediction_sets")
    measure = models.CharField(
        "measure of uncertainty", max_length=32, choices=UncertaintyMeasure, blank=True, default=""
    )
    unit = models.CharField(max_length=32, blank=True, default="")
    low = models.FloatField(null=True, blank=True)
    high = models.FloatField(null=True, blank=True)
    frame_count = models.PositiveIntegerField(default=0, editable=False)
    point_count = models.BigIntegerField(default=0, editable=False)
    declared_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, editable=False, related_name="prediction_sets"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    history = AuditedRecords(excluded_fields=["updated_at", "frame_count", "point_count"])

    class Meta:
        ordering = ["-run_id"]
        verbose_name = "predictions of a run"
        verbose_name_plural = "predictions of runs"
        constraints = [
            models.CheckConstraint(
                condition=Q(measure="") | Q(measure__in=UncertaintyMeasure.values), name="prediction_measure_is_known"
            ),
            models.CheckConstraint(
                condition=Q(measure="", unit="", low__isnull=True, high__isnull=True)
                | (~Q(measure="") & Q(low__isnull=False, high__isnull=False, low__lt=F("high"))),
                name="prediction_measure_has_its_ends",
            ),
        ]

    def __str__(self) -> str:
        return f"predictions of run-{self.run_id}"


class FramePrediction(models.Model):
    """What a run says of one frame, each array in the order of the points in the frame's file.

    `classes`: the class index of each point, uint8 without a header. `confidence`: of the predicted class, 0..1, and
    `uncertainty`, between the ends that the set declares with NaN for a point without one: .npy of little-endian
    float16 or float32 (experiments/prediction_arrays.py reads all three). `point_count` is the frame's number of points
    when it was predicted; a replaced file may have another. `class_counts[i]`: points of the class with index i.
    `recorded_by` and `recorded_at` tell of the bytes that are there; history begins when they are replaced.
    """

    prediction_set = models.ForeignKey(
        PredictionSet, on_delete=models.CASCADE, db_index=False, related_name="frames"
    )  # the unique constraint is the index
    scene = models.ForeignKey(Scene, on_delete=models.CASCADE, db_index=False, related_name="predictions")
    frame = models.ForeignKey(Frame, on_delete=models.CASCADE, related_name="predictions")
    classes = models.ForeignKey(
        StoredFile, on_delete=models.PROTECT, verbose_name="predicted classes", related_name="predicted_classes_of"
    )
    confidence = models.ForeignKey(
        StoredFile,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        verbose_name="predicted confidence",
        related_name="confidence_of",
    )
    uncertainty = models.ForeignKey(
        StoredFile,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        verbose_name="predicted uncertainty",
        related_name="uncertainty_of",
    )
    point_count = models.PositiveIntegerField()
    class_counts = ArrayField(models.BigIntegerField(), default=list, blank=True)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, editable=False, related_name="frame_predictions"
    )
    recorded_at = models.DateTimeField()
    history = AuditedRecords(excluded_fields=["class_counts"])

    class Meta:
        ordering = ["prediction_set_id", "scene_id", "frame_id"]
        verbose_name = "prediction of a frame"
        verbose_name_plural = "predictions of frames"
        indexes = [models.Index(fields=["scene", "prediction_set"], name="prediction_by_scene")]
        constraints = [
            models.UniqueConstraint(fields=["prediction_set", "frame"], name="frame_predicted_once_per_run"),
        ]

    def __str__(self) -> str:
        return f"prediction of frame {self.frame_id}"
