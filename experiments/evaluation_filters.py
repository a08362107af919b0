"""The one filter of evaluations: pages and API share it."""

import django_filters
from django.db.models import QuerySet

from experiments.models import ContaminationState, EvaluationRule, EvaluationState, RunEvaluation

YES_NO_ALL = [("yes", "Current"), ("no", "Superseded"), ("all", "All")]


class RunEvaluationFilterSet(django_filters.FilterSet):
    """Superseded ones are left out unless `current` says otherwise."""

    run = django_filters.BaseInFilter(field_name="run", label="Numbers of runs, separated by commas")
    dataset_version = django_filters.NumberFilter(field_name="dataset_version", max_value=2**63 - 1)
    split = django_filters.CharFilter(field_name="splits", lookup_expr="contains", method="filter_split")
    rule = django_filters.ChoiceFilter(choices=EvaluationRule.choices)
    state = django_filters.MultipleChoiceFilter(choices=EvaluationState.choices)
    contamination = django_filters.MultipleChoiceFilter(choices=ContaminationState.choices)
    outdated = django_filters.BooleanFilter(field_name="outdated_at", lookup_expr="isnull", exclude=True)
    current = django_filters.ChoiceFilter(method="filter_current", choices=YES_NO_ALL)

    class Meta:
        model = RunEvaluation
        fields: list[str] = []

    def filter_queryset(self, queryset: QuerySet[RunEvaluation]) -> QuerySet[RunEvaluation]:
        found = super().filter_queryset(queryset)
        return found if self.form.cleaned_data.get("current") else found.filter(current=True)

    def filter_split(self, queryset: QuerySet[RunEvaluation], name: str, value: str) -> QuerySet[RunEvaluation]:
        return queryset.filter(splits__contains=[value])

    def filter_current(self, queryset: QuerySet[RunEvaluation], name: str, value: str) -> QuerySet[RunEvaluation]:
        return queryset if value == "all" else queryset.filter(current=value == "yes")
