"""The evaluations of uncertainty: of which model, by which measure, on which split, and what came out."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_safe

from datasets.models import Split
from lamm.addresses import addressed, without_blanks
from lamm.training_runs import run_page
from scenes.selectors import capped_count
from uncertainty.filters import EvaluationFilterSet
from uncertainty.models import Aggregator, Evaluation, EvaluationState, Measure

ROWS = 50
FILTERS = ("search", "state", "measure", "split", "aggregator", "run", "member", "dataset", "name", "scene")
LARGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class EvaluationRow:
    """An evaluation in the list, and where its run is shown."""

    evaluation: Evaluation
    run_url: str | None


@require_safe
@permission_required("uncertainty.view_evaluation", raise_exception=True)
def evaluations(request: HttpRequest) -> HttpResponse:
    parameters = without_blanks(request.GET)
    template = "parts/_evaluations.html" if request.htmx else "pages/evaluations.html"  # type: ignore[attr-defined]
    return addressed(request, render(request, template, _context(parameters)), parameters)


def _context(parameters: QueryDict) -> dict[str, Any]:
    given = QueryDict(mutable=True)
    for name in FILTERS:
        if name in parameters:
            given.setlist(name, parameters.getlist(name))
    filterset = EvaluationFilterSet(given, queryset=Evaluation.objects.for_listing())
    found = filterset.qs if filterset.is_valid() else Evaluation.objects.none()
    before = parameters.get("before", "")
    page = found.order_by("-pk")
    if before.isascii() and before.isdigit() and int(before) <= LARGEST_ID:
        page = page.filter(pk__lt=int(before))
    listed = list(page[: ROWS + 1])
    filtered = bool(given)
    return {
        "parameters": parameters,
        "rows": [EvaluationRow(one, run_page(one.run_id) if one.run_id else None) for one in listed[:ROWS]],
        "count": capped_count(found.select_related(None).defer(None).only("pk")),
        "older": listed[ROWS - 1].pk if len(listed) > ROWS else None,
        "newest": "before" not in parameters,
        "problems": [words for errors in filterset.errors.values() for words in errors],
        "states": _choices(EvaluationState.choices, parameters.getlist("state")),
        "measures": _choices(Measure.choices, parameters.getlist("measure")),
        "splits": _choices(Split.choices, parameters.getlist("split")),
        "aggregators": _choices(Aggregator.choices, parameters.getlist("aggregator")),
        "kept": [(name, given[name]) for name in ("run", "member", "dataset", "name", "scene") if name in given],
        "filtered": filtered,
        "none_at_all": not listed and not filtered and "before" not in parameters,
    }


def _choices(choices: list[Any], chosen: list[str]) -> list[tuple[str, str, bool]]:
    return [(value, str(label), value in chosen) for value, label in choices]
