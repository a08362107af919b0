"""Evaluations of how uncertain models are, and their scores."""

from uncertainty.models.evaluations import (
    AGGREGATOR_WORDS,
    Aggregator,
    Evaluation,
    EvaluationMember,
    EvaluationState,
    Measure,
)
from uncertainty.models.scene_scores import PointScores, RealField, SceneScores

__all__ = [
    "AGGREGATOR_WORDS",
    "Aggregator",
    "Evaluation",
    "EvaluationMember",
    "EvaluationState",
    "Measure",
    "PointScores",
    "RealField",
    "SceneScores",
]
