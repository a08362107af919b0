"""Which evaluation counts for a scene, and what stands on the scenes in its name.

Of the finished evaluations that scored a scene the one counts whose scores lie on the scale 0..1 (normalised) before
one in nats or in a scale of its own, because raw numbers of different scales don't compare; among these the one with
the highest score, and of equals the newest. settings.UNCERTAINTY_COUNTS narrows it to one definition, such as
"mutual_information/normalised/mean": then only evaluations of that definition count, and all numbers compare.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from scenes.services.uncertainty import SceneUncertainty
from uncertainty.models import Aggregator, Evaluation, Measure

UNITS = {"normalised": True, "raw": False}
_COUNTING = """
    SELECT DISTINCT ON (kept.scene_id) kept.scene_id, kept.max, kept.mean, evaluation.id AS evaluation_id
    FROM uncertainty_scenescores AS kept JOIN uncertainty_evaluation AS evaluation ON evaluation.id = kept.evaluation_id
    WHERE evaluation.state = 'finished' AND kept.n > 0 AND kept.scene_id = ANY(%(scenes)s)
        AND (%(measure)s = '' OR evaluation.measure = %(measure)s)
        AND (%(normalised)s::bool IS NULL OR evaluation.normalised = %(normalised)s)
        AND (%(aggregator)s = '' OR evaluation.aggregator = %(aggregator)s)
    ORDER BY kept.scene_id, evaluation.normalised DESC, kept.max DESC, evaluation.id DESC
"""
_SCENES = """
    SELECT id FROM scenes_scene WHERE id > %s AND (max_frame_uncertainty IS NOT NULL
        OR EXISTS (SELECT 1 FROM uncertainty_scenescores AS kept WHERE kept.scene_id = scenes_scene.id))
    ORDER BY id LIMIT %s
"""


@dataclass(frozen=True)
class Difference:
    """A scene that says something else than its evaluations: the number there, and the one that should be."""

    scene: int
    name: str
    said: float | None
    counts: float | None


def counting(scenes: Sequence[int]) -> list[SceneUncertainty]:
    """What should stand on each of some scenes; those that no evaluation counts for are left out. Two queries."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTING, {"scenes": list(scenes), **wanted_definition()})
        rows = cursor.fetchall()
    known = Evaluation.objects.for_listing().in_bulk({row[3] for row in rows})
    sources = {pk: (one.title[:200], one.definition[:100]) for pk, one in known.items()}
    return [
        SceneUncertainty(scene, highest, mean, *sources[evaluation], evaluation)
        for scene, highest, mean, evaluation in rows
    ]


def wanted_definition() -> dict[str, Any]:
    """What settings.UNCERTAINTY_COUNTS asks of an evaluation: measure, normalised or not, aggregator.

    Raises ImproperlyConfigured for what is none.
    """
    parts = [*settings.UNCERTAINTY_COUNTS.split("/"), "", ""]
    measure, unit, aggregator = parts[:3]
    known = measure in ("", *Measure.values) and unit in ("", *UNITS) and aggregator in ("", *Aggregator.values)
    if len(parts) > 5 or not known:
        raise ImproperlyConfigured(
            f"LAMM_UNCERTAINTY_COUNTS is {settings.UNCERTAINTY_COUNTS!r}. Write MEASURE/normalised/AGGREGATOR or "
            f"MEASURE/raw/AGGREGATOR; later parts may be left out. Measures: {', '.join(Measure.values)}. "
            f"Aggregators: {', '.join(Aggregator.values)}."
        )
    return {"measure": measure, "normalised": UNITS.get(unit), "aggregator": aggregator}


def scenes_to_look_at(after: int, most: int) -> list[int]:
    """The next ids of scenes that have an uncertainty or were scored, in their order."""
    with connection.cursor() as cursor:
        cursor.execute(_SCENES, [after, most])
        return [scene for (scene,) in cursor.fetchall()]


def differences(scenes: Sequence[int]) -> Iterable[Difference]:
    """Those of some scenes whose pushed-down numbers are not those of the evaluation that counts."""
    wanted = {one.scene: one for one in counting(scenes)}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id, name, max_frame_uncertainty, mean_frame_uncertainty, uncertainty_source, uncertainty_measure,
                uncertainty_evaluation FROM scenes_scene WHERE id = ANY(%s) ORDER BY id
            """,
            [list(scenes)],
        )
        rows = cursor.fetchall()
    for scene, name, *said in rows:
        one = wanted.get(scene)
        should = [one.highest, one.mean, one.source, one.measure, one.evaluation] if one else [None, None, "", "", None]
        if said != should:
            yield Difference(scene, name, said[0], one.highest if one else None)
