"""What one needs to read the frames of a frozen version and is no part of its digest: ids, times, poses, places.

The first line tells the format and where the files are: templates of addresses, in which {frame} is the id of a frame,
{labels} that of its labels, and {digest} what the manifest says of the file. Then a line of JSON a scene: `digest` is
the sha256 of the scene's line of the manifest, by which the two belong together; `scene` is its id; the rest are
columns in playing order, of the frames that are ready.
"""

import json
from collections.abc import Iterator

from django.db import connection
from django.urls import reverse

from datasets.models import DatasetVersion

FORMAT = "lamm-dataset-frames/1"
FILES = {"cloud": ("frame-cloud", "frame"), "points": ("frame-points", "frame"), "labels": ("frame-labels", "labels")}
SCENES_AT_ONCE = 50
COLUMNS = {
    "frame": "frame.id",
    "name": "frame.name",
    "index": "frame.index",
    "labels": "labelled.id",
    "format": "frame.format",
    "timestamp_ns": "frame.timestamp_ns",
    "pose": "frame.pose",
    "latitude": "frame.latitude",
    "longitude": "frame.longitude",
    "points": "frame.point_count",
    "bytes": "cloud.size",
}
AGGREGATES = ", ".join(f"'{name}', coalesce(listed.\"{name}\", '[]'::json)" for name in COLUMNS)
LISTS = ", ".join(f'json_agg({column} ORDER BY frame.index) AS "{name}"' for name, column in COLUMNS.items())
# Aggregates put line feeds between arrays; those inside of names are written as \\n.
LINES = f"""
    SELECT replace(json_build_object('digest', item.content_digest, 'scene', item.scene_id, {AGGREGATES})::text,
        chr(10), '')
    FROM datasets_item AS item LEFT JOIN LATERAL (
        SELECT {LISTS} FROM scenes_frame AS frame JOIN scenes_storedfile AS cloud ON cloud.id = frame.cloud_id
        LEFT JOIN scenes_framelabels AS labelled
            ON labelled.frame_id = frame.id AND labelled.label_set_id = item.label_set_id
        WHERE frame.scene_id = item.scene_id AND frame.state = 'ready') AS listed ON true
    WHERE item.id = ANY(%s) ORDER BY item.id
"""  # noqa: S608 - parts of this module only


def header() -> bytes:
    """The first line."""
    told = {"format": FORMAT} | {
        name: reverse(route, args=[0, "DIGEST"]).replace("/0/", f"/{{{row}}}/").replace("DIGEST", "{digest}")
        for name, (route, row) in FILES.items()
    }
    return json.dumps(told, separators=(",", ":")).encode() + b"\n"


def lines(version: DatasetVersion) -> Iterator[bytes]:
    """The first line, and one for each scene of the version.

    By short queries: none stays open while a slow reader takes the answer.
    """
    yield header()
    items = list(version.items.order_by("id").values_list("pk", flat=True))
    for first in range(0, len(items), SCENES_AT_ONCE):
        with connection.cursor() as cursor:
            cursor.execute(LINES, [items[first : first + SCENES_AT_ONCE]])
            rows = cursor.fetchall()
        yield b"".join(f"{line}\n".encode() for (line,) in rows)
