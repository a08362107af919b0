"""Files of an export: where each lies, how many bytes it has, and how to get them, one piece at a time. Pure."""

import json
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any

PIECE_BYTES = 1 << 18
IN_MEMORY_BYTES = 1 << 20
UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Entry:
    """One file of an export.

    Attributes:
        path: relative, with slashes.
        size: in bytes, known before any of them is made.
        pieces: gives the bytes; may be called again.
        frames: how many frames are through once this file is.
    """

    path: str
    size: int
    pieces: Callable[[], Iterable[bytes]]
    frames: int = 0

    @classmethod
    def of(cls, path: str, data: bytes) -> "Entry":
        return cls(path, len(data), lambda: [data])

    @classmethod
    def of_text(cls, path: str, lines: Iterable[str]) -> "Entry":
        """A file of text, a line feed after each line."""
        return cls.of(path, "".join(f"{line}\n" for line in lines).encode())

    @classmethod
    def of_json(cls, path: str, value: Any) -> "Entry":
        return cls.of(path, (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())


class Kept:
    """Text that grows while other files go out, and becomes a file at the end; on the disk once it is long."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115

    def write(self, data: bytes) -> None:
        self._file.write(data)

    def entry(self, path: str) -> Entry:
        return Entry(path, self._file.tell(), self._pieces)

    def _pieces(self) -> Iterator[bytes]:
        self._file.seek(0)
        while piece := self._file.read(PIECE_BYTES):
            yield piece


class KeptRows:
    """Rows that become a JSON list, a row a line."""

    def __init__(self) -> None:
        self._kept, self._empty = Kept(), True

    def add(self, row: dict[str, Any]) -> None:
        line = json.dumps(row, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        self._kept.write(f"{'[' if self._empty else ','}\n{line}".encode())
        self._empty = False

    def entry(self, path: str) -> Entry:
        self._kept.write(b"[]\n" if self._empty else b"\n]\n")
        return self._kept.entry(path)


def folder_name(name: str, digest: str) -> str:
    """A name as a folder that every system takes; with a part of the digest where it had to be changed.

    `name` is of a row, `digest` the sha256 of what it holds.
    """
    safe = UNSAFE.sub("_", name).lstrip(".")[:120]
    return name if safe == name else f"{safe or 'scene'}-{digest[:8]}"
