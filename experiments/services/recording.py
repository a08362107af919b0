"""What a run is told and reads: parameters, tags, data, environment."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from django.contrib.auth.models import User
from django.db import transaction
from msgspec import UNSET

from experiments.models import DatasetInput, ParameterKind, Run, RunEnvironment, RunParameter, RunTag
from experiments.services.access import open_run
from experiments.wishes import (
    MOST_DIFF,
    MOST_INPUTS,
    MOST_PARAMETER,
    MOST_PARAMETERS,
    MOST_TEXT,
    EnvironmentWishes,
    InputWishes,
    clean_document,
    clean_key,
    clean_tags,
    clean_text,
    sayable,
)
from scenes.audit import save_audited
from scenes.errors import ConflictError, TooLargeError
from scenes.history_sets import record_history


@transaction.atomic
def record_parameters(*, run: Run, parameters: Mapping[str, Any], by: User, claim: str = "") -> int:
    """Write parameters once; returns how many are new. The same value again changes nothing.

    Raises ConflictError naming key and both values when another value is there; then none is written.
    """
    rows = [parameter_row(run, key, value) for key, value in _few(parameters, MOST_PARAMETERS, "parameters").items()]
    run = open_run(run, by=by, claim=claim)
    known = dict(run.parameters.filter(key__in=[row.key for row in rows]).values_list("key", "text"))
    for row in rows:
        if known.get(row.key, row.text) != row.text:
            raise ConflictError(
                f"parameters.{row.key} is {sayable(known[row.key])!r} and can't become {sayable(row.text)!r}: "
                "a parameter is written once. Log what changes as a metric or a tag.",
                field=f"parameters.{row.key}",
            )
    new = [row for row in rows if row.key not in known]
    RunParameter.objects.bulk_create(new)
    return len(new)


def _few(values: Mapping[str, Any], most: int, what: str) -> Mapping[str, Any]:
    if len(values) > most:
        raise TooLargeError(f"{len(values):,} {what}, {most:,} a call are allowed. Send them in several.", field=what)
    return values


def parameter_row(run: Run, key: str, value: Any) -> RunParameter:
    """The row of a value as it was given. Raises RefusedError or TooLargeError naming the key."""
    what = f"parameters.{clean_key(key, what='parameters')}"
    kind = _kind(value)
    text = value if kind == ParameterKind.TEXT else msgspec.json.encode(value).decode()
    clean_text(text, what=what, most=MOST_PARAMETER)
    return RunParameter(run=run, key=key, kind=kind, text=text, number=_number(value))


def _kind(value: Any) -> ParameterKind:
    match value:
        case str():
            return ParameterKind.TEXT
        case bool():
            return ParameterKind.BOOLEAN
        case int():
            return ParameterKind.INTEGER
        case float():
            return ParameterKind.NUMBER
        case None:
            return ParameterKind.NULL
    return ParameterKind.STRUCTURE


def _number(value: Any) -> float | None:
    """The value for filters: finite numbers, and text that reads as one, as other trackers send all values."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


@transaction.atomic
def set_tags(*, run: Run, tags: Mapping[str, str], by: User, claim: str = "") -> None:
    """Set tags by key; others stay."""
    wanted = clean_tags(tags)
    run = open_run(run, by=by, claim=claim)
    known = {tag.key: tag for tag in run.tags.filter(key__in=wanted)}
    new = [RunTag(run=run, key=key, value=value) for key, value in wanted.items() if key not in known]
    changed = [tag for tag in known.values() if tag.value != wanted[tag.key]]
    for tag in changed:
        tag.value = wanted[tag.key]
    RunTag.objects.bulk_create(new)
    RunTag.objects.bulk_update(changed, ["value"])
    if new:
        record_history(RunTag.objects.filter(pk__in=[tag.pk for tag in new]), by=by, reason="Tagged", kind="+")
    if changed:
        record_history(RunTag.objects.filter(pk__in=[tag.pk for tag in changed]), by=by, reason="Tagged")


@transaction.atomic
def remove_tags(*, run: Run, keys: Iterable[str], by: User) -> int:
    """Remove tags by key; returns how many were there."""
    run = open_run(run, by=by)
    gone = RunTag.objects.filter(pk__in=list(run.tags.filter(key__in=list(keys)).values_list("pk", flat=True)))
    record_history(gone, by=by, reason="Tag removed", kind="-")
    return gone._raw_delete(gone.db)  # delete() would write the history a second time


@transaction.atomic
def change_tags(*, run: Run, tags: Mapping[str, str], remove: Iterable[str], by: User, claim: str = "") -> None:
    """Remove and set tags in one transaction."""
    remove_tags(run=run, keys=remove, by=by)
    set_tags(run=run, tags=tags, by=by, claim=claim)


@transaction.atomic
def record_inputs(*, run: Run, inputs: Iterable[InputWishes], by: User, claim: str = "") -> int:
    """Note data that the run reads; returns how many are new. Name, digest and context tell them apart."""
    rows = [_input_row(run, place, wish) for place, wish in enumerate(inputs)]
    if len(rows) > MOST_INPUTS:
        raise TooLargeError(f"{len(rows):,} inputs, {MOST_INPUTS} a call are allowed.", field="inputs")
    run = open_run(run, by=by, claim=claim)
    before = run.inputs.count()
    DatasetInput.objects.bulk_create(rows, ignore_conflicts=True)
    return run.inputs.count() - before


def _input_row(run: Run, place: int, wish: InputWishes) -> DatasetInput:
    what = f"inputs[{place}]"
    limits = {"name": 500, "digest": 64, "context": 250, "source_type": 250}
    texts = {name: clean_text(getattr(wish, name), what=f"{what}.{name}", most=most) for name, most in limits.items()}
    longer = {"source": 65_535, "schema": 1_048_575, "profile": 16_777_215}
    texts |= {name: clean_text(getattr(wish, name), what=f"{what}.{name}", most=most) for name, most in longer.items()}
    return DatasetInput(run=run, tags=clean_document(wish.tags, what=f"{what}.tags"), **texts)


RUN_TEXTS = {"repository": 500, "commit": 64, "command": MOST_TEXT, "host": 255}


@transaction.atomic
def record_environment(*, run: Run, wishes: EnvironmentWishes, by: User, claim: str = "") -> Run:
    """Note where a run runs, as far as it is told. A longer patch than is kept is cut, and marked as cut."""
    run = open_run(run, by=by, claim=claim)
    for name, most in RUN_TEXTS.items():
        value = getattr(wishes, name)
        if value is not UNSET:
            setattr(run, name, clean_text(value, what=name, most=most))
    if wishes.seed is not UNSET:
        run.seed = wishes.seed
    if wishes.dirty is not UNSET:
        run.dirty = bool(wishes.dirty)
    run.dirty = run.dirty or bool(wishes.diff)
    save_audited(run, by=by, reason="Environment noted")
    write_environment(run, wishes)
    return run


def write_environment(run: Run, wishes: EnvironmentWishes) -> None:
    """The long part of the environment; the caller holds the run's lock."""
    if wishes.diff is UNSET and wishes.packages is UNSET and wishes.environment is UNSET:
        return
    row, _ = RunEnvironment.objects.get_or_create(run=run)
    if not isinstance(wishes.diff, msgspec.UnsetType):
        row.diff_cut = len(wishes.diff) > MOST_DIFF
        row.diff = clean_text(wishes.diff[:MOST_DIFF], what="diff", most=MOST_DIFF)
    if not isinstance(wishes.packages, msgspec.UnsetType):
        row.packages = clean_document(wishes.packages, what="packages")
    if not isinstance(wishes.environment, msgspec.UnsetType):
        row.facts = clean_document(wishes.environment, what="environment")
    row.save()
