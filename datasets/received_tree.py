"""A tree of label files as a tar archive from outside: only plain files with harmless names, up to a limit."""

import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO

from scenes.errors import RefusedError, TooLargeError
from scenes.frame_reading import scratch_folder

MOST_BYTES = 1024**3
MOST_FILES = 50_000
REMEDY = "Use manage.py import_labels for more."


@contextmanager
def unpacked(stream: IO[bytes]) -> Iterator[Path]:
    """A temporary folder with the files of an archive (tar, plain or compressed) that is read once.

    Raises RefusedError for what is no archive, or has links, devices or paths that lead out of it, and TooLargeError
    beyond MOST_BYTES unpacked or MOST_FILES.
    """
    with TemporaryDirectory(dir=scratch_folder(), prefix="labels-") as place:
        folder = Path(place)
        try:
            with tarfile.open(fileobj=stream, mode="r|*") as archive:
                _unpack(archive, folder)
        except (tarfile.TarError, EOFError, OSError, ValueError) as error:
            raise RefusedError(f"The body is no whole tar archive: {str(error)[:200]}") from error
        yield _top(folder)


def _unpack(archive: tarfile.TarFile, folder: Path) -> None:
    left, files = MOST_BYTES, 0
    for member in archive:
        if member.isdir():
            continue
        path = PurePosixPath(member.name)
        if not member.isfile() or path.is_absolute() or ".." in path.parts or "\0" in member.name:
            raise RefusedError(f"The archive holds {member.name[:100]!r}, which is no plain file inside of it.")
        left, files = left - member.size, files + 1
        if left < 0 or files > MOST_FILES:
            raise TooLargeError(f"More than {MOST_BYTES:,} bytes or {MOST_FILES:,} files. {REMEDY}")
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        source = archive.extractfile(member)
        assert source is not None  # a plain file has its bytes
        with target.open("wb") as file:
            shutil.copyfileobj(source, file)


def _top(folder: Path) -> Path:
    """The only folder of an archive that has all below one, as ours have; else the folder itself."""
    entries = list(folder.iterdir())
    only = len(entries) == 1 and entries[0].is_dir() and entries[0].name not in TOPS
    return entries[0] if only else folder


# What lies at the top of a tree itself.
TOPS = frozenset({"sequences", "lidarseg", "train", "val", "test"})


@contextmanager
def kept(stream: IO[bytes], name: str) -> Iterator[Path]:
    """A temporary file with the bytes of a stream."""
    with TemporaryDirectory(dir=scratch_folder(), prefix="labels-") as place:
        path = Path(place) / name
        with path.open("wb") as file:
            shutil.copyfileobj(stream, file)
        yield path
