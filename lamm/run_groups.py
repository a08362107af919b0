"""Runs gathered by experiment, architecture, dataset version or parent: how many, and the first of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Max, QuerySet, Value
from django.http import QueryDict

from datasets.models import DatasetVersion
from experiments.models import Experiment, Run
from experiments.run_listing import Matching, runs_by_ids
from experiments.run_orders import Order

GROUPS, ROWS_OF_A_GROUP = 25, 5


@dataclass(frozen=True)
class Grouping:
    """A way to gather: the column, what it is called, the filter that shows one group alone, and its names."""

    column: str
    label: str
    parameter: str
    names: Callable[[list[Any]], Mapping[Any, str]]


@dataclass
class RunGroup:
    """A group: its name, how many runs match in it, and the first of them; `address` shows it alone, if that can be
    said.
    """

    name: str
    count: int
    address: str
    runs: list[Run]
    rows: list[Any]

    @property
    def more(self) -> int:
        return self.count - len(self.runs)


def _experiments(keys: list[Any]) -> Mapping[Any, str]:
    return dict(Experiment.objects.filter(pk__in=keys).values_list("pk", "name"))


def _versions(keys: list[Any]) -> Mapping[Any, str]:
    rows = DatasetVersion.objects.filter(pk__in=keys).values_list("pk", "dataset__name", "number")
    return {pk: f"{name}@v{number}" for pk, name, number in rows}


def _parents(keys: list[Any]) -> Mapping[Any, str]:
    return {key: f"run-{key}" for key in keys}


def _architectures(keys: list[Any]) -> Mapping[Any, str]:
    return {key: key for key in keys}


GROUPINGS: dict[str, Grouping] = {
    "experiment": Grouping("experiment_id", "Experiment", "experiment", _experiments),
    "architecture": Grouping("architecture", "Architecture", "architecture", _architectures),
    "dataset": Grouping("dataset_version_id", "Dataset", "dataset", _versions),
    "parent": Grouping("parent_id", "Parent", "parent", _parents),
}


def run_groups(
    found: Matching, by: str, order: Order, *, descending: bool, parameters: QueryDict
) -> tuple[list[RunGroup], bool]:
    """The groups with the newest runs, each with its first rows in an order, and whether there are more.

    Five queries for any number of groups.
    """
    way = GROUPINGS[by]
    counted = found.among.order_by().values_list(way.column).annotate(count=Count("pk"), newest=Max("pk"))
    groups = list(counted.order_by("-newest")[: GROUPS + 1])
    more, groups = len(groups) > GROUPS, groups[:GROUPS]
    keys = [key for key, _, _ in groups]
    names = way.names([key for key in keys if key not in (None, "")])
    first = _first_of_each(found.among, way.column, keys, order, descending)
    runs = {run.pk: run for run in runs_by_ids([pk for ids in first.values() for pk in ids])}
    return [
        RunGroup(
            names.get(key, f"No {way.label.lower()}"),
            count,
            _address(parameters, way, key, names.get(key, "")),
            [runs[pk] for pk in first[place] if pk in runs],
            [],
        )
        for place, (key, count, _) in enumerate(groups)
    ], more


def _first_of_each(
    runs: QuerySet[Run], column: str, keys: list[Any], order: Order, descending: bool
) -> dict[int, list[int]]:
    """By the group's place: the first runs in an order, those without a value last; one query for all groups."""
    slices = []
    for place, key in enumerate(keys):
        condition = {f"{column}__isnull": True} if key is None else {column: key}
        of_group = runs.filter(**condition)
        value = F("sort_value").desc() if descending else F("sort_value").asc()
        parts = [order.filled(of_group).order_by(value, "-pk")]
        if order.missing is not None:
            parts.append(order.missing(of_group).order_by("-pk"))
        for rank, part in enumerate(parts):
            numbered = part.annotate(place=Value(place), part=Value(rank))
            slices.append(numbered.values_list("place", "part", "pk")[:ROWS_OF_A_GROUP])
    first: dict[int, list[int]] = {place: [] for place in range(len(keys))}
    rows = list(slices[0].union(*slices[1:], all=True)) if len(slices) > 1 else list(slices[0]) if slices else []
    for place, _, pk in sorted(rows, key=lambda row: row[:2]):
        if len(first[place]) < ROWS_OF_A_GROUP:
            first[place].append(pk)
    return first


def _address(parameters: QueryDict, way: Grouping, key: Any, name: str) -> str:
    if key in (None, ""):
        return ""
    kept = parameters.copy()
    for gone in ("group", "after", "before"):
        kept.pop(gone, None)
    kept[way.parameter] = str(key) if way.parameter == "parent" else name
    return f"?{kept.urlencode()}"
