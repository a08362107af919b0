"""Curves for charts: down-sampled in the database so that every extreme stays, for many runs at once.

A range of steps (or of times) is cut into parts of equal width; of each, the smallest and the greatest finite value
stay, and the first one that is not finite. Long series answer from the buckets that are kept while they are
written, unless so few of their points are asked for that reading these is as quick.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection

from experiments.binary_rows import INTEGER, NUMBER, binary_rows
from experiments.models import MetricSeries
from experiments.wishes import MOST_WHOLE

STEP, TIME = "step", "time"
# Of a long series, up to so many points are read themselves; more come from its buckets.
READ_POINTS = 5000
MOST_SERIES, MOST_POINTS = 200, 10_000
_FINITE = "abs(value) < 'Infinity'"
_KEPT = ("low", "high", "odd")
_PARTS = ("value", "step", "timestamp", "epoch")
_COLUMNS = {"series": INTEGER} | {f"{kept} {part}": NUMBER for kept in _KEPT for part in _PARTS}
# NaN as a step marks a kept point that is not there: steps are whole numbers.
_AS_NUMBERS = ", ".join(f"coalesce({kept}[{place}], 'NaN')" for kept in _KEPT for place in range(1, 5))
_POINT = "ARRAY[value, step, timestamp, epoch]"
_FROM_POINTS = f"""
SELECT series_id, {_AS_NUMBERS} FROM (
    SELECT series_id, min({_POINT}) FILTER (WHERE {_FINITE}) AS low, max({_POINT}) FILTER (WHERE {_FINITE}) AS high,
        min({_POINT}) FILTER (WHERE NOT {_FINITE}) AS odd
    FROM unnest(%s::int8[], %s::int8[], %s::int8[]) AS wanted (id, first_step, last_step)
    JOIN experiments_metricpoint ON series_id = id AND step BETWEEN first_step AND last_step
    WHERE {{x}} BETWEEN %s AND %s
    GROUP BY series_id, ({{x}} - %s) / %s) AS parts
"""  # noqa: S608 - constants of this module only
_FROM_BUCKETS = f"""
SELECT series_id, {_AS_NUMBERS} FROM (
    SELECT series_id, min(low) AS low, max(high) AS high, min(odd) AS odd
    FROM unnest(%s::int8[], %s::int8[], %s::int8[]) AS wanted (id, first_bucket, last_bucket)
    JOIN experiments_metricbucket ON series_id = id AND bucket BETWEEN first_bucket AND last_bucket
    GROUP BY series_id, ((coalesce(low, odd))[{{place}}]::int8 - %s) / %s) AS parts
"""  # noqa: S608 - constants of this module only
_BUCKETS_INSIDE = """
SELECT series_id, sum(points), min(bucket), max(bucket)
FROM unnest(%s::int8[], %s::int8[]) AS wanted (id, width)
JOIN experiments_metricbucket ON series_id = id
WHERE {inside} GROUP BY series_id
"""
_INSIDE = {
    STEP: "bucket BETWEEN %s / width AND %s / width",
    TIME: "least(low[3], high[3], odd[3]) <= %s AND greatest(low[3], high[3], odd[3]) >= %s",
}


@dataclass(frozen=True)
class Window:
    """Which part of a chart is wanted: x is a step or a time (ms since 1970), from `first` to `last`, both included.

    `points` is about how many are wanted of each curve.
    """

    by: str = STEP
    first: int = -MOST_WHOLE
    last: int = MOST_WHOLE
    points: int = 1000


@dataclass(frozen=True)
class Curve:
    """The kept points of one series in the order of x: int64, int64, float64, float64 (n,).

    Values may be NaN or infinite; `epoch` is NaN where there is none.
    """

    series: MetricSeries
    step: np.ndarray
    timestamp: np.ndarray
    value: np.ndarray
    epoch: np.ndarray


def curves(series: Sequence[MetricSeries], window: Window) -> list[Curve]:
    """A curve for each series, in the given order; three queries, whatever their number and length."""
    first, last = _extent(series, window)
    width = max(1, -(-(last - first + 1) // max(1, window.points // 2)))
    rows = []
    if first <= last:
        x, place = ("step", 2) if window.by == STEP else ("timestamp", 3)
        read, bucketed = _ways(series, window.by, first, last)
        if read:
            columns = list(map(list, zip(*read, strict=True)))
            rows.append(binary_rows(_FROM_POINTS.format(x=x), [*columns, first, last, first, width], _COLUMNS))
        if bucketed:
            columns = list(map(list, zip(*bucketed, strict=True)))
            rows.append(binary_rows(_FROM_BUCKETS.format(place=place), [*columns, first, width], _COLUMNS))
    return _assembled(series, rows, window.by, first, last)


def _extent(series: Sequence[MetricSeries], window: Window) -> tuple[int, int]:
    """The first and last x that is wanted and there."""
    names = ("first_step", "last_step") if window.by == STEP else ("earliest_timestamp", "latest_timestamp")
    known = [one for one in series if one.count]
    first = min((getattr(one, names[0]) for one in known), default=0)
    last = max((getattr(one, names[1]) for one in known), default=-1)
    return max(first, window.first), min(last, window.last)


Range = tuple[int, int, int]


def _ways(series: Sequence[MetricSeries], by: str, first: int, last: int) -> tuple[list[Range], list[Range]]:
    """Which series are read from their points, as (id, first step, last step), and which from buckets, as
    (id, first bucket, last bucket).
    """
    short = [one for one in series if one.bucket_width is None]
    long = {one.pk: one.bucket_width for one in series if one.bucket_width is not None}
    whole = [_whole(one, long[one.pk]) for one in series if one.pk in long and _is_inside(one, by, first, last)]
    parts = {pk: width for pk, width in long.items() if pk not in {row[0] for row in whole}}
    steps = (first, last) if by == STEP else (-MOST_WHOLE, MOST_WHOLE)
    read, bucketed = [(one.pk, *steps) for one in short], []
    for pk, points, lowest, highest in [*whole, *_buckets_inside(parts, by, first, last)]:
        # Only the extremes of a bucket have a place and time: what else is in it may lie just over the edge.
        lowest, highest = (lowest, highest) if by == STEP else (lowest - 1, highest + 1)
        if points > READ_POINTS:
            bucketed.append((pk, lowest, highest))
        else:
            width = long[pk]
            read.append((pk, max(steps[0], (lowest - 1) * width), min(steps[1], (highest + 1) * width)))
    return read, bucketed


def _is_inside(series: MetricSeries, by: str, first: int, last: int) -> bool:
    """Whether all of a series is wanted: then its own summary tells what the buckets would be asked for."""
    if by == STEP:
        return first <= (series.first_step or 0) and (series.last_step or 0) <= last
    return first <= (series.earliest_timestamp or 0) and (series.latest_timestamp or 0) <= last


def _whole(series: MetricSeries, width: int) -> tuple[int, int, int, int]:
    """(id, points, first bucket, last bucket) of a whole series."""
    first, last = series.first_step or 0, series.last_step or 0
    return series.pk, series.count, _bucket(first, width), _bucket(last, width)


def _bucket(step: int, width: int) -> int:
    """The bucket of a step: divided towards zero, as the database does."""
    return step // width if step >= 0 else -(-step // width)


def _buckets_inside(widths: dict[int, int], by: str, first: int, last: int) -> list[tuple[int, int, int, int]]:
    if not widths:
        return []
    edges = [first, last] if by == STEP else [last, first]
    with connection.cursor() as cursor:
        statement = _BUCKETS_INSIDE.format(inside=_INSIDE[by])
        cursor.execute(statement, [list(widths), list(widths.values()), *edges])
        return cursor.fetchall()


def _assembled(
    series: Sequence[MetricSeries], rows: list[dict[str, np.ndarray]], by: str, first: int, last: int
) -> list[Curve]:
    """Curves of the kept points: in order, inside the window, each point once."""
    ids = np.concatenate([row["series"] for row in rows for _ in _KEPT] or [np.empty(0, np.int64)])
    parts = {
        part: np.concatenate([row[f"{kept} {part}"] for row in rows for kept in _KEPT] or [np.empty(0)])
        for part in _PARTS
    }
    x = parts["step" if by == STEP else "timestamp"]
    inside = (x >= first) & (x <= last)  # false where there is no point
    order = np.flatnonzero(inside)[np.lexsort((parts["value"][inside], x[inside], ids[inside]))]
    order = order[_new(ids[order], *(parts[part][order] for part in ("step", "timestamp", "value")))]
    ids, sorted_parts = ids[order], {part: values[order] for part, values in parts.items()}
    found = []
    for one in series:
        mine: Any = slice(*np.searchsorted(ids, [one.pk, one.pk + 1]))
        step, timestamp = (sorted_parts[part][mine].astype(np.int64) for part in ("step", "timestamp"))
        found.append(Curve(one, step, timestamp, sorted_parts["value"][mine], sorted_parts["epoch"][mine]))
    return found


def _new(*columns: np.ndarray) -> np.ndarray:
    """Where a sorted row differs from the one before; a lone point is both extremes. bool (n,)."""
    new = np.ones(len(columns[0]), bool)
    if len(new):
        new[1:] = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    return new
