"""A query of the tracker as a condition on runs: each comparison one EXISTS or column, answered by an index.

What has no value fulfils no comparison, so that `not` takes it in; every condition is true or false, never unknown.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import reduce
from operator import and_, or_
from typing import Any

from django.db.models import DateTimeField, DurationField, Exists, ExpressionWrapper, F, OuterRef, Q
from django.db.models.functions import Coalesce, Left
from django.db.models.lookups import GreaterThan, GreaterThanOrEqual, LessThan, LessThanOrEqual
from django.db.models.query import QuerySet
from django.utils import timezone

from datasets.models import DatasetVersion
from experiments.models import Experiment, MetricSeries, RunParameter, RunStatus, RunTag
from experiments.run_fields import ATTRIBUTE, ATTRIBUTES, METRIC, PARAMETER, TAG, Field, Kind
from experiments.run_query import Comparison, Group, Not, Query, Span, Value, comparisons

LOOKUPS = {"=": "exact", "<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}
SPANS = {"<": LessThan, "<=": LessThanOrEqual, ">": GreaterThan, ">=": GreaterThanOrEqual}
SUMMARIES = {"last": "last_value", "min": "minimum", "max": "maximum"}
COLUMNS = {"id": "pk", "created": "created_at", "started": "started_at", "finished": "finished_at"}
NAN = float("nan")
INDEXED_CHARACTERS = 64


def asks_for_archived(query: Query) -> bool:
    """Whether a query says itself which archived runs it means."""
    return any(one.field == Field(ATTRIBUTE, "archived") for one in comparisons(query))


def condition(query: Query) -> Q:
    """The condition on Run for a query."""
    match query:
        case Not(part):
            return ~condition(part)
        case Group(every, parts):
            return reduce(and_ if every else or_, map(condition, parts))
    return _comparison(query)


def _comparison(asked: Comparison) -> Q:
    if asked.operator in ("in", "not in"):
        each = [Comparison(asked.field, "=", (value,)) for value in asked.values]
        found = reduce(or_, map(_comparison, each))
        return found if asked.operator == "in" else _there(asked.field) & ~found
    if asked.operator == "filled":
        return _there(asked.field)
    if asked.operator == "empty":
        return ~_there(asked.field)
    if asked.operator == "!=":
        equal = Comparison(asked.field, "=", asked.values)
        return _there(asked.field) & ~_comparison(equal)
    return _KEYED[asked.field.kind](asked) if asked.field.kind != ATTRIBUTE else _attribute(asked)


def _rows(model: Any, **wanted: Any) -> Q:
    return Q(Exists(model.objects.filter(run=OuterRef("pk"), **wanted)))


def _there(field: Field) -> Q:
    """The run has a value there. A metric whose value is NaN has one."""
    match field.kind:
        case "metrics":
            return _rows(MetricSeries, key=field.key, **{f"{SUMMARIES[field.aggregate]}__isnull": False})
        case "params":
            return _rows(RunParameter, key=field.key)
        case "tags":
            return _rows(RunTag, key=field.key)
    if field.key == "tag":
        return _rows(RunTag)
    if field.key == "dataset":
        return Q(dataset_version__isnull=False)
    if field.key == "duration":
        return Q(started_at__isnull=False)
    if ATTRIBUTES[field.key] is Kind.TEXT and field.key not in ("user", "experiment"):
        return Q(**{f"{field.key}__gt": ""})
    if field.key in ("parent", "seed", "started", "finished"):
        return Q(**{f"{COLUMNS.get(field.key, field.key)}__isnull": False})
    return Q(pk__isnull=False)


def _metric(asked: Comparison) -> Q:
    """NaN is above no number and below none; only `= nan` finds it."""
    name, value = SUMMARIES[asked.field.aggregate], asked.values[0]
    wanted: dict[str, Any] = {f"{name}__{LOOKUPS[asked.operator]}": value}
    if asked.operator in (">", ">="):
        wanted[f"{name}__lt"] = NAN  # to the database NaN is above everything
    return _rows(MetricSeries, key=asked.field.key, **wanted)


def _parameter(asked: Comparison) -> Q:
    value = asked.values[0]
    if asked.operator == "contains":
        return _rows(RunParameter, key=asked.field.key, text__icontains=value)
    if isinstance(value, float):
        return _rows(RunParameter, key=asked.field.key, **{f"number__{LOOKUPS[asked.operator]}": value})
    return _text_rows(RunParameter, asked.field.key, "text", str(value))


def _tag(asked: Comparison) -> Q:
    value = str(asked.values[0])
    if asked.operator == "contains":
        return _rows(RunTag, key=asked.field.key, value__icontains=value)
    return _text_rows(RunTag, asked.field.key, "value", value)


def _text_rows(model: Any, key: str, column: str, text: str) -> Q:
    """Rows whose text is this one: found by the index over its beginning, then compared whole."""
    begun: QuerySet[Any] = model.objects.annotate(beginning=Left(column, INDEXED_CHARACTERS))
    wanted = {"beginning": text[:INDEXED_CHARACTERS], column: text}
    return Q(Exists(begun.filter(run=OuterRef("pk"), key=key, **wanted)))


_KEYED: dict[str, Callable[[Comparison], Q]] = {METRIC: _metric, PARAMETER: _parameter, TAG: _tag}


def _attribute(asked: Comparison) -> Q:
    name, operator, value = asked.field.key, asked.operator, asked.values[0]
    if name in _OF_THEIR_OWN:
        return _OF_THEIR_OWN[name](operator, value)
    column = COLUMNS.get(name, name)
    match ATTRIBUTES[name]:
        case Kind.TIME:
            return _time(column, operator, value)
        case Kind.RUN | Kind.NUMBER:
            number: Any = int(value) if name != "seed" else value  # type: ignore[arg-type]
            found = Q(**{f"{column}__{LOOKUPS[operator]}": number})
            return found if name == "id" else Q(**{f"{column}__isnull": False}) & found
        case Kind.FLAG:
            return Q(**{column: value == "true"})
    return Q(**{f"{column}__icontains" if operator == "contains" else column: value})


def _time(column: str, operator: str, value: Value) -> Q:
    if isinstance(value, Span):
        first = last = timezone.now() + timedelta(seconds=value.seconds)
    else:
        first, last = _moments(str(value))
    there = Q(**{f"{column}__isnull": False})
    # A day is all of its hours: after it begins behind them.
    match operator:
        case "=":
            return there & Q(**{f"{column}__gte": first, f"{column}__lt": max(last, first + timedelta(seconds=1))})
        case "<" | ">=":
            return there & Q(**{f"{column}__{LOOKUPS[operator]}": first})
        case ">":
            return there & Q(**{f"{column}__{'gte' if last > first else 'gt'}": last})
    return there & Q(**{f"{column}__{'lt' if last > first else 'lte'}": last})


def _moments(text: str) -> tuple[datetime, datetime]:
    """The beginning of a day and of the next one; of a moment, that twice."""
    given = datetime.fromisoformat(text)
    aware = given if given.tzinfo else timezone.make_aware(given)
    return aware, aware + timedelta(days=1 if len(text) == len("2026-05-04") else 0)


def _duration(operator: str, value: Value) -> Q:
    wanted = timedelta(seconds=value.seconds if isinstance(value, Span) else 0)
    return Q(started_at__isnull=False) & Q(SPANS[operator](run_seconds(), wanted))


def run_seconds() -> ExpressionWrapper:
    """How long a run took, to now while it runs; null before it starts."""
    end = Coalesce(F("finished_at"), timezone.now(), output_field=DateTimeField())
    return ExpressionWrapper(end - F("started_at"), output_field=DurationField())


def _dataset(operator: str, value: Value) -> Q:
    name, _, number = str(value).rpartition("@v")
    versions = DatasetVersion.objects.all()
    if operator == "contains":
        versions = versions.filter(dataset__name__icontains=str(value))
    elif name and number.isascii() and number.isdigit() and len(number) < 9:
        versions = versions.filter(dataset__name=name, number=int(number))
    else:
        versions = versions.filter(dataset__name=str(value))
    return Q(dataset_version__isnull=False, dataset_version__in=versions.values("pk"))


def _any_tag(operator: str, value: Value) -> Q:
    """`night` is a tag of that key, `team=perception` one of that value, too."""
    text = str(value)
    if operator == "contains":
        return _rows(RunTag, key__icontains=text)
    key, sign, rest = text.partition("=")
    return _text_rows(RunTag, key.strip(), "value", rest.strip()) if sign else _rows(RunTag, key=text.strip())


def _experiment(operator: str, value: Value) -> Q:
    wanted = {"name__icontains" if operator == "contains" else "name": value}
    return Q(experiment__in=Experiment.objects.filter(**wanted).values("pk"))


def _user(operator: str, value: Value) -> Q:
    return Q(**{f"started_by__username{'__icontains' if operator == 'contains' else ''}": value})


_OF_THEIR_OWN: dict[str, Callable[[str, Value], Q]] = {
    "duration": _duration,
    "dataset": _dataset,
    "tag": _any_tag,
    "experiment": _experiment,
    "user": _user,
    "archived": lambda _, value: Q(archived_at__isnull=value == "false"),
    "stalled": lambda _, value: Q(status=RunStatus.STALLED) if value == "true" else ~Q(status=RunStatus.STALLED),
}
