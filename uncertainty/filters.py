"""The one filter of evaluations; the page of evaluations and the API share it."""

from typing import Any

import django_filters
from django.db.models import Q, QuerySet

from datasets.models import Split
from uncertainty.models import Aggregator, Evaluation, EvaluationMember, EvaluationState, Measure, SceneScores

LARGEST_ID = 2**63 - 1


class EvaluationFilterSet(django_filters.FilterSet):
    search = django_filters.CharFilter(method="filter_search", label="Name or run contains")
    state = django_filters.MultipleChoiceFilter(choices=EvaluationState.choices)
    measure = django_filters.MultipleChoiceFilter(choices=Measure.choices)
    aggregator = django_filters.MultipleChoiceFilter(choices=Aggregator.choices)
    split = django_filters.MultipleChoiceFilter(choices=Split.choices)
    dataset = django_filters.CharFilter(method="filter_dataset", label="Dataset, as Name or Name@v2")
    name = django_filters.CharFilter(label="Name of the model or ensemble")
    run = django_filters.NumberFilter(method="filter_run", label="Of the run", max_value=LARGEST_ID)
    member = django_filters.NumberFilter(method="filter_member", label="The run is a member", max_value=LARGEST_ID)
    scene = django_filters.NumberFilter(method="filter_scene", label="Scored the scene", max_value=LARGEST_ID)

    class Meta:
        model = Evaluation
        fields: list[str] = ["normalised"]

    def filter_search(self, queryset: QuerySet[Evaluation], name: str, value: str) -> QuerySet[Evaluation]:
        """Every word must occur in the name, that of the dataset or the run, or be the run's number."""
        for word in value.split():
            found = Q(name__icontains=word) | Q(dataset_version__dataset__name__icontains=word)
            found |= Q(run__name__icontains=word) | Q(custom_name__icontains=word)
            number = word.lower().removeprefix("run-")
            if number.isascii() and number.isdigit() and len(number) < 19:
                found |= Q(run=int(number))
            queryset = queryset.filter(found)
        return queryset

    def filter_dataset(self, queryset: QuerySet[Evaluation], name: str, value: str) -> QuerySet[Evaluation]:
        dataset, _, number = value.rpartition("@v")
        if dataset and number.isascii() and number.isdigit() and len(number) < 9:
            return queryset.filter(dataset_version__dataset__name=dataset, dataset_version__number=int(number))
        return queryset.filter(dataset_version__dataset__name=value)

    def filter_run(self, queryset: QuerySet[Evaluation], name: str, value: Any) -> QuerySet[Evaluation]:
        return queryset.filter(run=int(value))

    def filter_member(self, queryset: QuerySet[Evaluation], name: str, value: Any) -> QuerySet[Evaluation]:
        return queryset.filter(pk__in=EvaluationMember.objects.filter(run=int(value)).values("evaluation"))

    def filter_scene(self, queryset: QuerySet[Evaluation], name: str, value: Any) -> QuerySet[Evaluation]:
        rows = SceneScores.objects.filter(scene=int(value), n__gt=0)
        return queryset.filter(pk__in=rows.order_by().values("evaluation"))
