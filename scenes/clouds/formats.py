"""Which reader takes which file. A new format is a module with a class like this protocol, listed below."""

from __future__ import annotations

from typing import Protocol

from scenes.clouds.cloud import CloudError, Limits, PointCloud
from scenes.clouds.pcd import PcdFormat


class Format(Protocol):
    """A point cloud file format: its name for people, its file suffixes in lower case, and its reader."""

    @property
    def name(self) -> str: ...

    @property
    def suffixes(self) -> tuple[str, ...]: ...

    def read(self, data: bytes | memoryview, *, name: str, limits: Limits) -> PointCloud:
        """The cloud of the whole file `data`. Raises CloudError, with `name` as its file."""
        ...


FORMATS: tuple[Format, ...] = (PcdFormat(),)


def format_for(filename: str) -> Format:
    """The format of a file by its name; the longest suffix wins, case does not matter. Raises CloudError."""
    lower = filename.lower()
    matches = [(len(suffix), entry) for entry in FORMATS for suffix in entry.suffixes if lower.endswith(suffix)]
    if not matches:
        supported = ", ".join(f"{entry.name} ({' '.join(entry.suffixes)})" for entry in FORMATS)
        raise CloudError("the format is not supported", f"Supported are: {supported}.", file=filename)
    return max(matches, key=lambda match: match[0])[1]
