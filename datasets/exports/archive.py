"""A tar archive as a stream: POSIX.1-2001 (pax), in the order of the entries, without clock, owner or temporary file.

The same entries give the same bytes.
"""

import tarfile
from collections.abc import Callable, Iterable, Iterator

from datasets.exports.entries import Entry
from scenes.errors import ConflictError

MEDIA_TYPE = "application/x-tar"
# Programs warn of times at the very beginning of 1970; this is where zip archives begin, 1980-01-01 UTC.
FIXED_TIME = 315_532_800
MODE = 0o644
END = b"\0" * (2 * tarfile.BLOCKSIZE)
Progress = Callable[[int], object]


def pieces(entries: Iterable[Entry], folder: str, on_frames: Progress = lambda count: None) -> Iterator[bytes]:
    """The archive of `entries` below one folder; `on_frames` hears how many frames are through.

    Raises ConflictError when a file turns out to have another size than was announced.
    """
    done = 0
    for entry in entries:
        yield _header(f"{folder}/{entry.path}", entry.size)
        yield from exactly(entry)
        yield b"\0" * (-entry.size % tarfile.BLOCKSIZE)
        if entry.frames:
            done += entry.frames
            on_frames(done)
    yield END


def exactly(entry: Entry) -> Iterator[bytes]:
    """The bytes of an entry. Raises ConflictError when they are more or fewer than announced."""
    left = entry.size
    for piece in entry.pieces():
        left -= len(piece)
        if left < 0:
            break
        yield piece
    if left:
        raise ConflictError(
            f"{entry.path} has other bytes than the {entry.size:,} that were counted. Verify the dataset version."
        )


def _header(path: str, size: int) -> bytes:
    info = tarfile.TarInfo(path)
    info.size, info.mtime, info.mode = size, FIXED_TIME, MODE
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
