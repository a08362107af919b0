"""The one filter of runs, experiments and metrics: tracker, API and "all that match" share it."""

import re
from typing import Any

import django_filters
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet

from experiments.models import (
    Artifact,
    Experiment,
    FramePrediction,
    MetricSeries,
    PredictionSet,
    Run,
    RunParameter,
    RunStatus,
)
from experiments.run_conditions import asks_for_archived, condition
from experiments.run_query import QueryError, parse
from experiments.selectors import runs_with_scene
from experiments.wishes import MOST_WHOLE

COMPARISON = re.compile(r"(?P<key>[\w\-. :/]{1,250}?)\s*(?P<sign>>=|<=|!=|>|<|=)\s*(?P<value>.{1,500})", re.DOTALL)
LOOKUPS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte", "=": "exact", "!=": "exact"}
ARCHIVED = [("no", "Not archived"), ("yes", "Archived"), ("all", "All")]
MOST_TERMS = 20


class Repeated(django_filters.CharFilter):
    """A filter that may be given several times; all must hold."""

    def filter(self, qs: Any, value: Any) -> Any:
        data = getattr(self, "parent").data  # noqa: B009 - set by the filter set
        given = data.getlist(self.field_name) if hasattr(data, "getlist") else [value] if value else []
        if len(given) > MOST_TERMS:
            raise ValidationError(f"{self.field_name}: at most {MOST_TERMS} terms.")
        for one in filter(None, given):
            qs = super().filter(qs, one)
        return qs


class RunFilterSet(django_filters.FilterSet):
    """Archived runs are left out unless `archived` says otherwise, or the query asks for them."""

    query = django_filters.CharFilter(method="filter_query", label="Such as metrics.val_iou > 0.7 and tag = night")
    search = django_filters.CharFilter(method="filter_search", label="Number, name, architecture or host contains")
    status = django_filters.MultipleChoiceFilter(choices=RunStatus.choices)
    experiment = django_filters.CharFilter(method="filter_experiment", label="Experiment; any of several")
    architecture = django_filters.CharFilter(lookup_expr="iexact")
    dataset = django_filters.CharFilter(method="filter_dataset", label="Dataset, as Name or Name@v2")
    scene = django_filters.NumberFilter(method="filter_scene", label="Its dataset holds the scene", max_value=2**63 - 1)
    started_by = django_filters.ModelChoiceFilter(queryset=get_user_model().objects.all(), to_field_name="username")
    parent = django_filters.NumberFilter(field_name="parent", max_value=2**63 - 1)
    started = django_filters.IsoDateTimeFromToRangeFilter(field_name="started_at", label="Started")
    tag = Repeated(field_name="tag", method="filter_tag", label="Tag, as key or key=value; all of them")
    parameter = Repeated(field_name="parameter", method="filter_parameter", label="Parameter, such as lr<0.01")
    metric = Repeated(field_name="metric", method="filter_metric", label="Last value of a metric, such as val/iou>0.7")
    archived = django_filters.ChoiceFilter(method="filter_archived", choices=ARCHIVED)

    class Meta:
        model = Run
        fields: list[str] = []

    def filter_queryset(self, queryset: QuerySet[Run]) -> QuerySet[Run]:
        self.archived_said = bool(self.form.cleaned_data.get("archived"))
        found = super().filter_queryset(queryset)
        return found if self.archived_said else found.filter(archived_at=None)

    def filter_query(self, queryset: QuerySet[Run], name: str, value: str) -> QuerySet[Run]:
        try:
            query = parse(value)
        except QueryError as error:
            raise ValidationError(f"{name}: {error}") from error
        self.archived_said = self.archived_said or asks_for_archived(query)
        return queryset.filter(condition(query))

    def filter_archived(self, queryset: QuerySet[Run], name: str, value: str) -> QuerySet[Run]:
        return queryset if value == "all" else queryset.filter(archived_at__isnull=value == "no")

    def filter_search(self, queryset: QuerySet[Run], name: str, value: str) -> QuerySet[Run]:
        """Every word must occur in the name, architecture or host, or be the number."""
        for word in value.split():
            found = Q(name__icontains=word) | Q(architecture__icontains=word) | Q(host__icontains=word)
            number = word.lower().removeprefix("run-")
            if number.isascii() and number.isdigit() and len(number) < 19:
                found |= Q(pk=int(number))
            queryset = queryset.filter(found)
        return queryset

    def filter_experiment(self, queryset: QuerySet[Run], name: str, value: str) -> QuerySet[Run]:
        given = self.data.getlist(name) if hasattr(self.data, "getlist") else [value]
        return queryset.filter(experiment__in=Experiment.objects.filter(name__in=given).values("pk"))

    def filter_dataset(self, queryset: QuerySet[Run], name: str, value: str) -> QuerySet[Run]:
        dataset, _, number = value.rpartition("@v")
        if dataset and number.isascii() and number.isdigit() and len(number) < 9:
            return queryset.filter(dataset_version__dataset__name=dataset, dataset_version__number=int(number))
        return queryset.filter(dataset_version__dataset__name=value)

    def filter_scene(self, queryset: QuerySet[Run], name: str, value: Any) -> QuerySet[Run]:
        return queryset.filter(runs_with_scene(int(value)))

    def filter_tag(self, queryset: QuerySet[Run], name: str, value: str) -> QuerySet[Run]:
        key, sign, text = value.partition("=")
        wanted = {"tags__key": key.strip()} | ({"tags__value": text.strip()} if sign else {})
        return queryset.filter(**wanted)

    def filter_parameter(self, queryset: QuerySet[Run], name: str, value: str) -> QuerySet[Run]:
        key, sign, text = _comparison(name, value)
        number = _number(text)
        if number is None and sign not in ("=", "!="):
            raise ValidationError(f"{name}: {value[:80]!r} compares a text. Use = or !=, or a number.")
        field, wanted = ("text", text) if number is None else ("number", number)
        condition = Q(**{f"{field}__{LOOKUPS[sign]}": wanted})
        rows = RunParameter.objects.filter(~condition if sign == "!=" else condition, key=key)
        return queryset.filter(pk__in=rows.values("run"))

    def filter_metric(self, queryset: QuerySet[Run], name: str, value: str) -> QuerySet[Run]:
        """NaN is above no number and below none."""
        key, sign, text = _comparison(name, value)
        number = _number(text)
        if number is None:
            raise ValidationError(f"{name}: {text[:80]!r} is no number.")
        rows = MetricSeries.objects.filter(key=key).exclude(last_value=float("nan"))
        condition = Q(**{f"last_value__{LOOKUPS[sign]}": number})
        return queryset.filter(pk__in=rows.filter(~condition if sign == "!=" else condition).values("run"))


def _comparison(name: str, value: str) -> tuple[str, str, str]:
    match = COMPARISON.fullmatch(value.strip())
    if match is None:
        raise ValidationError(f"{name}: {value[:80]!r} is no comparison. Write it as key>0.5, with > >= < <= = or !=.")
    return match["key"].strip(), match["sign"], match["value"].strip().strip('"')


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return None if number != number else number


class ExperimentFilterSet(django_filters.FilterSet):
    search = django_filters.CharFilter(field_name="name", lookup_expr="icontains")
    name = django_filters.CharFilter()
    archived = django_filters.ChoiceFilter(method="filter_archived", choices=ARCHIVED)

    class Meta:
        model = Experiment
        fields: list[str] = []

    def filter_queryset(self, queryset: QuerySet[Experiment]) -> QuerySet[Experiment]:
        found = super().filter_queryset(queryset)
        return found if self.form.cleaned_data.get("archived") else found.filter(archived_at=None)

    def filter_archived(self, queryset: QuerySet[Experiment], name: str, value: str) -> QuerySet[Experiment]:
        return queryset if value == "all" else queryset.filter(archived_at__isnull=value == "no")


class MetricFilterSet(django_filters.FilterSet):
    """Metrics of runs, given once or several times each: any of the runs, any of the keys."""

    run = django_filters.CharFilter(method="filter_run", label="Number of a run")
    key = django_filters.CharFilter(method="filter_key")

    class Meta:
        model = MetricSeries
        fields: list[str] = []

    def filter_run(self, queryset: QuerySet[MetricSeries], name: str, value: str) -> QuerySet[MetricSeries]:
        numbers = [one.removeprefix("run-") for one in self._given(name, value)]
        bad = [one for one in numbers if not (one.isascii() and one.isdigit() and int(one) <= MOST_WHOLE)]
        if bad:
            raise ValidationError(f"run: {bad[0][:40]!r} is no number of a run.")
        return queryset.filter(run__in=map(int, numbers))

    def filter_key(self, queryset: QuerySet[MetricSeries], name: str, value: str) -> QuerySet[MetricSeries]:
        return queryset.filter(key__in=self._given(name, value))

    def _given(self, name: str, value: str) -> list[str]:
        return self.data.getlist(name) if hasattr(self.data, "getlist") else [value]


class ArtifactFilterSet(django_filters.FilterSet):
    folder = django_filters.CharFilter(method="filter_folder", label="Below this folder")

    class Meta:
        model = Artifact
        fields: list[str] = []

    def filter_folder(self, queryset: QuerySet[Artifact], name: str, value: str) -> QuerySet[Artifact]:
        return queryset.filter(path__startswith=value.rstrip("/") + "/")


class PredictionSetFilterSet(django_filters.FilterSet):
    """What runs predict; `scene` leaves those that predict a frame of it."""

    run = django_filters.NumberFilter(field_name="run", max_value=2**63 - 1)
    scene = django_filters.NumberFilter(method="filter_scene", max_value=2**63 - 1)

    class Meta:
        model = PredictionSet
        fields: list[str] = []

    def filter_scene(self, queryset: QuerySet[PredictionSet], name: str, value: Any) -> QuerySet[PredictionSet]:
        rows = FramePrediction.objects.filter(scene=int(value))
        return queryset.filter(pk__in=rows.order_by().values("prediction_set").distinct())


class FramePredictionFilterSet(django_filters.FilterSet):
    run = django_filters.NumberFilter(method="filter_run", label="Number of a run", max_value=2**63 - 1)
    scene = django_filters.NumberFilter(field_name="scene", max_value=2**63 - 1)
    frame = django_filters.NumberFilter(field_name="frame", max_value=2**63 - 1)

    class Meta:
        model = FramePrediction
        fields: list[str] = []

    def filter_run(self, queryset: QuerySet[FramePrediction], name: str, value: Any) -> QuerySet[FramePrediction]:
        """By the number of its predictions, which the index begins with."""
        found = PredictionSet.objects.filter(run=int(value)).values_list("pk", flat=True).first()
        return queryset.filter(prediction_set=found or 0)
