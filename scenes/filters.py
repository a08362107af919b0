"""The one filter of scenes: explorer, builder and API share it."""

from typing import Any

import django_filters
from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet

from scenes.models import (
    BulkChange,
    BulkKind,
    BulkState,
    Drive,
    Frame,
    FrameLabels,
    FrameState,
    IngestJob,
    IngestKind,
    IngestState,
    LabelingStatus,
    LabelSet,
    Ontology,
    PositionState,
    Priority,
    Scene,
    SceneQuerySet,
    Upload,
    UploadedFile,
    UploadState,
)


def filter_overdue(scenes: SceneQuerySet, late: bool) -> SceneQuerySet:
    """The overdue scenes, or all others."""
    return scenes.overdue() if late else scenes.in_time()


def known_parameters(filterset: django_filters.FilterSet) -> set[str]:
    """The names under which a request may give this filter its values, those of both ends of ranges included."""
    names = set(filterset.get_form_class().base_fields)
    return names | {f"{name}_{end}" for name in names for end in ("min", "max", "after", "before")}


class SceneFilterSet(django_filters.FilterSet):
    search = django_filters.CharFilter(method="filter_search", label="Scene ID, drive or tag contains")
    status = django_filters.MultipleChoiceFilter(choices=LabelingStatus.choices)
    tag = django_filters.CharFilter(field_name="tags__name", lookup_expr="iexact", label="Tag")
    drive = django_filters.ModelChoiceFilter(queryset=Drive.objects.all(), to_field_name="name")
    labeler = django_filters.ModelChoiceFilter(queryset=get_user_model().objects.all(), to_field_name="username")
    position = django_filters.ChoiceFilter(field_name="position_state", choices=PositionState.choices, label="GPS")
    captured = django_filters.DateFromToRangeFilter(field_name="captured_at", label="Captured")
    points = django_filters.RangeFilter(field_name="point_count", label="Points")
    priority = django_filters.MultipleChoiceFilter(choices=Priority.choices)
    due = django_filters.DateFromToRangeFilter(field_name="due_on", label="Due")
    overdue = django_filters.BooleanFilter(method="filter_overdue", label="Overdue")

    class Meta:
        model = Scene
        fields: list[str] = []

    def filter_overdue(self, queryset: SceneQuerySet, name: str, value: bool) -> SceneQuerySet:
        return filter_overdue(queryset, value)

    def filter_search(self, queryset: SceneQuerySet, name: str, value: str) -> SceneQuerySet:
        """Every word must occur in the scene ID, the drive's name or a tag; substrings count, case does not."""
        for word in value.split():
            queryset = queryset.filter(
                Q(name__icontains=word)
                | Q(drive__in=Drive.objects.filter(name__icontains=word))
                | Q(pk__in=Scene.objects.filter(tags__name__icontains=word).values("pk"))
            )
        return queryset


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
        return filter_overdue(queryset, value)

    def filter_search(self, queryset: SceneQuerySet, name: str, value: str) -> SceneQuerySet:
        """Every word must occur in the scene ID."""
        for word in value.split():
            queryset = queryset.filter(name__icontains=word)
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
    search = django_filters.CharFilter(method="filter_search", label="Scene ID contains")
    state = django_filters.MultipleChoiceFilter(choices=IngestState.choices)
    kind = django_filters.MultipleChoiceFilter(choices=IngestKind.choices)

    class Meta:
        model = IngestJob
        fields: list[str] = ["scene"]

    def filter_search(self, queryset: QuerySet[IngestJob], name: str, value: str) -> QuerySet[IngestJob]:
        """Every word must occur in the scene ID."""
        scenes = Scene.objects.all()
        for word in value.split():
            scenes = scenes.filter(name__icontains=word)
        return queryset.filter(scene__in=scenes.order_by().values("pk"))


class UploadFilterSet(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=UploadState.choices)

    class Meta:
        model = Upload
        fields: list[str] = ["scene_name"]


class UploadedFileFilterSet(django_filters.FilterSet):
    complete = django_filters.BooleanFilter(field_name="file", lookup_expr="isnull", exclude=True)

    class Meta:
        model = UploadedFile
        fields: list[str] = ["name"]


class OntologyFilterSet(django_filters.FilterSet):
    search = django_filters.CharFilter(field_name="name", lookup_expr="icontains")

    class Meta:
        model = Ontology
        fields: list[str] = []


class LabelSetFilterSet(django_filters.FilterSet):
    class Meta:
        model = LabelSet
        fields: list[str] = ["scene", "ontology"]


class FrameLabelsFilterSet(django_filters.FilterSet):
    class Meta:
        model = FrameLabels
        fields: list[str] = ["label_set", "frame"]


class BulkChangeFilterSet(django_filters.FilterSet):
    kind = django_filters.MultipleChoiceFilter(choices=BulkKind.choices)
    state = django_filters.MultipleChoiceFilter(choices=BulkState.choices)
    actor = django_filters.ModelChoiceFilter(queryset=get_user_model().objects.all(), to_field_name="username")

    class Meta:
        model = BulkChange
        fields: list[str] = []


def filtered_scenes(parameters: Any) -> tuple[SceneFilterSet, SceneQuerySet]:
    """The filter form and the scenes that match it, ready for a listing."""
    filterset = SceneFilterSet(parameters, queryset=Scene.objects.for_listing())
    return filterset, filterset.qs
