"""To review: submitted labels with their picture and classes, to be accepted or sent back."""

from typing import Any, cast

from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_safe

from lamm.addresses import addressed, without_blanks
from lamm.pages.queue import listing, priority_choices
from scenes.filters import AssignmentFilterSet
from scenes.models import LabelingStatus, Scene, SceneQuerySet
from scenes.selectors import capped_count

SUGGESTIONS = 300


@require_safe
@permission_required("scenes.review_scene", raise_exception=True)
def review(request: HttpRequest) -> HttpResponse:
    parameters, person = without_blanks(request.GET), cast(User, request.user)
    context = {
        "parameters": parameters,
        "filters": parameters.dict(),
        "priorities": priority_choices(parameters),
        "labeler_names": _labeler_names(parameters),
        "back": parameters.urlencode(),
        **review_count(parameters),
        **listing(waiting(parameters), parameters, person),
    }
    whole = not request.htmx  # type: ignore[attr-defined]
    response = render(request, "pages/review.html" if whole else "parts/_review.html", context)
    return addressed(request, response, parameters)


def waiting(parameters: QueryDict) -> SceneQuerySet:
    """The scenes in review that match the filters, the most pressing first."""
    scenes = Scene.objects.for_listing().filter(status=LabelingStatus.IN_REVIEW).most_pressing_first()
    return AssignmentFilterSet(parameters, queryset=scenes).qs


def review_count(parameters: QueryDict) -> dict[str, Any]:
    """How many scenes wait, of those that match the filters."""
    filtered = bool({"search", "priority", "overdue", "labeler"} & set(parameters))
    return {"count": capped_count(waiting(parameters)), "filtered": filtered}


def _labeler_names(parameters: QueryDict) -> list[Any]:
    """Who submitted something that waits."""
    people = User.objects.filter(scenes_to_label__status=LabelingStatus.IN_REVIEW).distinct().order_by("username")
    return list(people.values_list("username", flat=True)[:SUGGESTIONS])
