"""The one filter of each model; pages and API share it."""

from typing import Any

import django_filters
from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet

from registry.models import (
    DeliveryState,
    Gate,
    GateKind,
    ModelKind,
    ModelVersion,
    PromotionRequest,
    RegisteredModel,
    RequestState,
    Stage,
    StageTransition,
    Webhook,
    WebhookDelivery,
)

ARCHIVED = [("no", "Not archived"), ("yes", "Archived"), ("all", "All")]
MOST = 2**63 - 1


class RegisteredModelFilterSet(django_filters.FilterSet):
    search = django_filters.CharFilter(field_name="name", lookup_expr="icontains", label="Name contains")
    kind = django_filters.MultipleChoiceFilter(choices=ModelKind.choices)
    tag = django_filters.CharFilter(field_name="tags", method="filter_tag", label="Has the tag")

    class Meta:
        model = RegisteredModel
        fields: list[str] = ["name"]

    def filter_tag(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return queryset.filter(tags__contains=[value])


class ModelVersionFilterSet(django_filters.FilterSet):
    """Archived versions are left out unless `archived` says otherwise."""

    search = django_filters.CharFilter(method="filter_search", label="Model, version, run or architecture contains")
    model = django_filters.CharFilter(field_name="model__name", label="Name of the model")
    kind = django_filters.MultipleChoiceFilter(field_name="model__kind", choices=ModelKind.choices)
    stage = django_filters.MultipleChoiceFilter(choices=Stage.choices)
    run = django_filters.NumberFilter(field_name="run", max_value=MOST, label="Number of the source run")
    dataset_version = django_filters.NumberFilter(field_name="dataset_version", max_value=MOST)
    tag = django_filters.CharFilter(method="filter_tag", label="The version or its model has the tag")
    digest = django_filters.CharFilter(label="sha256 of the artifact")
    created_by = django_filters.ModelChoiceFilter(queryset=get_user_model().objects.all(), to_field_name="username")
    archived = django_filters.ChoiceFilter(method="filter_archived", choices=ARCHIVED)

    class Meta:
        model = ModelVersion
        fields: list[str] = ["label"]

    def filter_queryset(self, queryset: QuerySet[ModelVersion]) -> QuerySet[ModelVersion]:
        found = super().filter_queryset(queryset)
        return found if self.form.cleaned_data.get("archived") else found.filter(archived_at=None)

    def filter_archived(self, queryset: QuerySet[ModelVersion], name: str, value: str) -> QuerySet[ModelVersion]:
        return queryset if value == "all" else queryset.filter(archived_at__isnull=value == "no")

    def filter_tag(self, queryset: QuerySet[ModelVersion], name: str, value: str) -> QuerySet[ModelVersion]:
        return queryset.filter(Q(tags__contains=[value]) | Q(model__tags__contains=[value]))

    def filter_search(self, queryset: QuerySet[ModelVersion], name: str, value: str) -> QuerySet[ModelVersion]:
        for word in value.split()[:8]:
            number = word.removeprefix("run-")
            condition = Q(model__name__icontains=word) | Q(label__istartswith=word)
            condition |= Q(run__architecture__icontains=word)
            if number.isascii() and number.isdigit() and len(number) < 19:
                condition |= Q(run=int(number))
            queryset = queryset.filter(condition)
        return queryset


class PromotionRequestFilterSet(django_filters.FilterSet):
    model = django_filters.CharFilter(field_name="version__model__name", label="Name of the model")
    version = django_filters.NumberFilter(field_name="version", max_value=MOST)
    state = django_filters.MultipleChoiceFilter(choices=RequestState.choices)
    target = django_filters.MultipleChoiceFilter(choices=Stage.choices)

    class Meta:
        model = PromotionRequest
        fields: list[str] = []


class GateFilterSet(django_filters.FilterSet):
    model = django_filters.CharFilter(field_name="model__name", label="Name of the model")
    kind = django_filters.MultipleChoiceFilter(choices=GateKind.choices)
    retired = django_filters.BooleanFilter(field_name="retired_at", lookup_expr="isnull", exclude=True)

    class Meta:
        model = Gate
        fields: list[str] = []


class StageTransitionFilterSet(django_filters.FilterSet):
    model = django_filters.CharFilter(field_name="model__name", label="Name of the model")
    version = django_filters.NumberFilter(field_name="version", max_value=MOST)
    at = django_filters.IsoDateTimeFromToRangeFilter()

    class Meta:
        model = StageTransition
        fields: list[str] = []


class WebhookFilterSet(django_filters.FilterSet):
    class Meta:
        model = Webhook
        fields: list[str] = []


class WebhookDeliveryFilterSet(django_filters.FilterSet):
    webhook = django_filters.NumberFilter(field_name="webhook", max_value=MOST)
    state = django_filters.MultipleChoiceFilter(choices=DeliveryState.choices)

    class Meta:
        model = WebhookDelivery
        fields: list[str] = []
