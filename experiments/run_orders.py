"""The orders in which runs can be listed, and keyset pages along them.

Runs with a value come first in both directions, those without behind them, the newest first. NaN counts as no value:
a diverged run is not the best one. Orders by a metric, parameter or tag walk the index of their key.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, F, FilteredRelation, OuterRef, Q, QuerySet
from django.db.models.functions import Left

from experiments.models import MetricSeries, Run, RunParameter
from experiments.run_conditions import INDEXED_CHARACTERS, NAN, SUMMARIES, run_seconds
from experiments.run_fields import METRIC, PARAMETER, Field, QueryError, read_field

Runs = QuerySet[Run]


@dataclass(frozen=True)
class Order:
    """`filled` leaves the runs that have a value and annotates it as `sort_value`; `missing` leaves the others.

    `read` makes a value of what a cursor holds; `stored_descending` says how the index holds the values, so that it
    can be walked as it is.
    """

    filled: Callable[[Runs], Runs]
    missing: Callable[[Runs], Runs] | None = None
    read: Callable[[Any], Any] = lambda given: given
    stored_descending: bool = False


@dataclass(frozen=True)
class Cursor:
    """A place in an order: the value there, None among the runs without one, and the run."""

    value: Any
    run: int

    def __str__(self) -> str:
        value = self.value
        if isinstance(value, datetime):
            value = value.isoformat()
        elif isinstance(value, timedelta):
            value = value.total_seconds()
        return json.dumps([value, self.run], separators=(",", ":"))


def read_cursor(text: str, order: Order) -> Cursor | None:
    """The place that a text tells; None when it tells none, as in an address that was cut."""
    try:
        value, run = json.loads(text)
        if not isinstance(run, int) or not 0 <= run < 2**63:
            return None
        return Cursor(None if value is None else order.read(value), run)
    except (ValueError, TypeError, RecursionError, OverflowError):
        return None


def _column(field: str, *, nullable: bool = False, read: Callable[[Any], Any] = str) -> Order:
    def filled(runs: Runs) -> Runs:
        runs = runs.filter(**{f"{field}__isnull": False}) if nullable else runs
        return runs.annotate(sort_value=F(field))

    def missing(runs: Runs) -> Runs:
        return runs.filter(**{f"{field.split('__')[0]}__isnull": True})

    return Order(filled, missing if nullable else None, read)


def _duration() -> Order:
    """How long a run took. One that goes on has no place yet: it would move from page to page."""

    def read(seconds: Any) -> timedelta:
        return timedelta(seconds=float(seconds))

    over = Q(started_at__isnull=False, finished_at__isnull=False)
    return Order(
        lambda runs: runs.filter(over).annotate(sort_value=run_seconds()), lambda runs: runs.filter(~over), read
    )


COLUMN_ORDERS: dict[str, Callable[[], Order]] = {
    "id": lambda: _column("id", read=int),
    "name": lambda: _column("name"),
    "status": lambda: _column("status"),
    "architecture": lambda: _column("architecture"),
    "experiment": lambda: _column("experiment__name"),
    "user": lambda: _column("started_by__username"),
    "commit": lambda: _column("commit"),
    "host": lambda: _column("host"),
    "dataset": lambda: _column("dataset_version__dataset__name", nullable=True),
    "created": lambda: _column("created_at", read=datetime.fromisoformat),
    "started": lambda: _column("started_at", nullable=True, read=datetime.fromisoformat),
    "finished": lambda: _column("finished_at", nullable=True, read=datetime.fromisoformat),
    "parent": lambda: _column("parent_id", nullable=True, read=int),
    "seed": lambda: _column("seed", nullable=True, read=int),
    "duration": _duration,
}
# What is looked at from the greatest to the smallest first.
NEWEST_FIRST = frozenset({"id", "created", "started", "finished"})


def order_of(name: str, figures: Mapping[str, Sequence[str]] | None = None) -> Order | None:
    """The order of a column: an attribute, `metrics.KEY.max`, `params.KEY`, `tags.KEY`, or a figure, which is the
    first of several metrics that a run has. None when there is no such order. At most one query.
    """
    if figures and name in figures:
        return _metric(tuple(figures[name]), "last")
    try:
        field = read_field(name)
    except QueryError:
        return None
    if field.kind == METRIC:
        return _metric((field.key,), field.aggregate)
    if field.kind == PARAMETER:
        return _parameter(field)
    if field.key in COLUMN_ORDERS and field.kind not in (METRIC, PARAMETER, "tags"):
        return COLUMN_ORDERS[field.key]()
    return _text("tags", "value", field.key) if field.kind == "tags" else None


def _metric(keys: tuple[str, ...], aggregate: str) -> Order:
    """By the first of these metrics that a run has."""
    column = SUMMARIES[aggregate]

    def chosen(prefix: str = "") -> Q:
        found = Q(**{f"{prefix}key": keys[0]})
        for place, key in enumerate(keys[1:], start=1):
            better = MetricSeries.objects.filter(run=OuterRef("pk"), key__in=keys[:place])
            found |= Q(~Exists(better), **{f"{prefix}key": key})
        return found

    def filled(runs: Runs) -> Runs:
        among = Q(metrics__key=keys[0]) if len(keys) == 1 else Q(metrics__key__in=keys)
        joined = runs.annotate(ordering=FilteredRelation("metrics", condition=among))
        # In one call: a second one would join the metrics again, and any of them would do.
        wanted = Q(**{f"ordering__{column}__lt": NAN})
        joined = joined.filter(wanted & chosen("ordering__") if len(keys) > 1 else wanted)
        return joined.annotate(sort_value=F(f"ordering__{column}"))

    def missing(runs: Runs) -> Runs:
        rows = MetricSeries.objects.filter(run=OuterRef("pk"), key=keys[0], **{f"{column}__lt": NAN})
        absent = runs.filter(~Exists(rows))
        for place, key in enumerate(keys[1:], start=1):
            better = MetricSeries.objects.filter(run=OuterRef("run"), key__in=keys[:place])
            of_key = MetricSeries.objects.filter(run=OuterRef("pk"), key=key, **{f"{column}__lt": NAN})
            absent = absent.filter(~Exists(of_key.filter(~Exists(better))))
        return absent

    return Order(filled, missing, _number, stored_descending=aggregate != "min")


def _number(given: Any) -> float:
    number = float(given)
    if math.isnan(number):
        raise ValueError("NaN has no place in an order.")
    return number


def _parameter(field: Field) -> Order:
    """By numbers where the key has any, else by texts."""
    if not RunParameter.objects.filter(key=field.key, number__isnull=False).exists():
        return _text("parameters", "text", field.key)

    def filled(runs: Runs) -> Runs:
        joined = runs.annotate(ordering=FilteredRelation("parameters", condition=Q(parameters__key=field.key)))
        return joined.filter(ordering__number__isnull=False).annotate(sort_value=F("ordering__number"))

    rows = RunParameter.objects.filter(run=OuterRef("pk"), key=field.key, number__isnull=False)
    return Order(filled, lambda runs: runs.filter(~Exists(rows)), _number)


def _text(relation: str, column: str, key: str) -> Order:
    """By the beginning of a text, which is what the index holds."""

    def filled(runs: Runs) -> Runs:
        joined = runs.annotate(ordering=FilteredRelation(relation, condition=Q(**{f"{relation}__key": key})))
        beginning = Left(F(f"ordering__{column}"), INDEXED_CHARACTERS)
        return joined.filter(ordering__isnull=False).annotate(sort_value=beginning)

    rows = Run._meta.get_field(relation).related_model.objects.filter(run=OuterRef("pk"), key=key)  # type: ignore[union-attr]
    return Order(filled, lambda runs: runs.filter(~Exists(rows)), str)


def along(
    runs: Runs, order: Order, *, descending: bool, rows: int, start: Cursor | None = None, backwards: bool = False
) -> list[Cursor]:
    """Up to `rows` places behind `start` (before it when `backwards`, nearest first) in an order; up to two queries."""
    found: list[Cursor] = []
    for missing in (True, False) if backwards else (False, True):
        passed = start is not None and (start.value is None) != missing and missing == backwards
        if passed or (missing and order.missing is None) or len(found) >= rows:
            continue
        here = start if start is not None and (start.value is None) == missing else None
        part = _missing(runs, order, here, backwards) if missing else _filled(runs, order, here, descending, backwards)
        names = ("pk",) if missing else ("pk", "sort_value")
        for row in part.values_list(*names)[: rows - len(found)]:
            found.append(Cursor(None if missing else row[1], row[0]))
    return found


def _filled(runs: Runs, order: Order, start: Cursor | None, descending: bool, backwards: bool) -> Runs:
    up = descending == backwards
    tie_up = up != order.stored_descending
    found = order.filled(runs)
    if start is not None:
        side, tie = ("gt" if up else "lt"), ("gt" if tie_up else "lt")
        beyond = Q(**{f"sort_value__{side}": start.value}) | Q(sort_value=start.value, **{f"pk__{tie}": start.run})
        # The first condition is what an index can begin at.
        found = found.filter(Q(**{f"sort_value__{side}e": start.value}) & beyond)
    value = F("sort_value")
    if order.stored_descending:
        by = value.asc(nulls_first=True) if up else value.desc(nulls_last=True)
    else:
        by = value.asc() if up else value.desc()
    return found.order_by(by, "pk" if tie_up else "-pk")


def _missing(runs: Runs, order: Order, start: Cursor | None, backwards: bool) -> Runs:
    assert order.missing is not None
    found = order.missing(runs)
    if start is not None:
        found = found.filter(**{"pk__gt" if backwards else "pk__lt": start.run})
    return found.order_by("pk" if backwards else "-pk")
