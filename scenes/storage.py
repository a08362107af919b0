"""Content-addressed files: names, hashes and atomic writes over Django's storage API.

A file's name is the sha256 of its bytes, so equal bytes are stored once and a name never changes its meaning.
Three storages are kept apart because operators back them up differently: `originals` (as they came in, never
rewritten), `derived` (display chunks and pictures, which can be rebuilt) and `incoming` (pieces of uploads that
are not whole yet; its names are no digests).
"""

import hashlib
import os
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.utils import timezone
from django.utils.deconstruct import deconstructible

from scenes.clouds.cloud import CloudError

ORIGINALS = "originals"
DERIVED = "derived"
INCOMING = "incoming"
TEMPORARY_PREFIX = ".incoming-"
ROOT_PREFIX = "root-"
# Bytes younger than this are used again as they are; pruning must not take any this young.
REUSED_AS_THEY_ARE = timedelta(minutes=30)


@dataclass(frozen=True)
class StoredBytes:
    """Where some bytes are kept: sha256 as 64 hexadecimal digits, size in bytes, and the storage's alias.

    `path` is empty where the digest names the bytes, else the place below its root of a file that stays there.
    """

    digest: str
    size: int
    storage: str
    path: str = ""


class WrongDigestError(ValueError):
    """The bytes of a stream are not those that were announced; nothing was kept. `found`: their sha256."""

    def __init__(self, found: str) -> None:
        super().__init__(found)
        self.found = found


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
        descriptor, temporary = tempfile.mkstemp(dir=self._folder_for(name), prefix=TEMPORARY_PREFIX)
        try:
            with os.fdopen(descriptor, "wb") as target:
                for chunk in content.chunks():
                    target.write(chunk)
                self.give_name(name, target, temporary)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        return name

    def give_name(self, name: str, file: IO[bytes], temporary: str) -> None:
        """Move a complete, still open temporary file below this storage's folder to its name, replacing the old."""
        self._folder_for(name)
        file.flush()
        if self._fsync:
            os.fdatasync(file.fileno())
        os.chmod(temporary, self.file_permissions_mode or 0o640)
        os.replace(temporary, self.path(name))

    def _folder_for(self, name: str) -> str:
        folder = os.path.dirname(self.path(name))
        if not os.path.isdir(folder):
            os.makedirs(folder, exist_ok=True)
        return folder

    def touch(self, name: str) -> bool:
        """Give a file the present as its time. False when there is none."""
        try:
            os.utime(self.path(name))
        except FileNotFoundError:
            return False
        return True

    def discard_untouched(self, name: str, before: datetime) -> bool:
        """Remove a file that is older than `before`, also when somebody touches it this very moment.

        The file is moved aside first: who touches it afterwards finds nothing and writes it again, and who
        touched it before is seen by its time, so that the file goes back.
        """
        path = Path(self.path(name))
        aside = path.with_name(f"{TEMPORARY_PREFIX}{path.name}-{uuid.uuid4().hex}")
        try:
            os.replace(path, aside)
        except FileNotFoundError:
            return False
        stale = aside.stat().st_mtime < before.timestamp()
        if not stale:
            with suppress(FileExistsError):
                os.link(aside, path)
        aside.unlink()
        return stale


@deconstructible
class RootStorage(FileSystemStorage):
    """A mounted share whose files LAMM registers in place: read, never written or removed."""

    def _save(self, name: str, content: File) -> str:
        raise PermissionError(f"{self.location} is a registered root: LAMM does not write there.")

    def delete(self, name: str) -> None:
        raise PermissionError(f"{self.location} is a registered root: LAMM does not remove files there.")


def root_of(path: Path) -> str:
    """The alias of the root that a path on this machine lies below, links resolved. Raises CloudError without one."""
    aliases = [alias for alias in settings.STORAGES if alias.startswith(ROOT_PREFIX)]
    roots = {alias: _base(alias) for alias in aliases if isinstance(storages[alias], RootStorage)}
    for alias, base in roots.items():
        if path.resolve().is_relative_to(base):
            return alias
    known = ", ".join(str(base) for base in roots.values()) or "none is set"
    raise CloudError(
        f"it lies below no registered root ({known})",
        remedy="Add its root to LAMM_ROOTS, or ingest a copy without --in-place.",
        file=str(path),
    )


def root_named(name: str) -> str:
    """The alias of the root with this name in LAMM_ROOTS. Raises CloudError that lists those there are."""
    names = [alias.removeprefix(ROOT_PREFIX) for alias in settings.STORAGES if alias.startswith(ROOT_PREFIX)]
    if name not in names:
        raise CloudError(f"there is no root named {name[:40]!r}", f"LAMM_ROOTS has: {', '.join(names) or 'none'}.")
    return f"{ROOT_PREFIX}{name}"


def path_below_root(path: Path, root: str) -> str:
    """The path of a file relative to the root with this alias, links resolved. Raises CloudError outside of it."""
    if not path.resolve().is_relative_to(_base(root)):
        raise CloudError(f"it lies outside {_base(root)}", "Move it there, or ingest a copy.", file=str(path))
    return str(path.resolve().relative_to(_base(root)))


def _base(root: str) -> Path:
    return Path(storages[root].path("")).resolve()


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


class BackgroundWrites:
    """Saves bytes while the caller goes on computing: hashed at once, written by a thread that waits for the disk.

    Nothing may point at the bytes before `settle` has returned.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=2)
        self._pending: list[Future[None]] = []

    def save(self, data: bytes, *, storage: str) -> StoredBytes:
        digest = hashlib.sha256(data).hexdigest()
        self._pending.append(self._pool.submit(_save_once, storages[storage], digest, len(data), ContentFile(data)))
        return StoredBytes(digest, len(data), storage)

    def settle(self) -> None:
        """Wait until all is written. Raises what the first write that failed raised."""
        pending, self._pending = self._pending, []
        for one in pending:
            one.result()

    def __enter__(self) -> "BackgroundWrites":
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.shutdown()


def open_in_place(path: str, *, root: str) -> IO[bytes]:
    """Open a file that stays below its root. Raises OSError when it can't be read."""
    return storages[root].open(path, "rb")


def known_in_place(chunks: Iterable[bytes], *, path: str, root: str) -> StoredBytes:
    """What is known of bytes that stay where they are: they are hashed, nothing is written."""
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
    return StoredBytes(digest.hexdigest(), size, root, path)


def open_bytes(digest: str, *, storage: str, path: str = "") -> IO[bytes]:
    """Open kept bytes for reading: by their digest, or by the path of a file that was registered in place.

    Raises FileNotFoundError when the storage does not hold them.
    """
    return storages[storage].open(path or key(digest), "rb")


def read_range(digest: str, offset: int, length: int, *, storage: str, path: str = "") -> bytes:
    """`length` bytes from `offset` of kept bytes; of a remote storage nothing else is fetched.

    Fewer where the bytes end. Raises FileNotFoundError when the storage does not hold them.
    """
    with open_bytes(digest, storage=storage, path=path) as file:
        remote = getattr(file, "obj", None)
        if remote is not None:
            return bytes(remote.get(Range=f"bytes={offset}-{offset + length - 1}")["Body"].read())
        file.seek(offset)
        return file.read(length)


def local_path(digest: str, *, storage: str, path: str = "") -> Path | None:
    """Where kept bytes lie on this machine; None where the storage is a remote one."""
    kept = storages[storage]
    return Path(kept.path(path or key(digest))) if isinstance(kept, FileSystemStorage) else None


def read_bytes(digest: str, *, storage: str) -> bytes:
    with open_bytes(digest, storage=storage) as file:
        return file.read()


def save_stream(chunks: Iterable[bytes], *, storage: str, expected: str = "") -> StoredBytes:
    """Keep the bytes of a stream under their sha256, in memory that does not grow with them.

    They go to a temporary file while they are hashed: beside the kept files where these lie on a disk, so that no
    byte is written twice, else in the system's temporary folder. With `expected`, a sha256, raises
    WrongDigestError for other bytes and keeps nothing.
    """
    kept = storages[storage]
    folder = kept.location if isinstance(kept, AtomicFileSystemStorage) else None
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=TEMPORARY_PREFIX)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            digest, size = _write_hashing(file, chunks)
            if expected and digest != expected:
                raise WrongDigestError(digest)
            _keep_temporary(kept, digest, size, file, temporary)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return StoredBytes(digest, size, storage)


def _write_hashing(file: IO[bytes], chunks: Iterable[bytes]) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        size += file.write(chunk)
    return digest.hexdigest(), size


def _keep_temporary(kept: Storage, digest: str, size: int, file: IO[bytes], temporary: str) -> None:
    if isinstance(kept, AtomicFileSystemStorage):
        if not _holds(kept, key(digest), size):
            kept.give_name(key(digest), file, temporary)
        return
    file.seek(0)
    _save_once(kept, digest, size, File(file))


def save_named(name: str, data: bytes, *, storage: str) -> None:
    """Write bytes under a name of their own, replacing what was there."""
    _write(storages[storage], name, ContentFile(data))


def _save_once(storage: Storage, digest: str, size: int, content: File) -> None:
    if not _holds(storage, key(digest), size):
        _write(storage, key(digest), content)


def _holds(storage: Storage, name: str, size: int) -> bool:
    # A size that differs means that somebody else damaged the kept file: write the true bytes again.
    try:
        return storage.exists(name) and storage.size(name) == size and _kept_fresh(storage, name)
    except FileNotFoundError:
        return False  # pruned between two of these questions


def _kept_fresh(storage: Storage, name: str) -> bool:
    """Whether bytes that are used again look new to pruning, which takes nothing that was saved lately.

    Their row may be missing until the saver writes it. A storage that can't touch gets old bytes written anew.
    """
    if isinstance(storage, AtomicFileSystemStorage):
        return storage.touch(name)
    return storage.get_modified_time(name) > timezone.now() - REUSED_AS_THEY_ARE


def names(*, storage: str, folder: str = "") -> Iterator[str]:
    """The name of every file that a storage holds, folder by folder."""
    try:
        folders, files = storages[storage].listdir(folder)
    except FileNotFoundError:
        return
    prefix = f"{folder}/" if folder else ""
    yield from (f"{prefix}{file}" for file in sorted(files))
    for inner in sorted(folders):
        yield from names(storage=storage, folder=f"{prefix}{inner}")


def modified_at(name: str, *, storage: str) -> datetime | None:
    """When a file was saved or used again last; None when it is not there."""
    try:
        return storages[storage].get_modified_time(name)
    except FileNotFoundError:
        return None


def untouched_size(name: str, *, storage: str, before: datetime) -> int | None:
    """The size of a file that nobody has saved since `before`; None when somebody has, or when it is not there."""
    saved = modified_at(name, storage=storage)
    try:
        return storages[storage].size(name) if saved is not None and saved < before else None
    except FileNotFoundError:
        return None


def discard_untouched(name: str, *, storage: str, before: datetime) -> bool:
    """Remove a file unless somebody saved it, or used it again, since `before`. Returns whether it was removed."""
    if untouched_size(name, storage=storage, before=before) is None:
        return False
    kept = storages[storage]
    if isinstance(kept, AtomicFileSystemStorage):
        return kept.discard_untouched(name, before)
    kept.delete(name)
    return True


def _write(storage: Storage, name: str, content: File) -> None:
    if isinstance(storage, AtomicFileSystemStorage):
        storage._save(name, content)  # public save() would pick another name instead of replacing a damaged file
    else:
        storage.save(name, content)
