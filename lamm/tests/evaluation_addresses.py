"""The routes of evaluations for the walk over all routes: who may use them, and their addresses."""

import re

import numpy as np
from django.contrib.auth.models import User

from datasets.models import DatasetVersion
from uncertainty import services
from uncertainty.models import Evaluation
from uncertainty.score_store import SceneVectors
from uncertainty.wishes import EvaluationWishes

VIEW, ADD = "uncertainty.view_evaluation", "uncertainty.add_evaluation"
EVALUATION_DECISIONS = {
    "evaluations": VIEW,
    "evaluation": VIEW,
    **{f"evaluation-{step}-now": ADD for step in ("finish", "withdraw", "discard")},
    "evaluation-list": {"GET": VIEW, "POST": ADD},
    "evaluation-detail": {"GET": VIEW, "DELETE": ADD},
    "evaluation-scores": {"GET": VIEW, "POST": ADD},
    **{f"evaluation-{part}": VIEW for part in ("progress", "scenes", "points")},
    "evaluation-frame-points": ADD,
    **{f"evaluation-{step}": ADD for step in ("finish", "withdraw")},
}
PLACES = ("evaluations/", "api/^evaluations")


def evaluation_address(pattern: str, person: User | None) -> str:
    """The address for a pattern of evaluations; nothing for others."""
    if not pattern.startswith(PLACES):
        return ""
    evaluation = a_walked_evaluation(person)
    scene = evaluation.scene_scores.get().scene
    filled = re.sub(r"\(\?P<frame>[^)]*\)", str(scene.frames.first().pk), pattern)
    filled = re.sub(r"<int:\w+>|\(\?P<pk>[^)]*\)", str(evaluation.pk), filled)
    filled = "/" + filled.replace("^", "").replace("$", "").replace("\\Z", "")
    return f"{filled}?scene={scene.pk}" if filled.endswith("/scores/") else filled


def a_walked_evaluation(person: User | None) -> Evaluation:
    """The one draft of the walk, now of this person, with the scores of a scene."""
    owner = person or User.objects.get(username="owner")
    draft = Evaluation.objects.first()
    if draft is None:
        version = DatasetVersion.objects.select_related("dataset").get(state="frozen")
        wishes = EvaluationWishes(
            dataset=str(version), split="", name="walked", measure="predictive_entropy", normalised=True
        )
        superuser = User.objects.get(username="owner")
        draft = services.create_evaluation(wishes=wishes, by=superuser).evaluation
        scene = version.items.first().scene
        count = scene.frames.count()
        vectors = SceneVectors(np.array([scene.pk]), np.array([count]), np.full(count, 0.5, np.float32))
        services.record_scores(evaluation=draft, vectors=vectors, by=superuser)
    Evaluation.objects.update(created_by=owner)
    return draft
