"""A page of scenes: the ids first, by the cheapest way to them, then the rows.

Every column sorts both ways with empty values last. Rows with a value and rows without are asked for apart, so that one
index serves both directions; a page takes at most seven queries, whatever it holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from types import MappingProxyType
from typing import Any

from django.db.models import F, Q, QuerySet
from django.http import QueryDict

from scenes.filters import SceneFilterSet
from scenes.models import Scene, SceneTag
from scenes.selectors import COUNT_CAP, CappedCount, capped_count

LARGEST_PAGE = 1_000_000


@dataclass(frozen=True)
class Sort:
    """What a column sorts by, and which scenes have something in it and which nothing, where there are such."""

    field: str
    filled: Q | None = None
    empty: Q | None = None


def _nullable(field: str) -> Sort:
    # Asked of the joined row itself, so that the join is an inner one and can be walked in the order of its names.
    return Sort(field, Q(**{f"{field}__isnull": False}), Q(**{f"{field.split('__')[0]}__isnull": True}))


SORTS: Mapping[str, Sort] = MappingProxyType(
    {
        "name": Sort("name"),
        "status": Sort("status"),
        "labeler": _nullable("labeler__username"),
        "drive": _nullable("drive__name"),
        "captured": _nullable("captured_at"),
        "duration": _nullable("duration_seconds"),
        "position": Sort("position_state"),
        "points": Sort("point_count"),
        "frames": Sort("frame_count"),
        "size": Sort("size_bytes"),
        "created": Sort("created_at"),
        "priority": Sort("priority"),
        "due": _nullable("due_on"),
        "max_uncertainty": _nullable("max_frame_uncertainty"),
        "mean_uncertainty": _nullable("mean_frame_uncertainty"),
        "used_in_training": Sort("used_in_training"),
        "source_model": Sort("uncertainty_source", Q(uncertainty_source__gt=""), Q(uncertainty_source="")),
    }
)


@dataclass(frozen=True)
class SceneListing:
    """A page of the scenes that match. `more`: pages may follow the last one that is known.

    `sort` is the one that was applied, "" for the newest first. A filter that is refused lists nothing: the filterset
    says what is wrong (`filterset.form.errors`).
    """

    filterset: SceneFilterSet
    scenes: list[Scene]
    count: CappedCount
    page: int
    last_page: int
    more: bool
    sort: str


def scene_listing(parameters: QueryDict, *, sort: str = "", page: int = 1, rows: int = 25) -> SceneListing:
    """A page of `rows` scenes that match, sorted by a name of SORTS, "-" in front for descending.

    An unknown sort is ignored; a page past the end is the last one that is known to exist.
    """
    filterset = SceneFilterSet(parameters, queryset=Scene.objects.all())
    sort = sort if sort.removeprefix("-") in SORTS else ""
    count = listing_count(filterset)
    last = max(1, ceil(count.value / rows))
    page = max(1, min(page, LARGEST_PAGE if count.capped else last))
    ids = page_ids(filterset, sort=sort, offset=(page - 1) * rows, rows=rows, count=count) if count.value else []
    if not ids and page > last:
        page = last
        ids = page_ids(filterset, sort=sort, offset=(page - 1) * rows, rows=rows, count=count)
    return SceneListing(filterset, scenes_by_ids(ids), count, page, max(last, page), count.capped, sort)


def listing_count(filterset: SceneFilterSet, cap: int = COUNT_CAP) -> CappedCount:
    """How many scenes match, counted no further than the cap."""
    links = filterset.tag_links()
    return capped_count(filterset.matching() if links is None else links, cap)


def count_matching(parameters: QueryDict) -> int:
    """How many scenes match, all of them: what "select all that match" takes. 0 when a parameter is refused."""
    filterset = SceneFilterSet(parameters, queryset=Scene.objects.all())
    links = filterset.tag_links()
    return (filterset.matching() if links is None else links).count()


def scenes_by_ids(ids: list[int]) -> list[Scene]:
    """The rows of a page in the order of its ids, with everything that a row shows; two queries."""
    found = Scene.objects.for_listing().order_by().in_bulk(ids)
    return [found[pk] for pk in ids if pk in found]


def page_ids(filterset: SceneFilterSet, *, sort: str, offset: int, rows: int, count: CappedCount) -> list[int]:
    """The ids of the scenes of a page, in order. The count of all that match tells where the last page ends."""
    rows = rows if count.capped else min(rows, max(0, count.value - offset))
    descending, name = sort.startswith("-"), sort.removeprefix("-")
    links = filterset.tag_links()
    if links is not None and name in ("", "max_uncertainty"):
        return _from_links(links, name, descending=descending, offset=offset, rows=rows)
    scenes = filterset.matching()
    if not name:
        return list(scenes.order_by("-pk").values_list("pk", flat=True)[offset : offset + rows])
    by = SORTS[name]
    tie = "-pk" if descending else "pk"
    order = [f"-{by.field}" if descending else by.field, *([] if name == "name" else [tie])]
    if by.filled is None or by.empty is None:
        return list(scenes.order_by(*order).values_list("pk", flat=True)[offset : offset + rows])
    filled, empty = scenes.filter(by.filled).order_by(*order), scenes.filter(by.empty).order_by(tie)
    return _filled_first(filled, empty, "pk", offset, rows)


def _from_links(links: QuerySet[SceneTag], name: str, *, descending: bool, offset: int, rows: int) -> list[int]:
    if not name:
        links = links.order_by("-content_object_id")
        return list(links.values_list("content_object_id", flat=True)[offset : offset + rows])
    uncertainty = F("max_uncertainty")
    # In the words of the index: it is read backwards for the lowest first.
    order = uncertainty.desc(nulls_last=True) if descending else uncertainty.asc(nulls_first=True)
    tie = "-content_object_id" if descending else "content_object_id"
    filled = links.filter(max_uncertainty__isnull=False).order_by(order, tie)
    empty = links.filter(max_uncertainty__isnull=True).order_by(tie)
    return _filled_first(filled, empty, "content_object_id", offset, rows)


def _filled_first(filled: QuerySet[Any], empty: QuerySet[Any], key: str, offset: int, rows: int) -> list[int]:
    """A slice of two lists, one behind the other."""
    ids = list(filled.values_list(key, flat=True)[offset : offset + rows])
    if len(ids) == rows:
        return ids
    before = offset + len(ids) if ids or not offset else filled.order_by().count()
    start = max(0, offset - before)
    return [*ids, *empty.values_list(key, flat=True)[start : start + rows - len(ids)]]
