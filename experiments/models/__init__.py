"""Facts about training runs: what they were told, what they measured, and what they left behind."""

from experiments.models.artifacts import Artifact
from experiments.models.evaluations import (
    ACTIVE_EVALUATION_STATES,
    ContaminationState,
    EvaluationRule,
    EvaluationState,
    FrameSums,
    LabelChoice,
    RunEvaluation,
    SceneSums,
)
from experiments.models.experiments import Experiment
from experiments.models.metrics import MetricBucket, MetricPoint, MetricSeries
from experiments.models.predictions import FramePrediction, PredictionSet, UncertaintyMeasure
from experiments.models.records import DatasetInput, ParameterKind, RunEnvironment, RunParameter, RunTag
from experiments.models.run_views import RunDensity, RunPreferences, RunView
from experiments.models.runs import (
    ACTIVE_RUN_STATUSES,
    ENDED_RUN_STATUSES,
    Run,
    RunQuerySet,
    RunStatus,
)

__all__ = [
    "ACTIVE_EVALUATION_STATES",
    "ACTIVE_RUN_STATUSES",
    "ENDED_RUN_STATUSES",
    "Artifact",
    "ContaminationState",
    "DatasetInput",
    "EvaluationRule",
    "EvaluationState",
    "Experiment",
    "FramePrediction",
    "FrameSums",
    "LabelChoice",
    "MetricBucket",
    "MetricPoint",
    "MetricSeries",
    "ParameterKind",
    "PredictionSet",
    "Run",
    "RunDensity",
    "RunEnvironment",
    "RunEvaluation",
    "RunParameter",
    "RunPreferences",
    "RunQuerySet",
    "RunStatus",
    "RunTag",
    "RunView",
    "SceneSums",
    "UncertaintyMeasure",
]
