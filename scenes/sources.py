"""Finds the sequences below a path on this machine: which folder is a scene, which files are its frames.

Only the operator's command calls this; paths never come from users of the site.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scenes.clouds.cloud import CloudError
from scenes.clouds.formats import FORMATS

TIMES_FILE = "times.txt"
POSITIONS_FILE = "gps.csv"


@dataclass(frozen=True)
class Sequence:
    """One scene to be: its name, its frames in playing order, and the small files beside them, if any."""

    name: str
    folder: Path
    frames: tuple[Path, ...]
    times: Path | None
    positions: Path | None


def find_sequences(path: Path) -> list[Sequence]:
    """The sequences at or below a path: a file is a scene of one frame, each folder with clouds is a scene.

    Raises CloudError when the path does not exist, can't be read or holds no cloud of a known format.
    """
    if not path.exists():
        raise CloudError(f"{path} does not exist", remedy="Check the path.", file=str(path))
    if path.is_file():
        return [_sequence_of_one_file(path)]
    sequences = list(_walk(path, path))
    if not sequences:
        raise CloudError(
            "the folder holds no point cloud",
            remedy=f"Known formats: {', '.join(_known_suffixes())}.",
            file=str(path),
        )
    return sequences


def natural_order(name: str) -> list[tuple[int, int, str]]:
    """Sorting key by which frame 2 comes before frame 10."""
    parts = re.split(r"([0-9]+)", name)
    return [(1, int(part), "") if part.isascii() and part.isdigit() else (0, 0, part) for part in parts]


def _known_suffixes() -> list[str]:
    return sorted({suffix for kind in FORMATS for suffix in kind.suffixes})


def _is_cloud(path: Path) -> bool:
    return path.name.lower().endswith(tuple(_known_suffixes())) and path.is_file()


def _sequence_of_one_file(path: Path) -> Sequence:
    if not _is_cloud(path):
        raise CloudError("the format is not known", remedy=f"Known: {', '.join(_known_suffixes())}.", file=str(path))
    return Sequence(path.name.split(".")[0], path.parent, (path,), times=None, positions=None)


def _walk(folder: Path, root: Path) -> Iterator[Sequence]:
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: natural_order(entry.name))
    except PermissionError as error:
        raise CloudError(
            "the folder can't be read", remedy="Give this user the right to read it.", file=str(folder)
        ) from error
    frames = tuple(entry for entry in entries if _is_cloud(entry))
    if frames:
        yield Sequence(_name(folder, root), folder, frames, *_sidecars(folder))
    for entry in entries:
        if entry.is_dir() and not entry.is_symlink():
            yield from _walk(entry, root)


def _sidecars(folder: Path) -> tuple[Path | None, Path | None]:
    times, positions = folder / TIMES_FILE, folder / POSITIONS_FILE
    return times if times.is_file() else None, positions if positions.is_file() else None


def _name(folder: Path, root: Path) -> str:
    """The folder's name, with the folders between it and the root in front: unique inside one tree."""
    return "-".join([root.resolve().name, *folder.relative_to(root).parts])
