"""The steps of the menu of saved views: save, change, remove, open with; answered by the menu as it is then."""

import json

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render

from lamm.saved_views import view_menu
from lamm.view_steps import dialog, problem, steps
from scenes import services
from scenes.models import SavedView
from scenes.queries import canonical
from scenes.selectors import saved_views_of

LOOK = "scenes.view_scene"


def _menu(request: HttpRequest, here: QueryDict, said: str, status: int) -> HttpResponse:
    context = {"view_menu": view_menu(request, here), "parameters": here}
    if status != 200:
        context |= problem(request, said)
    response = render(request, "parts/_saved_views.html", context, status=status)
    if status == 200:
        response["HX-Trigger"] = json.dumps({"explorer:said": {"words": said}})
    return response


step = steps(LOOK, "explorer", _menu)
edit = dialog(LOOK, SavedView, canonical, change="saved-view-change", remove="saved-view-remove")


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
