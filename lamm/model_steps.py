"""What the forms of the registry's pages do: each asks a service, and goes back with what it said."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from datasets.models import DatasetVersion
from lamm.errors import words
from lamm.pages.model_version import card
from registry import services
from registry.models import Gate, ModelVersion, PromotionRequest, RegisteredModel
from registry.services.permissions import APPROVE, DESCRIBE, FOLLOW, GATES, REGISTER
from registry.services.registering import CARD
from scenes.errors import DomainError, RefusedError

Work = Callable[..., tuple[str, str]]
Find = Callable[[int], Any]


def model_by_id(pk: int) -> RegisteredModel:
    return get_object_or_404(RegisteredModel, pk=pk)


def version_by_id(pk: int) -> ModelVersion:
    return get_object_or_404(ModelVersion.objects.select_related("model"), pk=pk)


def request_by_id(pk: int) -> PromotionRequest:
    return get_object_or_404(PromotionRequest.objects.select_related("version__model"), pk=pk)


def model_page(model: RegisteredModel, part: str = "") -> str:
    return f"{reverse('model', args=[model.name])}{part}"


def home_of(row: Any) -> str:
    """The page that a row's forms stand on."""
    if isinstance(row, RegisteredModel):
        return model_page(row)
    return card(row.version if isinstance(row, PromotionRequest) else row)


def step(permission: str, find: Find) -> Callable[[Work], Callable[..., HttpResponseBase]]:
    """A form's view: POST only. `work` returns what to say and where to go on; a refusal goes back to its page."""

    def decorate(work: Work) -> Callable[..., HttpResponseBase]:
        @wraps(work)
        def view(request: HttpRequest, pk: int) -> HttpResponseBase:
            row = find(pk)
            try:
                said, address = work(request.POST, row, cast(User, request.user))
            except (DomainError, ValidationError) as error:
                messages.error(request, words(error))
                return redirect(home_of(row))
            messages.success(request, said)
            return redirect(address)

        return permission_required(permission, raise_exception=True)(require_POST(view))

    return decorate


def tags_of(given: QueryDict) -> list[str]:
    """Tags as they are typed: separated by commas."""
    return [tag for tag in given.get("tags", "").split(",") if tag.strip()]


@step(DESCRIBE, model_by_id)
def describe_model(given: QueryDict, model: RegisteredModel, by: User) -> tuple[str, str]:
    services.describe_model(model=model, by=by, description=given.get("description", ""), tags=tags_of(given))
    return f"{model.name} is described anew.", model_page(model)


@step(DESCRIBE, model_by_id)
def set_alias(given: QueryDict, model: RegisteredModel, by: User) -> tuple[str, str]:
    version = model.versions.filter(label=given.get("version", "")).first()
    if version is None:
        raise RefusedError(f"{model.name} has no version {given.get('version', '')[:40]!r}.")
    alias = services.set_alias(version=version, name=given.get("name", ""), by=by)
    return f"{model.name}@{alias.name} points at {version.label}.", model_page(model, "#aliases")


@step(DESCRIBE, model_by_id)
def remove_alias(given: QueryDict, model: RegisteredModel, by: User) -> tuple[str, str]:
    services.remove_alias(model=model, name=given.get("name", ""), by=by)
    return f"{model.name}@{given.get('name')} is gone.", model_page(model, "#aliases")


@step(APPROVE, model_by_id)
def roll_back(given: QueryDict, model: RegisteredModel, by: User) -> tuple[str, str]:
    version = services.roll_back(model=model, by=by, reason=given.get("reason", ""), seen=number(given, "seen"))
    return f"{version} is back in Production.", model_page(model)


@step(GATES, model_by_id)
def add_gate(given: QueryDict, model: RegisteredModel, by: User) -> tuple[str, str]:
    pk = number(given, "dataset_version")
    version = DatasetVersion.objects.select_related("dataset", "ontology").filter(pk=pk or 0).first()
    if version is None:
        raise RefusedError("Choose the frozen dataset version that the evidence comes from.")
    try:
        threshold = float(given.get("threshold", ""))
    except ValueError as error:
        raise RefusedError("threshold: give a number from 0 to 1.") from error
    named = {name: given.get(name, "") for name in ("kind", "target", "split", "slice_name", "class_name")}
    scenes = [int(one) for one in given.getlist("scenes") if one.isascii() and one.isdigit() and len(one) < 19]
    gate = services.add_gate(model=model, dataset_version=version, threshold=threshold, scenes=scenes, by=by, **named)
    return f"{gate} is asked for from now on.", model_page(model, "#gates")


@permission_required(GATES, raise_exception=True)
@require_POST
def retire_gate(request: HttpRequest, pk: int) -> HttpResponseBase:
    gate = get_object_or_404(Gate.objects.select_related("model"), pk=pk)
    services.retire_gate(gate=gate, by=cast(User, request.user))
    messages.success(request, f"{gate} is retired: later promotions are not held against it.")
    return redirect(model_page(gate.model, "#gates"))


@step(DESCRIBE, version_by_id)
def describe_version(given: QueryDict, version: ModelVersion, by: User) -> tuple[str, str]:
    texts = {name: given.get(name, "") for name in CARD if name in given}
    services.describe_version(version=version, by=by, card=texts, tags=tags_of(given) if "tags" in given else None)
    return "The model card is changed.", card(version)


@step(DESCRIBE, version_by_id)
def archive(given: QueryDict, version: ModelVersion, by: User) -> tuple[str, str]:
    services.archive_version(version=version, by=by)
    return f"{version} is archived. It stays readable.", card(version)


@step(DESCRIBE, version_by_id)
def restore(given: QueryDict, version: ModelVersion, by: User) -> tuple[str, str]:
    services.restore_version(version=version, by=by)
    return f"{version} is back.", card(version)


@step(FOLLOW, version_by_id)
def step_down(given: QueryDict, version: ModelVersion, by: User) -> tuple[str, str]:
    """Who may depends on the stage: the service decides."""
    found = services.step_down(version=version, by=by, reason=given.get("reason", ""))
    return f"{found} is in {found.get_stage_display()} now.", card(version)


@step(REGISTER, version_by_id)
def ask(given: QueryDict, version: ModelVersion, by: User) -> tuple[str, str]:
    request = services.request_promotion(
        version=version, target=given.get("target", ""), note=given.get("note", ""), by=by
    )
    said = f"Asked to promote {version} to {request.get_target_display()}. Another person decides."
    return said, f"{card(version)}#promotion-{request.pk}"


@step(FOLLOW, request_by_id)
def check(given: QueryDict, request: PromotionRequest, by: User) -> tuple[str, str]:
    services.check_gates(request=request, by=by)
    return "The gates were checked again.", f"{card(request.version)}#promotion-{request.pk}"


@step(FOLLOW, request_by_id)
def waive(given: QueryDict, request: PromotionRequest, by: User) -> tuple[str, str]:
    gate = get_object_or_404(Gate, pk=number(given, "gate") or 0)
    services.waive_gate(request=request, gate=gate, by=by, reason=given.get("reason", ""))
    return (
        "The gate is waived. The reason stays beside the promotion.",
        f"{card(request.version)}#promotion-{request.pk}",
    )


@step(APPROVE, request_by_id)
def approve(given: QueryDict, request: PromotionRequest, by: User) -> tuple[str, str]:
    done = services.approve(request=request, by=by, reason=given.get("reason", ""))
    return f"{done.version} is in {done.get_target_display()}.", card(request.version)


@step(APPROVE, request_by_id)
def refuse(given: QueryDict, request: PromotionRequest, by: User) -> tuple[str, str]:
    services.refuse(request=request, by=by, reason=given.get("reason", ""))
    return "The promotion is refused, with your reason.", card(request.version)


@step(REGISTER, request_by_id)
def withdraw(given: QueryDict, request: PromotionRequest, by: User) -> tuple[str, str]:
    services.withdraw(request=request, by=by)
    return "The promotion is withdrawn.", card(request.version)


def number(given: QueryDict, name: str) -> int | None:
    """A number of a form; None where it is no number."""
    text = given.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
