"""Parameters of filters that take several values, and those that say by name what they don't know."""

from collections.abc import Iterable
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.db.models.functions import Lower
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

MOST_VALUES = 50


class TextsField(forms.Field):
    """Several texts, each once, in the order given."""

    widget = forms.SelectMultiple

    def clean(self, given: Any) -> list[str]:
        values = [given] if isinstance(given, str) else list(given or [])
        texts = list(dict.fromkeys(str(value).strip() for value in values if str(value).strip()))
        if len(texts) > MOST_VALUES:
            raise ValidationError(f"{len(texts)} values are given, {MOST_VALUES} can be asked at once.")
        if any("\x00" in text for text in texts):
            raise ValidationError("Null characters are not allowed.")
        return texts


def unknown_names(kind: str, names: Iterable[str]) -> str:
    """`There is no tag “x”.`"""
    return f"There is no {kind} {', '.join(f'“{name[:100]}”' for name in names)}."


class NamesField(TextsField):
    """Rows by name; upper and lower case are one. Cleans to their ids in the order given.

    Raises ValidationError that says which names there are none of.
    """

    def __init__(self, *args: Any, queryset: QuerySet[Any], name_field: str, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.queryset, self.name_field, self.kind = queryset, name_field, kind

    def clean(self, given: Any) -> list[int]:  # type: ignore[override]
        names = super().clean(given)
        known = ids_by_name(self.queryset, self.name_field, names) if names else {}
        unknown = [name for name in names if name.lower() not in known]
        if unknown:
            raise ValidationError(unknown_names(self.kind, unknown))
        return [known[name.lower()] for name in names]


def ids_by_name(rows: QuerySet[Any], name_field: str, names: Iterable[str]) -> dict[str, int]:
    """By lower-case name: the id of the row called so. One query; a second one for names in another case."""
    wanted = set(names)
    exact = rows.order_by().filter(**{f"{name_field}__in": wanted}).values_list(name_field, "pk")
    found = {name.lower(): pk for name, pk in exact}
    left = [name.lower() for name in wanted if name.lower() not in found]
    if left:
        lowered = rows.order_by("-pk").annotate(lowered_name=Lower(name_field)).filter(lowered_name__in=left)
        found |= dict(lowered.values_list("lowered_name", "pk"))
    return found


@extend_schema_field({"type": "array", "items": {"type": "string"}})
class TextsFilter(django_filters.Filter):
    """A parameter that may stand several times, of any texts."""

    field_class = TextsField


@extend_schema_field({"type": "array", "items": {"type": "string"}})
class NamesFilter(django_filters.Filter):
    """A parameter that may stand several times, of names that must exist."""

    field_class = NamesField


class AreaField(forms.CharField):
    """`west,south,east,north` in degrees (WGS 84); west above east crosses the date line."""

    def clean(self, given: Any) -> tuple[float, float, float, float] | None:
        text = super().clean(given)
        if not text:
            return None
        try:
            west, south, east, north = (float(part) for part in text.split(","))
        except ValueError:
            raise ValidationError(f"“{text[:100]}” is not west,south,east,north in degrees.") from None
        if not (-180 <= west <= 180 and -180 <= east <= 180):
            raise ValidationError(f"West {west:g} and east {east:g} must be within -180 to 180 degrees.")
        if not -90 <= south <= north <= 90:
            raise ValidationError(f"South {south:g} must not be above north {north:g}, both within -90 to 90 degrees.")
        return west, south, east, north


@extend_schema_field(OpenApiTypes.STR)
class AreaFilter(django_filters.Filter):
    field_class = AreaField


class FlagField(forms.CharField):
    """`true` or `false`."""

    WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}

    def clean(self, given: Any) -> bool | None:
        text = super().clean(given)
        if not text:
            return None
        if text.lower() not in self.WORDS:
            raise ValidationError(f"“{text[:100]}” is neither true nor false.")
        return self.WORDS[text.lower()]


@extend_schema_field(OpenApiTypes.BOOL)
class FlagFilter(django_filters.Filter):
    field_class = FlagField
