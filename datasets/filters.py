"""The one filter of each model; pages and API share it."""

import django_filters

from datasets.models import (
    Dataset,
    DatasetExport,
    DatasetVersion,
    ExportFormat,
    ExportState,
    Item,
    Slice,
    Split,
    Verification,
    VerificationState,
    VersionState,
)


class DatasetFilterSet(django_filters.FilterSet):
    search = django_filters.CharFilter(field_name="name", lookup_expr="icontains", label="Name contains")

    class Meta:
        model = Dataset
        fields: list[str] = ["name"]


class DatasetVersionFilterSet(django_filters.FilterSet):
    dataset = django_filters.CharFilter(field_name="dataset__name", label="Name of the dataset")
    search = django_filters.CharFilter(field_name="dataset__name", lookup_expr="icontains", label="Name contains")
    state = django_filters.MultipleChoiceFilter(choices=VersionState.choices)

    class Meta:
        model = DatasetVersion
        fields: list[str] = ["number", "digest", "parent"]


class ItemFilterSet(django_filters.FilterSet):
    split = django_filters.MultipleChoiceFilter(choices=Split.choices)
    slice = django_filters.ModelChoiceFilter(field_name="slice_links__slice", queryset=Slice.objects.all())

    class Meta:
        model = Item
        fields: list[str] = ["version", "scene"]


class SliceFilterSet(django_filters.FilterSet):
    class Meta:
        model = Slice
        fields: list[str] = ["version", "name"]


class DatasetExportFilterSet(django_filters.FilterSet):
    state = django_filters.MultipleChoiceFilter(choices=ExportState.choices)
    file_format = django_filters.MultipleChoiceFilter(field_name="format", choices=ExportFormat.choices)

    class Meta:
        model = DatasetExport
        fields: list[str] = ["version", "place"]


class VerificationFilterSet(django_filters.FilterSet):
    state = django_filters.MultipleChoiceFilter(choices=VerificationState.choices)

    class Meta:
        model = Verification
        fields: list[str] = ["version"]
