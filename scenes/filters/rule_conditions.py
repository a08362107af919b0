"""Rule groups as conditions on scenes: which columns rules know, and what each comparison means."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

import django_filters
from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from scenes.filters.conditions import (
    INGEST_CHOICES,
    class_labels,
    end_of,
    in_ingest_state,
    links_of,
    overdue,
    start_of,
)
from scenes.filters.fields import ids_by_name, unknown_names
from scenes.models import Drive, LabelingStatus, PositionState, Priority, SceneTag, Tag
from scenes.rules import Column, Group, Kind, Leaf, Not, Rule, RuleError, leaves, parse

NUMBERS = {
    "duration": "duration_seconds",
    "points": "point_count",
    "frames": "frame_count",
    "size": "size_bytes",
    "max_uncertainty": "max_frame_uncertainty",
    "mean_uncertainty": "mean_frame_uncertainty",
}
MOMENTS = {"captured": "captured_at", "created": "created_at"}
EMPTY_NUMBERS = {"duration", "max_uncertainty", "mean_uncertainty"}
COLUMNS: dict[str, Column] = {
    "name": Column(Kind.TEXT),
    "notes": Column(Kind.TEXT, empties=True),
    "status": Column(Kind.CHOICE, choices=tuple(LabelingStatus.values)),
    "tag": Column(Kind.NAME, empties=True),
    "labeler": Column(Kind.NAME, empties=True),
    "drive": Column(Kind.NAME, empties=True),
    "class": Column(Kind.NAME, empties=True),
    "source_model": Column(Kind.TEXT, empties=True),
    "position": Column(Kind.CHOICE, choices=tuple(PositionState.values)),
    "ingest": Column(Kind.CHOICE, choices=tuple(value for value, _ in INGEST_CHOICES)),
    "priority": Column(Kind.NUMBER),
    "due": Column(Kind.DAY, empties=True),
    "captured": Column(Kind.DAY, empties=True),
    "created": Column(Kind.DAY),
    "overdue": Column(Kind.FLAG),
    "used_in_training": Column(Kind.FLAG),
    "thumbnail": Column(Kind.FLAG),
    **{name: Column(Kind.NUMBER, empties=name in EMPTY_NUMBERS) for name in NUMBERS},
}
TEXTS = {"name": "name", "notes": "notes", "source_model": "uncertainty_source"}
NAMED: dict[str, Callable[[], Any]] = {
    "tag": lambda: (Tag.objects.all(), "name"),
    "drive": lambda: (Drive.objects.all(), "name"),
    "labeler": lambda: (get_user_model().objects.all(), "username"),
    "class": lambda: (class_labels(), "label"),
}
Ids = dict[str, dict[str, int]]


def rules_condition(text: str) -> Q:
    """The condition that a JSON text of rules means; one query for each kind of names in it.

    Raises RuleError that names the place.
    """
    rule = parse(text, COLUMNS)
    for leaf in leaves(rule):
        if leaf.column == "priority" and leaf.operator == "is":
            _check_priorities(leaf)
    return _condition(rule, _named_ids(leaves(rule)))


def _check_priorities(leaf: Leaf) -> None:
    strange = [value for value in leaf.values if value not in Priority.values]
    if strange:
        raise RuleError(f"{leaf.place}: {strange[0]:g} is none of {', '.join(map(str, Priority.values))}.")


def _named_ids(found: Iterable[Leaf]) -> Ids:
    """By column and lower-case name: the id. Raises RuleError for names that there are none of."""
    named = [leaf for leaf in found if leaf.column in NAMED and leaf.operator == "is"]
    wanted: dict[str, set[str]] = defaultdict(set)
    for leaf in named:
        wanted[leaf.column].update(map(str, leaf.values))
    ids = {column: _ids_of(column, names) for column, names in wanted.items()}
    for leaf in named:
        unknown = [str(name) for name in leaf.values if str(name).lower() not in ids[leaf.column]]
        if unknown:
            raise RuleError(f"{leaf.place}: {unknown_names(leaf.column, unknown)}")
    return ids


def _ids_of(column: str, names: Iterable[str]) -> dict[str, int]:
    rows, name_field = NAMED[column]()
    return ids_by_name(rows, name_field, names)


def _condition(rule: Rule, ids: Ids) -> Q:
    match rule:
        case Leaf():
            return _leaf(rule, ids)
        case Not():
            return ~_condition(rule.rule, ids)
        case Group():
            joined = Q()
            for part in rule.rules:
                condition = _condition(part, ids)
                joined = joined & condition if rule.every else joined | condition
            return joined


def _leaf(leaf: Leaf, ids: Ids) -> Q:
    if leaf.operator == "empty":
        return _empty(leaf.column) if leaf.values[0] else ~_empty(leaf.column)
    if leaf.column in NAMED:
        return _named(leaf, ids)
    if leaf.column in TEXTS:
        field = TEXTS[leaf.column]
        return Q(**{f"{field}__in": leaf.values} if leaf.operator == "is" else {f"{field}__icontains": leaf.values[0]})
    if leaf.column in MOMENTS:
        return _moments(leaf, MOMENTS[leaf.column])
    if leaf.column in _CHOSEN:
        return _any_of(_CHOSEN[leaf.column](value) for value in leaf.values)
    return _ordered(leaf, {**NUMBERS, "priority": "priority", "due": "due_on"}[leaf.column], leaf.values)


def _any_of(conditions: Iterable[Q]) -> Q:
    joined = Q()
    for condition in conditions:
        joined |= condition
    return joined


_CHOSEN: dict[str, Callable[[Any], Q]] = {
    "status": lambda value: Q(status=value),
    "position": lambda value: Q(position_state=value),
    "ingest": in_ingest_state,
    "overdue": lambda value: overdue(timezone.localdate(), late=value),
    "used_in_training": lambda value: Q(used_in_training=value),
    "thumbnail": lambda value: Q(thumbnail__isnull=not value),
}


def _empty(column: str) -> Q:
    match column:
        case "tag":
            return ~Q(pk__in=SceneTag.objects.order_by().values("content_object_id"))
        case "class":
            return Q(class_ids=[])
        case "source_model" | "notes":
            return Q(**{TEXTS[column]: ""})
        case "drive" | "labeler":
            return Q(**{f"{column}__isnull": True})
    return Q(**{f"{NUMBERS.get(column) or MOMENTS.get(column) or 'due_on'}__isnull": True})


def _named(leaf: Leaf, ids: Ids) -> Q:
    """By name. A part of a name is looked for among the names, which are few, and then by their ids."""
    if leaf.operator == "is":
        found: Any = [ids[leaf.column][str(name).lower()] for name in leaf.values]
    else:
        rows, name = NAMED[leaf.column]()
        found = rows.order_by().filter(**{f"{name}__icontains": leaf.values[0]}).values("pk")
    if leaf.column == "tag":
        return Q(pk__in=links_of(found) if isinstance(found, list) else _links_in(found))
    if leaf.column == "class":
        return Q(class_ids__overlap=found if isinstance(found, list) else list(found.values_list("pk", flat=True)))
    return Q(**{f"{leaf.column}__in": found})


def _links_in(tags: Any) -> Any:
    return SceneTag.objects.filter(tag__in=tags).order_by().values("content_object_id")


def _ordered(leaf: Leaf, field: str, values: tuple[Any, ...]) -> Q:
    match leaf.operator:
        case "above":
            return Q(**{f"{field}__gt": values[0]})
        case "below":
            return Q(**{f"{field}__lt": values[0]})
        case "between":
            return Q(**{f"{field}__gte": values[0], f"{field}__lte": values[1]})
    return Q(**{f"{field}__in": values})


def _moments(leaf: Leaf, field: str) -> Q:
    """Days against moments: above a day begins with the next one, below it ends with the one before."""
    days: list[date] = list(leaf.values)  # type: ignore[arg-type]
    match leaf.operator:
        case "above":
            return Q(**{f"{field}__gte": end_of(days[0])})
        case "below":
            return Q(**{f"{field}__lt": start_of(days[0])})
        case "between":
            return Q(**{f"{field}__gte": start_of(days[0]), f"{field}__lt": end_of(days[1])})
    return _any_of(Q(**{f"{field}__gte": start_of(day), f"{field}__lt": end_of(day)}) for day in days)


class RulesField(forms.CharField):
    """Rule groups as JSON (scenes.rules); cleans to the condition they mean."""

    def clean(self, given: Any) -> Any:
        text = super().clean(given)
        if not text:
            return None
        try:
            return rules_condition(text)
        except RuleError as error:
            raise ValidationError(str(error)) from error


@extend_schema_field(OpenApiTypes.STR)
class RulesFilter(django_filters.Filter):
    field_class = RulesField
