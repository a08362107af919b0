"""The trees that a frozen version is exported as: what each is called, what it carries, and what it can't."""

from collections.abc import Iterator
from typing import Protocol

from datasets.exports.content import ExportedScene
from datasets.exports.entries import Entry


class Tree(Protocol):
    """A layout of files. Made anew for each export, because it may gather rows over the scenes."""

    @property
    def key(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def summary(self) -> str: ...

    @property
    def carries(self) -> tuple[str, ...]: ...

    @property
    def leaves_out(self) -> tuple[str, ...]: ...

    @property
    def ingest(self) -> str:
        """The command that takes the tree in again."""
        ...

    def folder(self, scene: ExportedScene) -> str:
        """Where the files of a scene lie."""
        ...

    def stems(self, scene: ExportedScene) -> list[str]:
        """The name of each frame's file up to its ending, in playing order."""
        ...

    def files(self, scene: ExportedScene) -> Iterator[Entry]:
        """Clouds, labels and what lies beside them."""
        ...

    def missing(self, scene: ExportedScene) -> list[str]:
        """What this scene has and the tree does not get, or what it lacks, in words."""
        ...

    def closing(self) -> Iterator[Entry]:
        """Files that tell of all scenes, after the last of them."""
        ...
