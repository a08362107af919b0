"""Webhooks: who is told of promotions, whether they heard it, and a button to try."""

from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_POST, require_safe

from lamm.errors import domain_status, words
from registry import services
from registry.models import RegisteredModel, Webhook, WebhookDelivery
from registry.services.hooking import CHOICES
from registry.services.permissions import WEBHOOKS
from scenes.errors import DomainError, RefusedError

LOOK = "registry.view_webhook"
HOOKS_SHOWN, DELIVERIES_SHOWN, MODELS_OFFERED = 100, 50, 200


@require_safe
@permission_required(LOOK, raise_exception=True)
def webhooks(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/webhooks.html", _context())


@permission_required(WEBHOOKS, raise_exception=True)
@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """A new webhook; the page that follows shows its secret, for the only time."""
    given = request.POST
    try:
        model = None
        if given.get("model"):
            model = RegisteredModel.objects.filter(name=given["model"]).first()
            if model is None:
                raise RefusedError(f"There is no model {given['model'][:100]!r}.")
        made = services.add_webhook(
            url=given.get("url", ""), events=given.getlist("events"), model=model, by=cast(User, request.user)
        )
    except (DomainError, ValidationError) as error:
        context = _context() | {"problem": words(error), "given": given, "ticked": given.getlist("events")}
        return render(request, "pages/webhooks.html", context, status=domain_status(error) or 400)
    response = render(request, "pages/webhooks.html", _context() | {"made": made})
    patch_cache_control(response, private=True, no_store=True)
    return response


@permission_required(WEBHOOKS, raise_exception=True)
@require_POST
def test(request: HttpRequest, pk: int) -> HttpResponse:
    services.try_webhook(webhook=_webhook(pk), by=cast(User, request.user))
    messages.success(request, "A test event is on its way. The log below tells what came of it.")
    return redirect("webhooks")


@permission_required(WEBHOOKS, raise_exception=True)
@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    services.remove_webhook(webhook=_webhook(pk), by=cast(User, request.user))
    messages.success(request, "The webhook is told nothing any more. Its log stays.")
    return redirect("webhooks")


def _webhook(pk: int) -> Webhook:
    return get_object_or_404(Webhook, pk=pk)


def _context() -> dict[str, Any]:
    hooks = Webhook.objects.filter(removed_at=None).select_related("model", "created_by").defer("secret")
    deliveries = WebhookDelivery.objects.select_related("webhook").defer("webhook__secret").order_by("-pk")
    return {
        "hooks": hooks.order_by("-pk")[:HOOKS_SHOWN],
        "deliveries": deliveries[:DELIVERIES_SHOWN],
        "models": RegisteredModel.objects.order_by("name").values_list("name", flat=True)[:MODELS_OFFERED],
        "events": [(event.value, event.label) for event in CHOICES],
        "ticked": list(CHOICES),
    }
