"""Versions of datasets: drafts that people work on, and what they became when they were frozen."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from datasets.models.datasets import Dataset
from scenes.audit import AuditedRecords
from scenes.errors import ConflictError
from scenes.models import Ontology, StoredFile


class VersionState(models.TextChoices):
    DRAFT = "draft", "Draft"
    FROZEN = "frozen", "Frozen"
    DEPRECATED = "deprecated", "Deprecated"


class Split(models.TextChoices):
    """What the scenes of a version are for. A scene that is in none of them yet has the empty text."""

    TRAIN = "train", "Training"
    VAL = "val", "Validation"
    TEST = "test", "Test"


class Grouping(models.TextChoices):
    """What must not straddle two splits."""

    DRIVE = "drive", "Drive"
    DAY = "day", "Day"
    CELL = "cell", "Location cell"
    NONE = "none", "Nothing"


class Balance(models.TextChoices):
    """What the asked shares are shares of."""

    SCENES = "scenes", "Scenes"
    FRAMES = "frames", "Frames"


class VersionQuerySet(models.QuerySet["DatasetVersion"]):
    def for_listing(self) -> "VersionQuerySet":
        """Everything that a row of a list shows, in one query; what is large stays where it is."""
        people = ["created_by", "frozen_by", "deprecated_by", "plan_changed_by"]
        found = self.select_related("dataset", "parent__dataset", "ontology", *people)
        return found.defer("certificate", "statistics", "drawn", "parent__certificate", "parent__statistics")


class DatasetVersion(models.Model):
    """One version of a dataset. It begins as a draft and is frozen once; from then on triggers keep it as it is.

    The plan: the percentages of scenes or frames (`balance`) for each split, the seed that decides where chance
    decides, what must not straddle two splits (`grouping`, with `cell_metres` for location cells), whether tags and
    classes are spread evenly, whether the parent's splits are kept, and the ontology whose labels are pinned.
    `plan_number` counts changes of the plan, so that nobody overwrites one they have not seen.
    `drawn` tells of the last draw of splits: {"plan": plan_number, "items": n, "explanations": [...]}.
    `digest` is the sha256 of the canonical manifest, which is kept as the file `manifest`.
    """

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=16, choices=VersionState, default=VersionState.DRAFT, editable=False)
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="children"
    )
    notes = models.TextField(blank=True)
    query = models.TextField("made of the scenes that match", blank=True, editable=False)

    train_percent = models.PositiveSmallIntegerField(default=80)
    val_percent = models.PositiveSmallIntegerField(default=10)
    test_percent = models.PositiveSmallIntegerField(default=10)
    balance = models.CharField(max_length=8, choices=Balance, default=Balance.FRAMES)
    seed = models.BigIntegerField(default=0)
    grouping = models.CharField(max_length=8, choices=Grouping, default=Grouping.DRIVE)
    cell_metres = models.PositiveIntegerField("side of a location cell (m)", default=1000)
    stratify_tags = models.BooleanField("spread tags evenly", default=False)
    stratify_classes = models.BooleanField("spread classes evenly", default=False)
    keep_previous = models.BooleanField("keep the splits of the parent", default=True)
    ontology = models.ForeignKey(
        Ontology, on_delete=models.PROTECT, null=True, blank=True, related_name="dataset_versions"
    )
    plan_number = models.PositiveIntegerField(default=1, editable=False)
    plan_changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="changed_dataset_plans",
    )
    plan_changed_fields = ArrayField(models.CharField(max_length=32), default=list, blank=True, editable=False)
    drawn = models.JSONField(default=dict, blank=True, editable=False)

    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="created_dataset_versions",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    frozen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="frozen_dataset_versions",
    )
    frozen_at = models.DateTimeField(null=True, blank=True, editable=False)
    digest = models.CharField("sha256 of the manifest", max_length=64, blank=True, editable=False)
    manifest = models.ForeignKey(
        StoredFile,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="manifest_of",
    )
    certificate = models.JSONField(default=dict, blank=True, editable=False)
    statistics = models.JSONField(default=dict, blank=True, editable=False)
    deprecated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="deprecated_dataset_versions",
    )
    deprecated_at = models.DateTimeField(null=True, blank=True, editable=False)
    deprecation_reason = models.TextField(blank=True, editable=False)

    objects = VersionQuerySet.as_manager()
    # Draws follow from the plan, the seed and the members, which are all tracked.
    history = AuditedRecords(excluded_fields=["drawn", "statistics", "certificate"])

    class Meta:
        ordering = ["dataset", "-number"]
        permissions = [("freeze_datasetversion", "Can freeze and deprecate versions of datasets")]
        constraints = [
            models.UniqueConstraint(fields=["dataset", "number"], name="version_number_once_per_dataset"),
            models.CheckConstraint(condition=Q(number__gte=1), name="version_number_counts_from_1"),
            models.CheckConstraint(condition=Q(state__in=VersionState.values), name="version_state_is_known"),
            models.CheckConstraint(condition=Q(grouping__in=Grouping.values), name="version_grouping_is_known"),
            models.CheckConstraint(condition=Q(balance__in=Balance.values), name="version_balance_is_known"),
            models.CheckConstraint(
                condition=Q(train_percent=100 - F("val_percent") - F("test_percent")),
                name="version_percentages_sum_to_100",
            ),
            models.CheckConstraint(condition=Q(seed__gte=0), name="version_seed_not_negative"),
            models.CheckConstraint(condition=Q(cell_metres__gte=10), name="version_cell_is_10_metres_or_more"),
            models.CheckConstraint(
                condition=Q(state=VersionState.DRAFT, digest="", frozen_at__isnull=True, manifest__isnull=True)
                | Q(~Q(state=VersionState.DRAFT), ~Q(digest=""), frozen_at__isnull=False, manifest__isnull=False),
                name="version_has_a_digest_once_frozen",
            ),
            models.CheckConstraint(
                condition=Q(state=VersionState.DEPRECATED, deprecated_at__isnull=False)
                | Q(~Q(state=VersionState.DEPRECATED), deprecated_at__isnull=True),
                name="deprecated_version_says_since_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dataset}@v{self.number}"

    @property
    def ratios(self) -> dict[str, int]:
        """Percent of each split."""
        return {Split.TRAIN: self.train_percent, Split.VAL: self.val_percent, Split.TEST: self.test_percent}

    @property
    def stratification(self) -> list[str]:
        """What is spread evenly over the splits: tags, classes."""
        return [name for name in ("tags", "classes") if getattr(self, f"stratify_{name}")]

    @property
    def is_draft(self) -> bool:
        return self.state == VersionState.DRAFT

    def refuse_unless_draft(self) -> None:
        """Raises ConflictError once the version is frozen."""
        if not self.is_draft:
            raise ConflictError(
                f"{self} is {self.get_state_display().lower()}: nothing of it changes any more. Make a new version.",
                state=self.state,
            )
