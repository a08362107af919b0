"""Facts of scenes as CSV, JSON Lines or Parquet, a few thousand scenes at a time, for any number of them.

The rows come from one statement and a cursor of the server, so that memory does not grow with them. The same facts
give the same bytes.
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet

from scenes.models import Priority, Scene, SceneTag

CSV, JSON_LINES, PARQUET = "csv", "jsonl", "parquet"
CONTENT_TYPES = {
    CSV: "text/csv; charset=utf-8",
    JSON_LINES: "application/x-ndjson",
    PARQUET: "application/vnd.apache.parquet",
}
ROWS_AT_ONCE = 2000
# As many rows are a group of a Parquet file: large enough to compress, small enough to hold.
ROWS_OF_A_GROUP = 20_000
# A cell that begins like this is run as a formula by spreadsheet programs.
FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True)
class Fact:
    """A column of an export: where it is read (a path from the scene), and its type in Parquet files."""

    path: str
    kind: str = "string"


FACTS: dict[str, Fact] = {
    "id": Fact("pk", "int64"),
    "name": Fact("name"),
    "status": Fact("status"),
    "priority": Fact("priority"),
    "labeler": Fact("labeler__username"),
    "reviewer": Fact("reviewer__username"),
    "due_on": Fact("due_on", "date32"),
    "drive": Fact("drive__name"),
    "tags": Fact("tag_names", "strings"),
    "captured_at": Fact("captured_at", "time"),
    "duration_seconds": Fact("duration_seconds", "float64"),
    "frame_count": Fact("frame_count", "int64"),
    "quarantined_count": Fact("quarantined_count", "int64"),
    "point_count": Fact("point_count", "int64"),
    "size_bytes": Fact("size_bytes", "int64"),
    "position_state": Fact("position_state"),
    "start_latitude": Fact("start_latitude", "float64"),
    "start_longitude": Fact("start_longitude", "float64"),
    "end_latitude": Fact("end_latitude", "float64"),
    "end_longitude": Fact("end_longitude", "float64"),
    "max_frame_uncertainty": Fact("max_frame_uncertainty", "float64"),
    "mean_frame_uncertainty": Fact("mean_frame_uncertainty", "float64"),
    "uncertainty_source": Fact("uncertainty_source"),
    "uncertainty_measure": Fact("uncertainty_measure"),
    "uncertainty_evaluation": Fact("uncertainty_evaluation", "int64"),
    "used_in_training": Fact("used_in_training", "bool"),
    "notes": Fact("notes"),
    "created_at": Fact("created_at", "time"),
}
COLUMNS = list(FACTS)
# What a column of the explorer shows, where it is named otherwise.
SHOWN_AS: dict[str, list[str]] = {
    "thumbnail": [],
    "captured": ["captured_at"],
    "duration": ["duration_seconds"],
    "position": ["position_state", "start_latitude", "start_longitude", "end_latitude", "end_longitude"],
    "points": ["point_count"],
    "frames": ["frame_count", "quarantined_count"],
    "size": ["size_bytes"],
    "created": ["created_at"],
    "due": ["due_on"],
    "max_uncertainty": ["max_frame_uncertainty", "uncertainty_measure"],
    "mean_uncertainty": ["mean_frame_uncertainty", "uncertainty_measure"],
    "source_model": ["uncertainty_source", "uncertainty_evaluation"],
}


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


def exported_columns(chosen: Iterable[str]) -> list[str]:
    """The facts that stand for columns, given by their own names or as the explorer names them; none given: all.

    The id comes first always. Raises ValueError with a name that means no fact.
    """
    found = ["id"]
    names = list(chosen) or COLUMNS
    for name in names:
        if name not in FACTS and name not in SHOWN_AS:
            raise ValueError(name)
        found += [name] if name in FACTS else SHOWN_AS[name]
    return list(dict.fromkeys(found))


def export_pieces(
    scenes: QuerySet[Scene],
    form: str,
    columns: Sequence[str] = tuple(COLUMNS),
    on_rows: Callable[[int], object] = lambda count: None,
) -> Iterator[bytes]:
    """The selected scenes in the order of their ids as pieces of a file; `on_rows` hears how many rows came through.

    `form` is CSV, JSON_LINES or PARQUET, `columns` are names of FACTS.
    """
    rows = _rows(scenes, columns)
    if form == PARQUET:
        return _parquet(rows, columns, on_rows)
    lines = _json_lines if form == JSON_LINES else _csv_lines
    return _pieces(lines(rows, columns, on_rows))


def _rows(scenes: QuerySet[Scene], columns: Sequence[str]) -> Iterator[list[Any]]:
    chosen: Any = Scene.objects.filter(pk__in=scenes.order_by().values("pk")).order_by("pk")
    if "tags" in columns:
        links = SceneTag.objects.filter(content_object=OuterRef("pk"))
        chosen = chosen.annotate(tag_names=ArraySubquery(links.values("tag__name")))
    labels = {value: str(label) for value, label in Priority.choices}
    written: dict[str, Callable[[Any], Any]] = {"tags": sorted, "priority": lambda value: labels.get(value, str(value))}
    changed = [(place, written[name]) for place, name in enumerate(columns) if name in written]
    for found in chosen.values_list(*(FACTS[name].path for name in columns)).iterator(chunk_size=ROWS_AT_ONCE):
        row = list(found)
        for place, write in changed:
            row[place] = write(row[place])
        yield row


def _groups(rows: Iterator[list[Any]], size: int, on_rows: Callable[[int], object]) -> Iterator[list[list[Any]]]:
    done = 0
    while group := list(islice(rows, size)):
        yield group
        done += len(group)
        on_rows(done)


def _csv_lines(
    rows: Iterator[list[Any]], columns: Sequence[str], on_rows: Callable[[int], object]
) -> Iterator[list[str]]:
    yield list(csv_lines(list(columns), []))
    for group in _groups(rows, ROWS_AT_ONCE, on_rows):
        cells = ([", ".join(value) if isinstance(value, list) else value for value in row] for row in group)
        yield list(csv_lines([], cells))[1:]


def _json_lines(
    rows: Iterator[list[Any]], columns: Sequence[str], on_rows: Callable[[int], object]
) -> Iterator[list[str]]:
    for group in _groups(rows, ROWS_AT_ONCE, on_rows):
        told = (dict(zip(columns, row, strict=True)) for row in group)
        yield [json.dumps(one, default=defused, ensure_ascii=False, allow_nan=False) + "\n" for one in told]


def _pieces(groups: Iterator[list[str]]) -> Iterator[bytes]:
    for lines in groups:
        yield "".join(lines).encode()


class _Kept:
    """A file to write into that hands over what was written since it was asked last."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._place = 0

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        self._place += len(self._pieces[-1])
        return len(self._pieces[-1])

    def tell(self) -> int:
        return self._place

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """The writer closes what it was given; what was written can still be taken."""

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def taken(self) -> bytes:
        taken, self._pieces = b"".join(self._pieces), []
        return taken


def _parquet(rows: Iterator[list[Any]], columns: Sequence[str], on_rows: Callable[[int], object]) -> Iterator[bytes]:
    import pyarrow
    from pyarrow import parquet  # here, since most of the site's processes never need it

    kinds = {
        "int64": pyarrow.int64(),
        "float64": pyarrow.float64(),
        "bool": pyarrow.bool_(),
        "string": pyarrow.string(),
        "strings": pyarrow.list_(pyarrow.string()),
        "date32": pyarrow.date32(),
        "time": pyarrow.timestamp("us", tz="UTC"),
    }
    schema = pyarrow.schema([(name, kinds[FACTS[name].kind]) for name in columns])
    kept = _Kept()
    with parquet.ParquetWriter(kept, schema, compression="zstd") as writer:
        for group in _groups(rows, ROWS_OF_A_GROUP, on_rows):
            values = zip(*group, strict=True)
            arrays = [pyarrow.array(column, field.type) for column, field in zip(values, schema, strict=True)]
            writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))
            yield kept.taken()
    yield kept.taken()
