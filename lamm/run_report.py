"""A run as one file that needs nothing else: facts, curves, configuration, evaluation. For mails and archives."""

from typing import Any, cast

from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_safe

from experiments import charts
from experiments import evaluation_selectors as selectors
from experiments.models import MetricSeries, Run, RunEvaluation
from lamm import run_configuration, run_metrics
from lamm.run_drawing import Drawing, drawing
from lamm.run_evaluations import SHADES, class_lines, matrix
from lamm.run_header import header, run_at

VIEW_RUN = "experiments.view_run"
POINTS, MOST_OTHERS, MOST_ARTIFACTS = 600, 12, 200
WORST_SCENES = 25


@require_safe
@permission_required(VIEW_RUN, raise_exception=True)
def report(request: HttpRequest, run_id: int) -> HttpResponse:
    """The report as an attachment. It holds no script, and refers to nothing but the pages of this site."""
    run = run_at(run_id)
    person = cast(User, request.user)
    body = render_to_string("pages/run_report.html", report_context(run, person, request.build_absolute_uri("/")))
    response = HttpResponse(body, content_type="text/html; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{run}-report.html"'
    response["Cache-Control"] = "private, no-store"
    return response


def report_context(run: Run, person: User, site: str) -> dict[str, Any]:
    """What the report says; a constant number of queries."""
    series, more = run_metrics.series_of_run(run)
    best = run_metrics.best_checkpoint(series)
    artifacts = run.artifacts.select_related("file").order_by("path")
    environment = run_configuration.environment_of(run)
    context = header(run, series, person)
    return (
        context
        | evaluation_part(context["evaluation"])
        | {
            "site": site.rstrip("/"),
            "written_at": timezone.now(),
            "series": series,
            "more_metrics": more,
            "best": best,
            "drawings": drawings(series, best.step if best else None),
            "parameters": run_configuration.parameter_lines(run, None),
            "facts": run_configuration.environment_lines(run, None),
            "environment": environment,
            "patch": run_configuration.patch_of(environment.diff) if environment.diff else None,
            "artifacts": list(artifacts[:MOST_ARTIFACTS]),
        }
    )


def evaluation_part(evaluation: RunEvaluation | None) -> dict[str, Any]:
    """The rates by class, the confusion and the worst scenes; nothing without an evaluation."""
    if evaluation is None:
        return {}
    figures = selectors.figures(evaluation)
    return {
        "figures": figures,
        "classes": class_lines(figures),
        "matrix": matrix(figures, "row"),
        "mismatches": selectors.mismatches(evaluation),
        "worst_scenes": selectors.scene_figures(evaluation, limit=WORST_SCENES),
        "shades": [(step, 6 * step) for step in range(SHADES + 1)],
    }


def drawings(series: list[MetricSeries], mark: int | None) -> list[Drawing]:
    """The plots of the page and the first other metrics, drawn; at most three queries for all curves."""
    wanted = run_metrics.main_charts([one.key for one in series])
    shown = {key for chart in wanted for key in chart.keys}
    others = [one.key for one in series if one.key not in shown][:MOST_OTHERS]
    wanted += [run_metrics.Chart(key, [key]) for key in others]
    keys = {key for chart in wanted for key in chart.keys}
    asked = [one for one in series if one.key in keys]
    curves = {curve.series.key: curve for curve in charts.curves(asked, charts.Window(points=POINTS))}
    drawn = [drawing(chart.title, [curves[key] for key in chart.keys], mark) for chart in wanted]
    return [one for one in drawn if one]
