"""The explorer: every scene in one list that is searched, filtered, sorted, paged and looked at as one likes."""

from typing import Any

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_POST, require_safe

from lamm.addresses import addressed, without_blanks
from lamm.explorer_columns import DENSITIES, PINNED, STANDARD, VIEWS, Layout, layout
from lamm.explorer_facets import charts, section_values
from lamm.explorer_filters import TAG_MODES, chips, panel
from lamm.explorer_rows import rows_of
from lamm.explorer_rules import builder
from lamm.saved_views import opening_address, view_menu
from lamm.tables import page_numbers, scene_headings
from scenes.filters import SceneFilterSet
from scenes.listing import SceneListing, scene_listing
from scenes.models import ExplorerPreferences, Scene
from scenes.queries import LISTING_PARAMETERS
from scenes.selectors import explorer_preferences
from scenes.services.preferences import set_explorer_preferences

ROWS_CHOICES = (25, 50, 100)
REFRESH_SECONDS = 3
OPEN_SECTIONS = frozenset({"status", "tag", "max_uncertainty"})
MOST_UNCERTAIN = "-max_uncertainty"
KEY_HELP = (
    (("/",), "Search"),
    (("j", "k"), "Next and previous scene (rows of cards in the grid)"),
    (("h", "l"), "Previous and next card"),
    (("Enter",), "Open the scene"),
    (("x",), "Select the scene, or take it out"),
    (("Shift", "x"), "Select everything up to the scene selected last"),
    (("Shift", "a"), "Select the page, or nothing of it"),
    (("]", "["), "Next and previous page"),
    (("u",), "Most uncertain first"),
    (("f",), "To the filters, or hide them"),
    (("r",), "Advanced rules"),
    (("c",), "Columns"),
    (("d",), "Row height"),
    (("g", "v"), "Table or thumbnails"),
    (("g", "g"), "First scene of the page"),
    (("Shift", "g"), "Last scene of the page"),
    (("v",), "Saved views"),
    (("t", "T"), "Add tags to what is selected, remove tags"),
    (("a", "s"), "Assign what is selected, change its status"),
    (("b", "e"), "Add what is selected to a dataset, export it"),
    (("m",), "Map"),
    (("?",), "This list"),
    (("Esc",), "Leave a field or a dialog; select nothing"),
)


@require_safe
@permission_required("scenes.view_scene", raise_exception=True)
def explorer(request: HttpRequest) -> HttpResponse:
    parameters = without_blanks(request.GET)
    chosen = explorer_preferences(request.user)  # type: ignore[arg-type]
    whole = not request.htmx  # type: ignore[attr-defined]
    opening = opening_address(request, chosen)
    if opening is not None:
        return HttpResponseRedirect(opening)
    look = layout(parameters, chosen)
    context = explorer_context(request, parameters, look, chosen, whole=whole)
    response = render(request, "pages/explorer.html" if whole else "parts/_explorer_results.html", context)
    return addressed(request, response, parameters)


def explorer_context(
    request: HttpRequest,
    parameters: QueryDict,
    look: Layout,
    chosen: ExplorerPreferences,
    *,
    whole: bool,
    url: str = "",
) -> dict[str, Any]:
    """What parts/_explorer_results.html shows, and parts/_explorer.html when `whole`; `url` is the list's address."""
    rows = _rows(parameters)
    listing = scene_listing(parameters, sort=parameters.get("sort", ""), page=_page(parameters), rows=rows)
    context = _listing(listing, look, rows) | _state(parameters, listing.filterset)
    context |= {"layout": look, "view_menu": view_menu(request, parameters, chosen)}
    context["cleared"] = _cleared(parameters, everything=context["view_menu"].all_scenes)
    if url:
        context["url"] = url
    return context | _frame(parameters) if whole else context


@require_safe
@permission_required("scenes.view_scene", raise_exception=True)
def facets(request: HttpRequest) -> HttpResponse:
    """What the sections named by `sections` (comma-separated) show, for the scenes that the other parameters find."""
    parameters = without_blanks(request.GET)
    names = list(dict.fromkeys(parameters.get("sections", "").split(",")))
    parameters.pop("sections", None)
    context = {"facets": section_values(parameters, names), "charts": charts(parameters, names)}
    response = render(request, "parts/_facets.html", context)
    patch_cache_control(response, private=True, no_store=True)
    return response


@require_POST
@permission_required("scenes.view_scene", raise_exception=True)
def preferences(request: HttpRequest) -> HttpResponse:
    """Keep a person's columns ("a,b,c", in their order; none: the usual ones), density or view."""
    given = request.POST
    columns = None if "columns" not in given else [name for name in given["columns"].split(",") if name]
    kept = set_explorer_preferences(
        by=request.user,  # type: ignore[arg-type]
        columns=columns,
        density=given.get("density"),
        view=given.get("view"),
    )
    return JsonResponse({"columns": kept.columns, "density": kept.density, "view": kept.view})


def _page(parameters: QueryDict) -> int:
    number = parameters.get("page", "1")
    return max(1, int(number)) if number.isascii() and number.isdigit() and len(number) < 7 else 1


def _rows(parameters: QueryDict) -> int:
    return next((size for size in ROWS_CHOICES if str(size) == parameters.get("rows")), ROWS_CHOICES[0])


def _listing(listing: SceneListing, look: Layout, rows: int) -> dict[str, Any]:
    drawn = rows_of(listing.scenes)
    return {
        "listing": listing,
        "count": listing.count,
        "rows": drawn,
        "table": scene_headings(look.columns, sort=listing.sort),
        "cells": [f"parts/scene_cells/{name}.html" for name in look.columns],
        "pinned": PINNED,
        "page": Pages(listing),
        "page_numbers": page_numbers(listing.page, listing.last_page, more=listing.more),
        "first_row": (listing.page - 1) * rows + 1,
        "last_row": (listing.page - 1) * rows + len(drawn),
        "refreshing": any(row.ingest and row.ingest.active for row in drawn),
        "refresh_seconds": REFRESH_SECONDS,
        "library_empty": not drawn and not Scene.objects.exists(),
    }


class Pages:
    """The page of a listing as parts/_pager.html asks for it."""

    def __init__(self, listing: SceneListing) -> None:
        self.number = listing.page
        self.has_previous = listing.page > 1
        self.has_next = listing.page < listing.last_page or (listing.more and bool(listing.scenes))
        self.previous_page_number, self.next_page_number = listing.page - 1, listing.page + 1


def _state(parameters: QueryDict, filterset: SceneFilterSet) -> dict[str, Any]:
    return {
        "url": reverse("explorer"),
        "parameters": parameters,
        "filtered": bool(set(parameters) - LISTING_PARAMETERS),
        "chips": chips(parameters),
        "chosen_tags": frozenset(parameters.getlist("tag")),
        "filter_problems": [" ".join(words) for words in filterset.form.errors.values()],
        "most_uncertain": parameters.get("sort") == MOST_UNCERTAIN,
        "densities": DENSITIES,
        "views": VIEWS,
        "rows_choices": ROWS_CHOICES,
        "rows_chosen": _rows(parameters),
    }


def _frame(parameters: QueryDict) -> dict[str, Any]:
    """What stays on the page while the list changes: the filter panel and the dialogs."""
    return {
        "panel": panel(parameters),
        "open_sections": OPEN_SECTIONS,
        "tag_modes": TAG_MODES,
        "rule_columns": builder(),
        "standard_columns": STANDARD,
        "key_help": KEY_HELP,
    }


def _cleared(parameters: QueryDict, *, everything: str) -> str:
    """The address of everything, in the sorting and look of now."""
    kept = parameters.copy()
    for name in set(kept) - LISTING_PARAMETERS | {"page"}:
        kept.pop(name, None)
    return f"{reverse('explorer')}?{kept.urlencode()}" if kept else everything
