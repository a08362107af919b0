"""Scores: a vector for each scene of an evaluation, and arrays of single points where they were given."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from scenes.models import Frame, Scene, StoredFile
from uncertainty.models.evaluations import Evaluation


class RealField(models.FloatField):
    """A float of four bytes."""

    def db_type(self, connection: Any) -> str:
        return "real"


class SceneScores(models.Model):
    """The scores of a scene's frames by playing position, NaN where a frame was not scored; one row, one timeline.

    `ious` are the frames' mIoU where whoever evaluated knew them. `n` frames are scored; `max`, `mean`, `p95` (linearly
    interpolated) and `argmax` (a playing position) are over those, empty when there are none; `sums` are the sum of the
    scores and that of their squares. `rank` counts the scenes of the evaluation from the most uncertain (1), by `max`;
    finishing writes it.
    """

    evaluation = models.ForeignKey(Evaluation, on_delete=models.CASCADE, db_index=False, related_name="scene_scores")
    scene = models.ForeignKey(Scene, on_delete=models.PROTECT, related_name="uncertainty_scores")
    scores = ArrayField(RealField())
    ious = ArrayField(RealField(), null=True, blank=True)
    n = models.PositiveIntegerField("scored frames", default=0)
    max = models.FloatField(null=True, blank=True)
    mean = models.FloatField(null=True, blank=True)
    p95 = models.FloatField("95th percentile", null=True, blank=True)
    argmax = models.PositiveIntegerField("position of the highest", null=True, blank=True)
    sums = ArrayField(models.FloatField(), size=2)
    rank = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["evaluation", "rank"]
        verbose_name = "scores of a scene"
        verbose_name_plural = "scores of scenes"
        indexes = [models.Index(fields=["evaluation", "rank"], name="uncertainty_scene_ranks")]
        constraints = [
            models.UniqueConstraint(fields=["evaluation", "scene"], name="uncertainty_scene_once"),
            models.CheckConstraint(
                condition=Q(n=0, max__isnull=True, mean__isnull=True, p95__isnull=True, argmax__isnull=True)
                | Q(n__gt=0, max__gte=F("p95"), mean__gte=0, p95__gte=0, argmax__isnull=False),
                name="uncertainty_scene_facts_fit",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.evaluation_id}: {self.scene_id}"


class PointScores(models.Model):
    """The value of each point of a frame, in the order of its file: a .npy file of float16 or float32.

    `aggregates` are the frame's scores by every aggregator, in the order of uncertainty.scores.AGGREGATORS; the one
    that the evaluation has chosen stands in its vector, too.
    """

    evaluation = models.ForeignKey(Evaluation, on_delete=models.CASCADE, db_index=False, related_name="point_scores")
    scene = models.ForeignKey(Scene, on_delete=models.PROTECT, related_name="point_scores")
    frame = models.ForeignKey(Frame, on_delete=models.PROTECT, related_name="point_scores")
    values = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="point_scores_of")
    point_count = models.PositiveIntegerField()
    aggregates = ArrayField(RealField(), size=6)

    class Meta:
        ordering = ["evaluation", "frame"]
        verbose_name = "scores of a frame's points"
        verbose_name_plural = "scores of frames' points"
        indexes = [models.Index(fields=["scene", "evaluation"], name="uncertainty_points_by_scene")]
        constraints = [models.UniqueConstraint(fields=["evaluation", "frame"], name="uncertainty_points_once")]

    def __str__(self) -> str:
        return f"{self.evaluation_id}: {self.frame_id}"
