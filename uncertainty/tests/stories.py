"""Stories for tests: `a_world()` has scenes in a frozen dataset version; `a_draft(world)` takes scores."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.contrib.auth.models import Group, User

from datasets.models import DatasetVersion
from datasets.tests.stories import some_scenes
from experiments.models import Run
from experiments.tests.stories import a_run, a_version
from scenes.models import Scene
from uncertainty import services
from uncertainty.models import Evaluation
from uncertainty.score_store import SceneVectors
from uncertainty.wishes import EvaluationWishes


@dataclass
class World:
    """Scenes in a frozen version: all but the last in its validation split, the last in its training split."""

    engineer: User
    scenes: list[Scene]
    version: DatasetVersion
    run: Run

    @property
    def scored(self) -> list[Scene]:
        return self.scenes[:-1]


def an_account(name: str = "erin", role: str = "engineer") -> User:
    person, _ = User.objects.get_or_create(username=name)
    person.groups.set([Group.objects.get(name=role)])
    return User.objects.get(pk=person.pk)


def a_world(*, scenes: int = 4, frames: int = 3) -> World:
    engineer = an_account()
    made = some_scenes(scenes, frames=frames, labels=False)
    version = a_version("Urban", val=made[:-1], train=made[-1:])
    return World(engineer, made, version, a_run(by=engineer, architecture="RandLA-Net"))


def a_draft(world: World, *, by: User | None = None, **wishes: Any) -> Evaluation:
    facts = {"dataset": "Urban@v1", "measure": "predictive_entropy", "normalised": True, "name": "ensemble-v2"}
    made = services.create_evaluation(wishes=EvaluationWishes(**{**facts, **wishes}), by=by or world.engineer)
    return made.evaluation


def vectors(scores: dict[int, list[float]], ious: dict[int, list[float]] | None = None) -> SceneVectors:
    """By scene id: the scores of its frames."""
    together = np.concatenate([np.array(one, np.float32) for one in scores.values()])
    known = None if ious is None else np.concatenate([np.array(ious[scene], np.float32) for scene in scores])
    lengths = np.array([len(one) for one in scores.values()])
    return SceneVectors(np.array(list(scores)), lengths, together, known)


def a_finished(world: World, scores: list[list[float]], *, by: User | None = None, **wishes: Any) -> Evaluation:
    """An evaluation with these scores of the scored scenes, one list a scene, finished."""
    draft = a_draft(world, by=by, **wishes)
    given = {scene.pk: one for scene, one in zip(world.scored, scores, strict=False)}
    services.record_scores(evaluation=draft, vectors=vectors(given), by=by or world.engineer)
    return services.finish_evaluation(evaluation=draft, by=by or world.engineer)
