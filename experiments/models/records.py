"""What a run was told and where it ran: parameters, tags, data it read, environment."""

import json
from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Left

from experiments.models.runs import Run
from scenes.audit import AuditedRecords


class ParameterKind(models.TextChoices):
    TEXT = "text", "Text"
    INTEGER = "integer", "Integer"
    NUMBER = "number", "Number"
    BOOLEAN = "boolean", "Yes or no"
    NULL = "null", "Nothing"
    STRUCTURE = "structure", "List or object"


class RunParameter(models.Model):
    """One hyperparameter. It is written once; the same value again changes nothing.

    `text` is the value as it was given: text as it is, everything else as JSON, which `kind` tells apart.
    `number` is its value for filters where it is finite, also of text that reads as a number.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="parameters")
    key = models.CharField(max_length=250)
    kind = models.CharField(max_length=16, choices=ParameterKind)
    text = models.TextField()
    number = models.FloatField(null=True, blank=True)

    class Meta:
        ordering = ["run_id", "key"]
        verbose_name = "parameter"
        indexes = [
            models.Index(
                fields=["key", "number", "run"], name="parameter_by_number", condition=Q(number__isnull=False)
            ),
            models.Index("key", Left("text", 64), "run", name="parameter_by_text"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["run", "key"], name="parameter_once_per_run"),
            models.CheckConstraint(condition=Q(kind__in=ParameterKind.values), name="parameter_kind_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.key} = {self.text}"

    @property
    def value(self) -> Any:
        """The value as it was given: str, int, float, bool, None, list or dict."""
        return self.text if self.kind == ParameterKind.TEXT else json.loads(self.text)


class RunTag(models.Model):
    """A key with a text, which may be empty: `night` as well as `team = perception`."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="tags")
    key = models.CharField(max_length=250)
    value = models.TextField(blank=True)
    history = AuditedRecords()

    class Meta:
        ordering = ["run_id", "key"]
        verbose_name = "tag of a run"
        verbose_name_plural = "tags of runs"
        indexes = [models.Index("key", Left("value", 64), "run", name="run_tag_by_value")]
        constraints = [models.UniqueConstraint(fields=["run", "key"], name="run_tag_once_per_run")]

    def __str__(self) -> str:
        return f"{self.key} = {self.value}" if self.value else self.key


class DatasetInput(models.Model):
    """Data that a run says it read, in the words of its script. It is written once.

    A dataset version of LAMM itself is a fact of the run; these rows carry what scripts log beside it.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="inputs")
    name = models.CharField(max_length=500)
    digest = models.CharField(max_length=64)
    context = models.CharField(max_length=250, blank=True)
    source_type = models.CharField(max_length=250, blank=True)
    source = models.TextField(blank=True)
    schema = models.TextField(blank=True)
    profile = models.TextField(blank=True)
    tags = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["run_id", "id"]
        verbose_name = "dataset input"
        indexes = [models.Index("name", "digest", "run", name="input_by_dataset")]
        constraints = [
            models.UniqueConstraint(fields=["run", "name", "digest", "context"], name="input_once_per_run"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.context})" if self.context else self.name


class RunEnvironment(models.Model):
    """What a run ran in, which may be long: uncommitted changes as a patch, packages, and what else it tells.

    `packages` maps name to version; `facts` holds anything else, such as Python's version and the graphics card.
    """

    run = models.OneToOneField(Run, on_delete=models.CASCADE, related_name="environment")
    diff = models.TextField("uncommitted changes", blank=True)
    diff_cut = models.BooleanField("the patch was cut", default=False)
    packages = models.JSONField(default=dict, blank=True)
    facts = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name = "environment"

    def __str__(self) -> str:
        return f"environment of {self.run}"
