"""Ontologies: which semantic classes a labelling knows, and which raw ids of files stand for them."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models

from scenes.audit import AuditedRecords

# What points of existing label sets mean (triggers of migration 0004 hold it, too).
MEANING = ["ontology_id", "index", "ignored", "raw_ids"]
COPY_IT = "Labels or predictions use it: its classes keep index, raw ids and use in metrics. Make a new ontology."
LARGEST_RAW_ID = 2**32 - 1


class Ontology(models.Model):
    """A named list of semantic classes. Some ship with LAMM; label sets refer to one."""

    name = models.CharField(max_length=100, unique=True)
    description = models.TextField(blank=True)
    source = models.TextField("where it comes from", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    history = AuditedRecords()

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "ontologies"

    def __str__(self) -> str:
        return self.name

    @property
    def in_use(self) -> bool:
        """Whether stored class indices mean its classes: then names and colours may change, meanings may not."""
        return self.pk is not None and any(
            relation.related_model._base_manager.filter(**{relation.field.name: self}).exists()
            for relation in self._meta.related_objects
            if getattr(relation.related_model, "KEEPS_CLASSES", False)
        )


class SemanticClass(models.Model):
    """One class of an ontology. `index` is what is stored per point; `raw_ids` are the ids that files use for it."""

    ontology = models.ForeignKey(Ontology, on_delete=models.CASCADE, related_name="classes")
    index = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=100)
    colour = models.CharField(max_length=7)
    ignored = models.BooleanField("left out of metrics", default=False)
    raw_ids = ArrayField(models.BigIntegerField(), default=list, blank=True)
    history = AuditedRecords()

    class Meta:
        ordering = ["ontology", "index"]
        verbose_name_plural = "semantic classes"
        constraints = [
            models.UniqueConstraint(fields=["ontology", "index"], name="class_index_once_per_ontology"),
            models.UniqueConstraint(fields=["ontology", "name"], name="class_name_once_per_ontology"),
            models.CheckConstraint(condition=models.Q(index__lte=254), name="class_index_fits_a_byte"),
            models.CheckConstraint(
                condition=models.Q(colour__regex=r"^#[0-9a-f]{6}$"), name="class_colour_is_hexadecimal"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self._keep_meaning()
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        if self.ontology.in_use:
            raise ValidationError(COPY_IT)
        return super().delete(*args, **kwargs)

    def clean(self) -> None:
        """Raises ValidationError when a raw id is no uint32 or stands for another class already."""
        strange = [raw for raw in self.raw_ids if not 0 <= raw <= LARGEST_RAW_ID]
        if strange:
            raise ValidationError({"raw_ids": f"{strange[0]} is not in 0..{LARGEST_RAW_ID}."})
        others = SemanticClass.objects.filter(ontology=self.ontology_id, raw_ids__overlap=self.raw_ids)
        other = others.exclude(pk=self.pk).first()
        if other is not None:
            shared = ", ".join(map(str, sorted(set(other.raw_ids) & set(self.raw_ids))))
            raise ValidationError({"raw_ids": f"{shared} stands for {other.name} already."})
        self._keep_meaning()

    def _keep_meaning(self) -> None:
        kept = SemanticClass.objects.filter(pk=self.pk).values(*MEANING).first() if self.pk else None
        same = kept is not None and all(kept[name] == getattr(self, name) for name in MEANING)
        if not same and self.ontology.in_use:
            raise ValidationError(COPY_IT)
