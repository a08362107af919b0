"""The columns of the tracker: attributes of runs, the usual figures, and any metric, parameter or tag by its name."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from experiments.models import RunPreferences
from experiments.run_fields import ATTRIBUTE, METRIC, PARAMETER, Field, QueryError, read_field
from experiments.run_figures import FIGURES, HIGH, LOW, Figure, better
from experiments.run_orders import COLUMN_ORDERS, NEWEST_FIRST

STANDARD = (
    "id", "status", "architecture", "training_loss", "validation_loss", "iou_obstacle", "iou_ground", "trend",
    "dataset", "model", "user", "duration", "tags",
)  # fmt: skip
PINNED = ("id",)
DENSITIES = (("comfortable", "Comfortable rows", "rows-2"), ("compact", "Compact rows", "rows-4"))
MOST_COLUMNS = 40
LABELS = {
    "id": "Run ID",
    "status": "Status",
    "architecture": "Model Architecture",
    "dataset": "Dataset Used",
    "model": "Model Path",
    "user": "Started By",
    "duration": "Duration",
    "trend": "Trend",
    "tags": "Tags",
    "experiment": "Experiment",
    "notes": "Notes",
    "created": "Created",
    "started": "Started",
    "finished": "Finished",
    "parent": "Parent",
    "commit": "Commit",
    "host": "Host",
    "seed": "Seed",
}
NUMERIC = frozenset({"duration", "seed"})
AGGREGATE_WORDS = {"last": "last", "min": "lowest", "max": "highest"}


@dataclass(frozen=True)
class Column:
    """A column: `name` is what the address and the query call it, `sort` what it is ordered by, empty when it can't be.

    `fields` are the metrics or parameters that it reads, the first that a run has; `better` tells which way is better.
    """

    name: str
    label: str
    detail: str = ""
    kind: str = "fact"
    sort: str = ""
    numeric: bool = False
    greatest_first: bool = False
    fields: tuple[Field, ...] = ()
    figure: Figure | None = None
    better: str = ""

    @property
    def template(self) -> str:
        """The part that draws a cell of a fact; values are drawn by the row itself."""
        return f"parts/run_cells/{self.name}.html" if self.kind == "fact" else ""


@dataclass(frozen=True)
class Layout:
    """How the tracker draws its rows: its columns in order, row height, and the metrics that stand for figures."""

    columns: tuple[Column, ...]
    density: str
    figures: Mapping[str, tuple[str, ...]]

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def fields(self) -> list[Field]:
        return [field for column in self.columns for field in column.fields]

    def shows(self, name: str) -> bool:
        return any(column.name == name for column in self.columns)


def layout(parameters: QueryDict, chosen: RunPreferences, figures: Mapping[str, tuple[str, ...]]) -> Layout:
    """The layout for an address: what it says, then what the person chose, then the usual."""
    asked = parameters.get("columns", "")
    found = columns(asked.split(",") if asked else [], figures)
    found = found or columns(chosen.columns, figures) or columns(STANDARD, figures)
    density = parameters.get("density") or chosen.density
    known = {name for name, _, _ in DENSITIES}
    return Layout(found, density if density in known else DENSITIES[0][0], figures)


def chosen_figures(parameters: QueryDict, chosen: RunPreferences) -> dict[str, str]:
    """By figure: the one metric that address or person chose for it."""
    kept = chosen.figures if isinstance(chosen.figures, dict) else {}
    return {name: parameters.get(name) or str(kept.get(name, "")) for name in FIGURES}


def columns(names: Iterable[str], figures: Mapping[str, tuple[str, ...]]) -> tuple[Column, ...]:
    """The columns of these names, each once, the run in front; what nobody knows is left out. Empty for no name."""
    wanted = [found for name in dict.fromkeys(names) if (found := column(name, figures))][:MOST_COLUMNS]
    if not wanted:
        return ()
    lead = column(PINNED[0], figures)
    assert lead is not None
    return (lead, *(one for one in wanted if one.name not in PINNED))


def column(name: str, figures: Mapping[str, Sequence[str]]) -> Column | None:
    """The column of a name; None when there is none."""
    if name in FIGURES:
        figure, keys = FIGURES[name], figures[name]
        read = tuple(Field(METRIC, key) for key in keys)
        ways: dict[str, Any] = {"numeric": True, "greatest_first": figure.better == HIGH, "better": figure.better}
        return Column(name, figure.label, keys[0], "value", name, fields=read, figure=figure, **ways)
    if name in LABELS:
        sort = name if name in COLUMN_ORDERS else ""
        newest = name in NEWEST_FIRST or name == "duration"
        return Column(name, LABELS[name], sort=sort, numeric=name in NUMERIC, greatest_first=newest)
    try:
        field = read_field(name)
    except QueryError:
        return None
    return _of_key(field) if field.kind != ATTRIBUTE else None


def _of_key(field: Field) -> Column:
    name = str(field)
    if field.kind == METRIC:
        way = better(field.key)
        words = f"metric, {AGGREGATE_WORDS[field.aggregate]}"
        first = way != LOW
        return Column(name, field.key, words, "value", name, True, first, (field,), better=way)
    words = "parameter" if field.kind == PARAMETER else "tag"
    return Column(name, field.key, words, "value", name, field.kind == PARAMETER, fields=(field,))


@dataclass(frozen=True)
class Choice:
    """A column in the chooser."""

    name: str
    label: str
    detail: str
    shown: bool
    pinned: bool


def choices(shown: Layout) -> list[Choice]:
    """Every column that needs no key, and those with a key that are shown; the shown ones first, in their order."""
    others = [name for name in (*LABELS, *FIGURES) if not shown.shows(name)]
    rest = [one for name in others if (one := column(name, shown.figures))]
    return [
        Choice(one.name, one.label, one.detail, place < len(shown.columns), one.name in PINNED)
        for place, one in enumerate([*shown.columns, *rest])
    ]
