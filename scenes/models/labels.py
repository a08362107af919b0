"""Label sets: versioned ground truth of a scene in an ontology."""

from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models

from scenes.audit import AuditedRecords
from scenes.models.files import StoredFile
from scenes.models.frames import Frame
from scenes.models.ontologies import Ontology
from scenes.models.scenes import Scene


class LabelKind(models.TextChoices):
    """How the labels lie in their file. Declared, never guessed from a size."""

    SEMANTIC_KITTI = "semantic-kitti", "SemanticKITTI .label (uint32)"
    LIDARSEG = "lidarseg", "nuScenes lidarseg .bin (uint8)"
    NPY = "npy", "NumPy .npy of integers"
    FIELD = "field", "a field of the cloud"


# What a label set says never changes once it is there (triggers of migration 0004 hold it, too).
FIXED_FACTS = ["scene_id", "version", "ontology_id", "kind", "frame_count", "class_counts", "unknown"]
LABEL_AGAIN = "Label sets don't change: label the scene again, which makes a new version."


class LabelSet(models.Model):
    """One version of a scene's labels. Labelling again makes a new version; the old one stays as it is.

    `class_counts[i]` is the number of points of the class with index i over all frames; `unknown` lists raw ids
    that the ontology does not know, as [raw id, points]. `frame_count` may be less than the scene has: some
    sources label key frames only.
    """

    # Its frames hold class indices: see Ontology.in_use.
    KEEPS_CLASSES = True

    scene = models.ForeignKey(Scene, on_delete=models.CASCADE, related_name="label_sets")
    version = models.PositiveIntegerField()
    ontology = models.ForeignKey(Ontology, on_delete=models.PROTECT, related_name="label_sets")
    kind = models.CharField(max_length=16, choices=LabelKind)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="label_sets"
    )
    note = models.TextField(blank=True)
    frame_count = models.PositiveIntegerField(default=0)
    class_counts = ArrayField(models.BigIntegerField(), default=list, blank=True)
    unknown = models.JSONField("unknown raw ids", default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    history = AuditedRecords()

    class Meta:
        ordering = ["scene", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["scene", "version"], name="label_set_version_once_per_scene"),
            models.CheckConstraint(condition=models.Q(kind__in=LabelKind.values), name="label_set_kind_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.scene} labels v{self.version}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        LabelSet.clean(self)
        super().save(*args, **kwargs)

    @property
    def point_count(self) -> int:
        return sum(self.class_counts)

    @property
    def unknown_points(self) -> int:
        return sum(points for _, points in self.unknown)

    def clean(self) -> None:
        """Raises ValidationError when a fact of a label set that is there already would change."""
        kept = LabelSet.objects.filter(pk=self.pk).values(*FIXED_FACTS).first() if self.pk else None
        changed = [name for name in FIXED_FACTS if kept is not None and kept[name] != getattr(self, name)]
        if changed:
            raise ValidationError(f"{LABEL_AGAIN} Changed: {', '.join(changed)}.")


class FrameLabels(models.Model):
    """The labels of one frame in a label set: the file as it came in, and one class index (uint8) per point.

    `class_counts[i]` is the number of points of the class with index i; `unknown` lists raw ids that the ontology
    does not know, as [raw id, points], whose points carry the ontology's class 0.
    """

    label_set = models.ForeignKey(LabelSet, on_delete=models.CASCADE, related_name="frames")
    frame = models.ForeignKey(Frame, on_delete=models.CASCADE, related_name="labels")
    original = models.ForeignKey(StoredFile, on_delete=models.PROTECT, null=True, blank=True, related_name="labels_of")
    classes = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="classes_of")
    point_count = models.PositiveIntegerField()
    class_counts = ArrayField(models.BigIntegerField(), default=list, blank=True)
    unknown = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["label_set", "frame"]
        verbose_name_plural = "frame labels"
        constraints = [
            models.UniqueConstraint(fields=["label_set", "frame"], name="frame_labelled_once_per_set"),
        ]

    def __str__(self) -> str:
        return f"{self.label_set}: {self.frame}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise ValidationError(LABEL_AGAIN)
        super().save(*args, **kwargs)
