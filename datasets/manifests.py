"""The canonical manifest of a version: one line a scene, by which its content can be named and checked.

UTF-8, a line feed after each line, no space outside of texts, keys in the order shown here. The first line is

    {"format":"lamm-dataset-manifest/1"}

and then, in the order of the bytes of the scenes' names, a line a scene:

    {"scene":"...","split":"train","labels":{"ontology":"...","version":2},"frames":[["000000.pcd","<sha256 of the
    cloud>","<sha256 of its class indices>"],...]}

`labels` is null for a scene without labels, and so is the third part of a frame without. Frames come in playing order,
only those that are ready. The sha256 of all of it is the digest of the version.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import connection, transaction

from datasets.models import DatasetVersion

FORMAT = "lamm-dataset-manifest/1"
HEADER = f'{{"format":"{FORMAT}"}}\n'.encode()
LINES_AT_ONCE = 500
CHUNK_BYTES = 1 << 18
# Names as JSON writes them, so that nothing in them can be taken for a part of the line.
LINES = """
    SELECT item.id, '{"scene":' || to_json(scene.name::text) || ',"split":"' || item.split || '","labels":' ||
        coalesce('{"ontology":' || to_json(ontology.name::text) || ',"version":' || labels.version || '}', 'null') ||
        ',"frames":[' || coalesce(listed.frames, '') || ']}'
    FROM datasets_item AS item JOIN scenes_scene AS scene ON scene.id = item.scene_id
    LEFT JOIN scenes_labelset AS labels ON labels.id = item.label_set_id
    LEFT JOIN scenes_ontology AS ontology ON ontology.id = labels.ontology_id
    LEFT JOIN LATERAL (
        SELECT string_agg('[' || to_json(frame.name::text) || ',"' || cloud.digest || '",' ||
            coalesce('"' || classes.digest || '"', 'null') || ']', ',' ORDER BY frame.index) AS frames
        FROM scenes_frame AS frame JOIN scenes_storedfile AS cloud ON cloud.id = frame.cloud_id
        LEFT JOIN scenes_framelabels AS labelled
            ON labelled.frame_id = frame.id AND labelled.label_set_id = item.label_set_id
        LEFT JOIN scenes_storedfile AS classes ON classes.id = labelled.classes_id
        WHERE frame.scene_id = item.scene_id AND frame.state = 'ready') AS listed ON true
"""
OF_VERSION = LINES + ' WHERE item.version_id = %s ORDER BY scene.name COLLATE "C"'
OF_ITEMS = LINES + " WHERE item.id = ANY(%s)"


def lines(version: DatasetVersion) -> Iterator[tuple[int, bytes]]:
    """Item id and line of each scene, in the order of the manifest, of the facts as they are now. In a transaction."""
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(OF_VERSION, [version.pk])
        while rows := cursor.fetchmany(LINES_AT_ONCE):
            yield from ((item, f"{line}\n".encode()) for item, line in rows)


def lines_of(items: Iterable[int]) -> dict[int, bytes]:
    """By item id: its line, of the facts as they are now."""
    with connection.cursor() as cursor:
        cursor.execute(OF_ITEMS, [list(items)])
        return {item: f"{line}\n".encode() for item, line in cursor.fetchall()}


def stored_lines(version: DatasetVersion) -> Iterator[bytes]:
    """The lines of a frozen version as they were kept, the header first. Raises FileNotFoundError without them."""
    assert version.manifest is not None
    with version.manifest.open() as file:
        yield from file


def stored_chunks(version: DatasetVersion) -> Iterator[bytes]:
    """The same in pieces of equal size, for sending."""
    assert version.manifest is not None
    with version.manifest.open() as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def parsed(line: bytes) -> dict[str, Any]:
    """{"scene", "split", "labels", "frames": [[name, cloud, classes], ...]}"""
    found: dict[str, Any] = json.loads(line)
    return found
