"""Evaluations of runs: started and computed again, and every figure that follows from their sums."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from datasets.models import Split
from experiments import evaluation_selectors as selectors
from experiments import services
from experiments.api.access import REFUSALS, SeesRuns, person
from experiments.evaluation_filters import RunEvaluationFilterSet
from experiments.evaluation_serializers import (
    ConfusedFrameDocument,
    DiffDocument,
    FiguresDocument,
    FrameFiguresDocument,
    RunEvaluationDetailSerializer,
    RunEvaluationSerializer,
    SceneFiguresDocument,
    diff_document,
    figures_document,
)
from experiments.models import EvaluationRule, LabelChoice, Run, RunEvaluation
from scenes.api.pages import NewestFirst
from scenes.api.strict import StrictParameters, StrictSerializer
from scenes.errors import ConflictError

Index = serializers.IntegerField
LARGEST = 2**63 - 1


class StartBody(StrictSerializer):
    """`dataset`: "Name@v2", the run's own version unless given. `labels`: as the version pins them, or the newest."""

    run = serializers.PrimaryKeyRelatedField(queryset=Run.objects.all())
    dataset = serializers.CharField(required=False, max_length=300)
    splits = serializers.ListField(
        child=serializers.ChoiceField(choices=Split.choices), required=False, min_length=1, max_length=3
    )
    rule = serializers.ChoiceField(choices=EvaluationRule.choices, required=False)
    labels = serializers.ChoiceField(choices=LabelChoice.choices, required=False)
    range_edges = serializers.ListField(child=serializers.FloatField(), required=False, max_length=30)


class RecomputeBody(StrictSerializer):
    """`labels`: unless given, the newest where there are newer ones than the evaluation used."""

    labels = serializers.ChoiceField(choices=LabelChoice.choices, required=False)


class ScopeParameters(StrictSerializer):
    split = serializers.ChoiceField(choices=Split.choices, required=False)
    slice = serializers.CharField(required=False)
    tag = serializers.CharField(required=False)


class FiguresParameters(ScopeParameters):
    """`range_band` counts from 0, the nearest."""

    rule = serializers.ChoiceField(choices=EvaluationRule.choices, required=False)
    range_band = Index(required=False, min_value=0, max_value=100)


class BreakdownParameters(StrictSerializer):
    by = serializers.ChoiceField(choices=selectors.BY)
    rule = serializers.ChoiceField(choices=EvaluationRule.choices, required=False)
    split = serializers.ChoiceField(choices=Split.choices, required=False)


class ScenesParameters(ScopeParameters):
    """`order`: worst, best or class:<index>."""

    order = serializers.CharField(required=False)
    offset = Index(required=False, min_value=0, max_value=1_000_000)
    limit = Index(required=False, min_value=1, max_value=1000)


class FramesParameters(StrictSerializer):
    scene = Index(min_value=1, max_value=LARGEST)
    rule = serializers.ChoiceField(choices=EvaluationRule.choices, required=False)


class ConfusionParameters(ScopeParameters):
    truth = Index(min_value=0, max_value=254)
    predicted = Index(min_value=0, max_value=254)
    most = Index(required=False, min_value=1, max_value=1000)


class DiffParameters(StrictSerializer):
    """`hard`: the mIoU below which a frame counts as hard."""

    other = Index(min_value=1, max_value=LARGEST)
    rule = serializers.ChoiceField(choices=EvaluationRule.choices, required=False)
    hard = serializers.FloatField(required=False, min_value=0, max_value=1)
    most = Index(required=False, min_value=1, max_value=1000)


READS: dict[str, type[StrictSerializer]] = {
    "figures": FiguresParameters,
    "breakdown": BreakdownParameters,
    "scenes": ScenesParameters,
    "frames": FramesParameters,
    "confusion": ConfusionParameters,
    "diff": DiffParameters,
}


class RunEvaluationViewSet(StrictParameters, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """What the server computed of runs' predictions. The list leaves superseded ones out unless `current` asks."""

    queryset = RunEvaluation.objects.for_listing()
    serializer_class = RunEvaluationSerializer
    filterset_class = RunEvaluationFilterSet
    pagination_class = NewestFirst
    permission_classes = [SeesRuns]
    lookup_value_regex = "[0-9]{1,18}"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if reads := READS.get(self.action or ""):
            self.known_parameters = frozenset({"format", *reads().fields})
        super().initial(request, *args, **kwargs)

    def filter_queryset(self, queryset: Any) -> Any:
        """Only lists leave something out: a superseded one is still there under its number."""
        return super().filter_queryset(queryset) if self.action == "list" else queryset

    def get_serializer_class(self) -> Any:
        return RunEvaluationSerializer if self.action == "list" else RunEvaluationDetailSerializer

    def get_queryset(self) -> QuerySet[RunEvaluation]:
        return RunEvaluation.objects.for_listing()

    @extend_schema(request=StartBody, responses={201: RunEvaluationDetailSerializer, **REFUSALS})
    def create(self, request: Request) -> Response:
        """Start an evaluation. One on the same terms that is under way, or up to date, is the answer instead."""
        body = StartBody(data=request.data)
        body.is_valid(raise_exception=True)
        wishes = dict(body.validated_data)
        if "dataset" in wishes:
            wishes["dataset_version"] = services.version_named(wishes.pop("dataset"))
        return self._told(services.start_evaluation(by=person(request), **wishes), 201)

    @extend_schema(request=RecomputeBody, responses={200: RunEvaluationDetailSerializer, **REFUSALS})
    @action(detail=True, methods=["post"])
    def recompute(self, request: Request, pk: str) -> Response:
        """Compute it again from the predictions and labels that are there now; only what changed is read."""
        body = RecomputeBody(data=request.data)
        body.is_valid(raise_exception=True)
        return self._told(
            services.recompute(evaluation=self.get_object(), by=person(request), **body.validated_data), 200
        )

    @extend_schema(parameters=[FiguresParameters], responses={200: FiguresDocument, **REFUSALS})
    @action(detail=True)
    def figures(self, request: Request, pk: str) -> Response:
        """Every rate, of the whole or of a split, slice, tag or range band, under any rule."""
        evaluation = self._done()
        return Response(figures_document(evaluation, selectors.figures(evaluation, **self._wishes())))

    @extend_schema(parameters=[BreakdownParameters], responses={200: FiguresDocument(many=True), **REFUSALS})
    @action(detail=True, pagination_class=None, filterset_class=None)
    def breakdown(self, request: Request, pk: str) -> Response:
        """Figures by tag, slice, split, range band or class; by class, of the scenes in which it occurs."""
        evaluation = self._done()
        found = selectors.figures_by(evaluation, **self._wishes())
        return Response([{"name": name} | figures_document(evaluation, figures) for name, figures in found])

    @extend_schema(parameters=[ScenesParameters], responses={200: SceneFiguresDocument(many=True), **REFUSALS})
    @action(detail=True, pagination_class=None, filterset_class=None)
    def scenes(self, request: Request, pk: str) -> Response:
        """The scenes, worst first."""
        found = selectors.scene_figures(self._done(), **self._wishes())
        return Response(SceneFiguresDocument(found, many=True).data)

    @extend_schema(parameters=[FramesParameters], responses={200: FrameFiguresDocument(many=True), **REFUSALS})
    @action(detail=True, pagination_class=None, filterset_class=None)
    def frames(self, request: Request, pk: str) -> Response:
        """The compared frames of a scene in playing order."""
        wishes = self._wishes()
        found = selectors.frame_figures(self._done(), wishes.pop("scene"), **wishes)
        return Response(FrameFiguresDocument(found, many=True).data)

    @extend_schema(parameters=[ConfusionParameters], responses={200: ConfusedFrameDocument(many=True), **REFUSALS})
    @action(detail=True, pagination_class=None, filterset_class=None)
    def confusion(self, request: Request, pk: str) -> Response:
        """The frames with the most points of one class that were predicted as another."""
        found = selectors.frames_with_confusion(self._done(), **self._wishes())
        return Response(ConfusedFrameDocument(found, many=True).data)

    @extend_schema(parameters=[DiffParameters], responses={200: DiffDocument, **REFUSALS})
    @action(detail=True)
    def diff(self, request: Request, pk: str) -> Response:
        """What changed from this evaluation to another one: frames fixed, broken and still hard."""
        wishes = self._wishes()
        other = get_object_or_404(RunEvaluation.objects.for_listing(), pk=wishes.pop("other"))
        return Response(diff_document(selectors.evaluation_diff(self._done(), _finished(other), **wishes)))

    def _wishes(self) -> dict[str, Any]:
        given = {name: value for name, value in self.request.query_params.items() if name != "format"}
        read = READS[self.action or ""](data=given)
        read.is_valid(raise_exception=True)
        return dict(read.validated_data)

    def _done(self) -> RunEvaluation:
        return _finished(self.get_object())

    def _told(self, evaluation: RunEvaluation, status: int) -> Response:
        found = RunEvaluation.objects.for_listing().get(pk=evaluation.pk)
        return Response(RunEvaluationDetailSerializer(found).data, status=status)


def _finished(evaluation: RunEvaluation) -> RunEvaluation:
    """Raises ConflictError until it is done."""
    if evaluation.state != "done":
        raise ConflictError(
            f"The evaluation of run-{evaluation.run_id} is {evaluation.state}. Ask again when it is done.",
            status=evaluation.state,
        )
    return evaluation
