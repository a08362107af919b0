"""Finding out what a certificate says of a version: five queries beside those of the statistics."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from django.db import connection

from datasets import certificate
from datasets.counting import rows
from datasets.models import DatasetVersion

NAMED = 20
SHARED_DRIVES = """
    SELECT drive.name, array_agg(DISTINCT item.split), count(*) OVER () AS shared
    FROM datasets_item AS item JOIN scenes_scene AS scene ON scene.id = item.scene_id
    JOIN scenes_drive AS drive ON drive.id = scene.drive_id
    WHERE item.version_id = %(version)s AND item.split <> ''
    GROUP BY drive.name HAVING count(DISTINCT item.split) > 1 ORDER BY drive.name
"""
IDENTICAL_FILES = """
    SELECT cloud.digest, count(*) OVER (), array_agg(frame.id ORDER BY frame.id)
    FROM datasets_item AS item JOIN scenes_frame AS frame ON frame.scene_id = item.scene_id AND frame.state = 'ready'
    JOIN scenes_storedfile AS cloud ON cloud.id = frame.cloud_id
    WHERE item.version_id = %(version)s AND item.split <> ''
    GROUP BY cloud.digest HAVING min(item.split) <> max(item.split) ORDER BY cloud.digest LIMIT 20
"""
FRAMES = """
    SELECT frame.id, scene.name, frame.name, item.split FROM scenes_frame AS frame
    JOIN scenes_scene AS scene ON scene.id = frame.scene_id
    JOIN datasets_item AS item ON item.scene_id = scene.id AND item.version_id = %s WHERE frame.id = ANY(%s)
"""
WHEN_AND_WHERE = """
    SELECT scene.name, item.split, extract(epoch FROM scene.captured_at)::double precision,
        coalesce(scene.duration_seconds, 0), scene.position_state = 'known',
        scene.start_latitude, scene.start_longitude, scene.end_latitude, scene.end_longitude
    FROM datasets_item AS item JOIN scenes_scene AS scene ON scene.id = item.scene_id
    WHERE item.version_id = %(version)s AND item.split <> '' ORDER BY scene.name
"""


def certify(version: DatasetVersion, statistics: Mapping[str, Any]) -> dict[str, Any]:
    """The certificate of a version as its splits are now; `statistics` are of the same moment."""
    shared = rows(SHARED_DRIVES, version)
    identical = rows(IDENTICAL_FILES, version)
    told = rows(WHEN_AND_WHERE, version)
    facts = certificate.Facts(
        statistics=statistics,
        drive_count=statistics["total"]["drives"],
        straddling=[(name, sorted(splits)) for name, splits, _ in shared],
        identical_count=identical[0][1] if identical else 0,
        identical=_identical(version, identical),
        time_gap=_time_gap(told),
        gps_gap=_gps_gap(told),
        untimed=sum(row[2] is None for row in told),
        drawn=version.drawn.get("explanations", []),
    )
    return certificate.written(facts)


def _identical(version: DatasetVersion, found: list[tuple[Any, ...]]) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """The first files that are in two splits, with a few of the frames that have them."""
    wanted = [frame for _, _, frames in found for frame in frames[:NAMED]]
    if not wanted:
        return []
    with connection.cursor() as cursor:
        cursor.execute(FRAMES, [version.pk, wanted])
        told = {frame: (scene, name, split) for frame, scene, name, split in cursor.fetchall()}
    return [(digest, [told[frame] for frame in frames[:NAMED] if frame in told]) for digest, _, frames in found]


def _time_gap(told: list[tuple[Any, ...]]) -> tuple[float, str, str] | None:
    timed = [row for row in told if row[2] is not None]
    starts = np.array([row[2] for row in timed], float)
    ends = starts + np.array([row[3] for row in timed], float)
    gap = certificate.smallest_time_gap(starts, ends, [row[1] for row in timed])
    return (gap.size, timed[gap.one][0], timed[gap.other][0]) if gap else None


def _gps_gap(told: list[tuple[Any, ...]]) -> tuple[float, str, str] | None:
    """Between the ends of the scenes: where each begins and where it ends."""
    placed = [row for row in told if row[4]]
    latitudes = np.array([row[5] for row in placed] + [row[7] for row in placed], float)
    longitudes = np.array([row[6] for row in placed] + [row[8] for row in placed], float)
    gap = certificate.smallest_distance(latitudes, longitudes, [row[1] for row in placed] * 2)
    if gap is None:
        return None
    return gap.size, placed[gap.one % len(placed)][0], placed[gap.other % len(placed)][0]
