"""Predictions: declared and sent by their run, listed for everybody who sees runs."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from experiments import services
from experiments.api.access import CLAIM, REFUSALS, SeesRuns, claim_of, person
from experiments.api.bodies import decode
from experiments.api.prediction_bodies import (
    Batch,
    DeclarationBody,
    DeclarationDocument,
    FramesBody,
    FramesDocument,
    KnownDocument,
    StoredDocument,
    WithdrawnDocument,
    batch_words,
    ontology_of,
)
from experiments.filters import FramePredictionFilterSet, PredictionSetFilterSet
from experiments.models import FramePrediction, PredictionSet, Run
from experiments.prediction_arrays import ArrayKinds
from experiments.prediction_selectors import digests_of
from experiments.serializers import FramePredictionSerializer, PredictionSetSerializer
from scenes.api.pages import KeysetPages, ReadOnly
from scenes.api.strict import StrictParameters
from scenes.api.uploads import RawBody

RUN_ID = OpenApiParameter("run_id", OpenApiTypes.INT, OpenApiParameter.PATH)
BINARY = "application/octet-stream"
MOST_DECLARATION, MOST_IDS = 10_000, 256 * 1024


class ByFrame(KeysetPages):
    ordering = ("frame_id", "id")


class PredictionSetViewSet(ReadOnly):
    """What runs predict: ontology, measure of uncertainty, and how much is there."""

    queryset = PredictionSet.objects.select_related("ontology", "declared_by")
    serializer_class = PredictionSetSerializer
    filterset_class = PredictionSetFilterSet
    permission_classes = [SeesRuns]
    lookup_value_regex = "[0-9]{1,18}"


class PredictionViewSet(ReadOnly):
    """Predictions by frame, of a run, a scene or a frame."""

    queryset = FramePrediction.objects.select_related(
        "prediction_set", "recorded_by", "classes", "confidence", "uncertainty"
    )
    serializer_class = FramePredictionSerializer
    filterset_class = FramePredictionFilterSet
    pagination_class = ByFrame
    permission_classes = [SeesRuns]
    lookup_value_regex = "[0-9]{1,18}"


class OfRun(StrictParameters, APIView):
    permission_classes = [SeesRuns]
    parser_classes = [RawBody]


class RunPredictions(OfRun):
    """What a run predicts."""

    @extend_schema(parameters=[RUN_ID], responses={200: PredictionSetSerializer, 404: REFUSALS[404]})
    def get(self, request: Request, run_id: int) -> Response:
        return self._told(run_id)

    @extend_schema(
        parameters=[RUN_ID, CLAIM],
        request=DeclarationDocument,
        responses={200: PredictionSetSerializer, **REFUSALS},
    )
    def put(self, request: Request, run_id: int) -> Response:
        """Declare the ontology, and what uncertainty per point measures. The same again changes nothing."""
        run = get_object_or_404(Run, pk=run_id)
        body = decode(request, DeclarationBody, most=MOST_DECLARATION)
        services.declare_predictions(
            run=run,
            ontology=ontology_of(body.ontology),
            measure=body.measure,
            unit=body.unit,
            low=body.low,
            high=body.high,
            by=person(request),
            claim=claim_of(request),
        )
        return self._told(run_id)

    @extend_schema(parameters=[RUN_ID, CLAIM], request=None, responses={200: WithdrawnDocument, **REFUSALS})
    def delete(self, request: Request, run_id: int) -> Response:
        """Take back all frames; then other facts may be declared."""
        run = get_object_or_404(Run, pk=run_id)
        frames = services.withdraw_predictions(run=run, by=person(request), claim=claim_of(request))
        return Response({"frames": frames})

    def _told(self, run_id: int) -> Response:
        found = PredictionSet.objects.select_related("ontology", "declared_by").filter(run=run_id).first()
        if found is None:
            raise NotFound(f"run-{run_id} has declared no predictions.")
        return Response(PredictionSetSerializer(found).data)


class RunPredictionFrames(OfRun):
    @extend_schema(
        parameters=[RUN_ID, CLAIM],
        request={BINARY: OpenApiTypes.BINARY},
        responses={200: StoredDocument, **REFUSALS},
        description=f"Send a batch of frames, all or none. The same again changes nothing.\n\n{batch_words()}",
    )
    def post(self, request: Request, run_id: int) -> Response:
        run = get_object_or_404(Run, pk=run_id)
        batch = Batch(request)
        try:
            header = batch.open()
            told = services.record_predictions(
                run=run,
                batch=batch.predictions(header),
                kinds=ArrayKinds(header.kinds.classes, header.kinds.confidence, header.kinds.uncertainty),
                replace=header.replace,
                by=person(request),
                claim=claim_of(request),
            )
        finally:
            batch.drain()
        return Response({"stored": told.stored, "already": told.already, "replaced": told.replaced})


class RunPredictionsKnown(OfRun):
    @extend_schema(parameters=[RUN_ID], request=FramesDocument, responses={200: KnownDocument, **REFUSALS})
    def post(self, request: Request, run_id: int) -> Response:
        """Which of these frames are there already, with the digests of what is kept; for resuming. At most 10,000."""
        run = get_object_or_404(Run, pk=run_id)
        body = decode(request, FramesBody, most=MOST_IDS)
        predictions = PredictionSet.objects.filter(run=run).first()
        known = digests_of(predictions, frame_ids=body.frames) if predictions else {}
        frames: list[dict[str, Any]] = [
            {
                "frame": frame,
                "classes": found.classes,
                "confidence": found.confidence,
                "uncertainty": found.uncertainty,
            }
            for frame, found in sorted(known.items())
        ]
        return Response({"frames": frames})
