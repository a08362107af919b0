"""Artifacts as a page may show them: pictures, text, tables. Nothing is executed, and the bytes say what they are."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q

from experiments.models import Artifact, Run
from scenes.models import StoredFile

ON_A_PAGE = 100
TEXT_BYTES, JSON_BYTES, TABLE_BYTES, TAIL_BYTES = 64 * 1024, 256 * 1024, 256 * 1024, 32 * 1024
PICTURE_BYTES = 20_000_000
TABLE_ROWS, TABLE_COLUMNS, CELL = 200, 40, 200
# Pictures are known by how their bytes begin, never by what they are said to be. SVG is a program and no picture here.
PICTURES = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF87a", "image/gif"),
            (b"GIF89a", "image/gif"))  # fmt: skip
MODELS = (".pt", ".pth", ".ckpt", ".onnx", ".safetensors", ".engine", ".tflite", ".h5", ".keras", ".joblib", ".npz")
MODEL_WORDS = ("best", "final", "last", "model", "checkpoint")
LOGS = Q(path__iendswith=".log") | Q(path__iendswith="log.txt") | Q(path__istartswith="logs/", path__iendswith=".txt")
MOST_LOGS = 20


def picture_type(head: bytes) -> str:
    """The media type of a picture that browsers draw; "" for anything else."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in PICTURES if head.startswith(magic)), "")


def beginning(file: StoredFile, most: int) -> bytes:
    return file.read_range(0, most)


def ending(file: StoredFile, most: int) -> bytes:
    """The last bytes of a file; memory and reading stay within them."""
    return file.read_range(max(0, file.size - most), most)


@dataclass(frozen=True)
class Preview:
    """What is shown of an artifact. `kind`: picture, text, json, table, or none with `words` that say why."""

    kind: str
    words: str = ""
    text: str = ""
    header: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    cut: bool = False


def preview(artifact: Artifact) -> Preview:
    """Reads a bounded part of the bytes only. What the bytes are decides, the name only how text is laid out."""
    size = artifact.file.size
    try:
        head = beginning(artifact.file, TABLE_BYTES)
    except FileNotFoundError:
        return Preview("none", "The stored bytes are gone. Restore them from a backup.")
    if picture_type(head):
        if size > PICTURE_BYTES:
            return Preview("none", "The picture is too large to be shown here. Download it.")
        return Preview("picture")
    if not head:
        return Preview("none", "The file is empty.")
    if b"\0" in head[:8192]:
        return Preview("none", "A binary file. Download it to look into it.")
    return _written(artifact.path.lower(), head, size)


def _written(name: str, head: bytes, size: int) -> Preview:
    if name.endswith((".csv", ".tsv")):
        return _table(head, "\t" if name.endswith(".tsv") else ",", cut=size > len(head))
    if name.endswith(".json") and size <= JSON_BYTES:
        try:
            # Python writes NaN itself; a document that is too deep is shown as it is.
            return Preview("json", text=json.dumps(json.loads(head), indent=2, ensure_ascii=False))
        except (ValueError, RecursionError):
            pass
    return Preview("text", text=readable(head[:TEXT_BYTES]), cut=size > TEXT_BYTES)


def readable(given: bytes) -> str:
    """Bytes as text; what is none, and control characters, become the replacement sign."""
    text = given.decode("utf-8", errors="replace")
    return "".join(sign if sign.isprintable() or sign in "\n\t" else "" if sign == "\r" else "\ufffd" for sign in text)


def _table(head: bytes, delimiter: str, *, cut: bool) -> Preview:
    lines = readable(head).splitlines()
    if cut and len(lines) > 1:
        lines = lines[:-1]  # the last one may end in its middle
    try:
        reader = csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter)
        rows = [
            [cell[:CELL] for cell in row[:TABLE_COLUMNS]] for row, _ in zip(reader, range(TABLE_ROWS + 1), strict=False)
        ]
    except csv.Error:
        return Preview("text", text=readable(head[:TEXT_BYTES]), cut=len(head) > TEXT_BYTES)
    header, *others = rows or [[]]
    return Preview("table", header=header, rows=others, cut=cut or len(lines) > TABLE_ROWS + 1)


def model_artifact(artifacts: Sequence[Artifact], named: str = "") -> Artifact | None:
    """The model among artifacts: the one that the tag "model_path" names, else the likeliest by its name."""
    by_path = {one.path: one for one in artifacts}
    if named in by_path:
        return by_path[named]
    models = [one for one in artifacts if one.path.lower().endswith(MODELS)]
    return min(models, key=_likeliness, default=None)


def _likeliness(artifact: Artifact) -> tuple[int, str]:
    name = artifact.path.lower()
    return next((place for place, word in enumerate(MODEL_WORDS) if word in name), len(MODEL_WORDS)), name


def model_of(run: Run, tags: dict[str, str]) -> Artifact | None:
    """The model of a run; one query, which reads names of models only."""
    named = tags.get("model_path", "")
    likely = Q(path=named)
    for ending_ in MODELS:
        likely |= Q(path__iendswith=ending_)
    return model_artifact(list(run.artifacts.filter(likely).select_related("file")[:200]), named)


@dataclass(frozen=True)
class LogTail:
    """The end of a log that a run keeps as an artifact."""

    path: str
    text: str
    cut: bool


def log_tail(run: Run, wanted: str = "") -> tuple[list[str], LogTail | None]:
    """The names of a run's logs, newest first, and the end of one of them; one query."""
    logs = list(run.artifacts.filter(LOGS).select_related("file").order_by("-updated_at")[:MOST_LOGS])
    chosen = next((one for one in logs if one.path == wanted), logs[0] if logs else None)
    if chosen is None:
        return [], None
    try:
        end = ending(chosen.file, TAIL_BYTES)
    except FileNotFoundError:
        return [one.path for one in logs], LogTail(chosen.path, "The stored bytes are gone.", cut=False)
    cut = chosen.file.size > len(end)
    text = readable(end)
    return [one.path for one in logs], LogTail(chosen.path, text.partition("\n")[2] if cut else text, cut)


@dataclass(frozen=True)
class ArtifactPage:
    """Artifacts in the order of their paths, from one path on."""

    rows: list[Artifact]
    next: str


def artifact_page(run: Run, *, after: str = "", search: str = "") -> ArtifactPage:
    """At most 100 artifacts behind a path; one query."""
    found: Any = run.artifacts.select_related("file", "created_by").order_by("path")
    if search:
        found = found.filter(path__icontains=search)
    if after:
        found = found.filter(path__gt=after)
    rows = list(found[: ON_A_PAGE + 1])
    more = len(rows) > ON_A_PAGE
    rows = rows[:ON_A_PAGE]
    return ArtifactPage(rows, rows[-1].path if more else "")
