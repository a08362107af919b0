"""The one filter of scenes: explorer, builder, admin, exports, bulk changes and API share it."""

from collections.abc import Callable, Iterable
from typing import Any

import django_filters
from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils import timezone

from scenes.filters.conditions import (
    INGEST_CHOICES,
    class_labels,
    in_ingest_state,
    links_of,
    overdue,
    searched,
    within,
)
from scenes.filters.fields import AreaFilter, FlagFilter, NamesFilter, TextsFilter
from scenes.filters.rule_conditions import RulesFilter
from scenes.models import Drive, LabelingStatus, PositionState, Priority, Scene, SceneQuerySet, SceneTag, Tag

# What the links of tags answer alone, without looking at a scene.
LINK_PARAMETERS = frozenset({"tag", "status", "max_uncertainty"})


class NamingForm(forms.Form):
    """Says which value it refuses."""

    def add_error(self, field: str | None, error: Any) -> None:
        given = self._given(field) if field else ""
        said = error.messages if isinstance(error, ValidationError) else [str(error)]
        named = [words if not given or given in words or "“" in words else f"“{given}”: {words}" for words in said]
        super().add_error(field, ValidationError(named))

    def _given(self, field: str) -> str:
        suffixes = getattr(self.fields[field].widget, "suffixes", None)
        names = [f"{field}_{suffix}" for suffix in suffixes] if suffixes else [field]
        values = [self.data.get(name) for name in names]
        return ", ".join(str(value)[:100] for value in values if value not in (None, ""))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name, value in list(cleaned.items()):
            if isinstance(value, slice) and None not in (value.start, value.stop) and value.start > value.stop:
                self.add_error(name, "The lowest value is above the highest.")
        return cleaned


def between(field: str) -> Callable[[slice], Q]:
    """Rows whose field lies in a range, ends included; an end that is not given is open."""

    def condition(ends: slice) -> Q:
        found = Q()
        if ends.start is not None:
            found &= Q(**{f"{field}__gte": ends.start})
        if ends.stop is not None:
            found &= Q(**{f"{field}__lte": ends.stop})
        return found

    return condition


def among(field: str) -> Callable[[list[Any]], Q]:
    """Rows whose field is one of the values."""
    return lambda values: Q(**{field: values[0]} if len(values) == 1 else {f"{field}__in": values})


def _any_ingest_state(states: list[str]) -> Q:
    found = Q()
    for state in states:
        found |= in_ingest_state(state)
    return found


# What each parameter means; tags stand apart because their links answer several parameters at once.
CONDITIONS: dict[str, Callable[[Any], Q]] = {
    "search": lambda text: Q(pk__in=searched(text).values("pk")),
    "status": among("status"),
    "tag_any": lambda tags: Q(pk__in=links_of(tags)),
    "tag_none": lambda tags: ~Q(pk__in=links_of(tags)),
    "labeler": among("labeler"),
    "drive": among("drive"),
    "position": among("position_state"),
    "captured": between("captured_at"),
    "duration": between("duration_seconds"),
    "points": between("point_count"),
    "frames": between("frame_count"),
    "size": between("size_bytes"),
    "priority": among("priority"),
    "due": between("due_on"),
    "overdue": lambda late: overdue(timezone.localdate(), late=late),
    "used_in_training": lambda used: Q(used_in_training=used),
    "class": lambda ids: Q(class_ids__contains=ids),
    "max_uncertainty": between("max_frame_uncertainty"),
    "mean_uncertainty": between("mean_frame_uncertainty"),
    "source_model": among("uncertainty_source"),
    "ingest": _any_ingest_state,
    "thumbnail": lambda there: Q(thumbnail__isnull=not there),
    "area": within,
    "rules": lambda condition: condition,
}


class SceneFilterSet(django_filters.FilterSet):
    search = django_filters.CharFilter(label="Scene ID, drive or tag contains", max_length=500)
    status = django_filters.MultipleChoiceFilter(choices=LabelingStatus.choices)
    tag = NamesFilter(queryset=Tag.objects.all(), name_field="name", kind="tag", label="Tags, all of them")
    tag_any = NamesFilter(queryset=Tag.objects.all(), name_field="name", kind="tag", label="Tags, any of them")
    tag_none = NamesFilter(queryset=Tag.objects.all(), name_field="name", kind="tag", label="Tags, none of them")
    labeler = NamesFilter(
        queryset=get_user_model().objects.all(), name_field="username", kind="labeler", label="Labeler, any of them"
    )
    drive = NamesFilter(queryset=Drive.objects.all(), name_field="name", kind="drive", label="Drive, any of them")
    position = django_filters.MultipleChoiceFilter(choices=PositionState.choices, label="GPS")
    captured = django_filters.DateFromToRangeFilter(field_name="captured_at", label="Captured")
    duration = django_filters.RangeFilter(field_name="duration_seconds", label="Duration (s)")
    points = django_filters.RangeFilter(field_name="point_count", label="Points")
    frames = django_filters.RangeFilter(field_name="frame_count", label="Frames")
    size = django_filters.RangeFilter(field_name="size_bytes", label="Size (bytes)")
    priority = django_filters.MultipleChoiceFilter(choices=Priority.choices)
    due = django_filters.DateFromToRangeFilter(field_name="due_on", label="Due")
    overdue = FlagFilter(label="Overdue")
    used_in_training = FlagFilter(label="Used in training")
    max_uncertainty = django_filters.RangeFilter(field_name="max_frame_uncertainty", label="Max. frame uncertainty")
    mean_uncertainty = django_filters.RangeFilter(field_name="mean_frame_uncertainty", label="Avg. frame uncertainty")
    source_model = TextsFilter(label="Uncertainty source model, any of them")
    ingest = django_filters.MultipleChoiceFilter(choices=INGEST_CHOICES, label="Ingestion")
    thumbnail = FlagFilter(label="Has a picture")
    area = AreaFilter(label="Starts inside west,south,east,north")
    rules = RulesFilter(label="Rules")

    class Meta:
        model = Scene
        fields: list[str] = []
        form = NamingForm

    @classmethod
    def get_filters(cls) -> Any:
        """`class` can't be the name of an attribute."""
        filters = super().get_filters()
        label = "Classes in the newest labels, all of them, as ontology/class"
        filters["class"] = NamesFilter(queryset=class_labels(), name_field="label", kind="class", label=label)
        return filters

    def asked(self) -> dict[str, Any]:
        """The parameters that say something, cleaned; none when any of them is refused."""
        if not self.is_bound or not self.is_valid():
            return {}
        return {name: value for name, value in self.form.cleaned_data.items() if value not in (None, "", [])}

    def filter_queryset(self, queryset: QuerySet[Scene]) -> QuerySet[Scene]:
        return self._matching(queryset, self.asked()) if self.is_valid() else queryset.none()

    def matching(self, *, without: Iterable[str] = ()) -> SceneQuerySet:
        """The scenes that match, in no order; `without` leaves parameters out, as the counts beside values need."""
        scenes = Scene.objects.order_by()
        if self.is_bound and not self.is_valid():
            return scenes.none()
        left_out = set(without)
        return self._matching(scenes, {k: v for k, v in self.asked().items() if k not in left_out})

    def tag_links(
        self, *, without: Iterable[str] = (), tag: int | None = None, status: str | None = None
    ) -> QuerySet[SceneTag] | None:
        """One link for each scene that matches and has this tag and status, when links alone can tell; else None."""
        left_out = set(without)
        asked = {name: value for name, value in self.asked().items() if name not in left_out}
        if tag is not None:
            asked["tag"] = [*asked.get("tag", []), tag]
        if status is not None:
            asked["status"] = [status]
        refused = self.is_bound and not self.is_valid()
        if refused or "tag" not in asked or not set(asked) <= LINK_PARAMETERS:
            return None
        conditions = _on_links(asked)
        first, *others = dict.fromkeys(asked["tag"])
        links = SceneTag.objects.order_by().filter(conditions, tag_id=first)
        for other in others:
            links = links.filter(content_object_id__in=links_of([other], conditions))
        return links

    @staticmethod
    def _matching(queryset: Any, asked: dict[str, Any]) -> Any:
        for name, value in asked.items():
            if name != "tag":
                queryset = queryset.filter(CONDITIONS[name](value))
        on_links = _on_links(asked)
        for tag in asked.get("tag", []):
            queryset = queryset.filter(pk__in=links_of([tag], on_links))
        return queryset


def _on_links(asked: dict[str, Any]) -> Q:
    """What is asked of scenes and stands on their links, too."""
    found = Q()
    if "status" in asked:
        found &= among("status")(asked["status"])
    if "max_uncertainty" in asked:
        found &= between("max_uncertainty")(asked["max_uncertainty"])
    return found


class AssignmentFilterSet(django_filters.FilterSet):
    """What the labelling workflow asks for; the pages of labelers and reviewers share it with the API."""

    search = django_filters.CharFilter(method="filter_search", label="Scene ID contains")
    labeler = django_filters.ModelChoiceFilter(queryset=get_user_model().objects.all(), to_field_name="username")
    status = django_filters.MultipleChoiceFilter(choices=LabelingStatus.choices)
    priority = django_filters.MultipleChoiceFilter(choices=Priority.choices)
    overdue = django_filters.BooleanFilter(method="filter_overdue", label="Overdue")

    class Meta:
        model = Scene
        fields: list[str] = []

    def filter_overdue(self, queryset: SceneQuerySet, name: str, value: bool) -> SceneQuerySet:
        return queryset.filter(overdue(timezone.localdate(), late=value))

    def filter_search(self, queryset: SceneQuerySet, name: str, value: str) -> SceneQuerySet:
        """Every word must occur in the scene ID."""
        for word in value.split():
            queryset = queryset.filter(name__icontains=word)
        return queryset


def filtered_scenes(parameters: Any) -> tuple[SceneFilterSet, SceneQuerySet]:
    """The filter form and the scenes that match it, ready for a listing."""
    filterset = SceneFilterSet(parameters, queryset=Scene.objects.for_listing())
    return filterset, filterset.qs
