"""The REST API of this app."""

from experiments.api.artifacts import RunArtifact, RunArtifacts
from experiments.api.evaluations import RunEvaluationViewSet
from experiments.api.experiments import ExperimentViewSet
from experiments.api.metrics import MetricViewSet
from experiments.api.predictions import (
    PredictionSetViewSet,
    PredictionViewSet,
    RunPredictionFrames,
    RunPredictions,
    RunPredictionsKnown,
)
from experiments.api.runs import RunViewSet

__all__ = [
    "ExperimentViewSet",
    "MetricViewSet",
    "PredictionSetViewSet",
    "PredictionViewSet",
    "RunArtifact",
    "RunArtifacts",
    "RunEvaluationViewSet",
    "RunPredictionFrames",
    "RunPredictions",
    "RunPredictionsKnown",
    "RunViewSet",
]
