"""Where an export is written to: a folder on this machine, or a prefix of a storage that operators set up.

Both go on where they stopped: a file that is there with the right size is not made again.
"""

import os
import uuid
from collections.abc import Callable, Iterable
from io import RawIOBase
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import Storage, storages

from datasets.exports.archive import FIXED_TIME, MODE, exactly
from datasets.exports.entries import Entry
from scenes.errors import ConflictError, RefusedError

PREFIX = "export-"
PART = ".part-"
Progress = Callable[[int], object]


def names() -> list[str]:
    """The names of the places in LAMM_EXPORTS."""
    return sorted(alias.removeprefix(PREFIX) for alias in settings.STORAGES if alias.startswith(PREFIX))


def place_named(name: str) -> Storage:
    """The storage of a place in LAMM_EXPORTS. Raises RefusedError that lists those there are."""
    if name not in names():
        raise RefusedError(f"There is no place “{name[:40]}” for exports. LAMM_EXPORTS has: {told_names()}.")
    return storages[f"{PREFIX}{name}"]


def told_names() -> str:
    return ", ".join(names()) or "none"


def write_folder(
    entries: Iterable[Entry], folder: Path, *, unfinished: str, on_frames: Progress = lambda count: None
) -> int:
    """Write the files into a folder that must be missing or empty; returns their bytes.

    They are gathered in a folder beside it, `.<name>.<unfinished>`, which gets the folder's name once all are there:
    who was interrupted calls again with the same `unfinished`, a word for what is exported. Raises ConflictError
    when the folder holds something.
    """
    refuse_filled(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.parent / f".{folder.name}.{unfinished}"
    beside.mkdir(exist_ok=True)
    for part in beside.rglob(f"{PART}*"):
        part.unlink()  # of who was interrupted
    done = written = 0
    for entry in entries:
        path = beside / entry.path
        if not (path.is_file() and path.stat().st_size == entry.size):
            path.unlink(missing_ok=True)
            write_pieces(exactly(entry), path)
        written += entry.size
        done += entry.frames
        on_frames(done)
    refuse_filled(folder)
    if folder.exists():
        folder.rmdir()
    os.rename(beside, folder)
    return written


def refuse_filled(folder: Path) -> None:
    """Raises ConflictError unless the folder is missing or empty."""
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise ConflictError(f"{folder} is not empty. Name a new folder; nothing is overwritten.")


def write_file(entries: Iterable[Entry], path: Path) -> int:
    """Write an export of one file; returns its bytes. Raises ConflictError when the path is taken."""
    (entry,) = entries
    return write_pieces(exactly(entry), path)


def write_pieces(pieces: Iterable[bytes], path: Path) -> int:
    """Write a stream to a path that is not taken: it holds all of it, with the fixed time and mode, or does not exist.

    Returns the bytes. Raises ConflictError when it is taken.
    """
    if path.exists():
        raise ConflictError(f"{path} is there already. Name a new file; nothing is overwritten.")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{PART}{uuid.uuid4().hex}")
    try:
        with part.open("wb") as file:
            file.writelines(pieces)
            size = file.tell()
        os.chmod(part, MODE)
        os.utime(part, (FIXED_TIME, FIXED_TIME))
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return size


def write_storage(
    entries: Iterable[Entry], storage: Storage, prefix: str, *, on_frames: Progress = lambda count: None
) -> int:
    """Write the files below a prefix of a storage; returns their bytes. The last one tells that all are there."""
    done = written = 0
    for entry in entries:
        name = f"{prefix}/{entry.path}"
        if not _holds(storage, name, entry.size):
            _save(storage, name, entry)
        written += entry.size
        done += entry.frames
        on_frames(done)
    return written


def _holds(storage: Storage, name: str, size: int) -> bool:
    try:
        return storage.exists(name) and storage.size(name) == size
    except FileNotFoundError:
        return False


def _save(storage: Storage, name: str, entry: Entry) -> None:
    if storage.exists(name):
        storage.delete(name)
    kept = storage.save(name, File(cast(Any, _Pieces(entry)), name=name))
    if kept != name:
        storage.delete(kept)
        raise ConflictError(f"Somebody else writes {name} at the same time. Try again when they have ended.")


class _Pieces(RawIOBase):
    """The bytes of an entry as a file that is read once, from the beginning to the end."""

    def __init__(self, entry: Entry) -> None:
        super().__init__()
        self.size = entry.size
        self._pieces, self._rest = iter(exactly(entry)), b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._rest) < size:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._rest += bytes(piece)
        size = len(self._rest) if size < 0 else size
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
