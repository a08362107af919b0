"""Runs: one training job each, from the queue to its end."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from datasets.models import DatasetVersion
from experiments.models.experiments import Experiment
from scenes.audit import AuditedRecords


class RunStatus(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    STALLED = "stalled", "Stalled"
    COMPLETED = "completed", "Completed"
    FAILED = "failed", "Failed"
    KILLED = "killed", "Killed"


ACTIVE_RUN_STATUSES = [RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.STALLED]
ENDED_RUN_STATUSES = [RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.KILLED]


class RunQuerySet(models.QuerySet["Run"]):
    def for_listing(self) -> "RunQuerySet":
        """Everything that a row of the tracker or the API shows, in two queries; metrics are asked for apart."""
        related = ["experiment", "started_by", "claimed_by", "dataset_version__dataset"]
        large = [f"dataset_version__{name}" for name in ("certificate", "statistics", "drawn")]
        return self.select_related(*related).defer("failure", *large).prefetch_related("tags")

    def written_by(self, person: User) -> "RunQuerySet":
        """The runs whose facts this person may write: all with `change_run`, else those of their own with `add_run`."""
        if person.has_perm("experiments.change_run"):
            return self
        if not person.has_perm("experiments.add_run"):
            return self.none()
        return self.filter(Q(started_by=person) | Q(claimed_by=person))


class Run(models.Model):
    """One training job: what it was told, where it ran and what became of it.

    Status, times and claim change through experiments.services.running and .claiming only. A run without a sign of
    life for settings.RUN_STALL_SECONDS is stalled until one comes. A queued run that a worker claimed carries
    `claim`, the secret of that worker; when the worker falls silent the run goes back to the queue. `attempts`
    counts the claims. `steps_done` of `steps_total` is what the script last said of its progress.
    `dataset_version` is frozen. `idempotency_key` makes a repeated creation answer with the same run;
    `request_digest` tells whether it was the same request (sha256 of its body).
    """

    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="runs")
    name = models.CharField(max_length=500, blank=True)
    status = models.CharField(max_length=16, choices=RunStatus, default=RunStatus.RUNNING, editable=False)
    architecture = models.CharField("model architecture", max_length=200, blank=True)
    dataset_version = models.ForeignKey(
        DatasetVersion, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="runs"
    )
    train_splits = ArrayField(models.CharField(max_length=32), default=list, blank=True, editable=False)
    validation_splits = ArrayField(models.CharField(max_length=32), default=list, blank=True, editable=False)
    repository = models.CharField("code repository", max_length=500, blank=True)
    commit = models.CharField("commit hash", max_length=64, blank=True)
    dirty = models.BooleanField("uncommitted changes", default=False, editable=False)
    command = models.TextField("command line", blank=True)
    host = models.CharField(max_length=255, blank=True)
    seed = models.BigIntegerField(null=True, blank=True)
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="children"
    )
    resumed_from = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="resumptions"
    )
    notes = models.TextField(blank=True)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, editable=False, related_name="started_runs"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    started_at = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)
    heartbeat_at = models.DateTimeField("last sign of life", null=True, blank=True, editable=False)
    steps_done = models.BigIntegerField(null=True, blank=True, editable=False)
    steps_total = models.BigIntegerField(null=True, blank=True, editable=False)
    failure = models.TextField("traceback", blank=True, editable=False)
    claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="claimed_runs",
    )
    worker = models.CharField(max_length=200, blank=True, editable=False)
    claim = models.CharField(max_length=32, blank=True, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    idempotency_key = models.CharField(max_length=200, null=True, blank=True, editable=False)  # noqa: DJ001 - unique where given
    request_digest = models.CharField(max_length=64, blank=True, editable=False)

    objects = RunQuerySet.as_manager()
    history = AuditedRecords(
        excluded_fields=[
            "updated_at",
            "heartbeat_at",
            "steps_done",
            "steps_total",
            "claim",
            "idempotency_key",
            "request_digest",
        ]
    )

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["status", "-id"], name="run_by_status"),
            models.Index(fields=["experiment", "-id"], name="run_by_experiment"),
            models.Index(fields=["architecture", "-id"], name="run_by_architecture"),
            models.Index(fields=["heartbeat_at"], name="run_silence", condition=Q(status="running")),
            models.Index(fields=["id"], name="run_to_claim", condition=Q(status="queued", archived_at=None)),
        ]
        constraints = [
            models.UniqueConstraint(fields=["started_by", "idempotency_key"], name="run_created_once_per_key"),
            models.CheckConstraint(condition=Q(status__in=RunStatus.values), name="run_status_is_known"),
            models.CheckConstraint(
                condition=Q(status__in=ENDED_RUN_STATUSES, finished_at__isnull=False)
                | Q(status__in=ACTIVE_RUN_STATUSES, finished_at__isnull=True),
                name="run_has_an_end_when_ended",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=[RunStatus.RUNNING, RunStatus.STALLED, RunStatus.COMPLETED])
                | Q(started_at__isnull=False),
                name="run_has_a_start_when_started",
            ),
            models.CheckConstraint(
                condition=Q(failure="") | ~Q(status=RunStatus.COMPLETED), name="completed_run_has_no_failure"
            ),
            models.CheckConstraint(
                condition=Q(claim="") | Q(status__in=[RunStatus.RUNNING, RunStatus.STALLED]),
                name="claimed_run_is_running",
            ),
            models.CheckConstraint(condition=~Q(parent=models.F("id")), name="run_is_not_its_own_parent"),
            models.CheckConstraint(condition=~Q(resumed_from=models.F("id")), name="run_does_not_resume_itself"),
            models.CheckConstraint(
                condition=(Q(steps_done__isnull=True) | Q(steps_done__gte=0))
                & (Q(steps_total__isnull=True) | Q(steps_total__gt=0)),
                name="run_progress_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"run-{self.pk}"

    @property
    def number(self) -> str:
        """What people call the run: run-124."""
        return f"run-{self.pk}"

    @property
    def archived(self) -> bool:
        return self.archived_at is not None

    @property
    def ended(self) -> bool:
        return self.status in ENDED_RUN_STATUSES

    @property
    def duration(self) -> timedelta | None:
        """From start to end, or to now while it runs; None before it starts."""
        if self.started_at is None:
            return None
        return max((self.finished_at or timezone.now()) - self.started_at, timedelta())
