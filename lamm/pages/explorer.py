"""The explorer: every scene in one table that is searched, filtered, sorted and paged."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_safe

from lamm.addresses import addressed, without_blanks
from lamm.ingest_states import IngestNote, ingest_notes
from lamm.tables import SceneTable, page_numbers, scene_table
from scenes.filters import SceneFilterSet, filtered_scenes
from scenes.models import Drive, LabelingStatus, PositionState, Scene, Tag

ROWS_CHOICES = (25, 50, 100)
SUGGESTIONS = 300
NAMED_THINGS = frozenset({"drive", "labeler"})
LISTING_PARAMETERS = frozenset({"sort", "page", "rows"})
REFRESH_SECONDS = 3


@dataclass(frozen=True)
class Row:
    """A scene as a row of the table, with what there is to say about its ingestion."""

    scene: Scene
    ingest: IngestNote | None


@require_safe
@permission_required("scenes.view_scene", raise_exception=True)
def explorer(request: HttpRequest) -> HttpResponse:
    parameters = without_blanks(request.GET)
    filterset, scenes = filtered_scenes(parameters)
    table = scene_table(scenes, sort=parameters.get("sort", ""), page=_page(parameters), rows=_rows(parameters))
    context = _choices(parameters) | _listing(table) | _state(parameters, filterset)
    whole = not request.htmx  # type: ignore[attr-defined]
    response = render(request, "pages/explorer.html" if whole else "parts/_explorer.html", context)
    return addressed(request, response, parameters)


def _page(parameters: QueryDict) -> int:
    number = parameters.get("page", "1")
    return max(1, int(number)) if number.isascii() and number.isdigit() and len(number) < 7 else 1


def _rows(parameters: QueryDict) -> int:
    return next((size for size in ROWS_CHOICES if str(size) == parameters.get("rows")), ROWS_CHOICES[0])


def _listing(table: SceneTable) -> dict[str, Any]:
    scenes = [bound.record for bound in table.paginated_rows]
    notes = ingest_notes(scene.pk for scene in scenes)
    page, paginator = table.page, table.paginator
    last = max(paginator.last_known, page.number)
    return {
        "table": table,
        "rows": [Row(scene, notes.get(scene.pk)) for scene in scenes],
        "page": page,
        "count": paginator.found,
        "page_numbers": page_numbers(page.number, last, more=paginator.found.capped),
        "first_row": (page.number - 1) * paginator.per_page + 1,
        "last_row": (page.number - 1) * paginator.per_page + len(scenes),
        "refreshing": any(note.active for note in notes.values()),
        "refresh_seconds": REFRESH_SECONDS,
        "library_empty": not scenes and not Scene.objects.exists(),
    }


def _state(parameters: QueryDict, filterset: SceneFilterSet) -> dict[str, Any]:
    return {
        "parameters": parameters,
        "filters": parameters.dict(),
        "filtered": bool(set(parameters) - LISTING_PARAMETERS),
        "more_filters": sum(name.startswith(("captured_", "points_")) for name in parameters),
        "filter_problems": [_problem(filterset, name) for name in filterset.form.errors],
        "rows_choices": ROWS_CHOICES,
        "rows_chosen": _rows(parameters),
    }


def _problem(filterset: SceneFilterSet, name: str) -> str:
    """What is wrong with a filter's value, in words that name the value."""
    if name in NAMED_THINGS:
        return f"There is no {name} called “{filterset.data.get(name)}”."
    label = filterset.form.fields[name].label or name
    return f"{label}: {' '.join(filterset.form.errors[name])}"


def _choices(parameters: QueryDict) -> dict[str, Any]:
    """What the filters offer; the first few hundred names are suggested, any other may be typed."""
    chosen = parameters.getlist("status")
    labelers: QuerySet[User] = User.objects.filter(scenes_to_label__isnull=False).distinct()
    return {
        "statuses": [(value, label, value in chosen) for value, label in LabelingStatus.choices],
        "positions": PositionState.choices,
        "tag_names": list(Tag.objects.order_by("name").values_list("name", flat=True)[:SUGGESTIONS]),
        "drive_names": list(Drive.objects.order_by("name").values_list("name", flat=True)[:SUGGESTIONS]),
        "labeler_names": list(labelers.order_by("username").values_list("username", flat=True)[:SUGGESTIONS]),
    }
