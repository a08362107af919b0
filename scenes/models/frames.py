"""Frames: the point clouds of a scene."""

from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from scenes.clouds.cloud import DEFAULT_LIMITS, CloudError, PointCloud
from scenes.clouds.formats import format_for, format_named
from scenes.clouds.octree_index import node_positions, read_index
from scenes.models.files import StoredFile
from scenes.models.scenes import Scene

PICTURE_POINTS = 400_000


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
    topic = models.CharField("recorded topic", max_length=255, blank=True)
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
            # Deferred: frames that come out of a recording move those after them in one statement.
            models.UniqueConstraint(
                fields=["scene", "index"],
                name="frame_index_once_per_scene",
                deferrable=models.Deferrable.DEFERRED,
            ),
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

    def decode(self, data: bytes) -> PointCloud:
        """The point cloud of this frame's file. Raises CloudError when the bytes are not what they should be."""
        kind = format_named(self.format) if self.format else format_for(self.name)
        return kind.read(data, name=self.name, limits=DEFAULT_LIMITS)

    def picture_points(self) -> tuple[npt.NDArray[np.floating[Any]], npt.NDArray[np.uint32] | None]:
        """Positions (n, 3) enough for a picture, and their indices in the file (None: all of them, in order).

        Of a big cloud that is a prefix of its octree, so that no picture needs the whole of it in memory.
        """
        if self.octree_index is None or self.octree_order is None or self.display is None:
            return self.read_cloud().positions(), None
        index = read_index(self.octree_index.read())
        nodes = range(max(1, index.first_request(PICTURE_POINTS)[1]))
        with self.display.open() as file:
            data = file.read(sum(index.byte_range(nodes[-1])))
        with self.octree_order.open() as file:
            order = np.frombuffer(file.read(4 * index.point_range(nodes[-1]).stop), np.uint32)
        return np.concatenate([node_positions(data, index, node) for node in nodes]), order

    def read_cloud(self) -> PointCloud:
        """The point cloud of this frame's kept bytes. Raises CloudError, also when there are none yet."""
        if self.cloud is None:
            raise CloudError("the frame has no file yet", remedy="Ingest it first.", file=self.name)
        return self.decode(self.cloud.read())
