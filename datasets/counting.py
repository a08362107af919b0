"""The queries behind statistics and certificate: a constant number of them, for any number of scenes."""

from typing import Any

from django.db import connection

from datasets import statistics
from datasets.drawing import NEWEST_LABELS, parameters
from datasets.models import DatasetVersion

PINNED_LABELS = """
    SELECT item.id AS item_id, item.label_set_id FROM datasets_item AS item
    WHERE item.version_id = %(version)s AND item.label_set_id IS NOT NULL
"""
PER_SPLIT = """
    WITH labelled AS MATERIALIZED ({labels})
    SELECT CASE WHEN grouping(item.split) = 1 THEN 'total' ELSE item.split END,
        count(*), coalesce(sum(scene.frame_count), 0)::bigint, coalesce(sum(scene.point_count), 0)::bigint,
        coalesce(sum(scene.size_bytes), 0)::bigint, coalesce(sum(scene.duration_seconds), 0), count(DISTINCT drive_id),
        count(*) FILTER (WHERE labelled.item_id IS NULL), count(*) FILTER (WHERE scene.position_state <> 'known'),
        count(*) FILTER (WHERE scene.frame_count = 0), coalesce(sum(scene.quarantined_count), 0)::bigint
    FROM datasets_item AS item JOIN scenes_scene AS scene ON scene.id = item.scene_id
    LEFT JOIN labelled ON labelled.item_id = item.id
    WHERE item.version_id = %(version)s GROUP BY GROUPING SETS ((item.split), ())
"""
PER_CLASS = """
    WITH counted AS (
        SELECT labels.ontology_id, item.split, place - 1 AS index, sum(points) AS points
        FROM ({labels}) AS labelled JOIN datasets_item AS item ON item.id = labelled.item_id
        JOIN scenes_labelset AS labels ON labels.id = labelled.label_set_id
        CROSS JOIN unnest(labels.class_counts) WITH ORDINALITY AS counted (points, place)
        GROUP BY labels.ontology_id, item.split, place)
    SELECT ontology.name, class.index, class.name, class.colour, class.ignored, counted.split, counted.points::bigint
    FROM counted JOIN scenes_ontology AS ontology ON ontology.id = counted.ontology_id
    JOIN scenes_semanticclass AS class
        ON class.ontology_id = counted.ontology_id AND class.index = counted.index
"""
PER_TAG = """
    SELECT tag.name, item.split, count(*) FROM datasets_item AS item
    JOIN scenes_scenetag AS link ON link.content_object_id = item.scene_id
    JOIN scenes_tag AS tag ON tag.id = link.tag_id
    WHERE item.version_id = %(version)s GROUP BY tag.name, item.split
"""


def rows(statement: str, version: DatasetVersion) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters(version))
        return cursor.fetchall()


def count(version: DatasetVersion, *, pinned: bool = False) -> dict[str, Any]:
    """The statistics of a version as it is now, in three queries. `pinned`: of the labels that the items name."""
    labels = PINNED_LABELS if pinned else NEWEST_LABELS
    return statistics.together(
        splits=rows(PER_SPLIT.format(labels=labels), version),
        classes=rows(PER_CLASS.format(labels=labels), version),
        tags=rows(PER_TAG, version),
        asked=version.ratios,
        unit=str(version.balance),
    )
