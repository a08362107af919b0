"""Score vectors into the database and out of it, as arrays in PostgreSQL's binary form: no Python object a frame."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from django.db import connection
from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

from uncertainty.scores import Array, VectorFacts, vector_facts
from uncertainty.selectors import sent_vector

INT8_OID, FLOAT4_OID, FLOAT8_OID = 20, 700, 701
INT8_ARRAY_OID, FLOAT4_ARRAY_OID, FLOAT8_ARRAY_OID = 1016, 1021, 1022
_COPY_HEADER = 19
_ELEMENTS = np.dtype([("length", ">i4"), ("value", ">f4")])
# All vectors travel as one array, and the statement cuts it.
_GIVEN = """
    unnest(%b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::float8[], %b::float8[], %b::float8[],
        %b::float8[], %b::float8[]) AS given (scene, first, last, n, argmax, max, mean, p95, total, squares)
"""
_FACTS = """
    n::int4, nullif(max, 'NaN'), nullif(mean, 'NaN'), nullif(p95, 'NaN'), nullif(argmax, -1)::int4,
    ARRAY[total, squares]
"""
_INSERT = f"""
    INSERT INTO uncertainty_scenescores (evaluation_id, scene_id, scores, ious, n, max, mean, p95, argmax, sums)
    SELECT %t::int8, scene, (%b::float4[])[first + 1:last],
        CASE WHEN %t::bool THEN (%b::float4[])[first + 1:last] END, {_FACTS}
    FROM {_GIVEN} ORDER BY scene ON CONFLICT (evaluation_id, scene_id) DO NOTHING RETURNING scene_id
"""  # noqa: S608 - constants of this module only
_UPDATE = f"""
    UPDATE uncertainty_scenescores AS kept SET scores = told.scores, ious = told.ious, n = told.n, max = told.max,
        mean = told.mean, p95 = told.p95, argmax = told.argmax, sums = told.sums
    FROM (SELECT %t::int8, scene, (%b::float4[])[first + 1:last],
            CASE WHEN %t::bool THEN (%b::float4[])[first + 1:last] END, {_FACTS} FROM {_GIVEN})
        AS told (evaluation, scene, scores, ious, n, max, mean, p95, argmax, sums)
    WHERE kept.evaluation_id = told.evaluation AND kept.scene_id = told.scene
"""  # noqa: S608 - constants of this module only


@dataclass(frozen=True)
class SceneVectors:
    """The vectors of S scenes one behind the other.

    scenes: ids, int64 (S,), each once; lengths: frames of each, int64 (S,); scores: float32 (sum of lengths,), NaN
    where nothing is said of a frame; ious: the same or None.
    """

    scenes: Array
    lengths: Array
    scores: Array
    ious: Array | None = None

    @property
    def ends(self) -> Array:
        return np.asarray(np.cumsum(self.lengths))

    def of(self, wanted: Array) -> "SceneVectors":
        """The vectors at these places, int64 (W,)."""
        lengths = self.lengths[wanted]
        starts = (self.ends - self.lengths)[wanted]
        places = np.repeat(starts - (np.cumsum(lengths) - lengths), lengths) + np.arange(lengths.sum())
        ious = None if self.ious is None else self.ious[places]
        return SceneVectors(self.scenes[wanted], lengths, self.scores[places], ious)


class _Int8Array(np.ndarray):
    """An int64 array that goes to the database as it is."""


class _Float4Array(np.ndarray):
    """A float32 array that goes to the database as it is."""


class _Float8Array(np.ndarray):
    """A float64 array that goes to the database as it is."""


def _packed(values: np.ndarray, oid: int, number: str, size: int) -> bytes:
    """PostgreSQL's binary form of a one-dimensional array: a header, then the length and bytes of each element."""
    if not len(values):
        return struct.pack(">iiI", 0, 0, oid)
    elements = np.empty(len(values), [("length", ">i4"), ("value", number)])
    elements["length"], elements["value"] = size, values
    return struct.pack(">iiIii", 1, 0, oid, len(values), 1) + elements.tobytes()


class _Int8Dumper(Dumper):
    oid, format = INT8_ARRAY_OID, Format.BINARY

    def dump(self, obj: Any) -> Buffer:
        return _packed(obj, INT8_OID, ">i8", 8)


class _Float4Dumper(Dumper):
    oid, format = FLOAT4_ARRAY_OID, Format.BINARY

    def dump(self, obj: Any) -> Buffer:
        return _packed(obj, FLOAT4_OID, ">f4", 4)


class _Float8Dumper(Dumper):
    oid, format = FLOAT8_ARRAY_OID, Format.BINARY

    def dump(self, obj: Any) -> Buffer:
        return _packed(obj, FLOAT8_OID, ">f8", 8)


def _cursor() -> psycopg.Cursor[Any]:
    """A cursor on Django's connection that sends parameters apart from the statement, arrays in binary form."""
    connection.ensure_connection()
    cursor = psycopg.Cursor(connection.connection)
    cursor.adapters.register_dumper(_Int8Array, _Int8Dumper)
    cursor.adapters.register_dumper(_Float4Array, _Float4Dumper)
    cursor.adapters.register_dumper(_Float8Array, _Float8Dumper)
    return cursor


def insert_vectors(evaluation: int, vectors: SceneVectors) -> set[int]:
    """Insert the vectors of scenes that have none yet in this evaluation; the ids of those scenes."""
    with _cursor() as cursor, connection.wrap_database_errors:
        return {scene for (scene,) in cursor.execute(_INSERT, _parameters(evaluation, vectors)).fetchall()}


def update_vectors(evaluation: int, vectors: SceneVectors) -> None:
    """Write the vectors of scenes that have one, instead of that."""
    with _cursor() as cursor, connection.wrap_database_errors:
        cursor.execute(_UPDATE, _parameters(evaluation, vectors))


def _parameters(evaluation: int, vectors: SceneVectors) -> list[Any]:
    facts: VectorFacts = vector_facts(vectors.scores, vectors.lengths)
    whole = [vectors.scenes, vectors.ends - vectors.lengths, vectors.ends, facts.n, facts.argmax]
    numbers = [facts.max, facts.mean, facts.p95, facts.total, facts.total_squares]
    ious = np.empty(0, np.float32) if vectors.ious is None else vectors.ious
    return [
        evaluation,
        vectors.scores.view(_Float4Array),
        vectors.ious is not None,
        ious.view(_Float4Array),
        *(column.astype(np.int64).view(_Int8Array) for column in whole),
        *(column.astype(np.float64).view(_Float8Array) for column in numbers),
    ]


def kept_vectors(evaluation: int, scenes: list[int]) -> dict[int, tuple[Array, Array | None]]:
    """By scene id: scores and ious as they are stored, float32, the rows locked in the order of their scenes."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT scene_id, array_send(scores), array_send(ious) FROM uncertainty_scenescores
            WHERE evaluation_id = %s AND scene_id = ANY(%s) ORDER BY scene_id FOR UPDATE
            """,
            [evaluation, scenes],
        )
        return {
            scene: (sent_vector(scores), None if ious is None else sent_vector(ious))
            for scene, scores, ious in cursor.fetchall()
        }


def all_scores(evaluation: int) -> Iterator[tuple[int, Array]]:
    """Scene id and score vector, float32 in the bytes of the wire, of all scenes of an evaluation that have scores."""
    connection.ensure_connection()
    query = "COPY (SELECT scene_id, scores FROM uncertainty_scenescores WHERE evaluation_id = %s AND n > 0"
    query += " ORDER BY scene_id) TO STDOUT (FORMAT binary)"
    with psycopg.ClientCursor(connection.connection) as cursor, cursor.copy(query, [evaluation]) as copy:
        for place, message in enumerate(copy):
            row = memoryview(message)[_COPY_HEADER if place == 0 else 0 :]
            if len(row) > 14:  # else it is the end
                yield _row(row)


def _row(row: memoryview) -> tuple[int, Array]:
    """A row: the number of fields, then each with its length; an array has 20 bytes of header before its elements."""
    (scene,) = struct.unpack_from(">q", row, 6)
    return scene, np.frombuffer(row, _ELEMENTS, offset=38)["value"]
