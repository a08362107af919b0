"""The one filter of scenes: explorer, builder and API share it."""

from typing import Any

import django_filters
from django.contrib.auth import get_user_model
from django.db.models import Q

from scenes.models import (
    Drive,
    Frame,
    FrameState,
    IngestJob,
    LabelingStatus,
    PositionState,
    Scene,
    SceneQuerySet,
)


class SceneFilterSet(django_filters.FilterSet):
    search = django_filters.CharFilter(method="filter_search", label="Scene ID, drive or tag contains")
    status = django_filters.MultipleChoiceFilter(choices=LabelingStatus.choices)
    tag = django_filters.CharFilter(field_name="tags__name", lookup_expr="iexact", label="Tag")
    drive = django_filters.ModelChoiceFilter(queryset=Drive.objects.all(), to_field_name="name")
    labeler = django_filters.ModelChoiceFilter(queryset=get_user_model().objects.all(), to_field_name="username")
    position = django_filters.ChoiceFilter(field_name="position_state", choices=PositionState.choices, label="GPS")
    captured = django_filters.DateFromToRangeFilter(field_name="captured_at", label="Captured")
    points = django_filters.RangeFilter(field_name="point_count", label="Points")

    class Meta:
        model = Scene
        fields: list[str] = []

    def filter_search(self, queryset: SceneQuerySet, name: str, value: str) -> SceneQuerySet:
        """Every word must occur in the scene ID, the drive's name or a tag; substrings count, case does not."""
        for word in value.split():
            queryset = queryset.filter(
                Q(name__icontains=word)
                | Q(drive__in=Drive.objects.filter(name__icontains=word))
                | Q(pk__in=Scene.objects.filter(tags__name__icontains=word).values("pk"))
            )
        return queryset


class FrameFilterSet(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=FrameState.choices)

    class Meta:
        model = Frame
        fields: list[str] = ["scene"]


class DriveFilterSet(django_filters.FilterSet):
    search = django_filters.CharFilter(field_name="name", lookup_expr="icontains")

    class Meta:
        model = Drive
        fields: list[str] = []


class IngestJobFilterSet(django_filters.FilterSet):
    class Meta:
        model = IngestJob
        fields: list[str] = ["scene", "state"]


def filtered_scenes(parameters: Any) -> tuple[SceneFilterSet, SceneQuerySet]:
    """The filter form and the scenes that match it, ready for a listing."""
    filterset = SceneFilterSet(parameters, queryset=Scene.objects.for_listing())
    return filterset, filterset.qs
