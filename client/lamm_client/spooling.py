"""The spool: what a process logs is written to a file of its own before it is sent, so that neither an absent server
nor a killed process loses it.

A journal is one append-only file of lines "crc32 json". The first line says which run of which server it belongs to;
then come entries in the order in which they were logged, and notes of how far they were sent. A line that a crash
cut is found by its checksum. The file is locked while its process lives, and removed when everything has arrived.
Tokens are never written.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import socket
import tempfile
import threading
import uuid
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lamm_client.errors import LammError

SUFFIX, REFUSED_SUFFIX, FILES_SUFFIX = ".journal", ".refused", ".files"
FORMAT = 1
BLOCK = 256 * 1024
# A journal of which everything has arrived begins anew when it has become this large.
RESTART_BYTES = 16 * 1024**2
Entry = dict[str, Any]


def spool_folder() -> Path:
    """Where journals are kept: LAMM_SPOOL, else below the user's folder for state, else for temporary files."""
    home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    folder = Path(os.environ.get("LAMM_SPOOL") or home / "lamm" / "spool")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass  # no home, or one that can't be written, as in a container
    folder = Path(tempfile.gettempdir()) / f"lamm-spool-{os.getuid()}"
    folder.mkdir(exist_ok=True, mode=0o700)
    if folder.stat().st_uid != os.getuid():
        raise LammError(f"{folder} belongs to somebody else. Set LAMM_SPOOL to a folder that can be written.")
    return folder


class Journal:
    """One file of entries. `append` may be called by several threads.

    Attributes:
        path: where it is.
        header: its first line: `url`, `run` (None until the run is made), `create` (the request that makes it, None
            when the run was there), `key` (the idempotency key of that request), `claim`.
        start: the position of the first entry.
        end: the position behind the last whole line.
    """

    def __init__(self, path: Path, descriptor: int, header: Mapping[str, Any], start: int, end: int) -> None:
        self.path = path
        self.header = dict(header)
        self.start = start
        self.end = end
        self._descriptor = descriptor
        self._lock = threading.Lock()

    @classmethod
    def create(cls, header: Mapping[str, Any], folder: Path | None = None) -> Journal:
        """A new journal of this process, locked before anybody can see it under its name."""
        name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:12]}"
        hidden = (folder or spool_folder()) / f".{name}"
        descriptor = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        line = encoded({"lamm": FORMAT, **header})
        write_all(descriptor, line)
        path = hidden.with_name(name + SUFFIX)
        hidden.rename(path)
        return cls(path, descriptor, header, len(line), len(line))

    @classmethod
    def take_over(cls, path: Path) -> Journal | None:
        """The journal that a process left behind; None while that process lives, or when there is nothing in it."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not path.exists():  # another process was quicker, sent it all and removed it
                raise BlockingIOError
        except BlockingIOError:
            os.close(descriptor)
            return None
        lines = read_lines(descriptor, 0, os.fstat(descriptor).st_size)
        header, start = next(lines, ({}, 0))
        if header.get("lamm") != FORMAT:
            os.close(descriptor)
            return None
        end = max([start, *(position for _, position in lines)])
        os.ftruncate(descriptor, end)  # a torn last line would spoil the next one
        return cls(path, descriptor, header, start, end)

    def append(self, entry: Entry) -> None:
        """Write an entry; whole, or not at all. Raises OSError, as for a full disk."""
        line = encoded(entry)
        with self._lock:
            self._write(line)

    def _write(self, line: bytes) -> None:
        try:
            write_all(self._descriptor, line)
        except OSError:
            os.ftruncate(self._descriptor, self.end)
            raise
        self.end += len(line)

    def entries(self, position: int) -> Iterator[tuple[Entry, int]]:
        """Entries from a position on, each with the position behind it; damaged lines are left out."""
        return read_lines(self._descriptor, position, self.end)

    def state(self) -> tuple[int, int | None]:
        """How far everything had arrived when this was last noted, and the number that the run had got by then."""
        position, run = self.start, self.header["run"]
        for entry, _ in self.entries(self.start):
            if "sent" in entry:
                position, run = max(position, entry["sent"]), entry["run"]
        return position, run

    def restart(self, position: int, run: int | None) -> int:
        """Begin anew when all up to the end has arrived and the file is large; the position from then on."""
        line = encoded({"sent": self.start, "run": run})
        with self._lock:
            if position != self.end or self.end < RESTART_BYTES:
                return position
            os.ftruncate(self._descriptor, self.start)
            self.end = self.start
            self._write(line)
            return self.end

    def keep_copy(self, source: Path) -> dict[str, Any]:
        """Copy a file beside the journal as it is now: name of the copy, sha256 and bytes. Raises OSError."""
        folder = self.path.with_suffix(FILES_SUFFIX)
        folder.mkdir(exist_ok=True, mode=0o700)
        digest, size, copy = hashlib.sha256(), 0, folder / uuid.uuid4().hex
        try:
            with source.open("rb") as reading, copy.open("xb") as writing:
                while block := reading.read(BLOCK):
                    digest.update(block)
                    writing.write(block)
                    size += len(block)
        except OSError:
            copy.unlink(missing_ok=True)
            raise
        return {"copy": copy.name, "sha256": digest.hexdigest(), "size": size}

    def keep_bytes(self, parts: Iterable[bytes]) -> str:
        """Write bytes beside the journal; the name of the file. Raises OSError."""
        folder = self.path.with_suffix(FILES_SUFFIX)
        folder.mkdir(exist_ok=True, mode=0o700)
        copy = folder / uuid.uuid4().hex
        try:
            with copy.open("xb") as file:
                file.writelines(parts)
        except OSError:
            copy.unlink(missing_ok=True)
            raise
        return copy.name

    def copy_path(self, name: str) -> Path:
        return self.path.with_suffix(FILES_SUFFIX) / Path(name).name

    def put_aside(self, entry: Entry, words: str) -> Path:
        """Keep what the server refused, with its words, for a person to look at."""
        aside = self.path.with_suffix(REFUSED_SUFFIX)
        copies = [facts["copy"] for facts in [*entry.get("predictions", []), entry.get("artifact")] if facts]
        for copy in copies:
            kept = self.path.with_name(f"{self.path.stem}-{copy}{REFUSED_SUFFIX}")
            if self.copy_path(copy).exists():
                self.copy_path(copy).replace(kept)
            entry = {**entry, "kept": str(kept)}
        with aside.open("a") as file:
            file.write(json.dumps({"refused": words, **entry}) + "\n")
        return aside

    def close(self) -> None:
        """Leave the file to whoever replays it. Only the process that opened it may still write."""
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1

    def abandon(self) -> None:
        """Close what a forked child inherited. Takes no lock: the thread that held it is not in the child."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def remove(self) -> None:
        """Everything has arrived."""
        shutil.rmtree(self.path.with_suffix(FILES_SUFFIX), ignore_errors=True)
        self.path.unlink(missing_ok=True)
        self.close()


def journals(folder: Path | None = None) -> list[Path]:
    """The journals of the spool, the oldest first."""
    found = [(path.stat().st_mtime, path) for path in (folder or spool_folder()).glob("*" + SUFFIX)]
    return [path for _, path in sorted(found)]


def encoded(entry: Entry) -> bytes:
    body = json.dumps(entry, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(body), body)


def decoded(line: bytes) -> Entry | None:
    """The entry of a line; None for a damaged one."""
    checksum, _, body = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(body):
        return None
    entry = json.loads(body)
    return entry if isinstance(entry, dict) else None


def read_lines(descriptor: int, position: int, end: int) -> Iterator[tuple[Entry, int]]:
    """The entries of whole lines between two positions, each with the position behind it."""
    rest, reading = b"", position
    while reading < end:
        block = os.pread(descriptor, min(BLOCK, end - reading), reading)
        if not block:
            return
        reading += len(block)
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            position += len(line) + 1
            entry = decoded(line)
            if entry is not None:
                yield entry, position


def write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
