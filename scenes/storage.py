"""Content-addressed files: names, hashes and atomic writes over Django's storage API.

A file's name is the sha256 of its bytes, so equal bytes are stored once and a name never changes its meaning.
Two storages are kept apart because operators back them up differently: `originals` (as they came in, never
rewritten) and `derived` (display chunks and pictures, which can be rebuilt).
"""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.utils.deconstruct import deconstructible

ORIGINALS = "originals"
DERIVED = "derived"


@dataclass(frozen=True)
class StoredBytes:
    """Where some bytes are kept: sha256 as 64 hexadecimal digits, size in bytes, and the storage's alias."""

    digest: str
    size: int
    storage: str


@deconstructible
class AtomicFileSystemStorage(FileSystemStorage):
    """A file system storage in which a name either holds all its bytes or does not exist.

    Bytes go to a temporary file in the same folder first; only a complete file gets its name. With `fsync` they
    are on the disk before the name is, so that a row in the database never points at bytes a power cut took.
    """

    def __init__(self, *args: object, fsync: bool = True, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._fsync = fsync

    def _save(self, name: str, content: File) -> str:
        path = Path(self.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".incoming-")
        try:
            with os.fdopen(descriptor, "wb") as target:
                for chunk in content.chunks():
                    target.write(chunk)
                target.flush()
                if self._fsync:
                    os.fdatasync(target.fileno())
            os.chmod(temporary, self.file_permissions_mode or 0o640)
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        return name


def key(digest: str) -> str:
    """The name under which the bytes of this sha256 are kept; two levels of folders keep listings short."""
    return f"{digest[:2]}/{digest[2:4]}/{digest}"


def storage_named(alias: str) -> Storage:
    return storages[alias]


def save_bytes(data: bytes, *, storage: str) -> StoredBytes:
    """Keep these bytes under their sha256; bytes that are there already are not written again."""
    digest = hashlib.sha256(data).hexdigest()
    _save_once(storages[storage], digest, len(data), ContentFile(data))
    return StoredBytes(digest, len(data), storage)


def open_bytes(digest: str, *, storage: str, path: str = "") -> IO[bytes]:
    """Open kept bytes for reading: by their digest, or by the path of a file that was registered in place.

    Raises FileNotFoundError when the storage does not hold them.
    """
    return storages[storage].open(path or key(digest), "rb")


def read_bytes(digest: str, *, storage: str) -> bytes:
    with open_bytes(digest, storage=storage) as file:
        return file.read()


def _save_once(storage: Storage, digest: str, size: int, content: File) -> None:
    name = key(digest)
    # A size that differs means that somebody else damaged the kept file: write the true bytes again.
    if storage.exists(name) and storage.size(name) == size:
        return
    if isinstance(storage, AtomicFileSystemStorage):
        storage._save(name, content)  # public save() would pick another name instead of replacing a damaged file
    else:
        storage.save(name, content)
