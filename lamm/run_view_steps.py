"""The steps of the tracker's menu of saved views: save, change, remove; answered by the menu as it is then."""

import json
from typing import Any, cast

from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST

from experiments import services
from experiments.models import RunView
from experiments.run_addresses import canonical
from experiments.run_figures import FIGURES
from lamm.errors import domain_status, words
from lamm.run_views import run_view_menu, views_for
from lamm.view_steps import dialog, problem, steps
from scenes.errors import DomainError

VIEW_RUN = "experiments.view_run"


def _menu(request: HttpRequest, here: QueryDict, said: str, status: int) -> HttpResponse:
    context: dict[str, Any] = {"view_menu": run_view_menu(cast(User, request.user), here)}
    if status != 200:
        context |= problem(request, said)
    response = render(request, "parts/_run_views.html", context, status=status)
    if status == 200:
        response["HX-Trigger"] = json.dumps({"runs:said": {"words": said}})
    return response


step = steps(VIEW_RUN, "runs", _menu)
edit = dialog(VIEW_RUN, RunView, canonical, change="run-list-view-change", remove="run-list-view-remove")


@step
def save(request: HttpRequest, person: User) -> str:
    given = request.POST
    view = services.save_run_view(
        by=person, name=given.get("name", ""), query=given.get("here", ""), shared="shared" in given
    )
    return f"Saved as “{view.name}”."


@step
def change(request: HttpRequest, person: User, view_id: int) -> str:
    """Rename, share or keep for oneself, or take over the present question: what the form gives."""
    given = request.POST
    shared = given["shared"] == "true" if "shared" in given else None
    query = given.get("here", "") if "update" in given else None
    view = get_object_or_404(views_for(person), pk=view_id)
    view = services.change_run_view(view=view, by=person, name=given.get("name"), query=query, shared=shared)
    if shared is not None:
        return f"“{view.name}” is {'shared with everybody' if shared else 'private again'}."
    return f"“{view.name}” is now this view." if query is not None else f"Renamed to “{view.name}”."


@step
def remove(request: HttpRequest, person: User, view_id: int) -> str:
    view = get_object_or_404(views_for(person), pk=view_id)
    services.remove_run_view(view=view, by=person)
    return f"“{view.name}” is removed."


@require_POST
@permission_required(VIEW_RUN, raise_exception=True)
def preferences(request: HttpRequest) -> HttpResponse:
    """Keep a person's columns ("a,b,c", in their order; none: the usual ones), row height, and the metrics that stand
    for figures (an empty one: the usual ones).
    """
    given = request.POST
    columns = None if "columns" not in given else [name for name in given["columns"].split(",") if name]
    figures = {name: given[name].strip() for name in FIGURES if name in given}
    try:
        kept = services.set_run_preferences(
            by=cast(User, request.user), columns=columns, density=given.get("density"), figures=figures or None
        )
    except DomainError as error:
        return JsonResponse({"detail": words(error)}, status=domain_status(error) or 400)
    return JsonResponse({"columns": kept.columns, "density": kept.density, "figures": kept.figures})
