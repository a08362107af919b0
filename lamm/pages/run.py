"""The page of one run: from its numbers to the very points behind them. A tab of it is one address."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from experiments.models import MetricSeries, Run, RunEvaluation
from lamm import (
    run_artifacts,
    run_comparison,
    run_configuration,
    run_evaluation_tab,
    run_history,
    run_metrics,
)
from lamm.run_header import header, run_at
from lamm.run_lineage import lineage_of
from scenes.errors import RefusedError

VIEW_RUN = "experiments.view_run"
TABS = {
    "overview": ("Overview", "chart-line"),
    "evaluation": ("Evaluation", "target"),
    "compare": ("Visual comparison", "columns-2"),
    "configuration": ("Configuration", "sliders-horizontal"),
    "artifacts": ("Artifacts", "folder"),
    "history": ("History", "history"),
}
# The parameters of each tab beside `tab`. Anything else is refused: a typo must not answer another question.
PARAMETERS = {
    "overview": {"key", "all", "find", "best", "x", "log", "smoothing"},
    "evaluation": run_evaluation_tab.PARAMETERS,
    "compare": run_comparison.PARAMETERS,
    "configuration": {"against"},
    "artifacts": {"artifact", "after", "search"},
    "history": {"log"},
}
MOST_DIGITS = 18


@dataclass(frozen=True)
class Opened:
    """What a tab is made of: the query, the run, its metrics, and its newest finished evaluation."""

    given: QueryDict
    run: Run
    series: list[MetricSeries]
    evaluation: RunEvaluation | None
    person: User


@require_safe
@permission_required(VIEW_RUN, raise_exception=True)
def run(request: HttpRequest, run_id: int) -> HttpResponse:
    tab = tab_of(request.GET)
    shown = run_at(run_id)
    series, more = run_metrics.series_of_run(shown)
    context = header(shown, series, cast(User, request.user))
    opened = Opened(request.GET, shown, series, context["evaluation"], cast(User, request.user))
    context |= {"tab": tab, "tabs": TABS, "part": f"parts/_run_{tab}.html", "more_metrics": more}
    context |= CONTEXTS[tab](opened)
    response = render(request, "pages/run.html", context)
    patch_cache_control(response, private=True, no_cache=True)
    return response


@require_safe
@permission_required(VIEW_RUN, raise_exception=True)
def live(request: HttpRequest, run_id: int) -> HttpResponse:
    """The head of the page again, while the run is active. When it has ended the browser loads the whole page once."""
    shown = run_at(run_id)
    series, _ = run_metrics.series_of_run(shown)
    response = render(request, "parts/_run_head.html", header(shown, series, cast(User, request.user)))
    if shown.ended:
        response["HX-Refresh"] = "true"
    patch_cache_control(response, private=True, no_store=True)
    return response


def tab_of(given: QueryDict) -> str:
    """The tab of an address. Raises RefusedError for a tab or a parameter that there is not."""
    tab = given.get("tab", "") or "overview"
    if tab not in TABS:
        raise RefusedError(f"tab: there is no tab {tab[:40]!r}. Use {', '.join(TABS)}.", field="tab")
    unknown = sorted(set(given) - PARAMETERS[tab] - {"tab"})
    if unknown:
        known = ", ".join(sorted(PARAMETERS[tab]))
        raise RefusedError(
            f"{unknown[0][:40]}: the tab {tab!r} has no such parameter. It has {known}.", field=unknown[0]
        )
    return tab


def number_of(given: QueryDict, name: str) -> int | None:
    """A row's number in an address; None without one. Raises RefusedError for anything else."""
    text = given.get(name, "").removeprefix("run-")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
        raise RefusedError(f"{name}: {text[:40]!r} is no number.", field=name)
    return int(text)


def other_run(given: QueryDict, name: str, shown: Run) -> Run | None:
    """Another run that an address names, if it names one and not the shown one itself."""
    number = number_of(given, name)
    if number is None or number == shown.pk:
        return None
    return get_object_or_404(Run.objects.select_related("environment", "experiment"), pk=number)


def overview(opened: Opened) -> dict[str, Any]:
    given, series = opened.given, opened.series
    keys = [one.key for one in series]
    chosen = list(dict.fromkeys(key for key in given.getlist("key")[: run_metrics.MOST_CHOSEN] if key in keys))
    charts = run_metrics.main_charts(keys)
    drawn = {key for chart in charts for key in chart.keys}
    rest = [key for key in keys if key not in drawn]
    few = run_metrics.CHARTS_AT_FIRST if not chosen else 0
    some = rest[: run_metrics.MOST_CHARTS] if given.get("all") else rest[:few]
    others = [run_metrics.Chart(key, [key]) for key in dict.fromkeys([*chosen, *some])]
    find = given.get("find", "").strip()[:250]
    found = [one for one in series if find.lower() in one.key.lower()]
    return {
        "charts": charts,
        "others": others,
        "chosen": chosen,
        "undrawn": len(rest) - len([key for key in some if key in rest]),
        "groups": run_metrics.groups(found),
        "find": find,
        "metric_count": len(series),
        "best": run_metrics.best_checkpoint(series, given.get("best", "")),
        "judging": run_metrics.judging_keys(keys)[:100],
        "chart_x": given.get("x", ""),
        "chart_log": given.get("log", ""),
        "chart_smoothing": given.get("smoothing", ""),
    }


def configuration(opened: Opened) -> dict[str, Any]:
    shown = opened.run
    other = other_run(opened.given, "against", shown)
    environment = run_configuration.environment_of(shown)
    theirs = run_configuration.environment_of(other) if other else None
    parameters = run_configuration.parameter_lines(shown, other)
    packages = run_configuration.package_lines(environment.packages, theirs.packages if theirs else None)
    document = run_configuration.configuration_document(shown)
    # What is copied is for another trainer's file: the parameters, and not the hundreds of packages.
    short = {name: value for name, value in document.items() if name not in ("packages", "environment")}
    return {
        "other": other,
        "parameters": parameters,
        "changes": run_configuration.state_counts(parameters),
        "packages": packages,
        "package_changes": run_configuration.state_counts(packages),
        "facts": run_configuration.environment_lines(shown, other),
        "patch": run_configuration.patch_of(environment.diff) if environment.diff else None,
        "same_patch": bool(theirs and theirs.diff == environment.diff),
        "environment": environment,
        "as_yaml": _copied(run_configuration.as_yaml(short)),
        "as_json": _copied(run_configuration.as_json(short)),
        "relatives": [one for one in (shown.parent, shown.resumed_from) if one],
    }


def _copied(text: str) -> str:
    return text if len(text) <= run_configuration.MOST_COPIED else ""


def artifacts(opened: Opened) -> dict[str, Any]:
    given, shown = opened.given, opened.run
    search = given.get("search", "").strip()[:500]
    page = run_artifacts.artifact_page(shown, after=given.get("after", "")[:500], search=search)
    path = given.get("artifact", "")[:500]
    chosen = None
    if path and "\0" not in path:
        chosen = get_object_or_404(shown.artifacts.select_related("file", "created_by"), path=path)
    return {
        "page": page,
        "search": search,
        "after": given.get("after", ""),
        "artifact": chosen,
        "preview": run_artifacts.preview(chosen) if chosen else None,
    }


def history(opened: Opened) -> dict[str, Any]:
    shown = opened.run
    events, goes_on = run_history.run_events(shown)
    logs, tail = run_artifacts.log_tail(shown, opened.given.get("log", ""))
    return {
        "events": events,
        "goes_on": goes_on,
        "phases": run_history.phases(shown),
        "logs": logs,
        "tail": tail,
        "lineage": lineage_of(shown, see_models=opened.person.has_perm("registry.view_modelversion")),
        "inputs": list(shown.inputs.all()[:50]),
    }


def evaluation(opened: Opened) -> dict[str, Any]:
    other = other_run(opened.given, "against", opened.run)
    return run_evaluation_tab.evaluation_context(opened.given, opened.run, opened.evaluation, other)


def compare(opened: Opened) -> dict[str, Any]:
    other = other_run(opened.given, "against", opened.run)
    return run_comparison.comparison_context(opened.given, opened.run, opened.evaluation, other)


CONTEXTS: dict[str, Callable[[Opened], dict[str, Any]]] = {
    "overview": overview,
    "evaluation": evaluation,
    "compare": compare,
    "configuration": configuration,
    "artifacts": artifacts,
    "history": history,
}
