"""The panel "Export" of the data card: the formats with what each carries, and what was asked for so far."""

from dataclasses import dataclass
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_http_methods, require_POST

from datasets import services
from datasets.exports import formats, places
from datasets.models import DatasetExport, DatasetVersion, ExportFormat
from datasets.services.permissions import EXPORT
from lamm.dataset_steps import card
from lamm.errors import domain_status, words
from lamm.pages.builder import the_version
from scenes.errors import DomainError

SHOWN = 8
REFRESH_SECONDS = 1


@dataclass(frozen=True)
class Choice:
    """A format in the panel; `refused` says why the version can't go out in it, "" when it can."""

    described: formats.Described
    refused: str


def panel(version: DatasetVersion, person: Any) -> dict[str, Any]:
    """What the panel shows: nothing of a draft; the exports and, for who may make some, the formats."""
    if version.is_draft:
        return {"exports": None}
    context: dict[str, Any] = exports_of(version)
    if person.has_perm(EXPORT):
        context |= {"export_formats": choices(version), "export_places": places.names()}
    return context


def exports_of(version: DatasetVersion) -> dict[str, Any]:
    """The last exports of a version; one query."""
    found = list(version.exports.select_related("file", "owner").order_by("-pk")[:SHOWN])
    return {
        "exports": found,
        "exports_active": any(export.active for export in found),
        "exports_refresh_seconds": REFRESH_SECONDS,
    }


def choices(version: DatasetVersion) -> list[Choice]:
    """All formats; one query."""
    refused = formats.refusals(version)
    return [Choice(described, refused.get(key, "")) for key, described in formats.DESCRIBED.items()]


@permission_required(EXPORT, raise_exception=True)
@require_http_methods(["GET", "HEAD", "POST"])
def export(request: HttpRequest, version_id: int) -> HttpResponse:
    """The exports of a version as they are now; a POST asks for one more."""
    version = the_version(version_id)
    if request.method != "POST":
        return _list(request, version)
    given = request.POST
    try:
        made = services.request_export(
            version=version, form=given.get("format", ""), place=given.get("place", ""), by=cast(User, request.user)
        )
    except DomainError as error:
        return _answered(request, version, problem=words(error), status=domain_status(error) or 400)
    return _answered(request, version, made=made)


@permission_required(EXPORT, raise_exception=True)
@require_POST
def cancel(request: HttpRequest, version_id: int, export_id: int) -> HttpResponse:
    version = the_version(version_id)
    found = get_object_or_404(DatasetExport, pk=export_id, version=version)
    try:
        services.cancel_export(export=found, by=cast(User, request.user))
    except DomainError as error:
        return _answered(request, version, problem=words(error), status=domain_status(error) or 400)
    return _answered(request, version)


def _answered(
    request: HttpRequest,
    version: DatasetVersion,
    *,
    made: DatasetExport | None = None,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    if request.htmx:  # type: ignore[attr-defined]
        return _list(request, version, made=made, problem=problem, status=status)
    if problem:
        messages.error(request, problem)
    elif made is not None:
        ready = "ready to download below" if made.downloadable else "being written"
        messages.success(request, f"{ExportFormat(made.format).label} of {version} is {ready}.")
    return redirect(f"{card(version)}#export")


def _list(
    request: HttpRequest,
    version: DatasetVersion,
    *,
    made: DatasetExport | None = None,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {"version": version, "made": made, "problem": problem} | exports_of(version)
    response = render(request, "parts/_dataset_exports.html", context, status=status)
    patch_cache_control(response, private=True, no_store=True)
    return response
