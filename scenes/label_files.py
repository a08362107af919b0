"""Finds label files on this machine and tells which frame each belongs to: the names agree up to the suffix."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from scenes.clouds.cloud import CloudError

SUFFIXES = {"semantic-kitti": ".label", "lidarseg": ".bin", "npy": ".npy"}
# What may follow the stem in the names of clouds and labels, longer ones first.
ENDINGS = (".pcd.bin", "_lidarseg.bin", ".pcd", ".bin", ".ply", ".las", ".laz", ".label", ".npy")


@dataclass(frozen=True)
class LabelFile:
    """The labels of one frame: the file's name for errors, its size in bytes, and how to read it when it is due."""

    name: str
    size: int
    read: Callable[[], bytes]

    @classmethod
    def at(cls, path: Path) -> "LabelFile":
        """The file at this path. Raises CloudError when it can't be looked at."""
        try:
            return cls(path.name, path.stat().st_size, path.read_bytes)
        except OSError as error:
            raise CloudError(f"the file can't be read: {error.strerror}", "Check the path.", file=str(path)) from error

    @classmethod
    def of_bytes(cls, data: bytes, *, name: str) -> "LabelFile":
        return cls(name, len(data), lambda: data)


def stem(name: str) -> str:
    """What the names of a cloud and of its labels have in common: 000000 of 000000.pcd and 000000.label."""
    lower = name.lower()
    ending = next((ending for ending in ENDINGS if lower.endswith(ending) and lower != ending), "")
    return name[: len(name) - len(ending)]


def find_label_files(path: Path, *, kind: str) -> dict[str, LabelFile]:
    """The label files of a kind in a folder (not below it), or the one file, by stem.

    Raises CloudError when there is none, and names the kinds of label files that are there instead.
    """
    if not path.exists():
        raise CloudError("the path does not exist", "Check the path.", file=str(path))
    wanted = SUFFIXES[kind]
    paths = [path] if path.is_file() else sorted(p for p in path.iterdir() if p.name.lower().endswith(wanted))
    if not paths:
        raise CloudError(f"the folder holds no {wanted} file", _instead(path), file=str(path))
    return by_stem(paths)


def by_stem(paths: Iterable[Path]) -> dict[str, LabelFile]:
    """The files by stem. Raises CloudError when two have the same."""
    found: dict[str, LabelFile] = {}
    for path in paths:
        if stem(path.name) in found:
            first = found[stem(path.name)].name
            raise CloudError(f"{first} and {path.name} would label the same frame", "Keep one.", file=str(path.parent))
        found[stem(path.name)] = LabelFile.at(path)
    return found


def _instead(folder: Path) -> str:
    endings = {entry.suffix.lower() for entry in folder.iterdir() if entry.is_file()}
    others = [kind for kind, suffix in SUFFIXES.items() if suffix in endings]
    if not others:
        return "Name the folder that holds the labels."
    return f"It holds files of other kinds; is it --kind {' or '.join(others)}?"
