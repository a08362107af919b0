"""The routes of registered models for the walk over all routes: who may use them, and their addresses."""

import re

from django.contrib.auth.models import User
from django.utils import timezone

from datasets.models import DatasetVersion
from lamm.tests.run_addresses import a_walked_run
from registry.models import (
    Alias,
    Gate,
    ModelVersion,
    PromotionRequest,
    RegisteredModel,
    StageTransition,
    Webhook,
    WebhookDelivery,
)

MODEL, VERSION, PROMOTION = (
    "registry.view_registeredmodel",
    "registry.view_modelversion",
    "registry.view_promotionrequest",
)
GATE, WEBHOOK = "registry.view_gate", "registry.view_webhook"
REGISTER, DESCRIBE, FOLLOW = (
    "registry.add_modelversion",
    "registry.change_modelversion",
    "registry.change_promotionrequest",
)
APPROVE, GATES, WEBHOOKS = "registry.approve_promotion", "registry.change_gate", "registry.change_webhook"
MODEL_DECISIONS = {
    **dict.fromkeys(("models", "model", "model-version", "model-compare"), VERSION),
    **dict.fromkeys(("model-promote", "model-version-ask", "promotion-withdraw"), REGISTER),
    **{f"model-{step}": DESCRIBE for step in ("describe", "alias", "alias-remove")},
    **{f"model-version-{step}": DESCRIBE for step in ("describe", "archive", "restore")},
    **dict.fromkeys(("model-version-step-down", "promotion-check", "promotion-waive"), FOLLOW),
    **dict.fromkeys(("model-roll-back", "promotion-approve", "promotion-refuse"), APPROVE),
    **dict.fromkeys(("model-gate", "model-gate-retire"), GATES),
    "webhooks": WEBHOOK,
    **{f"webhook-{step}": WEBHOOKS for step in ("add", "try", "remove")},
    "registeredmodel-list": {"GET": MODEL, "POST": REGISTER},
    "registeredmodel-detail": {"GET": MODEL, "PATCH": DESCRIBE},
    "registeredmodel-production": MODEL,
    **{f"registeredmodel-{step}": DESCRIBE for step in ("aliases", "remove-alias")},
    "registeredmodel-roll-back": APPROVE,
    "modelversion-list": {"GET": VERSION, "POST": REGISTER},
    "modelversion-detail": {"GET": VERSION, "PATCH": DESCRIBE},
    **{f"modelversion-{part}": VERSION for part in ("resolve", "artifact")},
    **{f"modelversion-{step}": DESCRIBE for step in ("archive", "restore")},
    "modelversion-step-down": FOLLOW,
    "promotionrequest-list": {"GET": PROMOTION, "POST": REGISTER},
    "promotionrequest-detail": PROMOTION,
    "promotionrequest-withdraw": REGISTER,
    **{f"promotionrequest-{step}": FOLLOW for step in ("check", "waive")},
    **{f"promotionrequest-{step}": APPROVE for step in ("approve", "refuse")},
    "gate-list": {"GET": GATE, "POST": GATES},
    "gate-detail": GATE,
    "gate-retire": GATES,
    "stagetransition-list": VERSION,
    "webhook-list": {"GET": WEBHOOK, "POST": WEBHOOKS},
    "webhook-detail": {"GET": WEBHOOK, "DELETE": WEBHOOKS},
    "webhook-test": WEBHOOKS,
    **{f"webhookdelivery-{part}": WEBHOOK for part in ("list", "detail")},
}
SEEN_BY_SUPERUSERS = ("registry.view_alias", "registry.view_stagetransition", "registry.view_webhookdelivery")
MODEL_WHO = {
    **dict.fromkeys((MODEL, VERSION, PROMOTION, GATE), "viewer labeler curator engineer trainer operator approver"),
    **dict.fromkeys((REGISTER, DESCRIBE), "engineer"),
    FOLLOW: "engineer approver",
    **dict.fromkeys((APPROVE, GATES), "approver"),
    **dict.fromkeys((WEBHOOK, WEBHOOKS), "approver operator"),
    **dict.fromkeys(SEEN_BY_SUPERUSERS, ""),
}
PLACES = ("models/", "api/^models", "api/^model-versions", "api/^promotions", "api/^gates", "api/^stage-transitions",
          "api/^webhook")  # fmt: skip
PARAMETERS = {"/resolve/": "?name=walked@v1", "/production/": "?at=2099-01-01T00:00:00Z"}


def model_address(pattern: str, person: User | None) -> str:
    """The address for a pattern of the registry; nothing for others."""
    if not pattern.startswith(PLACES):
        return ""
    version = a_walked_version()
    number = _row(pattern, version, person)
    filled = pattern.replace("<str:name>", version.model.name).replace("<str:label>", version.label)
    filled = re.sub(r"<int:\w+>|\(\?P<pk>[^)]*\)", str(number), filled)
    filled = "/" + filled.replace("^", "").replace("$", "").replace("\\Z", "")
    return filled + next((given for part, given in PARAMETERS.items() if filled.endswith(part)), "")


def _row(pattern: str, version: ModelVersion, person: User | None) -> int:
    if "promotions" in pattern:
        return a_walked_promotion(person if "withdraw" in pattern else None).pk
    if "gates/<int" in pattern or "^gates" in pattern:
        return Gate.objects.get().pk
    if "deliveries" in pattern:
        return WebhookDelivery.objects.get().pk
    if "webhooks" in pattern:
        return Webhook.objects.get().pk
    return version.pk if "versions" in pattern else version.model_id


def a_walked_version() -> ModelVersion:
    """The version in Production of the walk, with everything that an address names."""
    found = ModelVersion.objects.select_related("model").filter(label="v1").first()
    if found is not None:
        return found
    owner, now = User.objects.get(username="owner"), timezone.now()
    model = RegisteredModel.objects.create(name="walked", created_by=owner)
    run = a_walked_run(None)
    file = run.artifacts.get().file
    facts = {"model": model, "run": run, "file": file, "digest": file.digest, "created_by": owner}
    version = ModelVersion.objects.create(number=1, label="v1", stage="production", artifact_path="a.txt", **facts)
    moved = {"model": model, "version": version, "person": owner, "at": now}
    StageTransition.objects.create(to_stage="production", move="promoted", **moved)
    Alias.objects.create(model=model, name="walked", version=version, moved_by=owner, moved_at=now)
    frozen = DatasetVersion.objects.first()
    Gate.objects.create(
        model=model, kind="minimum_iou", target="staging", dataset_version=frozen, threshold=0.5, created_by=owner
    )
    hook = Webhook.objects.create(url="https://example.com/", events=["stage.changed"], secret="s", created_by=owner)
    hook.deliveries.create(event="test", payload="{}", next_attempt_at=now, state="delivered")
    return version


def a_walked_promotion(person: User | None) -> PromotionRequest:
    """An open promotion that this person asked for, else the owner, of a version of its own."""
    asker = person or User.objects.get(username="owner")
    found = PromotionRequest.objects.filter(asked_by=asker, state="open").first()
    if found is not None:
        return found
    present = a_walked_version()
    number = ModelVersion.objects.count() + 1
    version = ModelVersion.objects.create(
        model=present.model, number=number, label=f"v{number}", run=present.run, created_by=asker
    )
    return PromotionRequest.objects.create(
        version=version, target="production", asked_by=asker, compared_with=present, check_number=1
    )
