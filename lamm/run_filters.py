"""What the tracker's filter bar offers, the active filters as chips, and where a query is wrong."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef
from django.http import QueryDict
from django.urls import reverse

from datasets.models import DatasetVersion
from experiments.filters import ARCHIVED
from experiments.models import Experiment, Run, RunStatus
from experiments.run_addresses import SHOWING
from experiments.run_fields import ATTRIBUTES, OPERATORS, STATUSES, QueryError
from experiments.run_query import parse
from experiments.selectors import architectures_in_use

MOST_OPTIONS = 200
LABELS = {
    "query": "Query",
    "search": "Search",
    "status": "Status",
    "experiment": "Experiment",
    "architecture": "Architecture",
    "dataset": "Dataset",
    "started_by": "Started by",
    "parent": "Parent",
    "scene": "Holds scene",
    "tag": "Tag",
    "parameter": "Parameter",
    "metric": "Metric",
    "started_after": "Started from",
    "started_before": "Started until",
    "archived": "Archived",
}


@dataclass(frozen=True)
class Select:
    """A choice in the filter bar: `name` is the parameter, `options` are (value, label, chosen)."""

    name: str
    label: str
    options: list[tuple[str, str, bool]]

    @property
    def chosen(self) -> bool:
        return any(chosen for value, _, chosen in self.options if value)


@dataclass(frozen=True)
class Chip:
    """An active filter in words; `query` is the address without it."""

    key: str
    label: str
    text: str
    query: str


@dataclass(frozen=True)
class QueryProblem:
    """Where a query is wrong, for people: its line with a mark of `length` characters under `column` (from 0)."""

    line: str
    column: int
    length: int
    position: int
    words: str
    expected: tuple[str, ...]
    remedy: str

    @property
    def mark(self) -> str:
        return " " * self.column + "^" * self.length


def query_problem(text: str) -> QueryProblem | None:
    """What is wrong with a query; None when it can be read or there is none."""
    try:
        if text.strip():
            parse(text)
    except QueryError as error:
        line = (text.split("\n") or [""])[error.line - 1]
        column = error.column - 1
        length = max(1, min(error.length, len(line) - column))
        return QueryProblem(line, column, length, error.position, error.words, error.expected, error.remedy)
    return None


def selects(parameters: QueryDict) -> list[Select]:
    """The choices of the filter bar, in four queries."""
    with_runs = Exists(Run.objects.filter(dataset_version=OuterRef("pk")))
    versions = DatasetVersion.objects.filter(with_runs).select_related("dataset").order_by("dataset__name", "-number")
    versions = versions.defer("certificate", "statistics", "drawn")
    people = User.objects.filter(Exists(Run.objects.filter(started_by=OuterRef("pk")))).order_by("username")
    experiments = Experiment.objects.filter(archived_at=None).order_by("-pk").values_list("name", flat=True)
    return [
        _select("experiment", "Any experiment", experiments[:MOST_OPTIONS], parameters),
        _select("architecture", "Any architecture", architectures_in_use(most=MOST_OPTIONS), parameters),
        _select("dataset", "Any dataset", _dataset_names(versions[:MOST_OPTIONS]), parameters),
        _select("started_by", "Anybody", people.values_list("username", flat=True)[:MOST_OPTIONS], parameters),
        _archived(parameters),
    ]


def _dataset_names(versions: Iterable[DatasetVersion]) -> list[str]:
    return [f"{version.dataset.name}@v{version.number}" for version in versions]


def _select(name: str, nothing: str, values: Iterable[str], parameters: QueryDict) -> Select:
    chosen = parameters.get(name, "")
    known = list(values)
    if chosen and chosen not in known:
        known.insert(0, chosen)
    return Select(name, nothing, [("", nothing, not chosen), *((value, value, value == chosen) for value in known)])


def _archived(parameters: QueryDict) -> Select:
    chosen = parameters.get("archived", "")
    words = {"no": "Not archived", "yes": "Archived", "all": "With archived"}
    options = [("" if value == "no" else value, words[value], value == (chosen or "no")) for value, _ in ARCHIVED]
    return Select("archived", "Archived or not", options)


def statuses(parameters: QueryDict) -> list[tuple[str, str, bool]]:
    chosen = set(parameters.getlist("status"))
    return [(status.value, str(status.label), status.value in chosen) for status in RunStatus]


def chips(parameters: QueryDict) -> list[Chip]:
    """What is filtered, one chip a value."""
    found = []
    for name, values in parameters.lists():
        if name in SHOWING:
            continue
        for value in values:
            said = _SAID.get(name, str)(value)
            found.append(Chip(name, LABELS.get(name, name), said, _without(parameters, name, value)))
    return found


_SAID: dict[str, Callable[[str], str]] = {
    "status": lambda value: str(dict(RunStatus.choices).get(value, value)),
    "archived": lambda value: {"yes": "only", "all": "as well", "no": "not"}.get(value, value),
    "parent": lambda value: f"run-{value}",
}


def _without(parameters: QueryDict, name: str, value: str) -> str:
    kept = parameters.copy()
    kept.setlist(name, [other for other in kept.getlist(name) if other != value])
    for gone in ("after", "before", *([] if kept.getlist(name) else [name])):
        kept.pop(gone, None)
    return f"?{kept.urlencode()}" if kept else "?"


def language() -> dict[str, Any]:
    """What static/js/runs/completion.js needs to know of the query language."""
    names = {name: {"kind": kind.name.lower(), "operators": OPERATORS[kind]} for name, kind in ATTRIBUTES.items()}
    choices = {"status": STATUSES, "archived": ("true", "false"), "stalled": ("true", "false")}
    return {"attributes": names, "choices": {**choices, "dirty": ("true", "false")}, "keys": reverse("run-list-keys")}
