"""Artifacts: streamed in, kept by their sha256 under the name that the script gave."""

import mimetypes
import unicodedata
from collections.abc import Iterator
from typing import IO

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from experiments.models import Artifact, Run
from experiments.services.access import check_writer, open_run
from experiments.wishes import clean_text, sayable
from scenes import storage
from scenes.audit import save_audited
from scenes.errors import ConflictError, RefusedError, TooLargeError
from scenes.models import StoredFile

BLOCK = 256 * 1024
MOST_PATH, MOST_DEPTH, MOST_ARTIFACTS = 500, 32, 100_000
UNKNOWN_TYPE = "application/octet-stream"


def clean_path(path: str) -> str:
    """The path of an artifact: names joined by "/", relative. Raises RefusedError for anything else.

    It never becomes the name of a file here; but it does at clients, so that it may not lead out of their folder.
    """
    clean_text(path, what="path", most=MOST_PATH)
    parts = path.split("/")
    bad = [part for part in parts if part in ("", ".", "..") or part != part.strip()]
    control = any(unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp") for character in path)
    if bad or control or "\\" in path or ":" in parts[0] or len(parts) > MOST_DEPTH:
        raise RefusedError(
            f"path: {sayable(path)!r} is no path of an artifact. Use names joined by '/', such as checkpoints/best.pt.",
            field="path",
        )
    return path


def save_artifact(
    *,
    run: Run,
    path: str,
    stream: IO[bytes],
    length: int,
    by: User,
    media_type: str = "",
    digest: str = "",
    claim: str = "",
) -> Artifact:
    """Keep `length` bytes of a stream as an artifact, replacing what had its path. Memory does not grow with it.

    Raises RefusedError when the stream ends early or the bytes do not have the announced sha256, ConflictError when
    the path is a folder (or leads through a file) of this run, TooLargeError.
    """
    path = clean_path(path)
    check_writer(run, by)
    if length > settings.ARTIFACT_MAX_BYTES:
        raise TooLargeError(f"{length:,} bytes, {settings.ARTIFACT_MAX_BYTES:,} are allowed for one artifact.")
    expected = _clean_digest(digest)
    try:
        kept = storage.save_stream(_blocks(stream, length), storage=storage.ORIGINALS, expected=expected)
    except storage.WrongDigestError as error:
        raise RefusedError(
            f"The bytes have the sha256 {error.found}, not the announced one. Send them again."
        ) from error
    return _file(run, path, StoredFile.objects.row_for(kept), media_type, by, claim)


def _clean_digest(digest: str) -> str:
    digest = digest.lower()
    if digest and (len(digest) != 64 or set(digest) - set("0123456789abcdef")):
        raise RefusedError("The announced sha256 is not 64 hexadecimal digits.")
    return digest


def _blocks(stream: IO[bytes], length: int) -> Iterator[bytes]:
    left = length
    while left:
        try:
            block = stream.read(min(BLOCK, left))
        except OSError:
            block = b""
        if not block:
            raise RefusedError(f"The bytes end {left:,} before their announced length. Send them again.")
        left -= len(block)
        yield block


@transaction.atomic
def _file(run: Run, path: str, file: StoredFile, media_type: str, by: User, claim: str) -> Artifact:
    run = open_run(run, by=by, claim=claim)
    artifact = run.artifacts.filter(path=path).first()
    if artifact is None:
        _check_place(run, path)
        artifact = Artifact(run=run, path=path, created_by=by)
    artifact.media_type = clean_text(media_type or guess_type(path), what="Content-Type", most=255)
    if artifact.pk is None or artifact.file_id != file.pk:
        reason = "Replaced" if artifact.pk else "Uploaded"
        artifact.file = file
        save_audited(artifact, by=by, reason=reason)
    return artifact


def guess_type(path: str) -> str:
    return mimetypes.guess_type(path, strict=False)[0] or UNKNOWN_TYPE


def _check_place(run: Run, path: str) -> None:
    """Raises ConflictError when the path is a folder of the run, or one of its folders is a file."""
    parts = path.split("/")
    folders = ["/".join(parts[:count]) for count in range(1, len(parts))]
    taken = run.artifacts.filter(Q(path__in=folders) | Q(path__startswith=f"{path}/")).values_list("path", flat=True)
    other = taken.first()
    if other is not None:
        raise ConflictError(
            f"path: {sayable(path)!r} and {sayable(other)!r} can't both be. Choose another.", field="path"
        )
    if run.artifacts.count() >= MOST_ARTIFACTS:
        raise TooLargeError(f"{run} has {MOST_ARTIFACTS:,} artifacts. Pack many small files into one.")


@transaction.atomic
def remove_artifact(*, artifact: Artifact, by: User) -> None:
    """Take an artifact from its run; the bytes go when nothing else needs them."""
    open_run(artifact.run, by=by)
    artifact._history_user, artifact._change_reason = by, "Removed"  # type: ignore[attr-defined]
    artifact.delete()
