"""The bulk actions of the explorer: a dialog that asks, the service, and what became of it with the way back.

The page carries the selection: ids of scenes, or the query of all that match. A million scenes are no more to carry
than one.
"""

from collections.abc import Callable
from typing import Any, cast

from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_POST, require_safe

from datasets.services import add_scenes, create_dataset
from lamm.bulk_forms import ACTIONS, BUILD, SEE, ActionForm, AddToDataset, Export
from lamm.errors import domain_status, words
from scenes import services
from scenes.errors import DomainError, RefusedError
from scenes.models import BulkChange, Scene, SceneExport
from scenes.queries import filters_of
from scenes.services import curating
from scenes.services.selecting import scenes_matching
from scenes.services.workflow import CURATE

MINE = 8
MOST_IDS = 100_000
CHANGES = frozenset({"add-tags", "remove-tags", "assign", "status"})
Selection = QuerySet[Scene] | list[int]


def _selection(request: HttpRequest) -> Selection:
    """The scenes that the page means. Raises RefusedError when it means none."""
    if "matching" in request.POST:
        return scenes_matching(filters_of(request.POST["matching"]))
    parts = [part for part in request.POST.get("scenes", "").split(",") if part]
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        raise RefusedError("The selection can't be read. Load the page again and select anew.")
    if len(parts) > MOST_IDS:
        raise RefusedError(f"More than {MOST_IDS:,} rows are selected one by one. Select all that match instead.")
    if not parts:
        raise RefusedError("No scene is selected. Select some and try again.")
    return [int(part) for part in parts]


def _form_class(request: HttpRequest, action: str) -> type[ActionForm]:
    if action not in ACTIONS:
        raise Http404("There is no such action.")
    if not request.user.has_perm(ACTIONS[action].permission):
        raise PermissionDenied
    return ACTIONS[action]


def _count(selection: Selection) -> int:
    return selection.count() if isinstance(selection, QuerySet) else len(set(selection))


@permission_required(SEE, raise_exception=True)
@require_safe
def matching(request: HttpRequest) -> JsonResponse:
    """How many scenes the filters of an address find, exactly."""
    return JsonResponse({"count": scenes_matching(filters_of(request.GET)).count()})


@permission_required(SEE, raise_exception=True)
@require_POST
def ask(request: HttpRequest, action: str) -> HttpResponse:
    """The dialog of an action, for the scenes that are selected."""
    form_class = _form_class(request, action)
    try:
        selection = _selection(request)
    except DomainError as error:
        return _said(request, {"problem": words(error)}, status=domain_status(error) or 400)
    form = form_class(None, selection=selection, by=cast(User, request.user))
    return _dialog(request, action, form)


def _dialog(
    request: HttpRequest, action: str, form: ActionForm, *, problem: str = "", status: int = 200
) -> HttpResponse:
    carried = {name: request.POST[name] for name in ("scenes", "matching") if name in request.POST}
    context = {
        "action": action,
        "form": form,
        "problem": problem,
        "count": _count(form.selection),
        "carried": carried,
        "post_to": reverse(_route(action), args=[action] if action in CHANGES else []),
        "shown_columns": request.POST.get("shown", ""),
    }
    return render(request, "parts/_bulk_dialog.html", context, status=status)


def _route(action: str) -> str:
    return "explorer-bulk" if action in CHANGES else f"explorer-bulk-{action}"


Done = Callable[[Any], dict[str, Any]]


def _answered(request: HttpRequest, action: str, done: Done) -> HttpResponse:
    """The dialog again with what is wrong, or what became of it."""
    form_class = _form_class(request, action)
    try:
        selection = _selection(request)
    except DomainError as error:
        return _said(request, {"problem": words(error)}, status=domain_status(error) or 400)
    form = form_class(request.POST, selection=selection, by=cast(User, request.user))
    if not form.is_valid():
        return _dialog(request, action, form, status=400)
    try:
        context = done(form)
    except DomainError as error:
        return _dialog(request, action, form, problem=words(error), status=domain_status(error) or 400)
    except ValidationError as error:
        return _dialog(request, action, form, problem=" ".join(error.messages), status=400)
    return _said(request, context)


def _said(request: HttpRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """What is said beside the list; the page closes the dialog and shows its rows anew."""
    response = render(request, "parts/_bulk_said.html", context, status=status)
    response["HX-Retarget"], response["HX-Reswap"] = "#bulk-said", "innerHTML"
    if status == 200:
        response["HX-Trigger"] = "explorer:changed"
    return response


@permission_required(CURATE, raise_exception=True)
@require_POST
def bulk(request: HttpRequest, action: str) -> HttpResponse:
    if action not in CHANGES:
        raise Http404("There is no such action.")
    return _answered(request, action, lambda form: {"change": form.start()})


@permission_required(BUILD, raise_exception=True)
@require_POST
def dataset(request: HttpRequest) -> HttpResponse:
    """Add to a draft that is there, or to a new one: both or nothing."""

    @transaction.atomic
    def add(form: AddToDataset) -> dict[str, Any]:
        facts = form.cleaned_data
        version = facts["version"] or create_dataset(name=facts["name"], by=form.by)
        return {"version": version, "added": add_scenes(version=version, scenes=form.selection, by=form.by)} | {
            "builder": _address("builder", version.pk)
        }

    return _answered(request, "dataset", add)


def _address(route: str, number: int) -> str:
    try:
        return reverse(route, args=[number])
    except NoReverseMatch:  # the page is not part of this installation
        return ""


@permission_required(SEE, raise_exception=True)
@require_POST
def export(request: HttpRequest) -> HttpResponse:
    """A list as a file: ready at once, or written by a worker and followed."""

    def start(form: Export) -> dict[str, Any]:
        named = {"matching": filters_of(request.POST["matching"])} if "matching" in request.POST else {}
        asked: dict[str, Any] = named or {"scenes": form.selection}
        made = services.request_export(by=form.by, form=form.cleaned_data["format"], columns=form.columns, **asked)
        return {"export": made, "just_made": True}

    return _answered(request, "export", start)


@permission_required(SEE, raise_exception=True)
@require_safe
def export_state(request: HttpRequest, export_id: int) -> HttpResponse:
    """How far an export is."""
    found = get_object_or_404(
        SceneExport.objects.select_related("file").defer("scene_ids"), pk=export_id, owner=request.user
    )
    return render(request, "parts/_export_said.html", {"export": found, "just_made": "follow" in request.GET})


def _mine(request: HttpRequest) -> QuerySet[BulkChange]:
    """A person's own changes, without the ids of their scenes."""
    found = BulkChange.objects.filter(actor=cast(User, request.user)).select_related("undone_by", "undo_of")
    return found.defer("scene_ids", "undone_by__scene_ids", "undo_of__scene_ids")


@permission_required(CURATE, raise_exception=True)
@require_safe
def state(request: HttpRequest, change_id: int) -> HttpResponse:
    """How far a change is; when it has ended, the page shows its rows anew."""
    change = get_object_or_404(_mine(request), pk=change_id)
    response = render(request, "parts/_bulk_change.html", {"change": change})
    if not change.active:
        response["HX-Trigger"] = "explorer:changed"
    return response


@permission_required(CURATE, raise_exception=True)
@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """The last changes that this person made, each with what became of it."""
    return render(request, "parts/_bulk_said.html", {"changes": _mine(request)[:MINE], "mine": True})


@permission_required(CURATE, raise_exception=True)
@require_POST
def undo(request: HttpRequest, change_id: int) -> HttpResponse:
    change = get_object_or_404(_mine(request), pk=change_id)
    try:
        return _said(request, {"change": curating.undo_bulk(change=change, by=cast(User, request.user))})
    except DomainError as error:
        return _said(request, {"problem": words(error)}, status=domain_status(error) or 400)
