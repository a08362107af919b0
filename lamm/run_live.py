"""What the tracker asks for while it is open: rows that changed, how many runs are new, small curves, names of keys."""

import hashlib
from itertools import pairwise
from typing import Any

import numpy as np
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from experiments.charts import Window, curves
from experiments.models import Experiment, Run
from experiments.run_addresses import filters_of
from experiments.run_figures import figure_keys
from experiments.run_listing import matching, runs_by_ids
from experiments.selectors import architectures_in_use, keys_in_use, series_of
from lamm.addresses import without_blanks
from lamm.pages.runs import baseline_of, look
from lamm.run_columns import chosen_figures
from lamm.run_views import run_preferences

VIEW_RUN = "experiments.view_run"
MOST_RUNS, MOST_KEYS, MOST_VALUES = 120, 40, 20
SPARK_POINTS, SPARK_WIDTH, SPARK_HEIGHT = 48, 96.0, 24.0
USUAL_TREND = "validation_loss"


@require_safe
@permission_required(VIEW_RUN, raise_exception=True)
def rows(request: HttpRequest) -> HttpResponse:
    """The rows of `shown` ("7:DIGEST,8:DIGEST") that look otherwise by now, and how many runs are newer than `newest`.

    The other parameters are those of the page.
    """
    parameters = without_blanks(request.GET)
    known, newest = _shown(parameters.get("shown", "")), parameters.get("newest", "")
    for name in ("shown", "newest"):
        parameters.pop(name, None)
    view = look(request, parameters)
    drawn = view.drawn(runs_by_ids(list(known)), baseline_of(parameters)) if known else []
    changed: dict[str, dict[str, Any]] = {}
    context = view.row_context
    for row in drawn:
        if row.run.pk not in known:
            continue
        html = render_to_string("parts/_run_row.html", context | {"row": row}, request=request)
        digest = hashlib.sha256(html.encode()).hexdigest()[:12]
        if digest != known[row.run.pk]:
            changed[str(row.run.pk)] = {"html": html, "digest": digest, "active": row.active}
    return JsonResponse({"rows": changed, "newer": _newer(parameters, newest)})


def _shown(text: str) -> dict[int, str]:
    """By run id: what the page holds of it; empty what it was not told."""
    found = {}
    for part in text.split(",")[:MOST_RUNS]:
        number, _, digest = part.partition(":")
        if number.isascii() and number.isdigit() and len(number) < 19:
            found[int(number)] = digest
    return found


def _newer(parameters: Any, newest: str) -> int:
    if not (newest.isascii() and newest.isdigit() and len(newest) < 19):
        return 0
    found, _ = matching(filters_of(parameters))
    if found.ids is not None:
        return sum(pk > int(newest) for pk in found.ids)
    return found.runs.filter(pk__gt=int(newest)).order_by()[:100].count()


@require_safe
@permission_required(VIEW_RUN, raise_exception=True)
def sparklines(request: HttpRequest) -> HttpResponse:
    """By run of `run` ("7,8"): a metric as the path of a small curve, with its key and its ends; at most 120 runs.

    The metric is `spark`, or the first of those that stand for the validation loss.
    """
    parameters = without_blanks(request.GET)
    metric = parameters.get("spark", "")
    ids = list(_shown(parameters.get("run", "")))
    if metric:
        keys: tuple[str, ...] = (metric,)
    else:
        preferences = run_preferences(request.user)  # type: ignore[arg-type]
        keys = figure_keys(chosen_figures(parameters, preferences))[USUAL_TREND]
    chosen: dict[int, Any] = {}
    for series in series_of(ids, keys):
        kept = chosen.get(series.run_id)
        if kept is None or keys.index(series.key) < keys.index(kept.key):
            chosen[series.run_id] = series
    drawn = curves(list(chosen.values()), Window(points=SPARK_POINTS)) if chosen else []
    told = {
        str(curve.series.run_id): {
            "path": spark_path(curve.step, curve.value),
            "key": curve.series.key,
            "first": float(curve.value[0]) if len(curve.value) and np.isfinite(curve.value[0]) else None,
            "last": curve.series.last_value if np.isfinite(curve.series.last_value or 0) else None,
        }
        for curve in drawn
    }
    return JsonResponse({"width": SPARK_WIDTH, "height": SPARK_HEIGHT, "runs": told})


def spark_path(steps: np.ndarray, values: np.ndarray) -> str:
    """An SVG path through finite values, from left to right, the largest on top; a gap where they are not finite.

    Takes int64 and float64 (n,); empty when nothing is finite.
    """
    finite = np.isfinite(values)
    if not finite.any():
        return ""
    low, high = float(values[finite].min()), float(values[finite].max())
    inside = SPARK_HEIGHT - 4
    y = 2 + inside * ((high - values) / (high - low) if high > low else np.full(len(values), 0.5))
    span = float(steps[-1] - steps[0]) or 1.0
    x = 1 + (SPARK_WIDTH - 2) * (steps - steps[0]) / span
    places = np.flatnonzero(finite)
    path = f"M{x[places[0]]:.1f} {y[places[0]]:.1f}"
    if len(places) == 1:
        return f"{path}h0.1"
    for before, here in pairwise(places):
        path += f"{'L' if here == before + 1 else 'M'}{x[here]:.1f} {y[here]:.1f}"
    return path


@require_safe
@permission_required(VIEW_RUN, raise_exception=True)
def keys(request: HttpRequest) -> HttpResponse:
    """Names for completion: of metrics, parameters and tags that begin with `prefix`; with `values`, what an attribute
    or a parameter holds.
    """
    prefix, values = request.GET.get("prefix", "")[:250], request.GET.get("values", "")
    if "\0" in prefix + values:
        return JsonResponse({"values": []})
    if values:
        return JsonResponse({"values": _values(values, prefix)})
    found = keys_in_use(prefix=prefix, most=MOST_KEYS)
    return JsonResponse({"metrics": found["metrics"], "params": found["parameters"], "tags": found["tags"]})


def _values(name: str, prefix: str) -> list[str]:
    """The first values of an attribute that begin with a text, whatever its case."""
    match name:
        case "architecture":
            found = architectures_in_use()
            return [one for one in found if one.lower().startswith(prefix.lower())][:MOST_VALUES]
        case "experiment":
            names = Experiment.objects.filter(name__istartswith=prefix).order_by("-pk")
            return list(names.values_list("name", flat=True)[:MOST_VALUES])
        case "user":
            people = User.objects.filter(username__istartswith=prefix, started_runs__isnull=False)
            return list(people.order_by("username").values_list("username", flat=True).distinct()[:MOST_VALUES])
        case "dataset":
            versions = Run.objects.filter(dataset_version__dataset__name__istartswith=prefix).order_by()
            pairs = versions.values_list("dataset_version__dataset__name", "dataset_version__number").distinct()
            return sorted(f"{dataset}@v{number}" for dataset, number in pairs[:MOST_VALUES])
        case "tag":
            return keys_in_use(prefix=prefix, most=MOST_VALUES)["tags"]
    return []
