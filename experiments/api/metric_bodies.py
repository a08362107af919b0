"""Batches of metrics as they travel, by rows or by columns, and as the arrays that are written."""

from typing import Annotated

import msgspec
import numpy as np
from django.conf import settings
from msgspec import Meta
from rest_framework import serializers

from experiments.services import MetricBatch
from experiments.wishes import MOST_WHOLE, clean_key, sayable
from scenes.errors import RefusedError, TooLargeError

Whole = Annotated[int, Meta(ge=-MOST_WHOLE, le=MOST_WHOLE)]
Value = float | str
SPECIAL = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
LENGTHS = "{place}: {name} has {found:,} entries, values has {wanted:,}. They belong together one by one."


class Row(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    value: Value
    step: Whole
    timestamp: Whole
    epoch: float | None = None


class Columns(msgspec.Struct, forbid_unknown_fields=True):
    """One key: `values`, `steps` and `timestamps` of equal length; one timestamp may stand for all."""

    key: str
    values: list[Value]
    steps: list[Whole]
    timestamps: list[Whole] | Whole
    epochs: list[float | None] | None = None


class MetricsBody(msgspec.Struct, forbid_unknown_fields=True):
    metrics: list[Row] = []
    series: list[Columns] = []


def batch_of(body: MetricsBody) -> MetricBatch:
    """The points of a body as arrays. Raises RefusedError naming the row or series and the field, TooLargeError."""
    count = len(body.metrics) + sum(len(one.values) for one in body.series)
    if count > settings.METRICS_MAX_POINTS:
        most = f"{settings.METRICS_MAX_POINTS:,}"
        raise TooLargeError(f"{count:,} points, {most} a call are allowed. Send them in several.")
    parts = [_from_rows(body.metrics)] if body.metrics else []
    parts += [_from_columns(place, one) for place, one in enumerate(body.series)]
    keys = list(dict.fromkeys(key for part in parts for key in part.keys))
    places = {key: place for place, key in enumerate(keys)}
    key_of = [np.array([places[key] for key in part.keys], np.int64)[part.key_of] for part in parts]
    return MetricBatch(
        keys,
        _joined(key_of, np.int64),
        _joined([part.step for part in parts], np.int64),
        _joined([part.timestamp for part in parts], np.int64),
        _joined([part.value for part in parts], np.float64),
        _joined([part.epoch for part in parts], np.float64),
    )


def _joined(arrays: list[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate(arrays) if arrays else np.empty(0, kind)


def _from_rows(rows: list[Row]) -> MetricBatch:
    places: dict[str, int] = {}
    key_of = [places.setdefault(row.key, len(places)) for row in rows]
    for key, place in places.items():
        clean_key(key, what=f"metrics[{key_of.index(place)}].key")
    return MetricBatch(
        list(places),
        np.array(key_of, np.int64),
        np.array([row.step for row in rows], np.int64),
        np.array([row.timestamp for row in rows], np.int64),
        _values([row.value for row in rows], "metrics[{}].value"),
        _epochs([row.epoch for row in rows]),
    )


def _from_columns(place: int, one: Columns) -> MetricBatch:
    what, count = f"series[{place}]", len(one.values)
    clean_key(one.key, what=f"{what}.key")
    timestamps = one.timestamps if isinstance(one.timestamps, list) else [one.timestamps] * count
    epochs: list[float | None] = [None] * count if one.epochs is None else one.epochs
    for name, found in (("steps", one.steps), ("timestamps", timestamps), ("epochs", epochs)):
        if len(found) != count:
            words = LENGTHS.format(place=what, name=name, found=len(found), wanted=count)
            raise RefusedError(words, field=f"{what}.{name}")
    return MetricBatch(
        [one.key],
        np.zeros(count, np.int64),
        np.array(one.steps, np.int64),
        np.array(timestamps, np.int64),
        _values(one.values, what + ".values[{}]"),
        _epochs(epochs),
    )


def _values(values: list[Value], place: str) -> np.ndarray:
    """float64 (n,). Raises RefusedError naming the place of a text that is no value."""
    try:
        return np.array([value if value.__class__ is float else SPECIAL[value] for value in values], np.float64)  # type: ignore[index]
    except KeyError as error:
        bad = next(index for index, value in enumerate(values) if isinstance(value, str) and value not in SPECIAL)
        field = place.format(bad)
        words = f"{field}: {sayable(str(values[bad]))!r} is no value. Send a number, or one of {', '.join(SPECIAL)}."
        raise RefusedError(words, field=field) from error


def _epochs(epochs: list[float | None]) -> np.ndarray:
    """float64 (n,), NaN where there is none."""
    return np.array([np.nan if epoch is None else epoch for epoch in epochs], np.float64)


class RowDocument(serializers.Serializer):
    key = serializers.CharField(max_length=250)
    value = serializers.FloatField(help_text='A number, or "NaN", "Infinity", "-Infinity".')
    step = serializers.IntegerField()
    timestamp = serializers.IntegerField(help_text="Milliseconds since 1970.")
    epoch = serializers.FloatField(required=False, allow_null=True)


class ColumnsDocument(serializers.Serializer):
    key = serializers.CharField(max_length=250)
    values = serializers.ListField(child=serializers.FloatField(), help_text='Numbers, or "NaN" and so on.')
    steps = serializers.ListField(child=serializers.IntegerField())
    timestamps = serializers.ListField(child=serializers.IntegerField(), help_text="Or one number for all.")
    epochs = serializers.ListField(child=serializers.FloatField(allow_null=True), required=False)


class MetricsDocument(serializers.Serializer):
    """Points by rows (`metrics`), by columns (`series`), or both; at most 100,000 and 16 MB a call."""

    metrics = RowDocument(many=True, required=False)
    series = ColumnsDocument(many=True, required=False)


class RecordedDocument(serializers.Serializer):
    """`added` of `received` points were new; `late`: the run had ended before they came."""

    received = serializers.IntegerField()
    added = serializers.IntegerField()
    late = serializers.BooleanField()
