"""Tables of the site's pages: headings and the numbers of a pager. The rows are drawn by the pages' templates."""

from collections.abc import Iterable, Sequence
from typing import Any

import django_tables2 as tables

GAP = None
NEIGHBOURS = 2


class SortedColumn(tables.Column):
    """A heading that sorts by a name of scenes.listing.SORTS, smallest first on the first click."""

    def __init__(self, *args: Any, css_class: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.css_class = css_class


class NumberColumn(SortedColumn):
    """A column of numbers: aligned by their digits, largest first on the first click."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, css_class="numeric", initial_sort_descending=True, **kwargs)


class SceneTable(tables.Table):
    """The explorer's headings. scenes.listing finds and sorts the rows; parts/scene_cells/NAME.html draws a cell."""

    thumbnail = SortedColumn("Thumbnail", orderable=False)
    name = SortedColumn("Scene ID")
    status = SortedColumn("Status")
    max_uncertainty = NumberColumn("Max Frame Uncertainty")
    mean_uncertainty = NumberColumn("Avg. Frame Uncertainty")
    source_model = SortedColumn("Uncertainty Source Model", css_class="long")
    tags = SortedColumn("Tags", orderable=False)
    captured = SortedColumn("Captured", initial_sort_descending=True)
    duration = NumberColumn("Duration (s)")
    position = SortedColumn("GPS start, end", css_class="cell-position")
    points = NumberColumn("Points")
    frames = NumberColumn("Frames")
    size = NumberColumn("Size")
    labeler = SortedColumn("Labeler")
    used_in_training = SortedColumn("Used in Training", css_class="long", initial_sort_descending=True)
    drive = SortedColumn("Drive")
    priority = SortedColumn("Priority", initial_sort_descending=True)
    due = SortedColumn("Due")
    created = SortedColumn("Added", initial_sort_descending=True)

    class Meta:
        order_by_field = "sort"
        orderable = True


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


def scene_headings(columns: Sequence[str], *, sort: str) -> SceneTable:
    """The headings of these columns in this order; `sort` is the name that the rows are sorted by, "-" in front
    for descending."""
    hidden = [name for name in SceneTable.base_columns if name not in columns]
    return SceneTable([], order_by=sort or (), sequence=tuple(columns), exclude=hidden)
