"""Pushing down: what the evaluations that count say stands on the scenes, by which the explorer sorts and filters."""

from collections.abc import Iterator, Sequence

from django.db import connection, transaction

from scenes.services.uncertainty import forget_uncertainty, record_uncertainty
from uncertainty.standing import Difference, counting, differences, scenes_to_look_at

SCENES_AT_ONCE = 20_000


@transaction.atomic
def push_down(*, scenes: Sequence[int]) -> int:
    """Write what counts for these scenes, and take back what counts no more; returns how many scenes changed.

    Those who finish or withdraw evaluations of the same scenes at the same time go one after the other, so that each
    sees what the one before has done.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('uncertainty of scenes', 0))")
    changed = 0
    for first in range(0, len(scenes), SCENES_AT_ONCE):
        some = scenes[first : first + SCENES_AT_ONCE]
        found = counting(some)
        changed += record_uncertainty(scores=found)
        changed += forget_uncertainty(scenes=set(some) - {one.scene for one in found})
    return changed


def rebuild_uncertainty() -> Iterator[tuple[int, int]]:
    """Push everything down again: (scenes looked at, scenes that changed) of one batch after the other."""
    after = 0
    while scenes := scenes_to_look_at(after, SCENES_AT_ONCE):
        yield len(scenes), push_down(scenes=scenes)
        after = scenes[-1]


def uncertainty_differences() -> Iterator[Difference]:
    """Every scene that says something else than the evaluation that counts for it. Changes nothing."""
    after = 0
    while scenes := scenes_to_look_at(after, SCENES_AT_ONCE):
        yield from differences(scenes)
        after = scenes[-1]
