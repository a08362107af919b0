"""Facts about training runs: what they were told, what they measured, and what they left behind."""

from experiments.models.artifacts import Artifact
from experiments.models.experiments import Experiment
from experiments.models.metrics import MetricBucket, MetricPoint, MetricSeries
from experiments.models.records import DatasetInput, ParameterKind, RunEnvironment, RunParameter, RunTag
from experiments.models.runs import (
    ACTIVE_RUN_STATUSES,
    ENDED_RUN_STATUSES,
    Run,
    RunQuerySet,
    RunStatus,
)

__all__ = [
    "ACTIVE_RUN_STATUSES",
    "ENDED_RUN_STATUSES",
    "Artifact",
    "DatasetInput",
    "Experiment",
    "MetricBucket",
    "MetricPoint",
    "MetricSeries",
    "ParameterKind",
    "Run",
    "RunEnvironment",
    "RunParameter",
    "RunQuerySet",
    "RunStatus",
    "RunTag",
]
