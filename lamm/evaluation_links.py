"""Addresses from evaluations to the points behind their numbers."""

from urllib.parse import urlencode

from django.urls import reverse

from lamm.uncertainty_series import evaluation_key
from uncertainty.models import Evaluation


def frame_address(evaluation: Evaluation, scene_id: int, position: int) -> str:
    """The scene page at a frame, with the uncertainty of this evaluation over its points and along the timeline."""
    query = urlencode({"frame": position, "colour": "uncertainty", "series": evaluation_key(evaluation)})
    return f"{reverse('scene', args=[scene_id])}?{query}"


def explorer_address(evaluation: Evaluation) -> str:
    """The explorer with the scenes whose uncertainty comes from what was evaluated, the most uncertain first."""
    return f"{reverse('explorer')}?{urlencode({'source_model': evaluation.title, 'sort': '-max_uncertainty'})}"
