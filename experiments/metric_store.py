"""Writing metric points: arrays go to the database in its own binary form, and one statement does the rest.

The statement inserts what is not there yet, rolls the summaries up, and keeps the buckets that charts are drawn from.
"""

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from django.db import connection
from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

INT8_OID, FLOAT8_OID = 20, 701
INT8_ARRAY_OID, FLOAT8_ARRAY_OID = 1016, 1022
# A series gets buckets when it is longer than this; their width then makes about so many points a bucket.
BUCKETS_FROM = 2048
POINTS_PER_BUCKET = 32

# A bucket's point: [value, step, timestamp, epoch].
_POINT = "ARRAY[value, step, timestamp, epoch]"
_FINITE = "abs(value) < 'Infinity'"  # NaN is greater than everything
_BUCKETS = f"""
    INSERT INTO experiments_metricbucket AS kept (series_id, bucket, points, low, high, odd)
    SELECT series_id, step / width, count(*),
        min({_POINT}) FILTER (WHERE {_FINITE}), max({_POINT}) FILTER (WHERE {_FINITE}),
        min({_POINT}) FILTER (WHERE NOT {_FINITE})
    FROM {{points}} GROUP BY 1, 2
    ON CONFLICT (series_id, bucket) DO UPDATE SET points = kept.points + excluded.points,
        low = least(kept.low, excluded.low), high = greatest(kept.high, excluded.high),
        odd = least(kept.odd, excluded.odd)
"""  # noqa: S608 - constants of this module only
_WRITE = f"""
WITH inserted AS (
    INSERT INTO experiments_metricpoint (series_id, step, timestamp, value, epoch)
    SELECT series, step, timestamp, value, nullif(epoch, 'NaN')
    FROM unnest(%b::int8[], %b::int8[], %b::int8[], %b::float8[], %b::float8[])
        AS given (series, step, timestamp, value, epoch)
    ON CONFLICT DO NOTHING
    RETURNING series_id, step, timestamp, value, epoch
), summed AS (
    SELECT series_id, count(*) AS points, count(*) FILTER (WHERE value = 'NaN') AS nans, min(step) AS first_step,
        min(timestamp) AS earliest, max(timestamp) AS latest,
        min(value) FILTER (WHERE value <> 'NaN') AS low, max(value) FILTER (WHERE value <> 'NaN') AS high
    FROM inserted GROUP BY series_id
), latest AS (
    SELECT DISTINCT ON (series_id) * FROM inserted
    ORDER BY series_id, step DESC, timestamp DESC, value DESC
), bucketed AS (
    {
    _BUCKETS.format(
        points='''(SELECT inserted.*, bucket_width AS width FROM inserted
        JOIN experiments_metricseries series ON series.id = series_id WHERE bucket_width IS NOT NULL) AS new_points'''
    )
}
)
UPDATE experiments_metricseries AS series SET
    count = series.count + summed.points,
    nan_count = series.nan_count + summed.nans,
    late_count = series.late_count + CASE WHEN %t::bool THEN summed.points ELSE 0 END,
    minimum = least(series.minimum, summed.low),
    maximum = greatest(series.maximum, summed.high),
    first_step = least(series.first_step, summed.first_step),
    earliest_timestamp = least(series.earliest_timestamp, summed.earliest),
    latest_timestamp = greatest(series.latest_timestamp, summed.latest),
    (last_value, last_step, last_timestamp, last_epoch) = (
        SELECT CASE WHEN newer THEN latest.value ELSE series.last_value END,
            CASE WHEN newer THEN latest.step ELSE series.last_step END,
            CASE WHEN newer THEN latest.timestamp ELSE series.last_timestamp END,
            CASE WHEN newer THEN latest.epoch ELSE series.last_epoch END
        FROM (SELECT series.last_step IS NULL OR (latest.step, latest.timestamp, latest.value)
            > (series.last_step, series.last_timestamp, series.last_value) AS newer) AS compared)
FROM summed JOIN latest USING (series_id)
WHERE series.id = summed.series_id
RETURNING series.id, summed.points, series.bucket_width IS NULL AND series.count > {BUCKETS_FROM}
"""  # noqa: S608 - constants of this module only
_WIDEN = f"""
UPDATE experiments_metricseries SET
    bucket_width = greatest(1, ceil((last_step::numeric - first_step) / count * {POINTS_PER_BUCKET}))
WHERE id = ANY(%s)
"""  # noqa: S608 - constants of this module only
_FILL = _BUCKETS.format(
    points="""(SELECT point.*, bucket_width AS width FROM experiments_metricpoint point
        JOIN experiments_metricseries series ON series.id = series_id WHERE series_id = ANY(%s)) AS new_points"""
)


@dataclass(frozen=True)
class Points:
    """Points to write, as arrays of equal length (n,).

    `series`: int64, the id of each point's series; `step`, `timestamp` (ms since 1970): int64; `value`: float64;
    `epoch`: float64, NaN where there is none.
    """

    series: np.ndarray
    step: np.ndarray
    timestamp: np.ndarray
    value: np.ndarray
    epoch: np.ndarray

    def in_order(self) -> "Points":
        """Sorted as the index is, so that neighbours are written together."""
        order = np.lexsort((self.step, self.series))
        return Points(*(column[order] for column in (self.series, self.step, self.timestamp, self.value, self.epoch)))


class _Int8Array(np.ndarray):
    """An int64 array that goes to the database as it is."""


class _Float8Array(np.ndarray):
    """A float64 array that goes to the database as it is."""


def _packed(values: np.ndarray, oid: int, number: str) -> bytes:
    """PostgreSQL's binary form of a one-dimensional array: a header, then the length and bytes of each element."""
    if not len(values):
        return struct.pack(">iiI", 0, 0, oid)
    elements = np.empty(len(values), [("length", ">i4"), ("value", number)])
    elements["length"], elements["value"] = 8, values
    return struct.pack(">iiIii", 1, 0, oid, len(values), 1) + elements.tobytes()


class _Int8Dumper(Dumper):
    oid, format = INT8_ARRAY_OID, Format.BINARY

    def dump(self, obj: Any) -> Buffer:
        return _packed(obj, INT8_OID, ">i8")


class _Float8Dumper(Dumper):
    oid, format = FLOAT8_ARRAY_OID, Format.BINARY

    def dump(self, obj: Any) -> Buffer:
        return _packed(obj, FLOAT8_OID, ">f8")


def write_points(points: Points, *, late: bool) -> int:
    """Insert the points that are not there yet, with summaries and buckets; returns how many were new.

    Call it in a transaction that holds a lock on the run, so that no other writes the same series.
    """
    points = points.in_order()
    integers = [column.view(_Int8Array) for column in (points.series, points.step, points.timestamp)]
    numbers = [column.view(_Float8Array) for column in (points.value, points.epoch)]
    with _binary_cursor() as cursor, connection.wrap_database_errors:
        rows = cursor.execute(_WRITE, [*integers, *numbers, late]).fetchall()
        long = [series for series, _, needs_buckets in rows if needs_buckets]
        if long:
            cursor.execute(_WIDEN, [long])
            cursor.execute(_FILL, [long])
    return sum(added for _, added, _ in rows)


def _binary_cursor() -> psycopg.Cursor[Any]:
    """A cursor on Django's connection that sends parameters apart from the statement, arrays in binary form."""
    connection.ensure_connection()
    cursor = psycopg.Cursor(connection.connection)
    cursor.adapters.register_dumper(_Int8Array, _Int8Dumper)
    cursor.adapters.register_dumper(_Float8Array, _Float8Dumper)
    return cursor
