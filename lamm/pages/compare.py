"""Runs side by side: what differs in their settings, which did best, how their curves run, what depends on what."""

from typing import Any
from urllib.parse import urlencode

import msgspec
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from experiments import charts
from experiments.models import MetricSeries, Run
from experiments.selectors import parameters_of, series_of
from experiments.serializers import json_numbers
from lamm.addresses import without_blanks
from lamm.comparison_choice import (
    FEWEST,
    MOST,
    TABS,
    VALUES,
    Choice,
    choice_of,
    chosen_keys,
    metrics_of,
    runs_of,
    whole_number,
)
from lamm.comparison_code import code_diff
from lamm.comparison_evaluations import compared_evaluations
from lamm.comparison_groups import bands, group_rows, grouped_by, ways_to_group
from lamm.comparison_relations import COMPARED, EXPERIMENT, axes, importance_of
from lamm.comparison_tables import fact_rows, metric_rows, parameter_rows
from lamm.training_runs import run_page

LOOK = "experiments.view_run"
OFFERED = 30
Metrics = dict[str, dict[int, MetricSeries]]
MOST_SMOOTHING = 0.99
X_AXES = {"step": "Step", "epoch": "Epoch", "time": "Wall time", "relative": "Relative time"}


@require_safe
@permission_required(LOOK, raise_exception=True)
def compare(request: HttpRequest) -> HttpResponse:
    """2 to 20 runs; with `add` one more joins them."""
    parameters = without_blanks(request.GET)
    if "add" in parameters:
        return _added(request, parameters)
    choice = choice_of(parameters)
    runs = runs_of(choice)
    context: dict[str, Any] = {
        "choice": choice,
        "parameters": parameters,
        "runs": runs,
        "columns": [(run, run_page(run.pk), choice.without(run.pk)) for run in runs],
        "gone": [number for number in choice.runs if number not in {run.pk for run in runs}],
        "tabs": TABS,
        "most": MOST,
        "state": [(name, value) for name, values in parameters.lists() for value in values],
    }
    if len(runs) < FEWEST:
        offered = Run.objects.for_listing().filter(archived_at=None).exclude(pk__in=[run.pk for run in runs])
        context["offered"] = list(offered.order_by("-pk")[:OFFERED])
    else:
        metrics = metrics_of(runs)
        context |= _common(choice, runs, metrics) | _TAB_CONTEXT[choice.tab](choice, runs, metrics)
    return render(request, "pages/compare.html", context)


def _added(request: HttpRequest, parameters: Any) -> HttpResponse:
    """Back to the page with a run more; what is no number of a run is left out and said."""
    wished = parameters.pop("add")[-1]
    number = whole_number(wished)
    there = number is not None and Run.objects.filter(pk=number).exists()
    if there:
        runs = list(dict.fromkeys([*parameters.getlist("run"), str(number)]))
        parameters.setlist("run", runs)
    parameters.pop("unknown", None)
    if not there:
        parameters["unknown"] = wished[:50]
    return HttpResponseRedirect(f"{request.path}?{parameters.urlencode()}")


def _common(choice: Choice, runs: list[Run], metrics: Metrics) -> dict[str, Any]:
    """What every tab needs: the metrics there are, and which of them are drawn."""
    return {
        "metrics": metrics,
        "keys": chosen_keys(choice, metrics),
        "values": VALUES,
        "numbers": ",".join(str(run.pk) for run in runs),
        "live": any(not run.ended for run in runs),
    }


def _overview(choice: Choice, runs: list[Run], metrics: Metrics) -> dict[str, Any]:
    parameters = parameters_of(runs)
    rows = parameter_rows(runs, parameters, choice.baseline)
    facts = fact_rows(runs, choice.baseline)
    identical = sum(row.same for row in [*rows, *facts])
    if not choice.everything:
        rows, facts = [row for row in rows if not row.same], [row for row in facts if not row.same]
    return {
        "parameter_rows": rows,
        "fact_rows": facts,
        "identical": identical,
        "metric_rows": metric_rows(runs, metrics, choice),
    }


def _curves(choice: Choice, runs: list[Run], metrics: Metrics) -> dict[str, Any]:
    return {"look": chart_look(choice), "axes_words": X_AXES}


def chart_look(choice: Choice) -> dict[str, Any]:
    """How all charts of the page are drawn, as the address says."""
    given = choice.parameters
    try:
        smoothing = min(MOST_SMOOTHING, max(0.0, float(given.get("smoothing", "0"))))
    except ValueError:
        smoothing = 0.0
    x = given.get("x", "")
    log = [axis for axis in ("x", "y") if axis in given.get("log", "").split()]
    return {
        "x": x if x in X_AXES else "step",
        "log": " ".join(log),
        "smoothing": smoothing if smoothing == smoothing else 0.0,
        "outliers": given.get("outliers") == "1",
    }


def _relations(choice: Choice, runs: list[Run], metrics: Metrics) -> dict[str, Any]:
    rows = axes(runs, parameters_of(runs), metrics, choice)
    named = [{"id": run.pk, "name": str(run), "page": run_page(run.pk)} for run in runs]
    given = choice.parameters
    over = given.get("over", "")
    target = given.get("target", "")
    return {
        "relations": {"axes": rows, "runs": named},
        "over": over if over in (COMPARED, EXPERIMENT) else COMPARED,
        "target": target if target in metrics else next(iter(metrics), ""),
    }


def _groups(choice: Choice, runs: list[Run], metrics: Metrics) -> dict[str, Any]:
    parameters = parameters_of(runs)
    ways = ways_to_group(runs, parameters)
    by = choice.parameters.get("group", "")
    if not by and ways:
        by = ways[0][1][0][0]
    groups = grouped_by(by, runs, parameters)
    keys = chosen_keys(choice, metrics)
    return {
        "ways": ways,
        "by": by,
        "groups": groups,
        "bands_address": f"{reverse('runs-compare-bands')}?{urlencode({'group': by})}",
        "group_rows": group_rows(groups, keys, metrics, choice) if groups else [],
        "look": chart_look(choice),
    }


def _evaluation(choice: Choice, runs: list[Run], metrics: Metrics) -> dict[str, Any]:
    return {"evaluations": compared_evaluations(runs, choice)}


def _code(choice: Choice, runs: list[Run], metrics: Metrics) -> dict[str, Any]:
    by_number = {run.pk: run for run in runs}
    left = by_number.get(whole_number(choice.parameters.get("left")) or choice.baseline or 0, runs[0])
    others = [run for run in runs if run != left]
    right = by_number.get(whole_number(choice.parameters.get("right")) or 0, others[0])
    return {"code": code_diff(left, others[0] if right == left else right)}


_TAB_CONTEXT = {
    "overview": _overview,
    "curves": _curves,
    "relations": _relations,
    "groups": _groups,
    "evaluation": _evaluation,
    "code": _code,
}


@require_safe
@permission_required(LOOK, raise_exception=True)
def importance(request: HttpRequest) -> HttpResponse:
    """The importance of parameters for the metric `target`: the part of the page that takes a second."""
    choice = choice_of(without_blanks(request.GET))
    runs = runs_of(choice)
    over = EXPERIMENT if choice.parameters.get("over") == EXPERIMENT else COMPARED
    target = choice.parameters.get("target", "")
    found = importance_of(runs, target, over=over, choice=choice)
    return render(request, "parts/_compare_importance.html", {"found": found, "target": target, "over": over})


@require_safe
@permission_required(LOOK, raise_exception=True)
def group_bands(request: HttpRequest) -> HttpResponse:
    """Curves of groups for a chart: mean and interval of each group and key, in the form of the metrics API."""
    choice = choice_of(without_blanks(request.GET))
    runs = runs_of(choice)
    groups = grouped_by(choice.parameters.get("group", ""), runs, parameters_of(runs))
    series = list(series_of([run.pk for run in runs], choice.keys)) if choice.keys else []
    found = bands(groups, series[: charts.MOST_SERIES], _window(choice))
    curves = [
        {
            "run": 0,
            "key": key,
            "name": group.name,
            "count": len(band.x),
            "step": band.x.astype(int).tolist(),
            "timestamp": band.x.astype(int).tolist(),
            "value": json_numbers(band.mean),
            "epoch": [None] * len(band.x),
            "low": json_numbers(band.low),
            "high": json_numbers(band.high),
            "n": band.n.tolist(),
        }
        for group, key, band in found
    ]
    return HttpResponse(msgspec.json.encode({"curves": curves}), content_type="application/json")


def _window(choice: Choice) -> charts.Window:
    """The part that a chart asks for, by steps."""

    def wished(name: str, otherwise: int) -> int:
        text = choice.parameters.get(name, "")
        digits = text.removeprefix("-")
        return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 16 else otherwise

    whole = charts.Window()
    points = min(charts.MOST_POINTS, max(2, wished("points", whole.points)))
    return charts.Window(first=wished("from", whole.first), last=wished("to", whole.last), points=points)
