"""Webhooks: addresses that are told of promotions, and every attempt to tell them."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from registry.models.registered import RegisteredModel
from scenes.audit import AuditedRecords


class WebhookEvent(models.TextChoices):
    ASKED = "promotion.asked", "A promotion is asked for"
    DECIDED = "promotion.decided", "A promotion is approved or refused"
    STAGE_CHANGED = "stage.changed", "A version changes its stage"
    TEST = "test", "A test"


class Webhook(models.Model):
    """An address that is told of events of one model, or of all. `secret` signs what is sent; nobody reads it again."""

    url = models.URLField(max_length=1000)
    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, null=True, blank=True, related_name="webhooks")
    events = ArrayField(models.CharField(max_length=32, choices=WebhookEvent), default=list)
    secret = models.CharField(max_length=100, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="webhooks")
    created_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True, blank=True, editable=False)
    history = AuditedRecords(excluded_fields=["secret"])

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.url


class DeliveryState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Failed"


class WebhookDelivery(models.Model):
    """One event for one webhook, until it is delivered or given up. Times between attempts grow.

    `payload` is the body as it is signed and sent. `status` is that of the last answer; `problem` says in words why
    an attempt did not succeed.
    """

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=32, choices=WebhookEvent)
    payload = models.TextField()
    state = models.CharField(max_length=16, choices=DeliveryState, default=DeliveryState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    problem = models.TextField(blank=True)
    milliseconds = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = "delivery"
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(fields=["next_attempt_at"], name="delivery_due", condition=Q(state="waiting")),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=DeliveryState.values), name="delivery_state_is_known"),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk}"
