"""Promotions: who asked for which stage, who decided, what the gates said, and what was waived."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from registry.models.gates import Gate
from registry.models.versions import ModelVersion, Stage
from scenes.audit import AuditedRecords


class RequestState(models.TextChoices):
    OPEN = "open", "Open"
    APPROVED = "approved", "Approved"
    REFUSED = "refused", "Refused"
    WITHDRAWN = "withdrawn", "Withdrawn"


DECIDED_STATES = [RequestState.APPROVED, RequestState.REFUSED]


class PromotionRequest(models.Model):
    """Somebody asks to bring a version to a stage; another person decides.

    `check_number` counts how often the gates were looked at; the results of the last time decide. `compared_with` is
    the version that was in Production then: when another one is by now, nobody can approve without looking again.
    `withdrawn_at` is when whoever asked took it back, which needs no other person.
    """

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="promotion_requests")
    target = models.CharField(max_length=16, choices=Stage)
    note = models.TextField(blank=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="asked_promotions")
    asked_at = models.DateTimeField(auto_now_add=True)
    state = models.CharField(max_length=16, choices=RequestState, default=RequestState.OPEN, editable=False)
    check_number = models.PositiveIntegerField(default=0, editable=False)
    checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    compared_with = models.ForeignKey(
        ModelVersion,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="compared_promotion_requests",
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="decided_promotions",
    )
    decided_at = models.DateTimeField(null=True, blank=True, editable=False)
    withdrawn_at = models.DateTimeField(null=True, blank=True, editable=False)
    reason = models.TextField("reason of the decision", blank=True, editable=False)
    history = AuditedRecords()

    class Meta:
        ordering = ["-id"]
        verbose_name = "promotion request"
        permissions = [("approve_promotion", "Can approve and refuse promotions")]
        indexes = [models.Index(fields=["state", "-id"], name="promotion_by_state")]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "target"], condition=Q(state=RequestState.OPEN), name="one_open_promotion_per_target"
            ),
            models.CheckConstraint(
                condition=Q(target__in=[Stage.STAGING, Stage.PRODUCTION]), name="promotion_leads_up"
            ),
            models.CheckConstraint(condition=Q(state__in=RequestState.values), name="promotion_state_is_known"),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("asked_by")),
                name="promotion_is_decided_by_another_person",
            ),
            models.CheckConstraint(
                condition=Q(state__in=DECIDED_STATES, decided_by__isnull=False, decided_at__isnull=False)
                | Q(~Q(state__in=DECIDED_STATES), decided_by__isnull=True, decided_at__isnull=True),
                name="promotion_has_a_decision_when_decided",
            ),
            models.CheckConstraint(
                condition=~Q(state=RequestState.REFUSED) | ~Q(reason=""), name="refused_promotion_has_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"promotion {self.pk}"

    @property
    def open(self) -> bool:
        return self.state == RequestState.OPEN


class GateResult(models.Model):
    """What a gate said at one check of a request. Itself a record: rows are added and never changed.

    `measured` is None where there was no evidence that counts; `words` say why. `contaminated`: there was evidence,
    but its scenes or their drives were trained on. `evidence` names it: the evaluation, its dataset version and rule.
    """

    request = models.ForeignKey(PromotionRequest, on_delete=models.CASCADE, db_index=False, related_name="results")
    gate = models.ForeignKey(Gate, on_delete=models.PROTECT, related_name="results")
    check_number = models.PositiveIntegerField()
    passed = models.BooleanField()
    measured = models.FloatField(null=True, blank=True)
    threshold = models.FloatField()
    contaminated = models.BooleanField(default=False)
    words = models.TextField()
    evidence = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["request", "check_number", "id"]
        verbose_name = "result of a gate"
        constraints = [
            models.UniqueConstraint(fields=["request", "check_number", "gate"], name="gate_result_once_per_check"),
            models.CheckConstraint(
                condition=Q(passed=False) | Q(contaminated=False), name="contaminated_evidence_passes_nothing"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.gate}: {'passed' if self.passed else 'failed'}"


class Waiver(models.Model):
    """Somebody takes the responsibility for a gate that a request does not pass. A record that stays."""

    request = models.ForeignKey(PromotionRequest, on_delete=models.CASCADE, db_index=False, related_name="waivers")
    gate = models.ForeignKey(Gate, on_delete=models.PROTECT, related_name="waivers")
    reason = models.TextField()
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="waived_gates")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["request", "id"]
        constraints = [
            models.UniqueConstraint(fields=["request", "gate"], name="gate_waived_once_per_request"),
            models.CheckConstraint(condition=~Q(reason=""), name="waiver_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"waiver {self.pk}"
