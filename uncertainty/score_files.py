"""Scores from tables: CSV or Parquet with a row a frame, read in batches; NaN, empty and null say nothing of a frame.

Columns: `score`, optionally `iou`, and either `frame_id`, or `scene` (its name) with `frame` (its file name) or
`position` (its place in playing order, from 0).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django.db import connection

from scenes.errors import RefusedError
from uncertainty.scores import Array

ROWS_AT_ONCE = 100_000
WAYS = (("frame_id",), ("scene", "frame"), ("scene", "position"))
_BY_NAME = """
    SELECT given.place, frame.id FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS given (scene, frame, place)
    LEFT JOIN scenes_scene AS scene ON scene.name = given.scene
    LEFT JOIN scenes_frame AS frame ON frame.scene_id = scene.id AND frame.name = given.frame
    ORDER BY given.place
"""
_BY_POSITION = """
    WITH given AS (SELECT * FROM unnest(%s::text[], %s::bigint[]) WITH ORDINALITY AS given (scene, position, place)),
        placed AS (SELECT scene.name, frame.id, row_number() OVER (PARTITION BY scene.id ORDER BY frame.index) - 1 AS at
            FROM scenes_scene AS scene JOIN scenes_frame AS frame ON frame.scene_id = scene.id
            WHERE scene.name IN (SELECT scene FROM given))
    SELECT given.place, placed.id FROM given
    LEFT JOIN placed ON placed.name = given.scene AND placed.at = given.position
    ORDER BY given.place
"""


@dataclass(frozen=True)
class FrameRows:
    """A batch of rows: ids of frames int64 (n,), scores float32 (n,), ious float32 (n,) or None."""

    frames: Array
    scores: Array
    ious: Array | None


def read_scores(path: Path) -> Iterator[FrameRows]:
    """The rows of a table in batches. Raises RefusedError naming the column, or the row with an unknown frame."""
    before = 0
    for table in _tables(path):
        names = set(table.column_names)
        way = next((way for way in WAYS if set(way) <= names), None)
        if "score" not in names or way is None:
            told = ", ".join(sorted(names)) or "none"
            raise RefusedError(
                f"{path.name} has the columns {told}. It needs score, and frame_id or scene with frame or position."
            )
        unknown = names - {"score", "iou", *way}
        if unknown:
            raise RefusedError(f"{path.name}: unknown columns {', '.join(sorted(unknown))}. Leave them out.")
        frames = _frames(table, way, path, before)
        ious = _numbers(table, "iou", path) if "iou" in names else None
        yield FrameRows(frames, _numbers(table, "score", path), ious)
        before += table.num_rows


def _tables(path: Path) -> Iterator[Any]:
    """pyarrow tables of bounded size."""
    import pyarrow as pa
    from pyarrow import csv, parquet

    try:
        if path.suffix.lower() == ".parquet":
            with parquet.ParquetFile(path) as file:
                for batch in file.iter_batches(ROWS_AT_ONCE):
                    yield pa.Table.from_batches([batch])
        else:
            # Names of scenes and files stay texts, also when they look like numbers.
            kinds = {"scene": pa.string(), "frame": pa.string(), "score": pa.float64(), "iou": pa.float64()}
            options = csv.ConvertOptions(column_types=kinds, null_values=["", "NaN", "nan", "null"])
            with csv.open_csv(path, convert_options=options) as reader:
                for batch in reader:
                    yield pa.Table.from_batches([batch])
    except (pa.ArrowInvalid, OSError) as error:
        raise RefusedError(f"{path.name} can't be read: {error}") from error


def _numbers(table: Any, name: str, path: Path) -> Array:
    try:
        values = table.column(name).cast("float64").fill_null(float("nan")).to_numpy()
    except Exception as error:
        raise RefusedError(f"{path.name}: {name} holds something else than numbers ({error}).") from error
    return np.asarray(values, np.float32)


def _frames(table: Any, way: tuple[str, ...], path: Path, before: int) -> Array:
    if any(table.column(name).null_count for name in way):
        raise RefusedError(f"{path.name}: {', '.join(way)} is empty in some row.")
    columns = [table.column(name).to_pylist() for name in way]
    if way == ("frame_id",):
        if not all(isinstance(one, int) for one in columns[0]):
            raise RefusedError(f"{path.name}: frame_id holds something else than whole numbers.")
        return np.array(columns[0], np.int64)
    with connection.cursor() as cursor:
        cursor.execute(_BY_NAME if way[1] == "frame" else _BY_POSITION, columns)
        found = [frame for _, frame in cursor.fetchall()]
    if None in found:
        row = found.index(None)
        told = " ".join(str(column[row]) for column in columns)
        raise RefusedError(f"{path.name}, row {before + row + 1}: there is no frame {told}.")
    return np.array(found, np.int64)
