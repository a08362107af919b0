"""Ontologies: which semantic classes a labelling knows, and which raw ids of files stand for them."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from simple_history.models import HistoricalRecords

from scenes.audit import AuditedHistory


class Ontology(models.Model):
    """A named list of semantic classes. Some ship with LAMM; label sets refer to one."""

    name = models.CharField(max_length=100, unique=True)
    description = models.TextField(blank=True)
    source = models.TextField("where it comes from", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    history = HistoricalRecords(bases=[AuditedHistory])

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "ontologies"

    def __str__(self) -> str:
        return self.name


class SemanticClass(models.Model):
    """One class of an ontology. `index` is what is stored per point; `raw_ids` are the ids that files use for it."""

    ontology = models.ForeignKey(Ontology, on_delete=models.CASCADE, related_name="classes")
    index = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=100)
    colour = models.CharField(max_length=7)
    ignored = models.BooleanField("left out of metrics", default=False)
    raw_ids = ArrayField(models.BigIntegerField(), default=list, blank=True)
    history = HistoricalRecords(bases=[AuditedHistory])

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
