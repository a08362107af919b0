"""What may be done with evaluations: verbs, keyword-only, one transaction each, the actor passed as `by`."""

from uncertainty.services.creating import Created, change_notes, create_evaluation, discard_draft
from uncertainty.services.finishing import finish_evaluation, withdraw_evaluation
from uncertainty.services.point_arrays import RecordedPoints, record_points
from uncertainty.services.pushing_down import push_down, rebuild_uncertainty, uncertainty_differences
from uncertainty.services.recording import Recorded, record_frame_scores, record_scores
from uncertainty.services.voting import score_members

__all__ = [
    "Created",
    "Recorded",
    "RecordedPoints",
    "change_notes",
    "create_evaluation",
    "discard_draft",
    "finish_evaluation",
    "push_down",
    "rebuild_uncertainty",
    "record_frame_scores",
    "record_points",
    "record_scores",
    "score_members",
    "uncertainty_differences",
    "withdraw_evaluation",
]
