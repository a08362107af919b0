"""Evaluations: what the server itself computed of a run's predictions against labels, as sums that add up."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from datasets.models import DatasetVersion
from experiments.models.runs import Run
from scenes.audit import AuditedRecords
from scenes.models import Frame, LabelSet, Ontology, Scene


class EvaluationRule(models.TextChoices):
    """What an evaluator leaves out (experiments/metrics/rates.py says it exactly)."""

    SEMANTIC_KITTI = "semantic-kitti", "SemanticKITTI"
    NUSCENES = "nuscenes", "nuScenes"
    MMDET3D = "mmdet3d", "MMDetection3D"


class EvaluationState(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


class LabelChoice(models.TextChoices):
    PINNED = "pinned", "as the dataset version pins them"
    NEWEST = "newest", "the newest of each scene"


class ContaminationState(models.TextChoices):
    CLEAN = "clean", "Clean"
    CONTAMINATED = "contaminated", "Contaminated"
    UNKNOWN = "unknown", "Unknown"


ACTIVE_EVALUATION_STATES = [EvaluationState.QUEUED, EvaluationState.RUNNING]


class EvaluationQuerySet(models.QuerySet["RunEvaluation"]):
    def for_listing(self) -> "EvaluationQuerySet":
        """Everything that a row of a list shows, in one query."""
        large = [f"dataset_version__{name}" for name in ("certificate", "statistics", "drawn")]
        related = ["run__experiment", "dataset_version__dataset", "ontology", "started_by"]
        return self.select_related(*related).defer("missing", "run__failure", *large)

    def newest_done(self) -> "EvaluationQuerySet":
        """The newest finished one of each run, of those that nothing has taken the place of."""
        return self.filter(state=EvaluationState.DONE, current=True).order_by("run_id", "-pk").distinct("run_id")


class RunEvaluation(models.Model):
    """A run's predictions compared with labels on some splits of a dataset version; a job until it is done.

    Once done it stays as it is (triggers of migration 0005), but for being outdated or superseded: computing again
    makes a new row. `current` is the one that counts for its run, version and splits. It is outdated when newer labels
    of its ontology, or other predictions, are there than those it used; triggers note that.

    `labels` tells which label set of a scene was used; each scene's sums name it. `range_edges` (m) part the points by
    distance to the sensor. `ranked_by` tells what the uncertainty bins count, between `low` and `high`: the run's
    "uncertainty", or 1 - "confidence"; empty where it gave neither. The rates of the whole are under `rule`; those
    under another one follow from the sums. `missing` names the first frames that could not be compared.
    """

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="evaluations")
    dataset_version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="run_evaluations")
    ontology = models.ForeignKey(Ontology, on_delete=models.PROTECT, related_name="run_evaluations")
    splits = ArrayField(models.CharField(max_length=8))
    rule = models.CharField(max_length=16, choices=EvaluationRule, default=EvaluationRule.MMDET3D)
    labels = models.CharField(max_length=8, choices=LabelChoice, default=LabelChoice.PINNED)
    range_edges = ArrayField(models.FloatField(), default=list)
    class_count = models.PositiveSmallIntegerField("class indices")
    ranked_by = models.CharField(max_length=16, blank=True, default="")
    low = models.FloatField(null=True, blank=True)
    high = models.FloatField(null=True, blank=True)
    current = models.BooleanField(default=True)
    supersedes = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="superseded_by"
    )

    state = models.CharField(max_length=16, choices=EvaluationState, default=EvaluationState.QUEUED)
    frames_done = models.PositiveIntegerField(default=0)
    frames_total = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    failure = models.TextField(blank=True)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="run_evaluations"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField("last sign of life", null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    scene_count = models.PositiveIntegerField("scenes compared", default=0)
    frame_count = models.PositiveIntegerField("frames compared", default=0)
    point_count = models.BigIntegerField("points compared", default=0)
    without_prediction = models.PositiveIntegerField("frames without a prediction", default=0)
    without_labels = models.PositiveIntegerField("frames without labels", default=0)
    not_fitting = models.PositiveIntegerField("frames whose arrays do not fit", default=0)
    missing = models.JSONField(default=list, blank=True)
    miou = models.FloatField("mIoU", null=True, blank=True)
    fwiou = models.FloatField("frequency-weighted IoU", null=True, blank=True)
    accuracy = models.FloatField(null=True, blank=True)
    ious = ArrayField(models.FloatField(null=True), default=list, blank=True)
    ece = models.FloatField("ECE", null=True, blank=True)
    mce = models.FloatField("MCE", null=True, blank=True)
    aurc = models.FloatField("AURC", null=True, blank=True)
    ause = models.FloatField("AUSE", null=True, blank=True)

    contamination = models.CharField(max_length=16, choices=ContaminationState, default=ContaminationState.UNKNOWN)
    trained_scenes = models.PositiveIntegerField("evaluated scenes that were trained on", default=0)
    trained_drives = models.PositiveIntegerField("their drives that were trained on", default=0)
    trained_drive_scenes = models.PositiveIntegerField("evaluated scenes of such drives", default=0)
    trained_by = ArrayField(models.BigIntegerField(), default=list, blank=True)
    outdated_at = models.DateTimeField(null=True, blank=True)
    outdated_reason = models.TextField(blank=True)

    objects = EvaluationQuerySet.as_manager()
    # What is left out is progress, or follows from labels and predictions, which are tracked.
    history = AuditedRecords(
        excluded_fields=["heartbeat_at", "frames_done", "missing", "outdated_at", "outdated_reason"]
    )

    class Meta:
        ordering = ["-id"]
        verbose_name = "evaluation of a run"
        verbose_name_plural = "evaluations of runs"
        indexes = [
            models.Index(fields=["run", "-id"], name="run_evaluation_by_run"),
            models.Index(
                fields=["heartbeat_at"],
                name="run_evaluation_active",
                condition=Q(state__in=ACTIVE_EVALUATION_STATES),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "dataset_version", "splits"],
                condition=Q(current=True),
                name="one_current_evaluation_of_a_run",
            ),
            models.UniqueConstraint(
                fields=["run", "dataset_version", "splits"],
                condition=Q(state__in=ACTIVE_EVALUATION_STATES),
                name="one_active_evaluation_of_a_run",
            ),
            models.CheckConstraint(condition=Q(state__in=EvaluationState.values), name="run_evaluation_state_is_known"),
            models.CheckConstraint(condition=Q(rule__in=EvaluationRule.values), name="run_evaluation_rule_is_known"),
            models.CheckConstraint(condition=Q(labels__in=LabelChoice.values), name="run_evaluation_labels_are_known"),
            models.CheckConstraint(
                condition=Q(contamination__in=ContaminationState.values), name="run_evaluation_contamination_is_known"
            ),
            models.CheckConstraint(condition=~Q(splits=[]), name="run_evaluation_has_a_split"),
            models.CheckConstraint(
                condition=Q(frames_done__lte=F("frames_total")), name="run_evaluation_done_within_total"
            ),
            models.CheckConstraint(
                condition=Q(state__in=[EvaluationState.DONE, EvaluationState.FAILED], finished_at__isnull=False)
                | Q(state__in=ACTIVE_EVALUATION_STATES, finished_at__isnull=True),
                name="run_evaluation_has_an_end_when_ended",
            ),
            models.CheckConstraint(condition=~Q(supersedes=F("id")), name="run_evaluation_supersedes_another"),
        ]

    def __str__(self) -> str:
        return f"evaluation of run-{self.run_id} on {', '.join(self.splits)}"

    @property
    def active(self) -> bool:
        return self.state in ACTIVE_EVALUATION_STATES

    @property
    def is_clean(self) -> bool:
        """Whether it is known that nothing evaluated was trained on."""
        return self.contamination == ContaminationState.CLEAN

    @property
    def outdated(self) -> bool:
        return self.outdated_at is not None

    @property
    def frames_missing(self) -> int:
        """Frames of the splits that could not be compared."""
        return self.without_prediction + self.without_labels + self.not_fitting


class FrameSums(models.Model):
    """What one frame adds to an evaluation; rates of any set of frames are computed from the sums of these.

    `confusion`: records (experiments.metrics.to_records) of int (classes, classes), rows = truth. `bands`: the same by
    range band, (bands, classes, classes), compressed by zlib; empty where no range is known. `confidence`: float64
    (15, 3) and `uncertainty`: records of int (256, 2), over the points whose truth is not ignored. `inputs` is the
    sha256 of all that it was computed from, by which computing again knows what it need not read.
    """

    evaluation = models.ForeignKey(RunEvaluation, on_delete=models.CASCADE, db_index=False, related_name="frame_sums")
    scene = models.ForeignKey(Scene, on_delete=models.CASCADE, db_index=False, related_name="run_evaluation_frames")
    frame = models.ForeignKey(Frame, on_delete=models.CASCADE, related_name="run_evaluations")
    split = models.CharField(max_length=8)
    points = models.PositiveIntegerField()
    correct = models.PositiveIntegerField()
    confusion = models.BinaryField()
    bands = models.BinaryField(default=bytes, blank=True)
    confidence = models.BinaryField(default=bytes, blank=True)
    uncertainty = models.BinaryField(default=bytes, blank=True)
    predictions_digest = models.CharField("sha256 of the predicted classes", max_length=64)
    labels_digest = models.CharField("sha256 of the true classes", max_length=64)
    inputs = models.CharField("sha256 of all it follows from", max_length=64)

    class Meta:
        ordering = ["evaluation", "id"]
        verbose_name_plural = "frame sums"
        indexes = [models.Index(fields=["evaluation", "scene"], name="frame_sums_by_scene")]
        constraints = [
            models.UniqueConstraint(fields=["evaluation", "frame"], name="frame_evaluated_once"),
            models.CheckConstraint(condition=Q(correct__lte=F("points")), name="frame_sums_right_within_points"),
        ]

    def __str__(self) -> str:
        return f"{self.evaluation_id}: frame {self.frame_id}"


class SceneSums(models.Model):
    """What one scene adds to an evaluation: the sums of its frames, and its rates under the evaluation's rule.

    The columns are those of FrameSums, `bands` without compression. `peaks`: records of the largest count that each
    cell of the confusion has in one frame, by which the frames with most of an error are found at once.
    """

    evaluation = models.ForeignKey(RunEvaluation, on_delete=models.CASCADE, db_index=False, related_name="scene_sums")
    scene = models.ForeignKey(Scene, on_delete=models.CASCADE, related_name="run_evaluations")
    split = models.CharField(max_length=8)
    label_set = models.ForeignKey(
        LabelSet, on_delete=models.PROTECT, null=True, blank=True, related_name="run_evaluations"
    )
    frames = models.PositiveIntegerField()
    points = models.BigIntegerField()
    correct = models.BigIntegerField()
    without_prediction = models.PositiveIntegerField(default=0)
    without_labels = models.PositiveIntegerField(default=0)
    not_fitting = models.PositiveIntegerField(default=0)
    confusion = models.BinaryField()
    peaks = models.BinaryField()
    bands = models.BinaryField(default=bytes, blank=True)
    confidence = models.BinaryField(default=bytes, blank=True)
    uncertainty = models.BinaryField(default=bytes, blank=True)
    miou = models.FloatField("mIoU", null=True, blank=True)
    accuracy = models.FloatField(null=True, blank=True)
    ious = ArrayField(models.FloatField(null=True), default=list, blank=True)

    class Meta:
        ordering = ["evaluation", "id"]
        verbose_name_plural = "scene sums"
        indexes = [
            models.Index(F("evaluation"), F("miou").asc(nulls_last=True), F("scene"), name="scene_sums_worst_first"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["evaluation", "scene"], name="scene_evaluated_once"),
        ]

    def __str__(self) -> str:
        return f"{self.evaluation_id}: scene {self.scene_id}"
