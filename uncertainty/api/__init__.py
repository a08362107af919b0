"""The REST API of this app."""

from uncertainty.api.evaluations import EvaluationViewSet

__all__ = ["EvaluationViewSet"]
