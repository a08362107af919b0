"""The form of a new training run: read as people write it, and told as the wishes that the API takes, too.

Parameters are rows of a key and a value, or one YAML mapping; values are read as YAML, so that 0.01 is a number, true a
truth value and "0.01" a text.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from django.http import QueryDict

from experiments.models import Run
from experiments.wishes import RunWishes
from scenes.errors import RefusedError

EMPTY_ROWS = 3
NUMBER = re.compile(r"[-+]?(?:\d[\d_]*)(?:\.\d*)?[eE][-+]?\d+|[-+]?\.\d+(?:[eE][-+]?\d+)?")
LONGEST_YAML = 200_000


class Loader(yaml.SafeLoader):
    """YAML in which 1e-3 is a number, as everybody means it and YAML 1.1 does not."""


Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(rf"^(?:{NUMBER.pattern})$"), list("-+.0123456789"))


@dataclass
class RunForm:
    """What stands in the form. `rows` are parameters as (key, value as YAML); `yaml` is used when `as_yaml`."""

    experiment: str = "Default"
    name: str = ""
    architecture: str = ""
    dataset: str = ""
    tags: str = ""
    notes: str = ""
    seed: str = ""
    parent: str = ""
    command: str = ""
    rows: list[tuple[str, str]] = field(default_factory=list)
    yaml: str = ""
    as_yaml: bool = False
    once: str = field(default_factory=lambda: secrets.token_hex(16))
    problem: str = ""
    problem_field: str = ""

    @property
    def shown_rows(self) -> list[tuple[str, str]]:
        """The rows with some empty ones behind them."""
        return [*self.rows, *[("", "")] * EMPTY_ROWS]


TEXTS = ("experiment", "name", "architecture", "dataset", "tags", "notes", "seed", "parent", "command")


def blank_form(given: QueryDict) -> RunForm:
    """An empty form; an address may fill in some of it, such as ?dataset=Urban@v2."""
    form = RunForm()
    for name in TEXTS:
        if given.get(name):
            setattr(form, name, given[name])
    return form


def form_of_run(run: Run) -> RunForm:
    """The form for another run of the same kind; the run it is taken from becomes its parent."""
    version = run.dataset_version
    values = {row.key: row.value for row in run.parameters.order_by("key")}
    return RunForm(
        experiment=run.experiment.name,
        name=run.name,
        architecture=run.architecture,
        dataset=f"{version.dataset.name}@v{version.number}" if version and version.state == "frozen" else "",
        tags=", ".join(f"{tag.key}={tag.value}" if tag.value else tag.key for tag in run.tags.all()),
        seed="" if run.seed is None else str(run.seed),
        parent=str(run.pk),
        command=run.command,
        rows=[(key, written(value)) for key, value in values.items()],
        yaml=yaml.safe_dump(values, sort_keys=True, allow_unicode=True) if values else "",
    )


def written(value: Any) -> str:
    """A value as one line of YAML that reads as the same value."""
    return (
        yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6).removesuffix("\n...\n").strip()
    )


def read_form(given: QueryDict) -> RunForm:
    """What was written into the form, rows without a key and a value left out."""
    rows = zip(given.getlist("key"), given.getlist("value"), strict=False)
    form = RunForm()
    for name in TEXTS:
        setattr(form, name, given.get(name, "").strip())
    form.rows = [(key.strip(), value.strip()) for key, value in rows if key.strip() or value.strip()]
    form.yaml, form.as_yaml = given.get("yaml", ""), given.get("form") == "yaml"
    form.once = given.get("once", "")[:200] or form.once
    return form


def wishes_of(form: RunForm) -> RunWishes:
    """The run that a form asks for. Raises RefusedError naming the field, the line or the parameter."""
    parts = [part.strip() for part in form.tags.replace("\n", ",").split(",") if part.strip()]
    tags = {key.strip(): value.strip() for key, _, value in (part.partition("=") for part in parts)}
    return RunWishes(
        experiment=form.experiment or "Default",
        name=form.name,
        architecture=form.architecture,
        dataset=form.dataset,
        notes=form.notes,
        tags=tags,
        command=form.command,
        parameters=_from_yaml(form.yaml) if form.as_yaml else _from_rows(form.rows),
        seed=_whole(form.seed, "seed"),
        parent=_whole(form.parent.lower().removeprefix("run-"), "parent"),
        queued=True,
    )


def _whole(text: str, name: str) -> int | None:
    if not text:
        return None
    try:
        number = int(text) if len(text) < 20 else None
    except ValueError:
        number = None
    if number is None or not -(2**63) <= number < 2**63 or (name == "parent" and number < 1):
        raise RefusedError(f"{name}: {text[:40]!r} is no whole number. Write one, or leave it empty.", field=name)
    return number


def _from_rows(rows: list[tuple[str, str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, text in rows:
        if not key:
            raise RefusedError(f"parameters: {text[:40]!r} has no name. Write one before it.", field="parameters")
        if key in found:
            raise RefusedError(f"parameters.{key} stands there twice. Keep one of them.", field="parameters")
        found[key] = _plain(_loaded(text, f"parameters.{key}"), f"parameters.{key}")
    return found


def _from_yaml(text: str) -> dict[str, Any]:
    if len(text) > LONGEST_YAML:
        raise RefusedError(f"parameters: {len(text):,} characters, {LONGEST_YAML:,} can be read.", field="parameters")
    given = _loaded(text, "parameters")
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise RefusedError("parameters: write one key: value a line.", field="parameters")
    return {str(key): _plain(value, f"parameters.{key}") for key, value in given.items()}


def _loaded(text: str, name: str) -> Any:
    """YAML as plain values. Aliases, which make small texts large, are refused, and so is what is nested deeply."""
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=Loader)):
            raise RefusedError(f"{name}: aliases (*name) are not read. Write the value out.", field="parameters")
        return yaml.load(text, Loader=Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise RefusedError(f"{name}: {place}{error.problem or 'no YAML'}.", field="parameters") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise RefusedError(f"{name} can't be read as YAML.", field="parameters") from error


def _plain(value: Any, name: str) -> Any:
    """A value that JSON can say; days and times are texts. Raises RefusedError for others."""
    if isinstance(value, str | int | float | bool | None):
        return value
    if isinstance(value, list):
        return [_plain(one, name) for one in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(one, name) for key, one in value.items()}
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise RefusedError(f"{name}: this kind of value can't be kept. Write it as a text.", field="parameters")
