"""Evaluations: what one model, run or ensemble says of a dataset split, by one definition of uncertainty."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from datasets.models import DatasetVersion, Split
from experiments.models import Run
from registry.models import ModelVersion
from scenes.audit import AuditedRecords
from scenes.errors import ConflictError
from uncertainty import scores


class EvaluationState(models.TextChoices):
    DRAFT = "draft", "Draft"
    FINISHED = "finished", "Finished"
    SUPERSEDED = "superseded", "Superseded"
    WITHDRAWN = "withdrawn", "Withdrawn"


class Measure(models.TextChoices):
    """What is measured at each point; uncertainty.scores defines them."""

    PREDICTIVE_ENTROPY = scores.PREDICTIVE_ENTROPY, "Predictive entropy"
    MUTUAL_INFORMATION = scores.MUTUAL_INFORMATION, "Mutual information"
    EXPECTED_ENTROPY = scores.EXPECTED_ENTROPY, "Expected entropy"
    VARIATION_RATIO = scores.VARIATION_RATIO, "Variation ratio"
    DISAGREEMENT = scores.DISAGREEMENT, "Disagreement"
    VARIANCE = scores.VARIANCE, "Variance"
    CUSTOM = scores.CUSTOM, "Custom"


class Aggregator(models.TextChoices):
    """How the values of a frame's points become the score of the frame."""

    MEAN = scores.MEAN, "Mean of the points"
    P95 = scores.P95, "95th percentile of the points"
    P999 = scores.P999, "99.9th percentile of the points"
    MAX = scores.MAX, "Highest point"
    TOP = scores.TOP, "Mean of the highest 0.1 % of the points"
    FRACTION = scores.FRACTION, "Share of points above a threshold"


AGGREGATOR_WORDS = {
    Aggregator.MEAN: "mean",
    Aggregator.P95: "p95",
    Aggregator.P999: "p99.9",
    Aggregator.MAX: "max",
    Aggregator.TOP: "top 0.1 %",
}


class EvaluationQuerySet(models.QuerySet["Evaluation"]):
    def for_listing(self) -> "EvaluationQuerySet":
        """Everything that a row of a list shows, in one query; what is large stays where it is."""
        large = [f"dataset_version__{name}" for name in ("certificate", "statistics", "drawn")]
        related = self.select_related("run", "dataset_version__dataset", "created_by")
        return related.defer("histogram", "top_frames", "run__failure", *large)

    def finished(self) -> "EvaluationQuerySet":
        return self.filter(state=EvaluationState.FINISHED)


class Evaluation(models.Model):
    """The uncertainty scores of one model, run or ensemble on a split of a frozen dataset version.

    Of a registered model `model_version` says which version, whose name it then carries unless it has one of its own.

    The definition of a score: `measure` (with `custom_name` for one of the user's own) in nats or `normalised`, whose
    values lie in `low`..`high`, and the `aggregator` of points to frames (`threshold` belongs to fraction>t). Scores
    come in while it is a draft. Finishing stores every number below and makes it immutable: triggers keep it and its
    scores; afterwards it can be superseded by a newer one of the same source and definition, or withdrawn.

    `mean` and `p95` (linearly interpolated) are over all scored frames, `frame_count` of `frame_total` frames that are
    ready, in `scene_count` of `scene_total` scenes. `histogram` is {"edges": [...], "counts": [...]}; `top_frames` the
    most uncertain frames, highest first, as {"scene", "frame", "position", "score", "iou"}. `sums` are the sum of the
    scores and that of their squares, from which any other set of evaluations is rolled up exactly.
    """

    name = models.CharField(max_length=200, blank=True)
    run = models.ForeignKey(
        Run, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="uncertainty_evaluations"
    )
    model_version = models.ForeignKey(
        ModelVersion,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="uncertainty_evaluations",
    )
    dataset_version = models.ForeignKey(
        DatasetVersion, on_delete=models.PROTECT, editable=False, related_name="uncertainty_evaluations"
    )
    split = models.CharField(max_length=8, choices=Split, blank=True, editable=False)
    measure = models.CharField(max_length=32, choices=Measure, editable=False)
    custom_name = models.CharField(max_length=60, blank=True, editable=False)
    unit = models.CharField(max_length=16, blank=True, editable=False)
    normalised = models.BooleanField(default=False, editable=False)
    classes = models.PositiveSmallIntegerField(null=True, blank=True, editable=False)
    aggregator = models.CharField(max_length=16, choices=Aggregator, default=Aggregator.MEAN, editable=False)
    threshold = models.FloatField(null=True, blank=True, editable=False)
    low = models.FloatField("lowest possible value", editable=False)
    high = models.FloatField("highest possible value", editable=False)
    notes = models.TextField(blank=True)

    state = models.CharField(max_length=16, choices=EvaluationState, default=EvaluationState.DRAFT, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, editable=False, related_name="uncertainty_evaluations"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    finished_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="finished_uncertainty_evaluations",
    )
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)
    superseded_by = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="supersedes"
    )
    withdrawn_at = models.DateTimeField(null=True, blank=True, editable=False)
    withdrawal_reason = models.TextField(blank=True, editable=False)

    mean = models.FloatField(null=True, blank=True, editable=False)
    p95 = models.FloatField("95th percentile", null=True, blank=True, editable=False)
    maximum = models.FloatField(null=True, blank=True, editable=False)
    scene_count = models.PositiveIntegerField("scored scenes", default=0, editable=False)
    scene_total = models.PositiveIntegerField("scenes of the split", default=0, editable=False)
    frame_count = models.PositiveIntegerField("scored frames", default=0, editable=False)
    frame_total = models.PositiveIntegerField("frames of the split", default=0, editable=False)
    sums = models.JSONField(default=list, blank=True, editable=False)
    histogram = models.JSONField(default=dict, blank=True, editable=False)
    top_frames = models.JSONField(default=list, blank=True, editable=False)

    objects = EvaluationQuerySet.as_manager()
    history = AuditedRecords(excluded_fields=["histogram", "top_frames", "sums"])

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["run", "-id"], name="uncertainty_by_run"),
            models.Index(fields=["dataset_version", "split", "-id"], name="uncertainty_by_dataset"),
            models.Index(fields=["state", "-id"], name="uncertainty_by_state"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=EvaluationState.values), name="uncertainty_state_is_known"),
            models.CheckConstraint(condition=Q(measure__in=Measure.values), name="uncertainty_measure_is_known"),
            models.CheckConstraint(
                condition=Q(aggregator__in=Aggregator.values), name="uncertainty_aggregator_is_known"
            ),
            models.CheckConstraint(condition=Q(split__in=["", *Split.values]), name="uncertainty_split_is_known"),
            models.CheckConstraint(
                condition=Q(low__gte=0, low__lt=F("high"), high__lt=float("inf")), name="uncertainty_range_is_one"
            ),
            models.CheckConstraint(
                condition=Q(aggregator=Aggregator.FRACTION, threshold__isnull=False)
                | Q(~Q(aggregator=Aggregator.FRACTION), threshold__isnull=True),
                name="uncertainty_fraction_has_its_threshold",
            ),
            models.CheckConstraint(
                condition=Q(measure=Measure.CUSTOM, custom_name__gt="") | Q(~Q(measure=Measure.CUSTOM), custom_name=""),
                name="uncertainty_custom_measure_has_a_name",
            ),
            models.CheckConstraint(
                condition=~Q(name="") | Q(run__isnull=False), name="uncertainty_has_a_name_or_a_run"
            ),
            models.CheckConstraint(
                condition=Q(state=EvaluationState.DRAFT, finished_at__isnull=True)
                | Q(~Q(state=EvaluationState.DRAFT), finished_at__isnull=False, mean__isnull=False, p95__isnull=False),
                name="uncertainty_has_its_numbers_once_finished",
            ),
            models.CheckConstraint(
                condition=Q(state=EvaluationState.SUPERSEDED, superseded_by__isnull=False)
                | Q(~Q(state=EvaluationState.SUPERSEDED), superseded_by__isnull=True),
                name="superseded_uncertainty_names_the_newer",
            ),
            models.CheckConstraint(
                condition=Q(state=EvaluationState.WITHDRAWN, withdrawn_at__isnull=False)
                | Q(~Q(state=EvaluationState.WITHDRAWN), withdrawn_at__isnull=True),
                name="withdrawn_uncertainty_says_since_when",
            ),
            models.UniqueConstraint(
                fields=[
                    "name", "run", "dataset_version", "split", "measure", "custom_name", "normalised", "aggregator",
                    "threshold",
                ],
                condition=Q(state=EvaluationState.FINISHED),
                nulls_distinct=False,
                name="uncertainty_finished_once_per_definition",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.title} on {self.target}"

    @property
    def title(self) -> str:
        """What was evaluated: the name of the model or ensemble, else the run, as "run-7"."""
        return self.name or f"run-{self.run_id}"

    @property
    def target(self) -> str:
        """On what: "Urban@v2 · val"."""
        return f"{self.dataset_version} · {self.split or 'all splits'}"

    @property
    def measure_title(self) -> str:
        return self.custom_name or self.get_measure_display()

    @property
    def aggregator_title(self) -> str:
        """In a word or two: "mean", "top 0.1 %", "share above 0.5"."""
        known: dict[Any, str] = AGGREGATOR_WORDS
        return known.get(self.aggregator) or f"share above {self.threshold:g}"

    @property
    def definition(self) -> str:
        """Measure, unit and aggregator; scores of another definition don't compare with these."""
        parts = [self.measure_title, self.unit, self.aggregator_title]
        return ", ".join(part for part in parts if part)

    @property
    def score_range(self) -> tuple[float, float]:
        """The ends of a frame's score: those of the measure, but 0..1 for a share of points."""
        return (0.0, 1.0) if self.aggregator == Aggregator.FRACTION else (self.low, self.high)

    @property
    def is_draft(self) -> bool:
        return self.state == EvaluationState.DRAFT

    @property
    def coverage(self) -> float | None:
        """The scored share of the split's frames; None while it is a draft or the split has no frames."""
        return self.frame_count / self.frame_total if self.frame_total else None

    def refuse_unless_draft(self) -> None:
        """Raises ConflictError once the evaluation is finished."""
        if not self.is_draft:
            raise ConflictError(
                f"Evaluation {self.pk} ({self}) is {self.get_state_display().lower()}: nothing of it changes any more. "
                "Make a new one; it supersedes this one when it is finished.",
                state=self.state,
            )


class EvaluationMember(models.Model):
    """A run whose model is a member of the evaluated ensemble."""

    evaluation = models.ForeignKey(Evaluation, on_delete=models.CASCADE, db_index=False, related_name="members")
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="uncertainty_memberships")
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["evaluation", "position"]
        verbose_name = "member of an evaluated ensemble"
        constraints = [
            models.UniqueConstraint(fields=["evaluation", "position"], name="uncertainty_member_place_once"),
            models.UniqueConstraint(fields=["evaluation", "run"], name="uncertainty_member_once"),
        ]

    def __str__(self) -> str:
        return f"{self.evaluation_id}: run-{self.run_id}"
