"""Facts of scenes as lines of CSV or JSON, one scene at a time, for any number of them."""

import csv
import json
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any

from django.db.models import QuerySet

from scenes.models import Scene

SCENES_AT_ONCE = 1000
CSV, JSON_LINES = "csv", "jsonl"
CONTENT_TYPES = {CSV: "text/csv; charset=utf-8", JSON_LINES: "application/x-ndjson"}
# A cell that begins like this is run as a formula by spreadsheet programs.
FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\n")
COLUMNS = [
    "id", "name", "status", "priority", "labeler", "reviewer", "due_on", "drive", "tags", "captured_at",
    "duration_seconds", "frame_count", "quarantined_count", "point_count", "size_bytes", "position_state",
    "start_latitude", "start_longitude", "end_latitude", "end_longitude", "notes", "created_at",
]  # fmt: skip


class _Echo:
    """A file for csv.writer whose write hands the line back."""

    def write(self, line: str) -> str:
        return line


def defused(value: Any) -> Any:
    """Text that no spreadsheet program takes for a formula; numbers stay numbers, times become ISO 8601."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, str) and value.startswith(FORMULA_BEGINNINGS):
        return f"'{value}"
    return value


def csv_lines(header: list[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """RFC 4180 lines, formulas defused; None is an empty cell."""
    writer: Any = csv.writer(_Echo())
    yield writer.writerow(header)
    for row in rows:
        yield writer.writerow([defused(value) for value in row])


def facts(scene: Scene) -> dict[str, Any]:
    """What is exported of a scene, in the order of COLUMNS; `tags` is a list of names."""
    related = {
        "labeler": scene.labeler and scene.labeler.get_username(),
        "reviewer": scene.reviewer and scene.reviewer.get_username(),
        "drive": scene.drive and scene.drive.name,
        "priority": scene.get_priority_display(),
        "tags": sorted(tag.name for tag in scene.tags.all()),
    }
    return {name: related[name] if name in related else getattr(scene, name) for name in COLUMNS}


def export_lines(scenes: QuerySet[Scene], form: str) -> Iterator[str]:
    """The selected scenes in the order of their ids, a few queries per 1000. `form` is CSV or JSON_LINES."""
    chosen = Scene.objects.filter(pk__in=scenes.order_by().values("pk")).order_by("pk")
    rows = chosen.select_related("drive", "labeler", "reviewer").prefetch_related("tags")  # type: ignore[misc]
    told = (facts(scene) for scene in rows.iterator(chunk_size=SCENES_AT_ONCE))
    if form == JSON_LINES:
        return (json.dumps(one, default=defused, ensure_ascii=False) + "\n" for one in told)
    return csv_lines(COLUMNS, ([", ".join(v) if isinstance(v, list) else v for v in one.values()] for one in told))
