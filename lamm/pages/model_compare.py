"""Versions of models side by side: facts, figures with their differences, classes, slices, notes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_safe

from lamm.pages.models import LOOK
from registry.models import ModelVersion

MOST = 6
OVERALL = (
    ("miou", "mIoU", True),
    ("fwiou", "Frequency-weighted IoU", True),
    ("accuracy", "Accuracy", True),
    ("ece", "ECE", False),
    ("mce", "MCE", False),
    ("ause", "AUSE", False),
    ("aurc", "AURC", False),
)


@dataclass(frozen=True)
class Cell:
    """A figure, its difference to the first version's, and whether that is better; and whether it is the best."""

    value: float | None
    difference: float | None
    better: bool
    best: bool


@dataclass(frozen=True)
class Row:
    name: str
    cells: list[Cell]


@require_safe
@permission_required(LOOK, raise_exception=True)
def model_compare(request: HttpRequest) -> HttpResponse:
    """The versions that `version` names by their ids, in this order; the first is what others are compared with."""
    ids = [int(one) for one in request.GET.getlist("version") if one.isascii() and one.isdigit() and len(one) < 19]
    ids = list(dict.fromkeys(ids))
    found = ModelVersion.objects.for_listing().in_bulk(ids[:MOST])
    versions = [found[pk] for pk in ids if pk in found]
    context: dict[str, Any] = {"versions": versions, "most": MOST, "cut": len(ids) > MOST}
    if len(versions) >= 2:
        context |= {
            "overall": [_row(label, _overall(versions, key), up) for key, label, up in OVERALL],
            "classes": _named_rows(versions, "classes", lambda one: one["iou"]),
            "slices": _named_rows(versions, "slice", lambda one: one["miou"]),
            "tags": _named_rows(versions, "tag", lambda one: one["miou"]),
            "same_data": len({_measured_on(one) for one in versions}) == 1,
            "runs_url": _runs_url(versions),
        }
    return render(request, "pages/model_compare.html", context)


def _overall(versions: Sequence[ModelVersion], key: str) -> list[float | None]:
    return [version.metrics.get("overall", {}).get(key) for version in versions]


def _named_rows(versions: Sequence[ModelVersion], part: str, value: Any) -> list[Row]:
    """A row for each name that any version has, in the order of the versions."""
    tables = [{one["name"]: value(one) for one in version.metrics.get(part, [])} for version in versions]
    names = list(dict.fromkeys(name for table in tables for name in table))
    return [_row(name, [table.get(name) for table in tables], True) for name in names]


def _row(name: str, values: Sequence[float | None], up: bool) -> Row:
    known = [value for value in values if value is not None]
    best = (max(known) if up else min(known)) if len(known) > 1 and len(set(known)) > 1 else None
    cells = []
    for place, value in enumerate(values):
        first = values[0]
        difference = value - first if place and value is not None and first is not None else None
        better = difference is not None and (difference > 0) == up
        cells.append(Cell(value, difference, better, best is not None and value == best))
    return Row(name, cells)


def _measured_on(version: ModelVersion) -> tuple[Any, ...]:
    metrics = version.metrics
    return metrics.get("dataset_version"), tuple(metrics.get("splits", [])), metrics.get("rule")


def _runs_url(versions: Sequence[ModelVersion]) -> str:
    """The comparison of the source runs; empty where fewer than two have one, or the site has no such page."""
    runs = list(dict.fromkeys(version.run_id for version in versions if version.run_id))
    if len(runs) < 2:
        return ""
    try:
        return f"{reverse('runs-compare')}?{'&'.join(f'run={pk}' for pk in runs)}"
    except NoReverseMatch:
        return ""
