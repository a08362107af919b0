"""What people say to each other about a scene, a frame, or a point they see."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from scenes.audit import AuditedRecords
from scenes.models.frames import Frame
from scenes.models.scenes import Scene


class CommentQuerySet(models.QuerySet["Comment"]):
    def threads(self) -> "CommentQuerySet":
        """The comments that are no replies."""
        return self.filter(parent__isnull=True)

    def unresolved(self) -> "CommentQuerySet":
        return self.filter(parent__isnull=True, resolved_at__isnull=True)


class Comment(models.Model):
    """A remark on a scene, anchored to nothing else, to a frame, or to a 3D point of a frame; or a reply to one.

    `position` is x, y, z in metres in the frame's coordinates; `point_index` the index of the nearest point in the
    frame's file, where the person picked one. `camera` is the viewer's, so that others see what was meant. Replies
    belong to their thread, go no deeper, and are resolved with it. Changed through scenes.services.commenting only.
    """

    scene = models.ForeignKey(Scene, on_delete=models.CASCADE, related_name="comments")
    frame = models.ForeignKey(Frame, on_delete=models.CASCADE, null=True, blank=True, related_name="comments")
    parent = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="replies")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="scene_comments")
    text = models.TextField()
    position = ArrayField(models.FloatField(), size=3, null=True, blank=True)
    point_index = models.BigIntegerField(null=True, blank=True)
    camera = models.JSONField(null=True, blank=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="resolved_comments"
    )
    resolved_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    edited_at = models.DateTimeField(null=True, blank=True)
    history = AuditedRecords()

    objects = CommentQuerySet.as_manager()

    class Meta:
        ordering = ["scene", "-id"]
        indexes = [
            models.Index(
                fields=["scene", "-id"],
                name="comment_open_threads",
                condition=Q(parent__isnull=True, resolved_at__isnull=True),
            ),
            models.Index(fields=["scene", "-id"], name="comments_of_scene"),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(text=""), name="comment_says_something"),
            models.CheckConstraint(
                condition=Q(position__isnull=True) | Q(frame__isnull=False, position__len=3),
                name="comment_position_is_in_a_frame",
            ),
            models.CheckConstraint(
                condition=Q(point_index__isnull=True) | Q(position__isnull=False, point_index__gte=0),
                name="comment_point_has_its_position",
            ),
            models.CheckConstraint(
                condition=Q(parent__isnull=True)
                | Q(frame__isnull=True, position__isnull=True, camera__isnull=True, resolved_at__isnull=True),
                name="comment_reply_has_no_anchor",
            ),
            models.CheckConstraint(
                condition=Q(resolved_at__isnull=True, resolved_by__isnull=True)
                | Q(resolved_at__isnull=False, resolved_by__isnull=False),
                name="comment_is_resolved_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scene}: {self.text[:60]}"

    @property
    def resolved(self) -> bool:
        return self.resolved_at is not None
