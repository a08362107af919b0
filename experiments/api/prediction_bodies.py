"""Batches of predictions as they travel: a header that says what follows, then the arrays themselves.

    4 bytes    "LPB1"
    4 bytes    length of the header, uint32 little endian
    header     JSON: {"frames": [{"frame": 12, "classes": 500, "confidence": 1000, "uncertainty": 2128}, ...],
               "kinds": {"classes": "index", "confidence": "float16", "uncertainty": "npy"}, "replace": false}
    arrays     frame by frame: classes, confidence, uncertainty, of as many bytes as the header says (0: not given)

Kinds are those of experiments.prediction_arrays. Nothing of the arrays is read before their sizes fit the points of
their frames, and they are read one by one.
"""

import struct
from typing import IO, Annotated, Any, cast

import msgspec
from django.conf import settings
from msgspec import Meta
from rest_framework import serializers
from rest_framework.request import Request

from experiments.api.bodies import body_length
from experiments.prediction_arrays import CLASS_KINDS, INDEX, NPY, NUMBER_KINDS
from experiments.services import GivenPrediction, LateArray
from experiments.wishes import RowId
from scenes.errors import RefusedError, TooLargeError
from scenes.models import Ontology

MAGIC = b"LPB1"
START = struct.Struct("<4sI")
MOST_HEADER = 512 * 1024
BLOCK = 256 * 1024
Size = Annotated[int, Meta(ge=0, le=2**40)]
SHORT = "The body ends before its arrays do. Send the batch again."


class FrameSizes(msgspec.Struct, forbid_unknown_fields=True):
    frame: RowId
    classes: Size
    confidence: Size = 0
    uncertainty: Size = 0


class Kinds(msgspec.Struct, forbid_unknown_fields=True):
    classes: str = INDEX
    confidence: str = NPY
    uncertainty: str = NPY


class BatchHeader(msgspec.Struct, forbid_unknown_fields=True):
    frames: list[FrameSizes]
    kinds: Kinds = msgspec.field(default_factory=Kinds)
    replace: bool = False


class FramesBody(msgspec.Struct, forbid_unknown_fields=True):
    frames: Annotated[list[RowId], Meta(max_length=10_000)]


class DeclarationBody(msgspec.Struct, forbid_unknown_fields=True):
    """`ontology`: its name, or its number."""

    ontology: str | int
    measure: str = ""
    unit: str = ""
    low: float | None = None
    high: float | None = None


class Batch:
    """A batch on its way: `open` reads its header, the arrays are read as they are asked for, in order."""

    def __init__(self, request: Request) -> None:
        """Raises TooLargeError for a body that is too long to be looked at."""
        self._left = body_length(request)
        if self._left > settings.PREDICTIONS_MAX_BODY_BYTES:
            raise TooLargeError(
                f"The body has {self._left:,} bytes, {settings.PREDICTIONS_MAX_BODY_BYTES:,} are allowed. "
                "Send fewer frames at once."
            )
        self._stream = cast(IO[bytes], request.data) if self._left else None

    def open(self) -> BatchHeader:
        """Read the header. Raises RefusedError when it is none, or announces other arrays than follow."""
        header = self._header()
        announced = sum(one.classes + one.confidence + one.uncertainty for one in header.frames)
        if announced != self._left:
            raise RefusedError(f"The header announces {announced:,} bytes of arrays, {self._left:,} follow.")
        return header

    def predictions(self, header: BatchHeader) -> list[GivenPrediction]:
        return [
            GivenPrediction(one.frame, self._late(one.classes), *map(self._given, (one.confidence, one.uncertainty)))
            for one in header.frames
        ]

    def _header(self) -> BatchHeader:
        start = self._read(START.size) if self._left >= START.size else b""
        magic, length = START.unpack(start) if start else (b"", 0)
        if magic != MAGIC or length > min(MOST_HEADER, self._left):
            raise RefusedError("The body is no batch of predictions: it begins with LPB1 and the header's length.")
        try:
            return msgspec.json.decode(self._read(length), type=BatchHeader)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RefusedError(f"header: {error}.", field="header") from error

    def _given(self, size: int) -> LateArray | None:
        return self._late(size) if size else None

    def _late(self, size: int) -> LateArray:
        return LateArray(size, lambda: self._read(size))

    def _read(self, size: int) -> bytes:
        parts, wanted = [], size
        while wanted:
            try:
                block = self._stream.read(min(BLOCK, wanted)) if self._stream else b""
            except OSError:
                block = b""
            if not block:
                self._left = 0
                raise RefusedError(SHORT)
            wanted -= len(block)
            self._left -= len(block)
            parts.append(block)
        return b"".join(parts)

    def drain(self) -> None:
        """Take what was not read: a client that is still sending would not hear the answer else."""
        try:
            while self._left:
                self._read(min(BLOCK, self._left))
        except RefusedError:
            return


def ontology_of(given: str | int) -> Ontology:
    """Raises RefusedError that says which ontologies there are."""
    number = given if isinstance(given, int) else None
    found = Ontology.objects.filter(pk=number) if number is not None else Ontology.objects.filter(name=given)
    ontology = found.first() if number is None or 0 < number < 2**63 else None
    if ontology is None:
        names = ", ".join(Ontology.objects.order_by("name").values_list("name", flat=True)[:20])
        raise RefusedError(f"ontology: there is no {str(given)[:80]!r}. There are: {names}.", field="ontology")
    return ontology


class DeclarationDocument(serializers.Serializer):
    ontology = serializers.CharField(help_text="its name, or its number")
    measure = serializers.CharField(required=False, allow_blank=True, help_text="what uncertainty per point measures")
    unit = serializers.CharField(required=False, allow_blank=True, help_text="nats, normalised, or of a custom measure")
    low = serializers.FloatField(required=False, allow_null=True)
    high = serializers.FloatField(required=False, allow_null=True)


class FramesDocument(serializers.Serializer):
    frames = serializers.ListField(child=serializers.IntegerField(), max_length=10_000)


class KnownFrameDocument(serializers.Serializer):
    """sha256 of the arrays as they are kept; empty where there is none."""

    frame = serializers.IntegerField()
    classes = serializers.CharField()
    confidence = serializers.CharField()
    uncertainty = serializers.CharField()


class KnownDocument(serializers.Serializer):
    frames = KnownFrameDocument(many=True)


class StoredDocument(serializers.Serializer):
    """Frames that were new, there already with the same bytes, or replaced."""

    stored = serializers.IntegerField()
    already = serializers.IntegerField()
    replaced = serializers.IntegerField()


class WithdrawnDocument(serializers.Serializer):
    frames = serializers.IntegerField()


def batch_words() -> Any:
    """The framing, for the OpenAPI description."""
    kinds = f"classes: {', '.join(CLASS_KINDS)}; confidence, uncertainty: {', '.join(NUMBER_KINDS)}"
    return f"{(__doc__ or '').strip()}\n\nKinds: {kinds}."
