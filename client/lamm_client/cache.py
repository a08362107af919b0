"""Downloads kept on this machine: by content, checked, bounded, shared by processes.

objects/ab/abcdef...   whole files, named by their sha256; last use is their modification time
partial/abcdef...      a download that is going on, or that was cut and is resumed
names/...              the digest of what has a name here, such as the points that the server made of an original
locks/ab               a lock file for each first byte of a digest, and `evict` for making room
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from lamm_client.errors import DamagedError, LammError

DIGEST = re.compile(r"[0-9a-f]{64}")
NAME = re.compile(r"[A-Za-z0-9._@-]{1,240}")
LIMIT_BYTES = 50 * 1024**3
ATTEMPTS = 3
# Room is made down to this share of the limit, so that not every download has to make some.
ROOM_SHARE = 0.9
# `download(file, offset)` appends the content from `offset` on to `file`.
Download = Callable[[BinaryIO, int], None]


class Cache:
    """A folder of files by sha256. Any number of threads and processes may share it.

    Attributes:
        folder: where it is; made when it is first needed.
        limit: bytes that it may hold; the files unused for longest go first.
    """

    def __init__(self, folder: Path, limit: int = LIMIT_BYTES) -> None:
        self.folder = folder
        self.limit = limit
        self._added = 0
        self._checked = False
        self._guard = threading.Lock()

    def __getstate__(self) -> tuple[Path, int]:
        return self.folder, self.limit

    def __setstate__(self, state: tuple[Path, int]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    def path(self, digest: str) -> Path:
        """Where the content of this digest is, or would be. Raises LammError for what is no sha256."""
        if not DIGEST.fullmatch(digest):
            raise LammError(f"{digest!r} is no sha256 in hexadecimal digits.")
        return self.folder / "objects" / digest[:2] / digest

    def find(self, digest: str) -> Path | None:
        """The file of this content when it is here, noted as used now."""
        path = self.path(digest)
        try:
            os.utime(path)
        except FileNotFoundError:
            return None
        return path

    def get(self, digest: str, download: Download) -> Path:
        """The file of this content, downloaded when it is not here; two who want it download it once.

        A download that breaks keeps what it got, and the next one goes on from there. Raises DamagedError when the
        content has another digest each time, and whatever `download` raises.
        """
        found = self.find(digest)
        if found is not None:
            return found
        with self._locked(digest[:2]):
            found = self.find(digest)
            if found is None:
                found = self._downloaded(digest, download)
        self._note_added(found.stat().st_size)
        return found

    def note(self, name: str, digest: str) -> None:
        """Remember the digest of the content with a name of letters, digits, ".", "_", "@" and "-"."""
        self.write(name, digest.encode())

    def noted(self, name: str) -> str | None:
        """The digest that was noted under this name; its content may be gone by now."""
        found = (self.read(name) or b"").decode("ascii", "replace")
        return found if DIGEST.fullmatch(found) else None

    def write(self, name: str, content: bytes) -> None:
        """Keep a small file that is found by its name; nobody reads half of it. It does not count for the limit."""
        path = self._named(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(content)
        Path(file.name).replace(path)

    def read(self, name: str) -> bytes | None:
        """What was kept under this name."""
        try:
            return self._named(name).read_bytes()
        except FileNotFoundError:
            return None

    def _named(self, name: str) -> Path:
        if not NAME.fullmatch(name) or name.startswith("."):
            raise LammError(f"{name!r} is no name of a kept file.")
        return self.folder / "names" / name

    def verify(self) -> list[str]:
        """Hash everything again; the digests of damaged files, which are removed."""
        damaged = [path for path in self._objects() if _sha256(path) != path.name]
        for path in damaged:
            path.unlink(missing_ok=True)
        return [path.name for path in damaged]

    def size(self) -> int:
        """Bytes of all whole files."""
        return sum(size for _, size, _ in self._listing())

    def make_room(self) -> int:
        """Remove what was unused for longest until the limit holds; how many files went."""
        with self._locked("evict"):
            listing = sorted(self._listing())
            excess = sum(size for _, size, _ in listing) - self.limit
            if excess <= 0:
                return 0
            excess += int(self.limit * (1 - ROOM_SHARE))
            removed = 0
            for _, size, path in listing:
                if excess <= 0:
                    break
                path.unlink(missing_ok=True)
                excess -= size
                removed += 1
            return removed

    def _downloaded(self, digest: str, download: Download) -> Path:
        partial, path = self.folder / "partial" / digest, self.path(digest)
        partial.parent.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(ATTEMPTS):
            with partial.open("ab") as file:
                download(file, file.tell())
            if _sha256(partial) == digest:
                partial.replace(path)
                return path
            partial.unlink()
        raise DamagedError(f"The content of {digest} arrived damaged {ATTEMPTS} times. Try again, or tell an operator.")

    def _note_added(self, size: int) -> None:
        """Look at the limit at first, then whenever a twentieth of it was added: looking lists every file."""
        with self._guard:
            self._added += size
            due = not self._checked or self._added > self.limit / 20
            if due:
                self._added, self._checked = 0, True
        if due:
            self.make_room()

    def _objects(self) -> Iterator[Path]:
        return (self.folder / "objects").glob("??/*")

    def _listing(self) -> Iterator[tuple[float, int, Path]]:
        """Last use, bytes and path of every file; others may remove some meanwhile."""
        for path in self._objects():
            try:
                facts = path.stat()
            except FileNotFoundError:
                continue
            yield facts.st_mtime, facts.st_size, path

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        """Hold a lock that other processes and threads respect, too: each opens the file anew."""
        place = self.folder / "locks" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                yield
            finally:
                # Closing is not enough: a process that was forked meanwhile has the file open, too.
                fcntl.flock(lock, fcntl.LOCK_UN)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
