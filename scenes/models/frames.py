"""Frames: the point clouds of a scene."""

from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from scenes.models.files import StoredFile
from scenes.models.scenes import Scene


class FrameState(models.TextChoices):
    PENDING = "pending", "Pending"
    READY = "ready", "Ready"
    QUARANTINED = "quarantined", "Quarantined"


class FrameQuerySet(models.QuerySet["Frame"]):
    def claimable(self, lease: timedelta) -> "FrameQuerySet":
        """Pending frames that no living worker holds: never claimed, or claimed longer ago than the lease."""
        stale = timezone.now() - lease
        unclaimed = models.Q(claimed_at__isnull=True) | models.Q(claimed_at__lt=stale)
        return self.filter(unclaimed, state=FrameState.PENDING)


class Frame(models.Model):
    """One point cloud of a scene. A bad one is quarantined with its problem while the rest goes in.

    `display` is one chunk, or, for big clouds, all nodes of an octree with `octree_index` and `octree_order`.
    `pose` is the sensor in the world, a row-major 3x4 matrix in metres; latitude and longitude are WGS 84 degrees.
    """

    scene = models.ForeignKey(Scene, on_delete=models.CASCADE, related_name="frames")
    index = models.PositiveIntegerField()
    name = models.CharField(max_length=255)
    source = models.TextField("came from", blank=True, editable=False)
    root = models.CharField("stays in place below", max_length=64, blank=True)
    format = models.CharField("declared format", max_length=32, blank=True)
    state = models.CharField(max_length=16, choices=FrameState, default=FrameState.PENDING)
    problem = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    claimed_at = models.DateTimeField(null=True, blank=True)
    timestamp_ns = models.BigIntegerField("time (ns since 1970)", null=True, blank=True)

    cloud = models.ForeignKey(StoredFile, on_delete=models.PROTECT, null=True, blank=True, related_name="cloud_of")
    display = models.ForeignKey(StoredFile, on_delete=models.PROTECT, null=True, blank=True, related_name="display_of")
    octree_index = models.ForeignKey(
        StoredFile, on_delete=models.PROTECT, null=True, blank=True, related_name="octree_index_of"
    )
    octree_order = models.ForeignKey(
        StoredFile, on_delete=models.PROTECT, null=True, blank=True, related_name="octree_order_of"
    )
    pose = ArrayField(models.FloatField(), size=12, null=True, blank=True)
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    altitude = models.FloatField(null=True, blank=True)
    point_count = models.PositiveIntegerField(default=0)
    finite_count = models.PositiveIntegerField(default=0)
    lower_bound = ArrayField(models.FloatField(), size=3, null=True, blank=True)
    upper_bound = ArrayField(models.FloatField(), size=3, null=True, blank=True)
    range_max = models.FloatField("longest range (m)", null=True, blank=True)
    intensity_min = models.FloatField(null=True, blank=True)
    intensity_max = models.FloatField(null=True, blank=True)
    fields = models.JSONField(default=list, blank=True)
    warnings = models.JSONField(default=list, blank=True)

    objects = FrameQuerySet.as_manager()

    class Meta:
        ordering = ["scene", "index"]
        constraints = [
            models.UniqueConstraint(fields=["scene", "index"], name="frame_index_once_per_scene"),
            models.UniqueConstraint(fields=["scene", "name"], name="frame_name_once_per_scene"),
            models.CheckConstraint(
                condition=~models.Q(state=FrameState.READY) | models.Q(cloud__isnull=False),
                name="ready_frame_has_its_cloud",
            ),
            models.CheckConstraint(
                condition=~models.Q(state=FrameState.QUARANTINED) | ~models.Q(problem=""),
                name="quarantined_frame_has_a_problem",
            ),
        ]
        indexes = [
            models.Index(
                fields=["scene", "index"],
                name="frame_still_pending",
                condition=models.Q(state=FrameState.PENDING),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scene_id}/{self.name}"
