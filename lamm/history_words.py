"""How facts of the audit trail are written: values, doors, and what changed between two rows of history."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import models

from datasets.models import Dataset
from experiments.models import Experiment
from lamm.templatetags.formatting import NOTHING, byte_size, decimal_seconds, grouped, moment
from registry.models import ModelVersion, RegisteredModel
from scenes.models import Drive, Ontology, Scene, Tag

DOORS = {
    "admin": "in the admin",
    "api": "through the API",
    "page": "on the site",
    "command": "from the command line",
    "worker": "in a worker",
    "shell": "in a shell",
}
WRITTEN_AS: dict[str, Callable[[Any], str]] = {
    "size_bytes": byte_size,
    "duration_seconds": decimal_seconds,
}
# Rows that other rows point at, and the column that is their name.
NAMED: dict[type[models.Model], str] = {
    User: "username",
    Drive: "name",
    Scene: "name",
    Tag: "name",
    Ontology: "name",
    Dataset: "name",
    Experiment: "name",
    RegisteredModel: "name",
    ModelVersion: "label",
}
# What changes by itself beside a fact that is told.
UNTOLD = frozenset({"id", "updated_at", "status_since", "created_at"})
# Nobody reads these, should a history table ever have them.
SECRET = frozenset({"password", "digest", "token", "secret", "hash"})
Names = Mapping[tuple[type[models.Model], Any], str]


@dataclass(frozen=True)
class Change:
    """One fact that a person can compare: its label, how it was and how it is now."""

    label: str
    before: str
    after: str


def told_fields(history: type[models.Model]) -> list[Any]:
    """The fields of a history model that people may compare; files behind pictures are no facts to them."""
    tracked = history.tracked_fields  # type: ignore[attr-defined]
    return [
        field
        for field in tracked
        if field.name not in UNTOLD | SECRET and not (field.is_relation and field.related_model not in NAMED)
    ]


def names_of(rows: Iterable[Any]) -> dict[tuple[type[models.Model], Any], str]:
    """Names of all that the history rows point at, one query for each model."""
    keys: dict[type[models.Model], set[Any]] = {model: set() for model in NAMED}
    for row in rows:
        for field in row.tracked_fields:
            if field.is_relation and field.related_model in NAMED:
                keys[field.related_model].add(getattr(row, field.attname))
    found = {}
    for model, wanted in keys.items():
        wanted.discard(None)
        if wanted:
            named = model._default_manager.filter(pk__in=wanted).values_list("pk", NAMED[model])
            found.update({(model, pk): name for pk, name in named})
    return found


def changes(older: Any, newer: Any, names: Names) -> list[Change]:
    """What changed between two rows of one history table."""
    found = []
    for field in told_fields(type(newer)):
        before, after = getattr(older, field.attname), getattr(newer, field.attname)
        if before != after:
            label = str(field.verbose_name)
            found.append(
                Change(label[:1].upper() + label[1:], written(field, before, names), written(field, after, names))
            )
    return found


def written(field: Any, value: Any, names: Names) -> str:
    if value is None or value in ("", []):
        return NOTHING
    if field.is_relation:
        return names.get((field.related_model, value), f"number {value}, since removed")
    if field.name in WRITTEN_AS:
        return WRITTEN_AS[field.name](value)
    if isinstance(field, models.DateTimeField):
        return moment(value)
    if field.flatchoices:
        return str(dict(field.flatchoices).get(value, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return grouped(value) if isinstance(value, int) else str(value)
