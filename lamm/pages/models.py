"""The model registry: every version with its source, its key figures, where it is deployed, and who made it."""

from dataclasses import dataclass
from math import ceil
from typing import Any

from django.contrib.auth.decorators import permission_required
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_safe

from experiments.selectors import summaries
from lamm.addresses import addressed, without_blanks
from registry.filters import ModelVersionFilterSet
from registry.models import ModelKind, ModelVersion, PromotionRequest, RequestState, Stage
from registry.selectors import versions_with_aliases
from scenes.selectors import CappedCount, capped_count

LOOK = "registry.view_modelversion"
ROWS = 50
MOST_WAITING = 5
SORTS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "newest": ("Newest", ("-pk",)),
    "name": ("Name", ("model__name", "-number")),
    "miou": ("Best mIoU", (F("miou").desc(nulls_last=True), "-pk")),
    "ece": ("Smallest ECE", (F("ece").asc(nulls_last=True), "-pk")),
}
USUAL_SORT = "newest"
FILTERS = ("search", "stage", "kind", "tag", "archived", "model")
# What trainers call the loss that they validate by, the likeliest first.
LOSSES = ("val/loss", "val_loss", "validation/loss", "validation_loss", "loss/val", "loss", "train/loss", "train_loss")


@dataclass(frozen=True)
class VersionRow:
    """A version in the table; `loss` is the last value that its trainer reported, with its key."""

    version: ModelVersion
    loss_key: str
    loss: float | None


@require_safe
@permission_required(LOOK, raise_exception=True)
def models(request: HttpRequest) -> HttpResponse:
    parameters = without_blanks(request.GET)
    context = _context(parameters)
    if not request.htmx:  # type: ignore[attr-defined]
        context["waiting"] = waiting_promotions()[:MOST_WAITING]
    template = "parts/_models.html" if request.htmx else "pages/models.html"  # type: ignore[attr-defined]
    return addressed(request, render(request, template, context), parameters)


def waiting_promotions() -> QuerySet[PromotionRequest]:
    """Promotions that wait for a decision, the oldest first."""
    rows = PromotionRequest.objects.filter(state=RequestState.OPEN).select_related("version__model", "asked_by")
    return rows.defer("version__metrics").order_by("pk")


def _context(parameters: QueryDict) -> dict[str, Any]:
    given = QueryDict(mutable=True)
    for name in FILTERS:
        given.setlist(name, parameters.getlist(name))
    filtering = ModelVersionFilterSet(given, queryset=ModelVersion.objects.for_listing().defer("metrics"))
    # What can't be understood, such as an unknown stage, finds nothing.
    found = filtering.qs if filtering.is_valid() else ModelVersion.objects.none()
    count: CappedCount = capped_count(found)
    last = max(1, ceil(count.value / ROWS))
    asked = parameters.get("page", "1")
    page = min(max(1, int(asked)) if asked.isascii() and asked.isdigit() and len(asked) < 7 else 1, last)
    sort = parameters.get("sort", USUAL_SORT)
    sort = sort if sort in SORTS else USUAL_SORT
    rows = rows_of(found.order_by(*SORTS[sort][1])[(page - 1) * ROWS : page * ROWS])
    filtered = any(parameters.getlist(name) for name in FILTERS)
    stages, kinds = parameters.getlist("stage"), parameters.getlist("kind")
    return {
        "parameters": parameters,
        "rows": rows,
        "count": count,
        "page": page,
        "last_page": last,
        "previous_page": page - 1,
        "next_page": page + 1,
        "sort": sort,
        "sorts": {name: words for name, (words, _) in SORTS.items()},
        "stages": [(stage.value, stage.label, stage.value in stages) for stage in Stage],
        "kinds": [(kind.value, kind.label, kind.value in kinds) for kind in ModelKind],
        "archived": parameters.get("archived", ""),
        "none_at_all": not rows and not filtered,
    }


def rows_of(versions: QuerySet[ModelVersion]) -> list[VersionRow]:
    """The rows of a page of versions, with their reported losses: five queries."""
    found = list(versions_with_aliases(versions))
    series = summaries([one.run_id for one in found if one.run_id], LOSSES)
    rows = []
    for version in found:
        reported = series.get(version.run_id or 0, {})
        key = next((key for key in LOSSES if key in reported), "")
        rows.append(VersionRow(version, key, reported[key].last_value if key else None))
    return rows
