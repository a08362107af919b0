"""My queue: what a labeler has to do, what waits for review, what is accepted, and what is open to take."""

from dataclasses import dataclass
from typing import Any, cast

from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.db.models import Case, IntegerField, Value, When
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_safe

from lamm.addresses import addressed, without_blanks
from lamm.work_rows import label_choices, work_rows
from scenes.filters import AssignmentFilterSet
from scenes.models import LabelingStatus, Priority, Scene, SceneQuerySet
from scenes.selectors import CappedCount, capped_count

ROWS = 50
FURTHEST_PAGE = 200
UNLABELED, IN_PROGRESS, IN_REVIEW, LABELED = LabelingStatus
SHOWN = {"": "To do", "review": "In review", "accepted": "Accepted", "open": "Open to take"}


@dataclass(frozen=True)
class Tab:
    """A part of the queue with how many scenes are in it."""

    value: str
    label: str
    count: CappedCount
    chosen: bool


@require_safe
@permission_required("scenes.label_scene", raise_exception=True)
def queue(request: HttpRequest) -> HttpResponse:
    parameters, person = without_blanks(request.GET), cast(User, request.user)
    show = shown(parameters)
    filterset = AssignmentFilterSet(parameters, queryset=queue_parts(person)[show])
    context = {
        "filters": parameters.dict(),
        "filtered": bool({"search", "priority", "overdue"} & set(parameters)),
        "show": show,
        "priorities": priority_choices(parameters),
        "back": parameters.urlencode(),
        **queue_tabs(parameters, person),
        **listing(filterset.qs, parameters, person),
        **label_choices(),
    }
    whole = not request.htmx  # type: ignore[attr-defined]
    response = render(request, "pages/queue.html" if whole else "parts/_queue.html", context)
    return addressed(request, response, parameters)


def shown(parameters: QueryDict) -> str:
    """The part of the queue that the address asks for."""
    show = parameters.get("show", "")
    return show if show in SHOWN else ""


def queue_tabs(parameters: QueryDict, person: User) -> dict[str, Any]:
    """The tabs above the rows, with counts."""
    parts, show = queue_parts(person), shown(parameters)
    tabs = [Tab(value, label, capped_count(parts[value]), value == show) for value, label in SHOWN.items()]
    return {"parameters": parameters, "tabs": tabs}


def queue_parts(person: User) -> dict[str, SceneQuerySet]:
    """The scenes of each tab, in the order of work: sent back, in progress, not started; the most pressing first."""
    mine = Scene.objects.for_listing().filter(labeler=person)
    first = Case(
        When(rework_reason__gt="", then=Value(0)),
        When(status=IN_PROGRESS, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    work = mine.filter(status__in=[UNLABELED, IN_PROGRESS]).most_pressing_first()
    return {
        "": work.order_by(first, *work.query.order_by),
        "review": mine.filter(status=IN_REVIEW).order_by("status_since", "pk"),
        "accepted": mine.filter(status=LABELED).order_by("-status_since", "-pk"),
        "open": Scene.objects.for_listing()
        .filter(status=UNLABELED, labeler=None, frame_count__gt=0)
        .most_pressing_first(),
    }


def listing(scenes: SceneQuerySet, parameters: QueryDict, person: User) -> dict[str, Any]:
    """A page of rows; nobody works further down than the last page that is counted."""
    page = page_number(parameters)
    found = list(scenes[(page - 1) * ROWS : page * ROWS + 1])
    return {
        "rows": work_rows(found[:ROWS], person),
        "page_before": page - 1 if page > 1 else None,
        "page_after": page + 1 if len(found) > ROWS and page < FURTHEST_PAGE else None,
    }


def page_number(parameters: QueryDict) -> int:
    number = parameters.get("page", "1")
    return min(FURTHEST_PAGE, max(1, int(number))) if number.isascii() and number.isdigit() and len(number) < 5 else 1


def priority_choices(parameters: QueryDict) -> list[tuple[str, str, bool]]:
    """(value, label, chosen), the most pressing first."""
    chosen = parameters.getlist("priority")
    return [(str(value), str(label), str(value) in chosen) for value, label in reversed(Priority.choices)]
