"""Drawing splits: reads what splits.py needs to know of a version's scenes, and writes what it decides."""

import math
from collections.abc import Iterator
from datetime import date
from typing import Any

from django.db import connection

from datasets import splits
from datasets.models import Balance, DatasetVersion, Grouping
from scenes.errors import RefusedError

METRES_PER_DEGREE = 111_320.0
# The newest labels of each scene of a version: of the plan's ontology, or of any when it names none.
NEWEST_LABELS = """
    SELECT DISTINCT ON (item.id) item.id AS item_id, labels.id AS label_set_id
    FROM datasets_item AS item JOIN scenes_labelset AS labels ON labels.scene_id = item.scene_id
    WHERE item.version_id = %(version)s AND (%(ontology)s::bigint IS NULL OR labels.ontology_id = %(ontology)s)
    ORDER BY item.id, labels.version DESC
"""
FACTS = """
    SELECT item.id, scene.name, drive.name, coalesce((scene.captured_at AT TIME ZONE 'UTC')::date, drive.date),
        scene.start_latitude, scene.start_longitude, scene.frame_count, item.fixed_split, coalesce(previous.split, '')
    FROM datasets_item AS item
    JOIN scenes_scene AS scene ON scene.id = item.scene_id
    LEFT JOIN scenes_drive AS drive ON drive.id = scene.drive_id
    LEFT JOIN datasets_item AS previous ON previous.version_id = %(parent)s AND previous.scene_id = item.scene_id
    WHERE item.version_id = %(version)s
"""
TAGS = """
    SELECT item.id, array_agg('tag ' || tag.name) FROM datasets_item AS item
    JOIN scenes_scenetag AS link ON link.content_object_id = item.scene_id
    JOIN scenes_tag AS tag ON tag.id = link.tag_id
    WHERE item.version_id = %(version)s GROUP BY item.id
"""
CLASSES = f"""
    SELECT newest.item_id, array_agg('class ' || (counted.place - 1))
    FROM ({NEWEST_LABELS}) AS newest JOIN scenes_labelset AS labels ON labels.id = newest.label_set_id
    CROSS JOIN unnest(labels.class_counts) WITH ORDINALITY AS counted (points, place)
    WHERE counted.points > 0 GROUP BY newest.item_id
"""  # noqa: S608 - parts of this module only


def parameters(version: DatasetVersion) -> dict[str, Any]:
    parent = version.parent_id if version.keep_previous else None
    return {"version": version.pk, "ontology": version.ontology_id, "parent": parent}


def draw(version: DatasetVersion) -> splits.Draw:
    """Draw the splits of a draft by its plan and write them. The caller holds the version's row.

    Raises RefusedError when the draft is empty.
    """
    ids: dict[str, int] = {}
    members = []
    for item, member in members_of(version):
        ids[member.key] = item
        members.append(member)
    if not members:
        raise RefusedError(f"{version} has no scenes yet. Add some first.")
    drawn = splits.draw(members, percent=version.ratios, seed=version.seed, unit=str(version.balance))
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM datasets_item WHERE version_id = %s ORDER BY id FOR NO KEY UPDATE", [version.pk])
        cursor.execute(
            """
            UPDATE datasets_item AS item SET split = drawn.split
            FROM unnest(%s::bigint[], %s::text[]) AS drawn (id, split)
            WHERE item.id = drawn.id AND item.split <> drawn.split
            """,
            [[ids[key] for key in drawn.splits], list(drawn.splits.values())],
        )
    version.drawn = {
        "plan": version.plan_number,
        "items": len(members),
        "weights": drawn.weights,
        "explanations": [{"name": one.name, "words": one.words} for one in drawn.explanations],
    }
    DatasetVersion.objects.filter(pk=version.pk).update(drawn=version.drawn)
    return drawn


def members_of(version: DatasetVersion) -> Iterator[tuple[int, splits.Member]]:
    """Item id and member for every scene of the version; at most three queries."""
    with connection.cursor() as cursor:
        labels: dict[int, list[str]] = {}
        for wanted, statement in ((version.stratify_tags, TAGS), (version.stratify_classes, CLASSES)):
            if wanted:
                cursor.execute(statement, parameters(version))
                for item, names in cursor.fetchall():
                    labels.setdefault(item, []).extend(names)
        cursor.execute(FACTS, parameters(version))
        for item, name, drive, day, latitude, longitude, frames, fixed, previous in cursor.fetchall():
            group = _group(version, name, drive, day, latitude, longitude)
            weight = frames if version.balance == Balance.FRAMES else 1
            yield item, splits.Member(name, group, weight, tuple(sorted(labels.get(item, ()))), fixed, previous)


def _group(
    version: DatasetVersion,
    name: str,
    drive: str | None,
    day: date | None,
    latitude: float | None,
    longitude: float | None,
) -> str:
    """What must stay together with a scene; the scene alone when the fact that would tell is not known."""
    if version.grouping == Grouping.DRIVE and drive is not None:
        return f"drive {drive}"
    if version.grouping == Grouping.DAY and day is not None:
        return f"day {day.isoformat()}"
    if version.grouping == Grouping.CELL and latitude is not None and longitude is not None:
        return cell(latitude, longitude, version.cell_metres)
    return f"scene {name}"


def cell(latitude: float, longitude: float, metres: int) -> str:
    """The location cell of a WGS 84 position in degrees: rows of equal height, their cells about as wide as high.

    The cosine is rounded, so that machines whose mathematics differ in the last digit agree.
    """
    row = math.floor(latitude * METRES_PER_DEGREE / metres)
    middle = (row + 0.5) * metres / METRES_PER_DEGREE
    width = max(0.01, round(math.cos(math.radians(middle)), 9))
    column = math.floor(longitude * METRES_PER_DEGREE * width / metres)
    return f"cell {row},{column} of {metres} m"
