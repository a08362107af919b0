"""A library of made-up scenes, loaded by COPY in minutes, for benches that ask among a million."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

TAGS, LABELERS, SCENES_A_DRIVE, TAGS_A_SCENE = 200, 30, 100, 3
STATUSES = ["unlabeled", "in_progress", "in_review", "labeled"]
WORDS = ["highway", "urban", "tunnel", "harbour", "forest", "bridge", "suburb", "depot", "quarry", "airport"]
SCENE_COLUMNS = [
    "id", "name", "drive_id", "captured_at", "status", "status_since", "labeler_id", "reviewer_id", "priority",
    "locked", "rework_reason", "notes", "frame_count", "quarantined_count", "point_count", "size_bytes",
    "duration_seconds", "position_state", "position_problem", "start_latitude", "start_longitude", "end_latitude",
    "end_longitude",
    "max_frame_uncertainty", "mean_frame_uncertainty", "uncertainty_source", "uncertainty_measure", "used_in_training",
    "created_at", "updated_at",
]  # fmt: skip


@dataclass(frozen=True)
class MadeScene:
    """One scene as rows for COPY."""

    scene: list[Any]
    tags: list[int]


def made_scene(number: int, dice: random.Random) -> MadeScene:
    status = dice.choices(STATUSES, [60, 10, 5, 25])[0]
    labeler = None if status == "unlabeled" else dice.randint(1, LABELERS)
    reviewer = LABELERS + 1 if status == "labeled" else None
    moment = f"2024-01-01 00:00:00+00:{0:02d}"
    high = None if dice.random() < 0.2 else round(dice.betavariate(2, 5), 6)
    model = f"ensemble-v{dice.randint(1, 8)}" if high is not None else ""
    there = dice.random() < 0.8
    place = [dice.uniform(-60, 60), dice.uniform(-180, 180)] * 2 if there else [None] * 4
    frames = dice.randint(50, 400)
    scene = [
        number, f"{2020 + number % 6}-{dice.choice(WORDS)}-{number:07d}", 1 + number // SCENES_A_DRIVE, moment, status,
        moment, labeler, reviewer, dice.randint(1, 4), status == "labeled", "", "", frames, 0, frames * 120_000,
        frames * 2_000_000, frames / 10, "known" if there else "missing", "", *place, high,
        None if high is None else high * 0.6, model, "entropy" if model else "", dice.random() < 0.3, moment, moment,
    ]  # fmt: skip
    tags: set[int] = set()
    while len(tags) < TAGS_A_SCENE:  # some tags are common, most are rare
        tags.add(1 + int(TAGS * dice.random() ** 2.5))
    return MadeScene(scene, sorted(tags))


def load(first: int, last: int) -> None:
    """Scenes first..last with their drives and links by COPY; indexes and what triggers would write come afterwards."""
    from django.db import connection

    dice = random.Random(first)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica; SET maintenance_work_mem = '512MB'")
        cursor.execute(
            "INSERT INTO scenes_drive (id, name, vehicle, location, notes, created_at) SELECT n, 'drive-' || n, '', '',"
            " '', now() FROM generate_series(1, %s) AS n ON CONFLICT DO NOTHING",
            [1 + last // SCENES_A_DRIVE],
        )
        with without_indexes(cursor, "scenes_scene", "scenes_scenetag"):
            links = copy_scenes(cursor, (made_scene(number, dice) for number in range(first, last + 1)))
            columns = "content_object_id, tag_id, status, max_uncertainty"
            with cursor.copy(f"COPY scenes_scenetag ({columns}) FROM STDIN") as copy:
                for link in links:
                    copy.write_row(link)
        with without_indexes(cursor, "scenes_searchtext"):
            # The whole range at once is what a trigger of one statement would be given.
            cursor.execute("SELECT scenes_write_search_text(array(SELECT generate_series(%s, %s)))", [first, last])
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("SELECT setval(pg_get_serial_sequence('scenes_scene', 'id'), %s)", [last])
        for table in ("scenes_scene", "scenes_scenetag", "scenes_searchtext", "scenes_drive", "scenes_tag"):
            cursor.execute(f"VACUUM ANALYZE {table}")


@contextmanager
def without_indexes(cursor: Any, *tables: str) -> Iterator[None]:
    """Those that hold no constraint are made again afterwards, which is much faster than to fill them row by row."""
    cursor.execute(
        """
        SELECT c.relname, pg_get_indexdef(c.oid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indrelid = ANY(%s::regclass[]) AND NOT i.indisunique
        """,
        [list(tables)],
    )
    found = cursor.fetchall()
    for name, _ in found:
        cursor.execute(f"DROP INDEX {name}")
    yield
    for _, definition in found:
        cursor.execute(definition)


def copy_scenes(cursor: Any, made: Iterator[MadeScene]) -> list[tuple[Any, ...]]:
    """The links of the scenes that went in."""
    status, highest = SCENE_COLUMNS.index("status"), SCENE_COLUMNS.index("max_frame_uncertainty")
    links: list[tuple[Any, ...]] = []
    with cursor.copy(f"COPY scenes_scene ({', '.join(SCENE_COLUMNS)}) FROM STDIN") as copy:
        for one in made:
            copy.write_row(one.scene)
            links.extend((one.scene[0], tag, one.scene[status], one.scene[highest]) for tag in one.tags)
    return links


def make_people_and_tags() -> Any:
    from django.contrib.auth.models import User
    from django.db import connection

    from scenes.models import Tag

    User.objects.bulk_create(User(pk=n, username=f"labeler-{n:02d}") for n in range(1, LABELERS + 2))
    Tag.objects.bulk_create(Tag(pk=n, name=f"tag-{n:03d}", slug=f"tag-{n:03d}") for n in range(1, TAGS + 1))
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval(pg_get_serial_sequence('auth_user', 'id'), 1000)")
    return User.objects.create_superuser("curator")
