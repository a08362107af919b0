"""Pushing down what evaluations found: each scene's uncertainty, by which the explorer sorts and filters."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection, transaction

from scenes.errors import RefusedError


@dataclass(frozen=True)
class SceneUncertainty:
    """What one evaluation says of one scene.

    `highest` is the highest score of its frames, `mean` the mean over them, both finite and not negative. `measure`
    tells score, unit and aggregator ("mutual information, nats, mean"): scores of other measures don't compare.
    `evaluation` is the id of the evaluation, by which its page is found; None: of none that LAMM knows.
    """

    scene: int
    highest: float
    mean: float
    source: str
    measure: str
    evaluation: int | None = None


@transaction.atomic
def record_uncertainty(*, scores: Iterable[SceneUncertainty]) -> int:
    """Write what stands on the scenes; returns how many changed. Scenes that are gone are left out.

    Set-based: two statements for any number. The caller decides which evaluation counts for a scene, and records it
    there; the evaluations are the source and have the history, the scenes only repeat the number.

    Raises RefusedError that names the scene when a score is negative or not finite, its source or measure is not named,
    or a scene stands twice in it.
    """
    given = list(scores)
    _check(given)
    with connection.cursor() as cursor:
        _lock(cursor, [score.scene for score in given])
        cursor.execute(
            """
            UPDATE scenes_scene s SET max_frame_uncertainty = n.highest, mean_frame_uncertainty = n.mean,
                uncertainty_source = n.source, uncertainty_measure = n.measure, uncertainty_evaluation = n.evaluation
            FROM unnest(%s::bigint[], %s::float8[], %s::float8[], %s::text[], %s::text[], %s::bigint[])
                AS n (scene, highest, mean, source, measure, evaluation)
            WHERE s.id = n.scene AND (s.max_frame_uncertainty, s.mean_frame_uncertainty, s.uncertainty_source,
                s.uncertainty_measure, s.uncertainty_evaluation)
                IS DISTINCT FROM (n.highest, n.mean, n.source, n.measure, n.evaluation)
            """,
            [
                [score.scene for score in given],
                [float(score.highest) for score in given],
                [float(score.mean) for score in given],
                [score.source for score in given],
                [score.measure for score in given],
                [score.evaluation for score in given],
            ],
        )
        return int(cursor.rowcount)


@transaction.atomic
def forget_uncertainty(*, scenes: Iterable[int]) -> int:
    """Take the numbers back, as when the only evaluation of these scenes is withdrawn; returns how many changed."""
    ids = sorted(set(scenes))
    with connection.cursor() as cursor:
        _lock(cursor, ids)
        cursor.execute(
            """
            UPDATE scenes_scene SET max_frame_uncertainty = NULL, mean_frame_uncertainty = NULL,
                uncertainty_source = '', uncertainty_measure = '', uncertainty_evaluation = NULL
            WHERE id = ANY(%s) AND max_frame_uncertainty IS NOT NULL
            """,
            [ids],
        )
        return int(cursor.rowcount)


def _check(given: list[SceneUncertainty]) -> None:
    seen: set[int] = set()
    for score in given:
        for name, value in (("highest", score.highest), ("mean", score.mean)):
            if not (math.isfinite(value) and value >= 0):
                raise RefusedError(
                    f"Scene {score.scene}: the {name} uncertainty {value} is no finite number from 0 on."
                )
        if not score.source.strip() or not score.measure.strip():
            raise RefusedError(f"Scene {score.scene}: name the source and the measure of the uncertainty.")
        if score.scene in seen:
            raise RefusedError(f"Scene {score.scene} stands twice in one record of uncertainties.")
        seen.add(score.scene)


def _lock(cursor: object, ids: list[int]) -> None:
    """In the order of ids, so that two records of the same scenes wait for each other."""
    cursor.execute(  # type: ignore[attr-defined]
        "SELECT 1 FROM scenes_scene WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [ids]
    )
