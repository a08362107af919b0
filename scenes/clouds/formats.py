"""Which reader takes which file. A new format is a module with a class like this protocol, listed below."""

from __future__ import annotations

from typing import Protocol

from scenes.clouds.cloud import CloudError, Limits, PointCloud
from scenes.clouds.kitti import KittiFormat
from scenes.clouds.las import LasFormat
from scenes.clouds.mcap import McapFormat
from scenes.clouds.nuscenes import NuScenesFormat
from scenes.clouds.pcd import PcdFormat
from scenes.clouds.ply import PlyFormat
from scenes.clouds.point_cloud2 import PointCloud2Format
from scenes.clouds.xyz import XyzFormat


class Format(Protocol):
    """A point cloud file format: its name for people, its file suffixes in lower case, and its reader.

    In lower case the name is what declares the format (`format_named`). A format without a suffix is read
    only when it is declared.
    """

    @property
    def name(self) -> str: ...

    @property
    def suffixes(self) -> tuple[str, ...]: ...

    def read(self, data: bytes | memoryview, *, name: str, limits: Limits) -> PointCloud:
        """The cloud of the whole file `data`. Raises CloudError, with `name` as its file."""
        ...


FORMATS: tuple[Format, ...] = (
    PcdFormat(),
    PlyFormat(),
    NuScenesFormat(),
    KittiFormat(),
    LasFormat(),
    McapFormat(),
    PointCloud2Format(),
    XyzFormat(),
)
# Files whose name says nothing about what they hold, and the formats that they may be declared to have.
UNDECIDED_SUFFIXES: dict[str, tuple[str, ...]] = {".bin": ("kitti", "nuscenes")}


def format_for(filename: str) -> Format:
    """The format of a file by its name; the longest suffix wins, case does not matter.

    Raises CloudError when there is none, and when the name leaves open which: then it must be declared.
    """
    lower = filename.lower()
    matches = [(len(suffix), entry) for entry in FORMATS for suffix in entry.suffixes if lower.endswith(suffix)]
    if matches:
        return max(matches, key=lambda match: match[0])[1]
    for suffix, kinds in UNDECIDED_SUFFIXES.items():
        if lower.endswith(suffix):
            options = " or ".join(f"--format {kind}" for kind in kinds)
            raise CloudError(
                f"a {suffix} file has no header that says what it holds",
                f"Declare the kind: {options}.",
                file=filename,
            )
    supported = ", ".join(f"{entry.name} ({_suffixes(entry)})" for entry in FORMATS)
    raise CloudError("the format is not supported", f"Supported are: {supported}.", file=filename)


def _suffixes(entry: Format) -> str:
    return " ".join(entry.suffixes) or f"declared by --format {entry.name.lower()}"


def format_named(kind: str) -> Format:
    """The format declared by its name or suffix, such as "kitti" or "laz", in any case. Raises CloudError."""
    wanted = kind.strip().lower()
    for entry in FORMATS:
        if wanted == entry.name.lower() or f".{wanted}" in entry.suffixes:
            return entry
    kinds = ", ".join(entry.name.lower() for entry in FORMATS)
    raise CloudError(f"there is no format named {kind[:40]!r}", f"Use one of: {kinds}.")
