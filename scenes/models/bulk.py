"""Bulk changes: what somebody asked for many scenes at once, how far it is, and what became of each scene."""

from datetime import timedelta

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from scenes.audit import current_door, current_request_id
from scenes.models.ingest import IngestKind
from scenes.models.scenes import LabelingStatus


class BulkKind(models.TextChoices):
    """What a bulk change does with each of its scenes; each is idempotent."""

    ADD_TAGS = "add_tags", "Add tags"
    REMOVE_TAGS = "remove_tags", "Remove tags"
    ASSIGN = "assign", "Assign to a labeler"
    SET_DRIVE = "set_drive", "Set the drive"
    SET_STATUS = "set_status", "Change the status"
    WORK = "work", "Read or render again"
    UNDO = "undo", "Undo"


class BulkState(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


ACTIVE_BULK_STATES = [BulkState.QUEUED, BulkState.RUNNING]
# A status or a job is a step of its own, which is gone back by the next step.
UNDOABLE_KINDS = [BulkKind.ADD_TAGS, BulkKind.REMOVE_TAGS, BulkKind.ASSIGN, BulkKind.SET_DRIVE]


class BulkChange(models.Model):
    """One request to change many scenes: the truth about how far it is, and the key that its history rows share.

    `scene_ids` is ascending, so that two bulk changes lock scenes in one order and wait for each other; the first
    `done` of them are through. `skipped` counts the scenes that were left alone by the reason why, and names some:
    {reason: {"count": n, "scenes": [id, ...]}}. It is itself a record: nothing but its progress ever changes.
    """

    kind = models.CharField(max_length=16, choices=BulkKind)
    parameters = models.JSONField(default=dict, blank=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="bulk_changes"
    )
    reason = models.TextField(blank=True)
    door = models.CharField(max_length=16, default=current_door)
    request_id = models.CharField(max_length=36, default=current_request_id, blank=True)
    state = models.CharField(max_length=16, choices=BulkState, default=BulkState.QUEUED)
    scene_ids = ArrayField(models.BigIntegerField(), default=list, editable=False)
    total = models.PositiveIntegerField("scenes", default=0)
    done = models.PositiveIntegerField("scenes handled", default=0)
    changed = models.PositiveIntegerField("scenes changed", default=0)
    skipped = models.JSONField("scenes left alone", default=dict, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    problem = models.TextField(blank=True)
    undo_of = models.OneToOneField("self", on_delete=models.PROTECT, null=True, blank=True, related_name="undone_by")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=BulkKind.values), name="bulk_kind_is_known"),
            models.CheckConstraint(condition=models.Q(state__in=BulkState.values), name="bulk_state_is_known"),
            models.CheckConstraint(condition=models.Q(done__lte=models.F("total")), name="bulk_done_within_total"),
            models.CheckConstraint(condition=models.Q(changed__lte=models.F("done")), name="bulk_changed_within_done"),
            models.CheckConstraint(
                condition=models.Q(kind=BulkKind.UNDO, undo_of__isnull=False)
                | models.Q(~models.Q(kind=BulkKind.UNDO), undo_of__isnull=True),
                name="bulk_undo_names_what_it_undoes",
            ),
        ]
        indexes = [
            models.Index(
                fields=["heartbeat_at"],
                name="bulk_change_active",
                condition=models.Q(state__in=ACTIVE_BULK_STATES),
            )
        ]

    def __str__(self) -> str:
        return f"bulk change {self.pk}"

    @property
    def active(self) -> bool:
        return self.state in ACTIVE_BULK_STATES

    @property
    def what(self) -> str:
        """What was asked for, in a few words: Add tags night, rain."""
        told = self.parameters
        match self.kind:
            case BulkKind.ADD_TAGS | BulkKind.REMOVE_TAGS:
                return f"{self.get_kind_display()} {', '.join(told['tags'])}"
            case BulkKind.ASSIGN:
                return f"Assign to {told['labeler']}"
            case BulkKind.SET_DRIVE:
                return f"Set the drive to {told['drive']}" if told["drive"] else "Take away the drive"
            case BulkKind.SET_STATUS:
                return f"Change the status to {LabelingStatus(told['status']).label}"
            case BulkKind.WORK:
                return str(IngestKind(told["job"]).label)
        return f"Undo bulk change {self.undo_of_id}"

    @property
    def skipped_count(self) -> int:
        return sum(entry["count"] for entry in self.skipped.values())

    @property
    def undo(self) -> "BulkChange | None":
        """The change that undoes this one, if somebody asked for it."""
        return getattr(self, "undone_by", None)

    @property
    def can_undo(self) -> bool:
        ended = self.state == BulkState.DONE or (self.state == BulkState.FAILED and self.changed > 0)
        return ended and self.kind in UNDOABLE_KINDS and self.changed > 0 and self.undo is None

    @property
    def stalled(self) -> bool:
        """No worker gave a sign for longer than the lease."""
        last = self.heartbeat_at or self.created_at
        return self.active and last < timezone.now() - timedelta(seconds=settings.INGEST_LEASE_SECONDS)
