"""The datasets: each with its newest versions, what they hold, and whether their splits are clean."""

from collections import defaultdict
from dataclasses import dataclass
from math import ceil
from typing import Any, cast

from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.db.models import Count, Max, Prefetch, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_safe

from datasets.filters import DatasetFilterSet
from datasets.models import Dataset, DatasetVersion, Item, VersionState
from lamm.addresses import addressed, without_blanks
from lamm.dataset_figures import Segment, segments
from scenes.selectors import CappedCount, capped_count, saved_views_of

ROWS = 20
# Older versions are on the card of the newest one.
VERSIONS_SHOWN = 5
MOST_VIEWS = 100
SORTS = {
    "name": ("Name", ("name",)),
    "-name": ("Name, Z first", ("-name",)),
    "newest": ("Changed last", ("-newest", "name")),
    "versions": ("Most versions", ("-version_count", "name")),
}
USUAL_SORT = "newest"


@dataclass(frozen=True)
class VersionRow:
    """A version in the list. `warnings` is None for drafts, whose certificate is not written yet."""

    version: DatasetVersion
    scenes: int
    frames: int
    points: int
    bytes: int
    bar: list[Segment]
    clean: bool
    warnings: int | None


@dataclass(frozen=True)
class DatasetRow:
    dataset: Dataset
    versions: list[VersionRow]
    older: int


@require_safe
@permission_required("datasets.view_datasetversion", raise_exception=True)
def datasets(request: HttpRequest) -> HttpResponse:
    parameters = without_blanks(request.GET)
    context = _context(parameters)
    if not request.htmx:  # type: ignore[attr-defined]
        person = cast(User, request.user)
        views = list(saved_views_of(person)[:MOST_VIEWS]) if person.has_perm("scenes.view_scene") else []
        context |= {"views": views, "asking": "new" in parameters}
    template = "parts/_datasets.html" if request.htmx else "pages/datasets.html"  # type: ignore[attr-defined]
    return addressed(request, render(request, template, context), parameters)


def _context(parameters: QueryDict) -> dict[str, Any]:
    states = [state for state in parameters.getlist("state") if state in VersionState.values]
    found = _matching(parameters, states)
    count: CappedCount = capped_count(found)
    last = max(1, ceil(count.value / ROWS))
    given = parameters.get("page", "1")
    page = min(max(1, int(given)) if given.isascii() and given.isdigit() and len(given) < 7 else 1, last)
    sort = parameters.get("sort", USUAL_SORT)
    sort = sort if sort in SORTS else USUAL_SORT
    rows = dataset_rows(found.order_by(*SORTS[sort][1])[(page - 1) * ROWS : page * ROWS], states)
    filtered = bool(states or parameters.get("search"))
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
        "states": [(state.value, state.label, state.value in states) for state in VersionState],
        "filtered": filtered,
        "none_at_all": not rows and not filtered,
    }


def _matching(parameters: QueryDict, states: list[str]) -> QuerySet[Dataset]:
    """Datasets whose name fits, and that have a version in one of the states when some are asked for."""
    given = QueryDict(mutable=True)
    if "search" in parameters:
        given["search"] = parameters.get("search", "")
    counted = Dataset.objects.annotate(newest=Max("versions__pk"), version_count=Count("versions"))
    found = DatasetFilterSet(given, queryset=counted).qs
    if states:
        found = found.filter(pk__in=DatasetVersion.objects.filter(state__in=states).values("dataset"))
    return found


def dataset_rows(datasets: QuerySet[Dataset], states: list[str]) -> list[DatasetRow]:
    """The rows of these datasets, each with its newest versions, in four queries."""
    versions = DatasetVersion.objects.for_listing().defer("notes", "query").order_by("-number")
    if states:
        versions = versions.filter(state__in=states)
    listed = datasets.prefetch_related(Prefetch("versions", queryset=versions[:VERSIONS_SHOWN], to_attr="shown"))
    found: list[Any] = list(listed)
    told = _told([version for dataset in found for version in dataset.shown])
    return [
        DatasetRow(one, [told[v.pk] for v in one.shown], 0 if states else one.version_count - len(one.shown))
        for one in found
    ]


def _told(versions: list[DatasetVersion]) -> dict[int, VersionRow]:
    """Each version with its counts: as they were frozen, or of a draft as it is now."""
    drafts = _live_counts([version.pk for version in versions if version.is_draft])
    frozen = _frozen_counts([version.pk for version in versions if not version.is_draft])
    rows = {}
    for version in versions:
        splits, clean, warnings = frozen.get(version.pk, (drafts[version.pk], False, None))
        total = {name: sum(int(counts.get(name) or 0) for counts in splits.values()) for name in COUNTED}
        bar = segments({split: int(counts["scenes"]) for split, counts in splits.items()})
        rows[version.pk] = VersionRow(version, **total, bar=bar, clean=clean, warnings=warnings)
    return rows


COUNTED = ("scenes", "frames", "points", "bytes")
Splits = dict[str, dict[str, Any]]


def _live_counts(drafts: list[int]) -> defaultdict[int, Splits]:
    found: defaultdict[int, Splits] = defaultdict(dict)
    if drafts:
        counted = Item.objects.filter(version__in=drafts).order_by().values("version", "split")
        told = counted.annotate(
            scenes=Count("pk"),
            frames=Sum("scene__frame_count"),
            points=Sum("scene__point_count"),
            bytes=Sum("scene__size_bytes"),
        )
        for row in told:
            found[row["version"]][row["split"]] = dict(row)
    return found


def _frozen_counts(frozen: list[int]) -> dict[int, tuple[Splits, bool, int]]:
    if not frozen:
        return {}
    rows = DatasetVersion.objects.filter(Q(pk__in=frozen)).order_by()
    told = rows.values_list("pk", "statistics__splits", "certificate__clean", "certificate__warnings")
    return {pk: (splits or {}, bool(clean), len(warnings or [])) for pk, splits, clean, warnings in told}
