"""A page of runs with the values that its columns show, in a constant number of queries.

First the newest runs that match, a thousand at most: when that is all of them, they are sorted by themselves; when
there are more, so many match that walking the index of the order finds a page soon.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import QueryDict

from experiments.filters import RunFilterSet
from experiments.models import MetricSeries, Run, RunParameter
from experiments.run_fields import METRIC, PARAMETER, Field
from experiments.run_orders import Cursor, Order, along, order_of, read_cursor
from experiments.selectors import series_of
from scenes.selectors import COUNT_CAP, CappedCount

NEWEST = "-id"


@dataclass(frozen=True)
class RunListing:
    """A page of the runs that match. `previous` and `next` are cursors of the pages beside it, empty at the ends.

    `sort` is the order that was applied, "-" in front for descending. Filters that are refused list nothing:
    `problems` says what is wrong with them.
    """

    runs: list[Run]
    count: CappedCount
    sort: str
    previous: str = ""
    next: str = ""
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Matching:
    """The runs that match: `ids` are all of them, newest first, when they are few; None when there are more."""

    runs: QuerySet[Run]
    count: CappedCount
    ids: list[int] | None

    @property
    def among(self) -> QuerySet[Run]:
        """The runs in the words that cost least."""
        return self.runs if self.ids is None else Run.objects.filter(pk__in=self.ids)


@dataclass(frozen=True)
class RunValues:
    """By run id and key: what columns show of metrics and parameters."""

    metrics: dict[int, dict[str, MetricSeries]]
    parameters: dict[int, dict[str, RunParameter]]


def matching(parameters: QueryDict) -> tuple[Matching, list[str]]:
    """The runs that a RunFilterSet finds, and what is wrong with its parameters, when nothing is found; one query."""
    filterset = RunFilterSet(parameters, queryset=Run.objects.all())
    try:
        found, problems = filterset.qs, _problems(filterset)
    except ValidationError as error:
        found, problems = Run.objects.none(), error.messages
    if problems:
        return Matching(Run.objects.none(), CappedCount(0, False), []), problems
    ids = list(found.order_by("-pk").values_list("pk", flat=True)[: COUNT_CAP + 1])
    capped = len(ids) > COUNT_CAP
    return Matching(found, CappedCount(min(len(ids), COUNT_CAP), capped), None if capped else ids), []


def _problems(filterset: RunFilterSet) -> list[str]:
    return [f"{name}: {' '.join(words)}" for name, words in filterset.form.errors.items()]


def run_listing(
    parameters: QueryDict,
    *,
    sort: str = NEWEST,
    after: str = "",
    before: str = "",
    rows: int = 50,
    figures: Mapping[str, Sequence[str]] | None = None,
) -> RunListing:
    """A page of `rows` runs behind the cursor `after`, or before `before`; up to six queries.

    `sort` is a name of run_orders.order_of, "-" in front for descending; one that is unknown means the newest first.
    """
    found, problems = matching(parameters)
    order = order_of(sort.removeprefix("-"), figures)
    if order is None:
        sort, order = NEWEST, order_of("id")
    assert order is not None
    backwards = bool(before)
    start = read_cursor(before or after, order) if before or after else None
    places = _places(found, order, sort.startswith("-"), rows + 1, start, backwards and start is not None)
    more, places = len(places) > rows, places[:rows]
    if backwards and start is not None:
        places, earlier, later = places[::-1], more, True
    else:
        earlier, later = start is not None, more
    if not places:
        return RunListing([], found.count, sort, problems=problems)
    runs = runs_by_ids([place.run for place in places])
    previous, following = str(places[0]) if earlier else "", str(places[-1]) if later else ""
    return RunListing(runs, found.count, sort, previous, following, problems)


def _places(
    found: Matching, order: Order, descending: bool, rows: int, start: Cursor | None, backwards: bool
) -> list[Cursor]:
    if found.ids == []:
        return []
    return along(found.among, order, descending=descending, rows=rows, start=start, backwards=backwards)


def runs_by_ids(ids: Sequence[int]) -> list[Run]:
    """The runs in the order of their ids, with everything that a row shows; two queries."""
    found = Run.objects.for_listing().select_related("parent").in_bulk(list(ids))
    return [found[pk] for pk in ids if pk in found]


def run_values(ids: Sequence[int], fields: Sequence[Field]) -> RunValues:
    """What columns show of the metrics and parameters of some runs; up to two queries."""
    keys = {kind: sorted({one.key for one in fields if one.kind == kind}) for kind in (METRIC, PARAMETER)}
    metrics: dict[int, dict[str, MetricSeries]] = {pk: {} for pk in ids}
    parameters: dict[int, dict[str, RunParameter]] = {pk: {} for pk in ids}
    if keys[METRIC] and ids:
        for series in series_of(ids, keys[METRIC]):
            metrics[series.run_id][series.key] = series
    if keys[PARAMETER] and ids:
        for row in RunParameter.objects.filter(run__in=ids, key__in=keys[PARAMETER]):
            parameters[row.run_id][row.key] = row
    return RunValues(metrics, parameters)
