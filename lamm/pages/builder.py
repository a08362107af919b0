"""The dataset builder: the explorer on the left, the staging area of one version on the right."""

from types import SimpleNamespace
from typing import Any, cast

from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from datasets.models import Balance, DatasetVersion, Grouping
from lamm.addresses import addressed, without_blanks
from lamm.explorer_columns import layout
from lamm.pages.explorer import KEY_HELP, explorer_context
from lamm.staging import builder_of, live, stamp, without_own
from scenes.models import Ontology
from scenes.queries import filters_of
from scenes.selectors import explorer_preferences

LOOK = "datasets.view_datasetversion"
# What fits beside a staging area, for people who have not chosen columns of their own.
COLUMNS = ("thumbnail", "name", "status", "tags", "drive", "captured", "frames", "points")
BUILDER_KEYS = (
    (("i",), "Put what is selected into the draft"),
    (("o",), "Take what is selected out of the draft"),
    (("p",), "To the split plan"),
)
SHARES = (
    ("train_percent", "Training", "train"),
    ("val_percent", "Validation", "val"),
    ("test_percent", "Test", "test"),
)


def the_version(version_id: int) -> DatasetVersion:
    """The version with its people, its parent and its last draw; 404 when there is none."""
    people = ["created_by", "frozen_by", "plan_changed_by"]
    found = DatasetVersion.objects.select_related("dataset", "parent__dataset", "ontology", *people)
    return get_object_or_404(found.defer("parent__certificate", "parent__statistics"), pk=version_id)


@require_safe
@permission_required(LOOK, raise_exception=True)
def builder(request: HttpRequest, version_id: int) -> HttpResponse:
    """The page, or only the rows of its left side when that asks for them."""
    version, parameters = the_version(version_id), without_blanks(request.GET)
    whole = not request.htmx  # type: ignore[attr-defined]
    context = _left(request, version, whole=whole)
    if not whole:
        response = render(request, "parts/_explorer_results.html", context)
        return addressed(request, response, without_own(parameters))
    context |= live(context["builder"], parameters) | plan_context(version)
    context["key_help"] = (*BUILDER_KEYS, *KEY_HELP)
    return addressed(request, render(request, "pages/builder.html", context), parameters)


def _left(request: HttpRequest, version: DatasetVersion, *, whole: bool) -> dict[str, Any]:
    """The explorer for a person who may see scenes, with what is staged already marked."""
    person = cast(User, request.user)
    if not person.has_perm("scenes.view_scene"):
        if not whole:
            raise PermissionDenied
        return {"builder": builder_of(version, person)}
    parameters, chosen = without_own(without_blanks(request.GET)), explorer_preferences(person)
    own = SimpleNamespace(columns=chosen.columns or COLUMNS, density=chosen.density, view=chosen.view)
    url = reverse("builder", args=[version.pk])
    context = explorer_context(request, parameters, layout(parameters, own), chosen, whole=whole, url=url)
    scenes = context["listing"].scenes
    context["builder"] = builder_of(version, person, scenes=scenes, matching=filters_of(parameters))
    context["standard_columns"] = COLUMNS
    return context


@require_safe
@permission_required(LOOK, raise_exception=True)
def staged(request: HttpRequest, version_id: int) -> HttpResponse:
    """The staging area; nothing (204) when it is asked with the `stamp` of what the page shows already."""
    version = the_version(version_id)
    seen = request.GET.get("stamp", "")
    if seen and seen == stamp(version):
        response = HttpResponse(status=204)
    else:
        response = live_part(request, version)
        if seen and not version.is_draft and request.GET.get("was") == "draft":
            response["HX-Refresh"] = "true"  # somebody froze it: the whole page changes
    patch_cache_control(response, private=True, no_store=True)
    return response


def live_part(request: HttpRequest, version: DatasetVersion, *, said: dict[str, Any] | None = None) -> HttpResponse:
    """The staging area as an answer of htmx: the table replaces its target, summary and words go to their places."""
    given = without_blanks(request.POST if request.method == "POST" else request.GET)
    context = live(builder_of(version, cast(User, request.user)), given) | {"apart": True, "said": said}
    return render(request, "parts/_staging_live.html", context)


@require_safe
@permission_required(LOOK, raise_exception=True)
def plan(request: HttpRequest, version_id: int) -> HttpResponse:
    """The form of the plan as it is now: somebody else may have changed it."""
    version = the_version(version_id)
    context = plan_context(version) | {"builder": builder_of(version, cast(User, request.user))}
    response = render(request, "parts/_plan.html", context)
    patch_cache_control(response, private=True, no_store=True)
    return response


def plan_context(version: DatasetVersion) -> dict[str, Any]:
    """What the form of the plan shows; one query."""
    return {
        "version": version,
        "shares": [(name, label, split, getattr(version, name)) for name, label, split in SHARES],
        "groupings": Grouping.choices,
        "balances": Balance.choices,
        "ontologies": Ontology.objects.order_by("name")[:200],
    }
