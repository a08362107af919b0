"""Which columns the explorer shows, in which order, how dense: what the address says, then what the person chose."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from lamm.tables import SceneTable

# These two lead every row and stay in sight while the others scroll; the picture may be hidden, the name may not.
PINNED = ("thumbnail", "name")
STANDARD = (
    *PINNED, "status", "max_uncertainty", "mean_uncertainty", "source_model", "tags", "captured", "duration",
    "position", "points", "labeler", "used_in_training", "drive",
)  # fmt: skip
DENSITIES = (("comfortable", "Comfortable rows", "rows-2"), ("compact", "Compact rows", "rows-4"))
VIEWS = (("table", "Table", "table-2"), ("grid", "Thumbnails", "layout-grid"))


@dataclass(frozen=True)
class Choice:
    """A column in the chooser."""

    name: str
    label: str
    shown: bool
    pinned: bool
    always: bool


@dataclass(frozen=True)
class Layout:
    """How the explorer draws its rows: `columns` in their order, `density` and `view` by name."""

    columns: tuple[str, ...]
    density: str
    view: str

    @property
    def choices(self) -> list[Choice]:
        """Every column, the shown ones first in their order."""
        labels = column_labels()
        names = [*self.columns, *(name for name in labels if name not in self.columns)]
        names.sort(key=lambda name: PINNED.index(name) if name in PINNED else len(PINNED))
        shown = set(self.columns)
        return [Choice(name, labels[name], name in shown, name in PINNED, name == "name") for name in names]


def column_labels() -> dict[str, str]:
    """By name: the heading of every column there is."""
    return {name: str(column.verbose_name) for name, column in SceneTable.base_columns.items()}


def layout(parameters: QueryDict, chosen: Any = None) -> Layout:
    """The layout for an address; `chosen` is the person's own choice: anything with columns, density and view."""
    asked = parameters.get("columns", "").split(",") if parameters.get("columns") else None
    return Layout(
        columns=valid_columns(asked) or valid_columns(getattr(chosen, "columns", None)) or STANDARD,
        density=_one_of(DENSITIES, getattr(chosen, "density", "")),
        view=_one_of(VIEWS, parameters.get("view", "") or getattr(chosen, "view", "")),
    )


def valid_columns(names: Iterable[str] | None) -> tuple[str, ...]:
    """The columns that exist, each once, pinned ones in front; unknown names of old links are left out."""
    known = [name for name in dict.fromkeys(names or ()) if name in SceneTable.base_columns]
    if not known:
        return ()
    lead = [name for name in PINNED if name in known or name == "name"]
    return (*lead, *(name for name in known if name not in PINNED))


def _one_of(choices: Sequence[tuple[str, str, str]], name: str) -> str:
    return name if name in {choice[0] for choice in choices} else choices[0][0]
