"""Pieces of uploaded files on their way in: kept, put together, and removed, all through the storage API.

A piece is named `<upload>/<file>/<offset>` in the storage `incoming`, so any web process can go on where another
one stopped. Pieces follow each other without a gap; how far they reach is `UploadedFile.received`.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.storage import FileSystemStorage, Storage
from django.db import transaction
from django.utils import timezone

from scenes import storage
from scenes.audit import save_audited
from scenes.models import StoredFile, Upload, UploadedFile, UploadState

BLOCK = 1024 * 1024


def save_piece(file: UploadedFile, offset: int, data: bytes) -> None:
    storage.save_named(_piece(file, offset), data, storage=storage.INCOMING)


def read_pieces(file: UploadedFile) -> Iterator[bytes]:
    """The bytes received so far, in blocks. Raises FileNotFoundError when a piece is gone."""
    position = 0
    while position < file.received:
        start = position
        with _incoming().open(_piece(file, position), "rb") as piece:
            while block := piece.read(BLOCK):
                position += len(block)
                yield block
        if position == start:
            raise FileNotFoundError(_piece(file, start))


def assemble(file: UploadedFile) -> StoredFile:
    """The pieces as one kept original; the pieces stay.

    Raises WrongDigestError when they are not the bytes that were declared, FileNotFoundError when one is gone.
    """
    return _row(storage.save_stream(read_pieces(file), storage=storage.ORIGINALS, expected=file.digest))


def keep_whole(file: UploadedFile, data: bytes) -> StoredFile:
    """A file that came in one piece as a kept original. Raises WrongDigestError as `assemble`."""
    return _row(storage.save_stream([data], storage=storage.ORIGINALS, expected=file.digest))


def remove_pieces(upload_id: int, file_id: int | None = None) -> None:
    """Remove the pieces of one file, or of a whole upload. What is gone already is no error."""
    _remove(_incoming(), str(upload_id) if file_id is None else f"{upload_id}/{file_id}")


def close(upload: Upload, *, by: User | None, reason: str) -> None:
    """Abandon an open upload: its files' rows go, so that nothing holds on to their bytes. The caller has a
    transaction and holds the upload's row; the pieces go when it commits."""
    upload.state = UploadState.ABANDONED
    save_audited(upload, by=by, reason=reason)
    upload.files.all().delete()
    transaction.on_commit(lambda: remove_pieces(upload.pk), robust=True)


def sweep() -> None:
    """Abandon open uploads that nobody touched for long, and remove what ended ones left behind. Idempotent."""
    before = timezone.now() - timedelta(days=settings.UPLOAD_KEEP_DAYS)
    untouched = Upload.objects.filter(updated_at__lt=before)
    for upload_id in untouched.filter(state=UploadState.OPEN).values_list("pk", flat=True):
        _abandon_untouched(upload_id, before)
    # The scene refers to the bytes of a committed upload by now; these rows would keep them for ever.
    UploadedFile.objects.filter(upload__in=untouched.exclude(state=UploadState.OPEN)).delete()
    _remove_leftovers()


def _abandon_untouched(upload_id: int, before: datetime) -> None:
    with transaction.atomic():
        still = Upload.objects.select_for_update().filter(pk=upload_id, state=UploadState.OPEN, updated_at__lt=before)
        for upload in still:
            close(upload, by=None, reason=f"Nobody touched it for {settings.UPLOAD_KEEP_DAYS} days")


def _remove_leftovers() -> None:
    """Pieces of uploads that have ended: a process died between the end and the removal."""
    ids = {int(name) for name in _list(_incoming(), "")[0] if name.isdecimal()}
    still_open = set(Upload.objects.filter(pk__in=ids, state=UploadState.OPEN).values_list("pk", flat=True))
    for upload_id in ids - still_open:
        remove_pieces(upload_id)


def _incoming() -> Storage:
    return storage.storage_named(storage.INCOMING)


def _piece(file: UploadedFile, offset: int) -> str:
    return f"{file.upload_id}/{file.pk}/{offset}"


def _row(stored: storage.StoredBytes) -> StoredFile:
    row, _ = StoredFile.objects.get_or_create(
        digest=stored.digest, storage=stored.storage, path="", defaults={"size": stored.size}
    )
    return row


def _list(kept: Storage, folder: str) -> tuple[list[str], list[str]]:
    try:
        folders, files = kept.listdir(folder)
    except FileNotFoundError:
        return [], []
    return folders, files


def _remove(kept: Storage, folder: str) -> None:
    folders, files = _list(kept, folder)
    for name in files:
        kept.delete(f"{folder}/{name}")
    for name in folders:
        _remove(kept, f"{folder}/{name}")
    # Object stores have no folders; a file system keeps empty ones.
    if isinstance(kept, FileSystemStorage):
        try:
            kept.delete(folder)
        except OSError:
            return  # somebody wrote another piece meanwhile; the sweep comes again
