"""Uploads: open, declare files, append bytes, commit or abandon."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Sum
from django.utils import timezone

from scenes import storage, uploads
from scenes.audit import save_audited
from scenes.clouds.beside import is_beside
from scenes.clouds.cloud import CloudError
from scenes.clouds.formats import format_named
from scenes.errors import ConflictError, RefusedError, TooLargeError
from scenes.file_names import clean_name, clean_words
from scenes.models import IngestJob, StoredFile, Upload, UploadedFile, UploadState
from scenes.services.ingesting import ingest_files
from scenes.services.registering import IngestWishes
from scenes.sources import natural_order

READ = 256 * 1024
NAMES_TOLD = 100
TOUCH = timedelta(minutes=1)


@dataclass(frozen=True)
class DeclaredFile:
    """A file that a client is about to send: its name, its size in bytes, its sha256 in hexadecimal if known."""

    name: str
    size: int
    digest: str = ""


@transaction.atomic
def open_upload(
    *,
    scene_name: str,
    by: User,
    drive: str = "",
    tags: Sequence[str] = (),
    captured_at: datetime | None = None,
    rate_hz: float | None = None,
    format: str = "",  # noqa: A002 - the wish has this name everywhere
) -> Upload:
    """An open upload for one scene. Raises CloudError or ValidationError for wishes that can't be met."""
    kind = format_named(format).name.lower() if format.strip() else ""
    upload = Upload(
        scene_name=clean_words(scene_name, what="the scene ID"),
        drive_name=clean_words(drive, what="the drive"),
        tag_names=list(dict.fromkeys(filter(None, (clean_words(tag, what="a tag") for tag in tags)))),
        captured_at=captured_at,
        rate_hz=rate_hz,
        format=kind,
        owner=by,
    )
    upload.full_clean()
    save_audited(upload, by=by, reason="Opened")
    return upload


@transaction.atomic
def declare_files(*, upload: Upload, files: Sequence[DeclaredFile], by: User) -> list[UploadedFile]:
    """Announce files of an open upload; the answer has them in the given order.

    A file announced before with the same size and digest stays as far as it is; with others it starts over. A file
    whose bytes are kept already is complete at once, for those who may read every original anyway (view_frame):
    for others, knowing a digest would be enough to get at the file behind it.

    Raises RefusedError or TooLargeError naming every file that is not taken and why (`facts["files"]`); then
    nothing is announced. Raises ConflictError when the upload has ended.
    """
    upload = _locked(upload)
    cleaned = _checked(upload, files)
    known = {file.name: file for file in upload.files.filter(name__in=[file.name for file in cleaned])}
    here = _kept_already(cleaned) if by.has_perm("scenes.view_frame") else {}
    rows = [_declared(upload, file, known.get(file.name), here.get((file.digest, file.size))) for file in cleaned]
    UploadedFile.objects.bulk_create([row for row in rows if row.pk is None], batch_size=1000)
    UploadedFile.objects.bulk_update(
        [row for row in rows if row.name in known], ["size", "digest", "received", "problem", "file"], batch_size=1000
    )
    _check_totals(upload)
    _touch(upload)
    return rows


def _locked(upload: Upload) -> Upload:
    upload = Upload.objects.select_for_update().get(pk=upload.pk)
    _check_open(upload)
    return upload


def _check_open(upload: Upload) -> None:
    if upload.state != UploadState.OPEN:
        raise ConflictError(f"The upload is {upload.state}. Open another one.", state=upload.state)


def _checked(upload: Upload, files: Sequence[DeclaredFile]) -> list[DeclaredFile]:
    if len(files) > settings.UPLOAD_MAX_FILES_PER_CALL:
        raise TooLargeError(f"At most {settings.UPLOAD_MAX_FILES_PER_CALL:,} files a call. Send them in several.")
    cleaned, problems, too_large, seen = [], [], False, set[str]()
    for file in files:
        try:
            name = clean_name(file.name, declared_format=upload.format)
            _check_size(name, file.size)
            _check_digest(name, file.digest)
            if name in seen:
                raise CloudError("the name comes twice", "Name each file once.", file=name)
        except (CloudError, TooLargeError) as error:
            problems.append({"name": _sayable(file.name), "problem": str(error)})
            too_large = too_large or isinstance(error, TooLargeError)
            continue
        seen.add(name)
        cleaned.append(DeclaredFile(name, file.size, file.digest.lower()))
    if problems:
        refusal = TooLargeError if too_large else RefusedError
        raise refusal(f"{len(problems)} of {len(files)} files are not taken, so none is.", files=problems)
    return cleaned


def _sayable(name: str) -> str:
    """The name without halves of characters, which no answer can carry."""
    return name.encode(errors="replace").decode()


def _check_size(name: str, size: int) -> None:
    if size <= 0:
        raise CloudError("the file is empty", "Leave it out, or copy it again from where it came.", file=name)
    if size > settings.UPLOAD_MAX_FILE_BYTES:
        limit = f"{settings.UPLOAD_MAX_FILE_BYTES:,} bytes"
        raise TooLargeError(f"{name}: the file has {size:,} bytes, {limit} are allowed. Split it.")


def _check_digest(name: str, digest: str) -> None:
    if digest and (len(digest) != 64 or set(digest.lower()) - set("0123456789abcdef")):
        raise CloudError("the sha256 is not 64 hexadecimal digits", "Correct it, or leave it out.", file=name)


def _kept_already(files: Sequence[DeclaredFile]) -> dict[tuple[str, int], StoredFile]:
    digests = {file.digest for file in files if file.digest}
    kept = StoredFile.objects.filter(storage=storage.ORIGINALS, path="", problem="", digest__in=digests)
    return {(row.digest, row.size): row for row in kept}


def _declared(upload: Upload, file: DeclaredFile, row: UploadedFile | None, kept: StoredFile | None) -> UploadedFile:
    """The row of a declared file, new or changed; the caller saves it."""
    if row is None:
        row = UploadedFile(upload=upload, name=file.name, size=file.size, digest=file.digest)
    elif not _same(row, file):
        _forget_bytes(row)
        row.size, row.digest, row.problem = file.size, file.digest, ""
    if kept is not None and row.file is None:
        row.file, row.received, row.problem = kept, file.size, ""
    return row


def _same(row: UploadedFile, file: DeclaredFile) -> bool:
    known = row.file.digest if row.file else row.digest
    return row.size == file.size and (not file.digest or not known or known == file.digest) and not row.problem


def _forget_bytes(row: UploadedFile) -> None:
    row.received, row.file = 0, None
    _remove_pieces_after_commit(row)


def _check_totals(upload: Upload) -> None:
    total = upload.files.aggregate(size=Sum("size", default=0))["size"]
    if total > settings.UPLOAD_MAX_BYTES:
        limit = f"{settings.UPLOAD_MAX_BYTES:,}"
        raise TooLargeError(f"The upload has {total:,} bytes, {limit} are allowed. Split it into several scenes.")
    if upload.files.count() > settings.UPLOAD_MAX_FILES:
        raise TooLargeError(f"At most {settings.UPLOAD_MAX_FILES:,} files an upload. Split it into several scenes.")


def _touch(upload: Upload) -> None:
    """Note that somebody works on the upload; once a minute is enough for a limit of days."""
    now = timezone.now()
    Upload.objects.filter(pk=upload.pk, updated_at__lt=now - TOUCH).update(updated_at=now)


def append(*, file: UploadedFile, offset: int, stream: IO[bytes], length: int) -> UploadedFile:
    """Take `length` bytes of a file from a stream, to stand at `offset`; returns the file as it is then.

    The bytes are kept piece by piece, so that of a connection that breaks only the last piece is lost, and memory
    stays bounded. With the last byte the file becomes a kept original.

    Raises ConflictError with `received` when the offset is not where the file ends (two appends at once: one wins),
    TooLargeError when the bytes go beyond the declared size, RefusedError when the stream ends early, and when the
    whole file does not have its declared digest: it then starts over.
    """
    _check_open(file.upload)
    _check_place(file, offset, length)
    position, end = offset, offset + length
    while position < end:
        data = _read(stream, min(settings.UPLOAD_PIECE_BYTES, end - position))
        if not data:
            raise RefusedError(f"The bytes end at {position:,}. Go on from there.", received=position)
        file = _keep(file.pk, position, data)
        position += len(data)
    _touch(file.upload)
    return finish(file=file) if file.received == file.size else file


def _check_place(file: UploadedFile, offset: int, length: int) -> None:
    if offset != file.received:
        raise ConflictError(f"The file goes on at byte {file.received:,}, not {offset:,}.", received=file.received)
    if offset + length > file.size:
        raise TooLargeError(
            f"{file.name}: {offset + length:,} bytes, but {file.size:,} are declared. Declare the file again.",
            received=file.received,
        )


def _read(stream: IO[bytes], length: int) -> bytes:
    """Up to `length` bytes: less when the stream ends or the connection breaks."""
    data = bytearray()
    try:
        while len(data) < length and (block := stream.read(min(READ, length - len(data)))):
            data += block
    except OSError:
        return bytes(data)  # what came before the connection broke is good
    return bytes(data)


@transaction.atomic
def _keep(file_id: int, offset: int, data: bytes) -> UploadedFile:
    """Write one piece. The row's lock makes two appends at one offset one after the other; the second is refused."""
    file = _locked_file(file_id)
    _check_open(file.upload)
    _check_place(file, offset, len(data))
    if len(data) == file.size:
        _keep_whole(file, data)
    else:
        uploads.save_piece(file, offset, data)
        file.received, file.problem = offset + len(data), ""
    file.save(update_fields=["received", "problem", "file"])
    return file


def _keep_whole(file: UploadedFile, data: bytes) -> None:
    """A file that came in one piece needs no second writing."""
    if file.digest and hashlib.sha256(data).hexdigest() != file.digest:
        uploads.save_piece(file, 0, data)  # `finish` finds the same and says so, after this transaction
    else:
        file.file = uploads.keep_whole(file, data)
    file.received, file.problem = file.size, ""


def finish(*, file: UploadedFile) -> UploadedFile:
    """Make a received file a kept original, once. Raises RefusedError when its digest is not the declared one."""
    if file.complete:
        return file
    try:
        kept = uploads.assemble(file)
    except storage.WrongDigestError as error:
        _start_over(file, f"{file.name}: the bytes that came have the sha256 {error.found}, not the declared one.")
    except FileNotFoundError:
        _start_over(file, f"{file.name}: bytes were lost on the server.")
    else:
        if kept.size != file.size:
            _start_over(file, f"{file.name}: bytes were lost on the server.")
        return _finished(file, kept)
    return UploadedFile.objects.select_related("upload").get(pk=file.pk)


@transaction.atomic
def _finished(file: UploadedFile, kept: StoredFile) -> UploadedFile:
    row = _locked_file(file.pk)
    if row.received != row.size or row.size != kept.size or row.digest not in ("", kept.digest):
        raise ConflictError(f"{row.name} was declared anew meanwhile.", received=row.received)
    row.file, row.problem = kept, ""
    row.save(update_fields=["file", "problem"])
    _remove_pieces_after_commit(row)
    return row


def _start_over(file: UploadedFile, problem: str) -> None:
    """Drop the bytes of a received file, unless another process finished it meanwhile. Raises RefusedError."""
    words = f"{problem} Send the file again."
    with transaction.atomic():
        row = _locked_file(file.pk)
        if row.complete:
            return
        row.received, row.problem = 0, words
        row.save(update_fields=["received", "problem"])
        _remove_pieces_after_commit(row)
    raise RefusedError(words, received=0)


def _locked_file(file_id: int) -> UploadedFile:
    file = UploadedFile.objects.select_for_update(of=("self",)).select_related("upload").filter(pk=file_id).first()
    if file is None:
        raise ConflictError("The file was taken out of the upload meanwhile.", received=0)
    return file


def _remove_pieces_after_commit(file: UploadedFile) -> None:
    upload_id, file_id = file.upload_id, file.pk
    transaction.on_commit(lambda: uploads.remove_pieces(upload_id, file_id), robust=True)


@transaction.atomic
def leave_out(*, file: UploadedFile) -> None:
    """Take a file out of an open upload. Raises ConflictError when the upload has ended."""
    _locked(file.upload)
    _remove_pieces_after_commit(file)
    file.delete()


def commit_upload(*, upload: Upload, by: User) -> IngestJob:
    """Make a scene of an upload whose files are all complete, and queue its ingestion. Twice is once.

    Raises ConflictError naming the files that are not complete (`facts["files"]`), or when the upload was
    abandoned, and CloudError for bad times or positions among the files; the upload then stays open.
    """
    if upload.state == UploadState.OPEN:
        for file in upload.files.filter(file=None, received=F("size")):
            finish(file=file)
    return _commit(upload, by)


@transaction.atomic
def _commit(upload: Upload, by: User) -> IngestJob:
    upload = Upload.objects.select_for_update(of=("self",)).select_related("job").get(pk=upload.pk)
    if upload.state == UploadState.COMMITTED and upload.job is not None:
        return upload.job
    _check_open(upload)
    files = list(upload.files.select_related("file"))
    complete = [(file.name, file.file) for file in files if file.file is not None]
    _check_complete(files)
    complete.sort(key=lambda pair: natural_order(pair[0]))
    upload.job = ingest_files(scene_name=upload.scene_name, files=complete, wishes=_wishes(upload), by=by)
    upload.state = UploadState.COMMITTED
    save_audited(upload, by=by, reason=f"{len(files)} files committed")
    return upload.job


def _check_complete(files: Sequence[UploadedFile]) -> None:
    missing = [file.name for file in files if not file.complete]
    if missing:
        told = missing[:NAMES_TOLD]
        raise ConflictError(f"{len(missing)} of {len(files)} files are not complete: {', '.join(told)}", files=told)
    if all(is_beside(file.name) for file in files):
        raise ConflictError("The upload holds no point cloud. Declare the files of the frames, too.", files=[])


def _wishes(upload: Upload) -> IngestWishes:
    return IngestWishes(
        drive=upload.drive_name,
        tags=tuple(upload.tag_names),
        captured_at=upload.captured_at,
        rate_hz=upload.rate_hz,
        format=upload.format,
    )


@transaction.atomic
def abandon_upload(*, upload: Upload, by: User) -> None:
    """Give an upload up and drop what came in. Twice is once; raises ConflictError for a committed one."""
    upload = Upload.objects.select_for_update().get(pk=upload.pk)
    if upload.state == UploadState.ABANDONED:
        return
    _check_open(upload)
    uploads.close(upload, by=by, reason="Abandoned")
