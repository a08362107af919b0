"""Finds the sequences below a path on this machine: which folder is a scene, which files are its frames.

Only the operator's command calls this; paths never come from users of the site.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from posixpath import join

from scenes.clouds.beside import is_beside
from scenes.clouds.cloud import CloudError
from scenes.clouds.formats import FORMATS, UNDECIDED_SUFFIXES
from scenes.clouds.trees import TreeScene, find_tree_scenes
from scenes.storage import storage_named


@dataclass(frozen=True)
class Sequence:
    """One scene to be: its name, its frames in playing order, and the small files beside them."""

    name: str
    folder: Path
    frames: tuple[Path, ...]
    beside: tuple[Path, ...] = ()


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


@dataclass(frozen=True)
class RootSequence:
    """One scene to be below a registered root: names of files there, in playing order."""

    name: str
    root: str
    frames: tuple[str, ...]
    beside: tuple[str, ...] = ()


def find_in_root(root: str, folder: str) -> list[RootSequence]:
    """The sequences at or below a folder of a registered root (its alias), on a share or in a bucket alike.

    Raises CloudError when no cloud of a known format is there.
    """
    found = list(_walk_root(root, folder.strip("/")))
    if not found:
        raise CloudError(
            "no point cloud is there", remedy=f"Known formats: {', '.join(_known_suffixes())}.", file=f"{root}:{folder}"
        )
    return found


def _walk_root(root: str, folder: str) -> Iterator[RootSequence]:
    folders, files = storage_named(root).listdir(folder)
    ordered = sorted(files, key=natural_order)
    frames = tuple(join(folder, name) for name in ordered if name.lower().endswith(tuple(_known_suffixes())))
    if frames:
        beside = tuple(join(folder, name) for name in ordered if is_beside(name))
        yield RootSequence(folder.replace("/", "-") or root, root, frames, beside)
    for inner in sorted(folders, key=natural_order):
        yield from _walk_root(root, join(folder, inner))


def find_tree(root: Path, kind: str, *, sweeps: bool = False) -> list[TreeScene]:
    """The scenes of a declared kind of tree below `root`. Raises CloudError when there is none, or it is damaged."""
    if not root.is_dir():
        raise CloudError("it is no folder", remedy="Give the folder that holds the tree.", file=str(root))
    paths = [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]
    return find_tree_scenes(kind, paths, read=lambda path: (root / path).read_bytes(), sweeps=sweeps)


def natural_order(name: str) -> list[tuple[int, int, str]]:
    """Sorting key by which frame 2 comes before frame 10."""
    parts = re.split(r"([0-9]+)", name)
    return [(1, int(part), "") if part.isascii() and part.isdigit() else (0, 0, part) for part in parts]


def _known_suffixes() -> list[str]:
    return sorted({suffix for kind in FORMATS for suffix in kind.suffixes} | UNDECIDED_SUFFIXES.keys())


def _is_cloud(path: Path) -> bool:
    return path.name.lower().endswith(tuple(_known_suffixes())) and path.is_file()


def _sequence_of_one_file(path: Path) -> Sequence:
    if not _is_cloud(path):
        raise CloudError("the format is not known", remedy=f"Known: {', '.join(_known_suffixes())}.", file=str(path))
    return Sequence(path.name.split(".")[0], path.parent, (path,))


def _walk(folder: Path, root: Path) -> Iterator[Sequence]:
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: natural_order(entry.name))
    except PermissionError as error:
        raise CloudError(
            "the folder can't be read", remedy="Give this user the right to read it.", file=str(folder)
        ) from error
    frames = tuple(entry for entry in entries if _is_cloud(entry))
    beside = tuple(entry for entry in entries if is_beside(entry.name) and entry.is_file())
    if frames:
        yield Sequence(_name(folder, root), folder, frames, beside)
    for entry in entries:
        if entry.is_dir() and not entry.is_symlink():
            yield from _walk(entry, root)


def _name(folder: Path, root: Path) -> str:
    """The folder's name, with the folders between it and the root in front: unique inside one tree."""
    return "-".join([root.resolve().name, *folder.relative_to(root).parts])
