"""What people do with a whole version: begin a dataset, save it, make the next, deprecate, verify, discard."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_GET, require_POST

from datasets import selectors, services
from datasets.models import DatasetVersion
from datasets.rules import scenes_matching
from datasets.services.permissions import BUILD, FREEZE
from datasets.services.verifying import VERIFY
from lamm.certificate_rows import checks
from lamm.errors import domain_status, words
from lamm.pages.builder import the_version
from scenes.errors import ConflictError, DomainError
from scenes.selectors import saved_views_of

Where = Callable[..., tuple[str, str]]


def card(version: DatasetVersion) -> str:
    return reverse("dataset", args=[version.dataset.name, version.number])


def step(permission: str) -> Callable[[Where], Callable[..., HttpResponseBase]]:
    """A form's view: POST only. `work` returns what to say and where to go on; a refusal goes back to the card."""

    def decorate(work: Where) -> Callable[..., HttpResponseBase]:
        @wraps(work)
        def view(request: HttpRequest, version_id: int) -> HttpResponseBase:
            version = the_version(version_id)
            try:
                said, address = work(request, version, cast(User, request.user))
            except (DomainError, ValidationError) as error:
                messages.error(request, words(error))
                return redirect(card(version))
            messages.success(request, said)
            return redirect(address)

        return permission_required(permission, raise_exception=True)(require_POST(view))

    return decorate


@permission_required(BUILD, raise_exception=True)
@require_POST
def create(request: HttpRequest) -> HttpResponse:
    """A new dataset with its first draft; filled with what one of the person's saved views finds, if that is asked."""
    person = cast(User, request.user)
    try:
        version = _created(request, person)
    except (DomainError, ValidationError) as error:
        messages.error(request, words(error))
        return redirect(f"{reverse('datasets')}?new=1")
    return redirect(reverse("builder", args=[version.pk]))


@transaction.atomic
def _created(request: HttpRequest, person: User) -> DatasetVersion:
    given = request.POST
    version = services.create_dataset(name=given.get("name", ""), notes=given.get("notes", "")[:10_000], by=person)
    view = given.get("view", "")
    if view.isascii() and view.isdigit():
        query = get_object_or_404(saved_views_of(person), pk=int(view)).query
        services.add_scenes(version=version, scenes=scenes_matching(query), by=person)
    return version


@step(BUILD)
def new_version(request: HttpRequest, version: DatasetVersion, person: User) -> tuple[str, str]:
    """A draft that begins with the scenes of this version, or with what a query finds now."""
    query = request.POST.get("query", "")
    made = services.new_version(of=version, by=person, notes=request.POST.get("notes", "")[:10_000], query=query)
    return f"{made} is a draft, made from {version}.", reverse("builder", args=[made.pk])


@step(FREEZE)
def deprecate(request: HttpRequest, version: DatasetVersion, person: User) -> tuple[str, str]:
    services.deprecate(version=version, by=person, reason=request.POST.get("reason", ""))
    return f"{version} is deprecated.", card(version)


@step(VERIFY)
def verify(request: HttpRequest, version: DatasetVersion, person: User) -> tuple[str, str]:
    services.request_verification(version=version, by=person)
    return f"Every file of {version} is read again.", f"{card(version)}#verification"


@step(BUILD)
def discard(request: HttpRequest, version: DatasetVersion, person: User) -> tuple[str, str]:
    services.discard_draft(version=version, by=person)
    return f"The draft {version} is gone. Its scenes stay in the library.", reverse("datasets")


@permission_required(FREEZE, raise_exception=True)
@require_GET
def ask_freeze(request: HttpRequest, version_id: int) -> HttpResponse:
    """The dialog before a version is frozen: what will be written, the checks, and each warning with its box."""
    return _freeze_dialog(request, the_version(version_id))


@permission_required(FREEZE, raise_exception=True)
@require_POST
def freeze(request: HttpRequest, version_id: int) -> HttpResponse:
    """Freeze. What is left to acknowledge is shown again in the dialog, with what was ticked."""
    version = the_version(version_id)
    ticked = request.POST.getlist("acknowledged")
    try:
        frozen = services.freeze(version=version, by=cast(User, request.user), acknowledged=ticked)
    except (DomainError, ValidationError) as error:
        if not request.htmx:  # type: ignore[attr-defined]
            messages.error(request, words(error))
            return redirect(reverse("builder", args=[version.pk]))
        left = isinstance(error, ConflictError) and "warnings" in error.facts
        problem = "Read each warning that is not ticked yet, and tick it." if left else words(error)
        return _freeze_dialog(request, the_version(version_id), problem=problem, status=domain_status(error) or 400)
    messages.success(request, f"{frozen} is frozen. Its digest is {frozen.digest}.")
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponse(headers={"HX-Redirect": card(frozen)})
    return redirect(card(frozen))


def _freeze_dialog(
    request: HttpRequest, version: DatasetVersion, *, problem: str = "", status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {"version": version, "problem": problem, "ticked": request.POST.getlist("acknowledged")}
    if version.is_draft:
        told = selectors.certificate(version)
        context |= {
            "certificate": told,
            "checks": checks(told),
            "current": selectors.splits_are_current(version),
            "empty": not version.items.exists(),
        }
    response = render(request, "parts/_freeze_dialog.html", context, status=status)
    patch_cache_control(response, private=True, no_store=True)
    return response
