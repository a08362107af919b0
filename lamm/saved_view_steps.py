"""The steps of the menu of saved views: save, change, remove, open with; answered by the menu as it is then."""

import json
from collections.abc import Callable
from functools import wraps
from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from lamm.errors import domain_status, words
from lamm.saved_views import view_menu
from scenes import services
from scenes.errors import DomainError
from scenes.models import SavedView
from scenes.queries import canonical
from scenes.selectors import saved_views_of

Work = Callable[..., str]


def step(work: Work) -> Callable[..., HttpResponse]:
    """A form's view: POST only, for people who may see scenes. `work` says what was done, for people."""

    @wraps(work)
    def view(request: HttpRequest, **given: int) -> HttpResponse:
        try:
            said, status = work(request, cast(User, request.user), **given), 200
        except DomainError as error:
            said, status = words(error), domain_status(error) or 400
        return _answer(request, said, status)

    return permission_required("scenes.view_scene", raise_exception=True)(require_POST(view))


def _answer(request: HttpRequest, said: str, status: int) -> HttpResponse:
    here = QueryDict(request.POST.get("here", ""))
    if not request.htmx:  # type: ignore[attr-defined]
        (messages.success if status == 200 else messages.error)(request, said)
        return redirect(f"{reverse('explorer')}?{here.urlencode()}")
    context = {"view_menu": view_menu(request, here), "parameters": here}
    if status != 200:
        context |= {"view_problem": said, "view_name": request.POST.get("name", "")}
    response = render(request, "parts/_saved_views.html", context, status=status)
    if status == 200:
        response["HX-Trigger"] = json.dumps({"explorer:said": {"words": said}})
    return response


@require_safe
@permission_required("scenes.view_scene", raise_exception=True)
def edit(request: HttpRequest, view_id: int) -> HttpResponse:
    """What an owner may do with a view, for the menu's dialog."""
    view = get_object_or_404(SavedView, pk=view_id, owner=request.user)
    return render(
        request, "parts/_saved_view_dialog.html", {"view": view, "here": canonical(request.GET.get("here", ""))}
    )


def _view(person: User, view_id: int) -> SavedView:
    return get_object_or_404(saved_views_of(person), pk=view_id)


@step
def save(request: HttpRequest, person: User) -> str:
    given = request.POST
    view = services.save_view(
        by=person, name=given.get("name", ""), query=given.get("here", ""), shared="shared" in given
    )
    if "default" in given:
        services.set_default_view(by=person, view=view)
    return f"Saved as “{view.name}”."


@step
def change(request: HttpRequest, person: User, view_id: int) -> str:
    """Rename, share or keep for oneself, or take over the present rule: what the form gives."""
    given = request.POST
    shared = given["shared"] == "true" if "shared" in given else None
    query = given.get("here", "") if "update" in given else None
    view = services.change_view(
        view=_view(person, view_id), by=person, name=given.get("name"), query=query, shared=shared
    )
    if shared is not None:
        return f"“{view.name}” is {'shared with everybody' if shared else 'private again'}."
    return f"“{view.name}” is now this view." if query is not None else f"Renamed to “{view.name}”."


@step
def remove(request: HttpRequest, person: User, view_id: int) -> str:
    view = _view(person, view_id)
    services.remove_view(view=view, by=person)
    return f"“{view.name}” is removed."


@step
def make_default(request: HttpRequest, person: User) -> str:
    """The view that the explorer opens with; without one: all scenes."""
    given = request.POST.get("view", "")
    view = _view(person, int(given)) if given.isascii() and given.isdigit() and len(given) < 19 else None
    services.set_default_view(by=person, view=view)
    return f"The explorer opens with “{view.name}”." if view else "The explorer opens with all scenes."
