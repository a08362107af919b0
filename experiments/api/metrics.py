"""Metrics to read: rolled up, as curves for charts, and point by point."""

from collections.abc import Iterator
from typing import Any

import msgspec
from django.http import HttpResponse, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import charts
from experiments.api.access import SeesRuns
from experiments.filters import MetricFilterSet
from experiments.metric_history import PointBlock, history
from experiments.models import MetricSeries
from experiments.selectors import keys_in_use, series_of
from experiments.serializers import MetricSerializer, json_numbers, json_or_null
from experiments.wishes import MOST_WHOLE
from scenes.api.pages import KeysetPages
from scenes.api.strict import StrictParameters, StrictSerializer
from scenes.errors import RefusedError, TooLargeError

LINES = "application/x-ndjson"
RUNS = OpenApiParameter("run", OpenApiTypes.INT, many=True, required=True, description="once or several times")
KEYS = OpenApiParameter("key", str, many=True, required=True, description="once or several times")


class ByRunAndKey(KeysetPages):
    ordering = ("run_id", "key")


class Zoomed(StrictSerializer):
    """`from` and `to`, which can't be names of attributes."""

    def get_fields(self) -> dict[str, Any]:
        limits: dict[str, Any] = {"min_value": -MOST_WHOLE, "max_value": MOST_WHOLE, "required": False}
        return {**super().get_fields(), **{name: serializers.IntegerField(**limits) for name in ("from", "to")}}


class ChartQuery(Zoomed):
    """`from` and `to` zoom: steps, or times in ms since 1970, both included."""

    run = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MOST_WHOLE), max_length=charts.MOST_SERIES
    )
    key = serializers.ListField(child=serializers.CharField(max_length=250), max_length=charts.MOST_SERIES)
    by = serializers.ChoiceField(choices=[charts.STEP, charts.TIME], default=charts.STEP)
    points = serializers.IntegerField(min_value=2, max_value=charts.MOST_POINTS, default=1000)


class HistoryQuery(Zoomed):
    run = serializers.IntegerField(min_value=1, max_value=MOST_WHOLE)
    key = serializers.CharField(max_length=250)


class CurveDocument(serializers.Serializer):
    """Columns of equal length; values that JSON can't say are "NaN", "Infinity", "-Infinity"."""

    run = serializers.IntegerField()
    key = serializers.CharField()
    count = serializers.IntegerField(help_text="points there are in all")
    first_timestamp = serializers.IntegerField(allow_null=True, help_text="the earliest time of all points, in ms")
    step = serializers.ListField(child=serializers.IntegerField())
    timestamp = serializers.ListField(child=serializers.IntegerField())
    value = serializers.ListField(child=serializers.FloatField())
    epoch = serializers.ListField(child=serializers.FloatField(allow_null=True))


class ChartDocument(serializers.Serializer):
    curves = CurveDocument(many=True)


class KeysDocument(serializers.Serializer):
    metrics = serializers.ListField(child=serializers.CharField())
    parameters = serializers.ListField(child=serializers.CharField())
    tags = serializers.ListField(child=serializers.CharField())


class KeysQuery(StrictSerializer):
    prefix = serializers.CharField(max_length=250, default="", allow_blank=True)


class MetricViewSet(StrictParameters, mixins.ListModelMixin, viewsets.GenericViewSet):
    """Metrics rolled up: one row for each run and key. `run` and `key` may be given several times."""

    queryset = MetricSeries.objects.all()
    serializer_class = MetricSerializer
    filterset_class = MetricFilterSet
    pagination_class = ByRunAndKey
    permission_classes = [SeesRuns]

    @property
    def known_parameters(self) -> frozenset[str]:  # type: ignore[override]
        queries = {"chart": ChartQuery, "history": HistoryQuery, "keys": KeysQuery}
        query = queries.get(getattr(self, "action", ""))
        return frozenset({"format", *(query().fields if query else ())})

    @extend_schema(
        parameters=[
            RUNS,
            KEYS,
            OpenApiParameter("by", str, enum=[charts.STEP, charts.TIME]),
            OpenApiParameter("points", int, description="about how many of each curve, 1000 if not given"),
            OpenApiParameter("from", int, description="first step or time (ms since 1970)"),
            OpenApiParameter("to", int, description="last step or time (ms since 1970)"),
        ],
        responses=ChartDocument,
        filters=False,
    )
    @action(detail=False, methods=["get"], pagination_class=None)
    def chart(self, request: Request) -> Any:
        """Curves of many runs and keys, down-sampled so that every extreme stays. Runs without the key are left out."""
        wishes = self._checked(ChartQuery, many=("run", "key"))
        series = list(series_of(wishes["run"], wishes["key"])[: charts.MOST_SERIES + 1])
        if len(series) > charts.MOST_SERIES:
            raise TooLargeError(f"More than {charts.MOST_SERIES} curves. Ask for fewer runs or keys.")
        window = charts.Window(
            by=wishes["by"],
            first=wishes.get("from", -MOST_WHOLE),
            last=wishes.get("to", MOST_WHOLE),
            points=wishes["points"],
        )
        curves = [_columns(curve) for curve in charts.curves(series, window)]
        runs = [
            {"run": one.run_id, "key": one.key, "count": one.count, "first_timestamp": one.earliest_timestamp}
            for one in series
        ]
        return _encoded({"curves": [run | curve for run, curve in zip(runs, curves, strict=True)]})

    @extend_schema(
        parameters=[
            OpenApiParameter("run", int, required=True),
            OpenApiParameter("key", str, required=True),
            OpenApiParameter("from", int, description="first step"),
            OpenApiParameter("to", int, description="last step"),
        ],
        responses={(200, LINES): OpenApiResponse(OpenApiTypes.STR, description="a JSON object a line, with columns")},
        filters=False,
    )
    @action(detail=False, methods=["get"], pagination_class=None)
    def history(self, request: Request) -> Any:
        """Every point of a metric, streamed: each line is an object with columns of up to 20,000 points."""
        wishes = self._checked(HistoryQuery)
        series = MetricSeries.objects.filter(run=wishes["run"], key=wishes["key"]).first()
        if series is None:
            raise RefusedError(f"run-{wishes['run']} has no metric {wishes['key']!r}.", field="key")
        blocks = history(series, first_step=wishes.get("from", -MOST_WHOLE), last_step=wishes.get("to", MOST_WHOLE))
        return StreamingHttpResponse(_lines(blocks), content_type=LINES)

    @extend_schema(parameters=[OpenApiParameter("prefix", str)], responses=KeysDocument, filters=False)
    @action(detail=False, methods=["get"], pagination_class=None)
    def keys(self, request: Request) -> Response:
        """The first keys of metrics, parameters and tags that begin with a text, for completion."""
        return Response(keys_in_use(prefix=self._checked(KeysQuery)["prefix"]))

    def _checked(self, query: type[StrictSerializer], many: tuple[str, ...] = ()) -> dict[str, Any]:
        given = self.request.query_params
        data = {name: given.getlist(name) if name in many else given[name] for name in given if name != "format"}
        checked = query(data=data)
        checked.is_valid(raise_exception=True)
        return dict(checked.validated_data)


def _columns(points: PointBlock | charts.Curve) -> dict[str, Any]:
    return {
        "step": points.step.tolist(),
        "timestamp": points.timestamp.tolist(),
        "value": json_numbers(points.value),
        "epoch": json_or_null(points.epoch),
    }


def _encoded(answer: dict[str, Any]) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(answer), content_type="application/json")


def _lines(blocks: Iterator[PointBlock]) -> Iterator[bytes]:
    for block in blocks:
        yield msgspec.json.encode(_columns(block)) + b"\n"
