"""Tables of the site's pages: columns, sorting and paging. The rows are drawn by the pages' templates."""

from collections.abc import Iterable
from functools import cached_property
from math import ceil
from typing import Any

import django_tables2 as tables
from django.core.paginator import EmptyPage, Page
from django.db.models import F, QuerySet
from django_tables2.paginators import LazyPaginator

from scenes.models import Scene
from scenes.selectors import CappedCount, capped_count

GAP = None
NEIGHBOURS = 2


class SortedColumn(tables.Column):
    """A column whose empty values come last in both directions; equal rows stay in one order across pages."""

    def __init__(self, *args: Any, field: str = "", css_class: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.field = field
        self.css_class = css_class

    def order(self, queryset: QuerySet, is_descending: bool) -> tuple[QuerySet, bool]:
        field = F(self.field)
        order = field.desc(nulls_last=True) if is_descending else field.asc(nulls_last=True)
        return queryset.order_by(order, "-pk"), True


class NumberColumn(SortedColumn):
    """A column of numbers: aligned by their digits, largest first on the first click."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, css_class="numeric", initial_sort_descending=True, **kwargs)


class SceneTable(tables.Table):
    """The explorer's columns; parts/_scene_row.html draws one cell for each, in this order."""

    thumbnail = tables.Column("Thumbnail", orderable=False, empty_values=())
    name = SortedColumn("Scene ID", field="name")
    status = SortedColumn("Status", field="status")
    labeler = SortedColumn("Labeler", accessor="labeler__username", field="labeler__username")
    tags = tables.Column("Tags", orderable=False, empty_values=())
    drive = SortedColumn("Drive", accessor="drive__name", field="drive__name")
    captured = SortedColumn("Captured", accessor="captured_at", field="captured_at", initial_sort_descending=True)
    duration = NumberColumn("Duration (s)", accessor="duration_seconds", field="duration_seconds")
    position = SortedColumn(
        "GPS start, end", accessor="position_state", field="position_state", css_class="cell-position"
    )
    frames = NumberColumn("Frames", accessor="frame_count", field="frame_count")
    points = NumberColumn("Points", accessor="point_count", field="point_count")
    size = NumberColumn("Size", accessor="size_bytes", field="size_bytes")

    class Meta:
        order_by_field = "sort"
        orderable = True


class CappedPaginator(LazyPaginator):
    """Pages of a table that never count further than `capped_count` does.

    A page number past the end shows the last page that is known to exist.
    """

    @cached_property
    def found(self) -> CappedCount:
        return capped_count(self.object_list.data.data)

    @property
    def last_known(self) -> int:
        return max(1, ceil(self.found.value / self.per_page))

    def page(self, number: int) -> Page:
        if not self.found.capped:
            return super().page(min(number, self.last_known))
        try:
            return super().page(number)
        except EmptyPage:
            return super().page(self.last_known)


def page_numbers(current: int, last: int, *, more: bool = False) -> Iterable[int | None]:
    """The numbers a pager shows: the ends, the neighbours of the current page, and None for each gap.

    `more` says that pages may follow the last one that is known.
    """
    near = range(current - NEIGHBOURS, current + NEIGHBOURS + 1)
    shown = sorted({1, last, current} | {number for number in near if 1 <= number <= last})
    numbers: list[int | None] = []
    for number in shown:
        previous = numbers[-1] if numbers else None
        if previous is not None and number == previous + 2:
            numbers.append(number - 1)
        elif previous is not None and number > previous + 2:
            numbers.append(GAP)
        numbers.append(number)
    return [*numbers, GAP] if more else numbers


def scene_table(scenes: QuerySet[Scene], *, sort: str, page: int, rows: int) -> SceneTable:
    """A page of scenes, sorted by a column's name, "-" in front for descending; unknown names are ignored."""
    table = SceneTable(scenes, order_by=sort or ())
    table.paginate(paginator_class=CappedPaginator, per_page=rows, page=page)
    return table
