"""The filters of everything beside scenes."""

import django_filters
from django.contrib.auth import get_user_model
from django.db.models import QuerySet

from scenes.models import (
    BulkChange,
    BulkKind,
    BulkState,
    Comment,
    Drive,
    ExportFormat,
    ExportState,
    Frame,
    FrameLabels,
    FrameState,
    IngestJob,
    IngestKind,
    IngestState,
    LabelSet,
    Ontology,
    SavedView,
    Scene,
    SceneExport,
    Upload,
    UploadedFile,
    UploadState,
)


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


class CommentFilterSet(django_filters.FilterSet):
    resolved = django_filters.BooleanFilter(field_name="resolved_at", lookup_expr="isnull", exclude=True)
    reply = django_filters.BooleanFilter(field_name="parent", lookup_expr="isnull", exclude=True, label="Is a reply")
    author = django_filters.ModelChoiceFilter(queryset=get_user_model().objects.all(), to_field_name="username")

    class Meta:
        model = Comment
        fields: list[str] = ["scene", "frame", "parent"]


class BulkChangeFilterSet(django_filters.FilterSet):
    kind = django_filters.MultipleChoiceFilter(choices=BulkKind.choices)
    state = django_filters.MultipleChoiceFilter(choices=BulkState.choices)
    actor = django_filters.ModelChoiceFilter(queryset=get_user_model().objects.all(), to_field_name="username")

    class Meta:
        model = BulkChange
        fields: list[str] = []


class SavedViewFilterSet(django_filters.FilterSet):
    search = django_filters.CharFilter(field_name="name", lookup_expr="icontains")
    shared = django_filters.BooleanFilter()
    owner = django_filters.ModelChoiceFilter(queryset=get_user_model().objects.all(), to_field_name="username")

    class Meta:
        model = SavedView
        fields: list[str] = []


class SceneExportFilterSet(django_filters.FilterSet):
    state = django_filters.MultipleChoiceFilter(choices=ExportState.choices)
    file_format = django_filters.MultipleChoiceFilter(field_name="format", choices=ExportFormat.choices)

    class Meta:
        model = SceneExport
        fields: list[str] = []
