"""Evaluations: made, filled with scores, finished; and what they say of scenes and frames."""

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from experiments.api.access import REFUSALS, SeesRuns, person
from experiments.api.bodies import body_length, decode
from experiments.prediction_arrays import NUMBER_KINDS
from experiments.serializers import json_or_null
from scenes.api.pages import KeysetPages, NewestFirst
from scenes.api.strict import StrictParameters, StrictSerializer, refuse_fields
from scenes.api.uploads import RawBody
from scenes.errors import MissingError, RefusedError, TooLargeError
from uncertainty import services
from uncertainty.api.score_bodies import BINARY, RecordedScoresDocument, ScoresDocument, batch_of
from uncertainty.filters import EvaluationFilterSet
from uncertainty.models import Evaluation, SceneScores
from uncertainty.selectors import progress, scores_of
from uncertainty.serializers import (
    EvaluationDetailSerializer,
    EvaluationSerializer,
    PointScoresSerializer,
    SceneScoresSerializer,
)
from uncertainty.services.recording import Recorded
from uncertainty.wishes import EvaluationWishes

MOST_POINT_BYTES = 2 * 1024**3
LARGEST_ID = 2**63 - 1
SCENE = OpenApiParameter("scene", int, required=True)


class SeesEvaluations(SeesRuns):
    """`view_evaluation` reads; `add_evaluation` writes own evaluations, `change_evaluation` all."""

    reads, writes = "uncertainty.view_evaluation", ("uncertainty.add_evaluation", "uncertainty.change_evaluation")


class ByRank(KeysetPages):
    """Finished ones from the most uncertain scene on, drafts by scene."""

    ordering = ("rank", "scene_id")


class ByScene(KeysetPages):
    ordering = "scene_id"


class ByFrame(KeysetPages):
    ordering = "frame_id"


class EvaluationDocument(serializers.Serializer):
    """An evaluation to be made; see docs/uncertainty.md."""

    dataset = serializers.CharField(help_text="As Name@v2; a frozen version.")
    measure = serializers.CharField()
    name = serializers.CharField(required=False, help_text="Of the model or ensemble; a run alone needs none.")
    model = serializers.CharField(required=False, help_text="A registered one, as classifier@v3.")
    run = serializers.IntegerField(required=False)
    members = serializers.ListField(child=serializers.IntegerField(), required=False)
    split = serializers.CharField(required=False, allow_blank=True)
    custom_name = serializers.CharField(required=False)
    normalised = serializers.BooleanField(required=False)
    classes = serializers.IntegerField(required=False)
    aggregator = serializers.CharField(required=False)
    threshold = serializers.FloatField(required=False)
    low = serializers.FloatField(required=False)
    high = serializers.FloatField(required=False)
    notes = serializers.CharField(required=False)


class WithdrawBody(StrictSerializer):
    reason = serializers.CharField(max_length=2000)


class SceneQuery(StrictSerializer):
    scene = serializers.IntegerField(min_value=1, max_value=LARGEST_ID)


class PointsQuery(StrictSerializer):
    kind = serializers.ChoiceField(choices=list(NUMBER_KINDS), default="npy")
    replace = serializers.BooleanField(default=False)


class VectorDocument(serializers.Serializer):
    """By playing position; null where a frame was not scored."""

    scene = serializers.IntegerField()
    scores = serializers.ListField(child=serializers.FloatField(allow_null=True))


class ProgressDocument(serializers.Serializer):
    scene_count = serializers.IntegerField()
    scene_total = serializers.IntegerField()
    frame_count = serializers.IntegerField()
    frame_total = serializers.IntegerField()


class PointsDocument(serializers.Serializer):
    sha256 = serializers.CharField()
    aggregates = serializers.DictField(child=serializers.FloatField(allow_null=True))
    new = serializers.BooleanField()


class EvaluationViewSet(StrictParameters, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """How uncertain a model, run or ensemble is on a dataset split, frame by frame."""

    queryset = Evaluation.objects.for_listing()
    serializer_class = EvaluationSerializer
    filterset_class = EvaluationFilterSet
    pagination_class: type[KeysetPages] = NewestFirst
    permission_classes = [SeesEvaluations]
    lookup_value_regex = "[0-9]{1,18}"

    @property
    def known_parameters(self) -> frozenset[str]:  # type: ignore[override]
        pages = frozenset({"cursor", "page_size"})
        known = {"scores": {"scene"}, "points": pages, "scenes": pages | {"scene"}, "put_points": {"kind", "replace"}}
        return frozenset({"format", *known.get(getattr(self, "action", ""), ())})

    def get_parsers(self) -> list[Any]:
        """Making an evaluation is decoded like its scores."""
        making = self.request is not None and getattr(self, "action_map", {}).get("post") == "create"
        return [RawBody()] if making else super().get_parsers()

    def get_queryset(self) -> QuerySet[Evaluation]:
        if self.action == "scores":  # brought in many calls, each of which asks for what it needs itself
            return Evaluation.objects.only("pk")
        rows = Evaluation.objects.for_listing()
        return rows if self.action == "list" else rows.defer(None).select_related("dataset_version__dataset", "run")

    def get_serializer_class(self) -> Any:
        return EvaluationSerializer if self.action == "list" else EvaluationDetailSerializer

    def filter_queryset(self, queryset: Any) -> Any:
        return super().filter_queryset(queryset) if self.action == "list" else queryset

    def told(self, evaluation: Evaluation, status: int = 200) -> Response:
        """The evaluation as it is now, whole."""
        found = Evaluation.objects.select_related("dataset_version__dataset", "run", "created_by").get(pk=evaluation.pk)
        context = self.get_serializer_context()
        return Response(EvaluationDetailSerializer(found, context=context).data, status=status)

    @extend_schema(
        request=EvaluationDocument,
        responses={
            201: EvaluationDetailSerializer,
            200: OpenApiResponse(EvaluationDetailSerializer, description="the draft that the same wishes made before"),
            **REFUSALS,
        },
    )
    def create(self, request: Request) -> Response:
        """Make a draft that takes scores. The same wishes again answer with the same draft."""
        wishes = decode(request, EvaluationWishes, most=settings.RUN_MAX_BODY_BYTES)
        made = services.create_evaluation(wishes=wishes, by=person(request))
        return self.told(made.evaluation, 201 if made.new else 200)

    @extend_schema(responses={204: None, **REFUSALS})
    def destroy(self, request: Request, pk: str) -> Response:
        """Discard a draft with its scores. What is finished can be withdrawn only."""
        services.discard_draft(evaluation=self.get_object(), by=person(request))
        return Response(status=204)

    @extend_schema(methods=["GET"], parameters=[SCENE], responses={200: VectorDocument, **REFUSALS}, filters=False)
    @extend_schema(
        methods=["POST"],
        request={"application/json": ScoresDocument, BINARY: OpenApiTypes.BINARY},
        responses={200: RecordedScoresDocument, **REFUSALS},
    )
    @action(detail=True, methods=["get", "post"], parser_classes=[RawBody], pagination_class=None)
    def scores(self, request: Request, pk: str) -> Response:
        """Bring scores, all of a call or none; the same again change nothing. Or read those of a scene."""
        evaluation = self.get_object()
        if request.method == "GET":
            scene = self._checked(SceneQuery)["scene"]
            found = scores_of(evaluation, [scene]).get(scene)
            if found is None:
                raise MissingError(f"Evaluation {evaluation.pk} has no scores of scene {scene}.")
            return Response({"scene": scene, "scores": json_or_null(found)})
        batch = batch_of(request)
        wishes = {"evaluation": evaluation, "by": person(request), "replace": batch.replace}
        told = Recorded(0, 0, 0)
        if batch.vectors is not None:
            told = services.record_scores(vectors=batch.vectors, **wishes)
        if batch.frames is not None:
            one = batch.frames
            more = services.record_frame_scores(frames=one.frames, scores=one.scores, ious=one.ious, **wishes)
            told = Recorded(told.received + more.received, told.scenes + more.scenes, told.new + more.new)
        return Response({"received": told.received, "scenes": told.scenes, "new": told.new})

    @extend_schema(responses={200: ProgressDocument}, filters=False)
    @action(detail=True, methods=["get"], pagination_class=None)
    def progress(self, request: Request, pk: str) -> Response:
        """How far the scores of a draft have come."""
        return Response(progress(self.get_object()))

    @extend_schema(
        parameters=[OpenApiParameter("scene", int)], responses=SceneScoresSerializer(many=True), filters=False
    )
    @action(detail=True, methods=["get"])
    def scenes(self, request: Request, pk: str) -> Response:
        """The scored scenes: of a finished one by rank, the most uncertain first; of a draft by their ids."""
        evaluation = self.get_object()
        rows = SceneScores.objects.filter(evaluation=evaluation, n__gt=0).select_related("scene")
        given = {name: value for name, value in request.query_params.items() if name == "scene"}
        if given:
            rows = rows.filter(scene=self._checked(SceneQuery)["scene"])
        self.pagination_class = ByScene if evaluation.is_draft else ByRank
        return self._page(rows.extra(select={"frames": "cardinality(scores)"}).defer("scores", "ious"))

    @extend_schema(responses=PointScoresSerializer(many=True), filters=False)
    @action(detail=True, methods=["get"], pagination_class=ByFrame)
    def points(self, request: Request, pk: str) -> Response:
        """The frames whose points have values here, with the sha256 of those, so that a script resumes."""
        return self._page(self.get_object().point_scores.select_related("values"), PointScoresSerializer)

    @extend_schema(
        request={"application/octet-stream": OpenApiTypes.BINARY},
        parameters=[
            OpenApiParameter("kind", str, enum=list(NUMBER_KINDS), description="of the bytes; npy if not given"),
            OpenApiParameter("replace", bool),
        ],
        responses={200: PointsDocument, **REFUSALS},
        filters=False,
    )
    @action(
        detail=True,
        methods=["put"],
        url_path="points/(?P<frame>[0-9]{1,18})",
        url_name="frame-points",
        parser_classes=[RawBody],
        pagination_class=None,
    )
    def put_points(self, request: Request, pk: str, frame: str) -> Response:
        """The value of each point of a frame; the frame's score by each aggregator follows from them."""
        wishes, evaluation = self._checked(PointsQuery), self.get_object()
        length = body_length(request)
        if length > MOST_POINT_BYTES:
            raise TooLargeError(f"{length:,} bytes, {MOST_POINT_BYTES:,} are allowed for a frame.")
        data = request.data.read(length) if length else b""  # type: ignore[union-attr]
        if len(data) < length:
            raise RefusedError("The body ended early. Send it again.")
        told = services.record_points(
            evaluation=evaluation, frame=int(frame), values=data, by=person(request), **wishes
        )
        aggregates = {name: None if value != value else value for name, value in told.aggregates.items()}
        return Response({"sha256": told.digest, "aggregates": aggregates, "new": told.new})

    @extend_schema(request=None, responses={200: EvaluationDetailSerializer, **REFUSALS})
    @action(detail=True, methods=["post"])
    def finish(self, request: Request, pk: str) -> Response:
        """Compute and store all numbers. From then on nothing changes; an older one of the same is superseded."""
        refuse_fields(request)
        return self.told(services.finish_evaluation(evaluation=self.get_object(), by=person(request)))

    @extend_schema(request=WithdrawBody, responses={200: EvaluationDetailSerializer, **REFUSALS})
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """Say that a finished evaluation is not to be trusted, and why; it counts for no scene any more."""
        body = WithdrawBody(data=request.data)
        body.is_valid(raise_exception=True)
        reason = body.validated_data["reason"]
        return self.told(services.withdraw_evaluation(evaluation=self.get_object(), reason=reason, by=person(request)))

    def _checked(self, query: type[StrictSerializer]) -> dict[str, Any]:
        names = set(query().fields)
        checked = query(data={name: value for name, value in self.request.query_params.items() if name in names})
        checked.is_valid(raise_exception=True)
        return dict(checked.validated_data)

    def _page(self, rows: QuerySet[Any], serializer: Any = SceneScoresSerializer) -> Response:
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(serializer(page, many=True, context=self.get_serializer_context()).data)
