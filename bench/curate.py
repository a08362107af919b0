"""How fast curators' bulk changes are, against the best SQL for the same.

    python -m bench.curate [--scenes 20000] [--tagged 1000] [--json]

Scenes with history are made here in a throw-away database. A bulk tag with its history, in one request, is held against
150 ms and shown beside the bare statements; one assignment of all scenes runs as a worker runs it, in batches with
progress, and is held against 20 s for 100,000 scenes. Figures are medians of several passes where a pass is short.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from bench.figures import Figure, arguments, at_most, report
from bench.installation import throw_away_installation

PASSES = 5
TAG_LIMIT_MS = 150.0
ASSIGN_LIMIT_SECONDS, ASSIGN_LIMIT_SCENES = 20.0, 100_000


def make_scenes(count: int) -> list[int]:
    """Scenes with the history that saving each would have written; their ids."""
    from django.db import connection

    from scenes.history_sets import record_history
    from scenes.models import Scene

    scenes = (Scene(name=f"bench-{number:07d}", frame_count=1) for number in range(count))
    Scene.objects.bulk_create(scenes, batch_size=5000)
    record_history(Scene.objects.all(), by=None, reason="bench", kind="+")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE scenes_scene, scenes_historicalscene, scenes_scenetag, scenes_historicalscenetag")
    return list(Scene.objects.order_by("pk").values_list("pk", flat=True))


def make_people() -> tuple[Any, Any]:
    from django.contrib.auth.models import Group, User

    curator, labeler = User.objects.create_user("curator"), User.objects.create_user("labeler")
    curator.groups.add(Group.objects.get(name="curator"))
    labeler.groups.add(Group.objects.get(name="labeler"))
    return curator, labeler


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def bare_tag_sql(ids: list[int], tag: int) -> None:
    """The least that tagging with history takes: two statements in one transaction."""
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            WITH added AS (
                INSERT INTO scenes_scenetag (content_object_id, tag_id)
                SELECT unnest(%s::bigint[]), %s ON CONFLICT DO NOTHING RETURNING id, content_object_id, tag_id)
            INSERT INTO scenes_historicalscenetag (id, content_object_id, tag_id, history_date, history_type,
                history_change_reason, door, request_id)
            SELECT id, content_object_id, tag_id, now(), '+', 'bench', 'bench', '' FROM added
            """,
            [ids, tag],
        )


def tag_figures(ids: list[int], curator: Any) -> list[Figure]:
    from scenes.models import Tag
    from scenes.services import curating

    tags = [Tag.objects.create(name=f"{way}-{number}") for number in range(PASSES + 1) for way in ("bulk", "bare")]
    bulk, bare = tags[::2], tags[1::2]
    curating.add_tags(scenes=ids, tags=[bulk.pop().name], by=curator, reason="warm")
    bare_tag_sql(ids, bare.pop().pk)
    taken = [timed(partial(curating.add_tags, scenes=ids, tags=[tag.name], by=curator)) for tag in bulk]
    least = [timed(partial(bare_tag_sql, ids, tag.pk)) for tag in bare]
    value, limit = statistics.median(taken) * 1000, statistics.median(least) * 1000
    return [
        at_most(f"bulk tag of {len(ids):,} with history", value, "ms", TAG_LIMIT_MS, 1),
        at_most("the same against bare SQL", value, "ms", limit, 4),
    ]


def bare_assign_sql(ids: list[int], labeler: int) -> None:
    """The least that assigning takes: an update of the scenes, without history."""
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE scenes_scene SET labeler_id = %s WHERE id = ANY(%s)", [labeler, ids])
        transaction.set_rollback(True)


def assign_figures(ids: list[int], curator: Any, labeler: Any) -> list[Figure]:
    """One action over all scenes: the request that starts it, then the batches of one worker."""
    from scenes.models import BulkChange
    from scenes.services import bulk, curating

    least = timed(lambda: bare_assign_sql(ids, labeler.pk))
    started = time.perf_counter()
    change = curating.assign(scenes=ids, labeler=labeler, by=curator)
    request = time.perf_counter() - started
    bulk.work(change.pk)
    taken = time.perf_counter() - started
    if BulkChange.objects.get(pk=change.pk).changed != len(ids):
        raise SystemExit("Not every scene was assigned.")
    allowed = ASSIGN_LIMIT_SECONDS * len(ids) / ASSIGN_LIMIT_SCENES
    undo = curating.undo_bulk(change=BulkChange.objects.get(pk=change.pk), by=curator)
    return [
        at_most(f"assign {len(ids):,}, as a job", taken, "s", allowed, 1),
        at_most("the request that starts it", request * 1000, "ms", 1000, 1),
        at_most("the same against UPDATE alone", taken, "s", least, 12),
        at_most("undo it", timed(lambda: bulk.work(undo.pk)), "s", allowed, 1),
    ]


def measure(scenes: int, tagged: int) -> list[Figure]:
    from unittest.mock import patch

    ids = make_scenes(scenes)
    curator, labeler = make_people()
    with patch("scenes.services.bulk.wake"):  # this process is the worker
        return [*tag_figures(ids[:tagged], curator), *assign_figures(ids, curator, labeler)]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--scenes", type=int, default=20_000)
    parser.add_argument("--tagged", type=int, default=1000)
    options = parser.parse_args()
    with throw_away_installation():
        figures = measure(options.scenes, min(options.tagged, options.scenes))
    report(figures, as_json=options.json)


if __name__ == "__main__":
    main()
