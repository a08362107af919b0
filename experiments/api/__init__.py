"""The REST API of this app."""

from experiments.api.artifacts import RunArtifact, RunArtifacts
from experiments.api.experiments import ExperimentViewSet
from experiments.api.metrics import MetricViewSet
from experiments.api.runs import RunViewSet

__all__ = ["ExperimentViewSet", "MetricViewSet", "RunArtifact", "RunArtifacts", "RunViewSet"]
