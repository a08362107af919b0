"""Batches of scores as they travel: JSON in columns, or arrays behind a small header.

The binary form (Content-Type application/vnd.lamm.scores), all little endian:

    8 bytes   LAMMSC01
    4 bytes   uint32, length of the header
    header    JSON: {"kind": "scenes" | "frames", "count": n, "ious": false, "replace": false}
    kind "scenes":  int64 ids of scenes (n), int32 numbers of frames (n), float32 scores of all frames, one scene
                    after the other in playing order, and with `ious` as many float32 IoUs
    kind "frames":  int64 ids of frames (n), float32 scores (n), and with `ious` float32 IoUs (n)

NaN (null in JSON) says nothing of a frame.
"""

import struct
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from django.conf import settings
from msgspec import Meta
from rest_framework import serializers
from rest_framework.request import Request

from experiments.api.bodies import body_length, decode
from scenes.errors import RefusedError, TooLargeError
from uncertainty.score_store import SceneVectors
from uncertainty.scores import Array
from uncertainty.wishes import RowId

BINARY = "application/vnd.lamm.scores"
MAGIC = b"LAMMSC01"
MOST_HEADER = 4096
ENDS = "The body ends early: {wanted:,} bytes are needed for the {what}, {left:,} are there."
Score = float | None


class SceneRow(msgspec.Struct, forbid_unknown_fields=True):
    scene: RowId
    scores: list[Score]
    ious: list[Score] | None = None


class FrameColumns(msgspec.Struct, forbid_unknown_fields=True):
    frame: list[RowId]
    score: list[Score]
    iou: list[Score] | None = None


class ScoresBody(msgspec.Struct, forbid_unknown_fields=True):
    scenes: list[SceneRow] = []
    frames: FrameColumns | None = None
    replace: bool = False


class BinaryHeader(msgspec.Struct, forbid_unknown_fields=True):
    kind: Literal["scenes", "frames"]
    count: Annotated[int, Meta(ge=0, le=10_000_000)]
    ious: bool = False
    replace: bool = False


class FrameScores(msgspec.Struct):
    """Scores of single frames: ids int64 (n,), scores and ious float32 (n,)."""

    frames: Any
    scores: Any
    ious: Any


class Batch(msgspec.Struct):
    """What a body holds: vectors of scenes, scores of frames, or both."""

    vectors: SceneVectors | None
    frames: FrameScores | None
    replace: bool


def batch_of(request: Request) -> Batch:
    """The scores of a body in either form. Raises RefusedError naming the place of what is wrong, TooLargeError."""
    if (request.content_type or "").partition(";")[0].strip() == BINARY:
        return _binary(request)
    body = decode(request, ScoresBody, most=settings.SCORES_MAX_BODY_BYTES)
    if not body.scenes and body.frames is None:
        raise RefusedError("The body has neither scenes nor frames.", field="scenes")
    return Batch(_vectors(body.scenes), _frames(body.frames), body.replace)


def _vectors(rows: list[SceneRow]) -> SceneVectors | None:
    if not rows:
        return None
    for place, row in enumerate(rows):
        if row.ious is not None and len(row.ious) != len(row.scores):
            words = f"scenes[{place}]: {len(row.ious):,} ious and {len(row.scores):,} scores; one of each for a frame."
            raise RefusedError(words, field=f"scenes[{place}].ious")
    lengths = np.array([len(row.scores) for row in rows], np.int64)
    ious = None
    if any(row.ious is not None for row in rows):
        ious = _joined([[None] * len(row.scores) if row.ious is None else row.ious for row in rows])
    scenes = np.array([row.scene for row in rows], np.int64)
    return SceneVectors(scenes, lengths, _joined([row.scores for row in rows]), ious)


def _joined(columns: list[Any]) -> Array:
    """float32 of several lists, NaN for null."""
    return np.concatenate([np.empty(0, np.float32), *(_numbers(column) for column in columns)])


def _numbers(values: list[Score]) -> Array:
    return np.array([np.nan if one is None else one for one in values], np.float64).astype(np.float32)


def _frames(columns: FrameColumns | None) -> FrameScores | None:
    if columns is None:
        return None
    count = len(columns.frame)
    for name, column in (("score", columns.score), ("iou", columns.iou)):
        if column is not None and len(column) != count:
            words = f"frames: {len(column):,} in {name}, {count:,} in frame. They belong together one by one."
            raise RefusedError(words, field=f"frames.{name}")
    ious = None if columns.iou is None else _numbers(columns.iou)
    return FrameScores(np.array(columns.frame, np.int64), _numbers(columns.score), ious)


def _binary(request: Request) -> Batch:
    length = body_length(request)
    if length > settings.SCORES_MAX_BODY_BYTES:
        most = settings.SCORES_MAX_BODY_BYTES
        raise TooLargeError(f"The body has {length:,} bytes, {most:,} are allowed. Send it in several.")
    stream: Any = request.data
    data = stream.read(length) if length else b""
    if len(data) < length:
        raise RefusedError("The body ended early. Send it again.")
    header, offset = _header(data)
    parts = Parts(data, offset)
    if header.kind == "frames":
        frames, scores = parts.take("<i8", header.count, "frames"), parts.take("<f4", header.count, "scores")
        ious = parts.take("<f4", header.count, "ious") if header.ious else None
        parts.check_empty()
        return Batch(None, FrameScores(frames, scores, ious), header.replace)
    scenes, lengths = parts.take("<i8", header.count, "scenes"), parts.take("<i4", header.count, "numbers of frames")
    if len(lengths) and lengths.min() < 0:
        raise RefusedError("A scene has a negative number of frames.", field="scenes")
    total = int(lengths.sum(dtype=np.int64))
    scores = parts.take("<f4", total, "scores")
    ious = parts.take("<f4", total, "ious") if header.ious else None
    parts.check_empty()
    return Batch(SceneVectors(scenes, lengths.astype(np.int64), scores, ious), None, header.replace)


def _header(data: bytes) -> tuple[BinaryHeader, int]:
    start = len(MAGIC) + 4
    if data[: len(MAGIC)] != MAGIC or len(data) < start:
        raise RefusedError(f"The body does not begin with {MAGIC.decode()} and the length of its header.")
    (length,) = struct.unpack_from("<I", data, len(MAGIC))
    if length > MOST_HEADER or start + length > len(data):
        raise RefusedError(f"The header has {length:,} bytes, {MOST_HEADER:,} are allowed and must be there.")
    try:
        return msgspec.json.decode(data[start : start + length], type=BinaryHeader), start + length
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError(f"The header is not as documented: {error}.", field="header") from error


class Parts:
    """The arrays behind the header, one after the other."""

    def __init__(self, data: bytes, offset: int) -> None:
        self.data, self.offset = data, offset

    def take(self, kind: str, count: int, what: str) -> Array:
        """`count` numbers in native byte order. Raises RefusedError when the body ends before."""
        number = np.dtype(kind)
        wanted, left = count * number.itemsize, len(self.data) - self.offset
        if wanted > left:
            raise RefusedError(ENDS.format(wanted=wanted, what=what, left=left))
        found = np.frombuffer(self.data, number, count, self.offset)
        self.offset += wanted
        return found.astype(number.newbyteorder("="))

    def check_empty(self) -> None:
        left = len(self.data) - self.offset
        if left:
            raise RefusedError(f"{left:,} bytes are left behind the last array. Check the counts.")


class SceneDocument(serializers.Serializer):
    scene = serializers.IntegerField()
    scores = serializers.ListField(child=serializers.FloatField(allow_null=True))
    ious = serializers.ListField(child=serializers.FloatField(allow_null=True), required=False)


class FrameScoresDocument(serializers.Serializer):
    frame = serializers.ListField(child=serializers.IntegerField())
    score = serializers.ListField(child=serializers.FloatField(allow_null=True))
    iou = serializers.ListField(child=serializers.FloatField(allow_null=True), required=False)


class ScoresDocument(serializers.Serializer):
    """Scores of whole scenes in playing order, of single frames by their ids, or both; null says nothing of a frame.

    `replace` corrects frames that have another score already.
    """

    scenes = SceneDocument(many=True, required=False)
    frames = FrameScoresDocument(required=False)
    replace = serializers.BooleanField(required=False)


class RecordedScoresDocument(serializers.Serializer):
    """`received` scores that are not null, in `scenes`, of which `new` had none before."""

    received = serializers.IntegerField()
    scenes = serializers.IntegerField()
    new = serializers.IntegerField()
