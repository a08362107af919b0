"""Making runs, once for each request, and giving them the data they train on."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from datasets.models import DatasetVersion, Split, VersionState
from experiments.models import ENDED_RUN_STATUSES, Run, RunParameter, RunStatus
from experiments.services.access import ADD_RUN, CHANGE_RUN, open_run
from experiments.services.experiments import ensure_experiment
from experiments.services.recording import (
    RUN_TEXTS,
    parameter_row,
    record_inputs,
    set_tags,
    write_environment,
)
from experiments.wishes import (
    MOST_PARAMETERS,
    MOST_TEXT,
    EnvironmentWishes,
    RunWishes,
    clean_text,
    sayable,
)
from scenes.audit import save_audited
from scenes.errors import ConflictError, NotAllowedError, RefusedError, TooLargeError
from scenes.models import Scene
from scenes.services.training import record_training_use

MOST_IDEMPOTENCY_KEY = 200
CLOCKS_MAY_DIFFER = timedelta(minutes=10)


@dataclass(frozen=True)
class Created:
    """A run, and whether this very call made it: a repeated request is answered with the run of the first."""

    run: Run
    new: bool


def create_run(*, wishes: RunWishes, by: User, idempotency_key: str = "") -> Created:
    """Make a run, running or queued. With a key, the same request again answers with the same run.

    Raises ConflictError when the key came with another request before, when the experiment is archived or the
    dataset version is not frozen; RefusedError or TooLargeError naming the field; NotAllowedError.
    """
    if not by.has_perm(ADD_RUN):
        raise NotAllowedError("You may not start runs. Ask for the role trainer or engineer.")
    clean_text(idempotency_key, what="Idempotency-Key", most=MOST_IDEMPOTENCY_KEY)
    digest = _digest(wishes)
    if idempotency_key:
        known = _known(idempotency_key, digest, by)
        if known is not None:
            return Created(known, new=False)
    return _create(wishes, by, idempotency_key, digest)


def _digest(wishes: RunWishes) -> str:
    """What tells one request from another: the sha256 of its fields in one order."""
    try:
        return hashlib.sha256(msgspec.json.encode(wishes, order="deterministic")).hexdigest()
    except UnicodeEncodeError as error:
        raise RefusedError("A text contains half of a surrogate pair. Send valid Unicode.") from error


def _known(key: str, digest: str, by: User) -> Run | None:
    run = Run.objects.filter(started_by=by, idempotency_key=key).first()
    if run is not None and run.request_digest != digest:
        raise ConflictError(
            f"The Idempotency-Key made {run} of another request. Send a new key with each new run.", run=run.pk
        )
    return run


@transaction.atomic
def _create(wishes: RunWishes, by: User, key: str, digest: str) -> Created:
    run = _run_of(wishes, by)
    run.idempotency_key, run.request_digest = key or None, digest
    if key and not _first_with_key(run):
        known = _known(key, digest, by)
        if known is not None:
            return Created(known, new=False)
    save_audited(run, by=by, reason="Queued" if wishes.queued else "Started")
    if len(wishes.parameters) > MOST_PARAMETERS:
        raise TooLargeError(
            f"{len(wishes.parameters):,} parameters, {MOST_PARAMETERS:,} are allowed.", field="parameters"
        )
    RunParameter.objects.bulk_create([parameter_row(run, name, value) for name, value in wishes.parameters.items()])
    if wishes.tags:
        set_tags(run=run, tags=wishes.tags, by=by)
    if wishes.inputs:
        record_inputs(run=run, inputs=wishes.inputs, by=by)
    if wishes.diff or wishes.packages or wishes.environment:
        long = EnvironmentWishes(diff=wishes.diff, packages=wishes.packages, environment=wishes.environment)
        write_environment(run, long)
    if wishes.dataset:
        use_dataset(
            run=run,
            version=version_named(wishes.dataset),
            train_splits=wishes.train_splits,
            validation_splits=wishes.validation_splits,
            by=by,
        )
    return Created(Run.objects.get(pk=run.pk), new=True)


def _first_with_key(run: Run) -> bool:
    """Whether no other request with this key is ahead; one that is under way is waited for."""
    with connection.cursor() as cursor:
        name = f"run {run.started_by_id} {run.idempotency_key}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
    return not Run.objects.filter(started_by=run.started_by_id, idempotency_key=run.idempotency_key).exists()


def _run_of(wishes: RunWishes, by: User) -> Run:
    experiment, _ = ensure_experiment(name=wishes.experiment, by=by)
    if experiment.archived:
        raise ConflictError(
            f"The experiment {experiment.name!r} is archived. Restore it, or use another.", archived=True
        )
    texts = {name: clean_text(getattr(wishes, name), what=name, most=most) for name, most in RUN_TEXTS.items()}
    now = timezone.now()
    run = Run(
        experiment=experiment,
        name=clean_text(wishes.name, what="name", most=500),
        architecture=clean_text(wishes.architecture.strip(), what="architecture", most=200),
        notes=clean_text(wishes.notes, what="notes", most=MOST_TEXT),
        dirty=wishes.dirty or bool(wishes.diff),
        seed=wishes.seed,
        parent=_run_named(wishes.parent, "parent"),
        resumed_from=_run_named(wishes.resumed_from, "resumed_from"),
        started_by=by,
        **texts,
    )
    if wishes.queued:
        run.status = RunStatus.QUEUED
    else:
        run.status, run.started_at, run.heartbeat_at = RunStatus.RUNNING, _start(wishes.started_at, now), now
    return run


def _run_named(number: int | None, field: str) -> Run | None:
    run = Run.objects.filter(pk=number).first() if number else None
    if number and run is None:
        raise RefusedError(f"{field}: there is no run-{number}.", field=field)
    return run


def _start(given: datetime | None, now: datetime) -> datetime:
    """When a run began, as its script says; scripts may be late to say so, but not early."""
    if given is None:
        return now
    aware = given if given.tzinfo else given.replace(tzinfo=now.tzinfo)
    if aware > now + CLOCKS_MAY_DIFFER:
        raise RefusedError("started_at lies in the future. Check the clock, or leave it out.", field="started_at")
    return aware


def version_named(name: str) -> DatasetVersion:
    """The dataset version of "NAME@v2". Raises RefusedError with the versions there are."""
    dataset, _, number = name.rpartition("@")
    number = number.removeprefix("v")
    versions = DatasetVersion.objects.filter(dataset__name=dataset)
    if dataset and "\0" not in dataset and number.isascii() and number.isdigit() and len(number) < 9:
        version = versions.filter(number=int(number)).select_related("dataset").first()
        if version is not None:
            return version
        known = ", ".join(f"v{known}" for known in versions.order_by("number").values_list("number", flat=True)[:20])
        if known:
            raise RefusedError(f"dataset: {sayable(dataset)} has no v{number}. There are {known}.", field="dataset")
    raise RefusedError(f"dataset: there is no {sayable(name)!r}. Write it as Name@v2.", field="dataset")


@transaction.atomic
def use_dataset(
    *,
    run: Run,
    version: DatasetVersion,
    by: User,
    train_splits: Iterable[str] = (Split.TRAIN,),
    validation_splits: Iterable[str] = (Split.VAL,),
) -> Run:
    """Note which frozen dataset version a run trains and validates on, once; its training scenes are marked as used.

    Raises ConflictError for a version that is not frozen, or when the run has another already.
    """
    run = open_run(run, by=by)
    train, validation = _splits(train_splits, "train_splits"), _splits(validation_splits, "validation_splits")
    if run.dataset_version_id is not None:
        if (run.dataset_version_id, run.train_splits, run.validation_splits) == (version.pk, train, validation):
            return run
        raise ConflictError(
            f"{run} has its dataset already. Start a new run for another.", dataset=run.dataset_version_id
        )
    if version.state != VersionState.FROZEN:
        raise ConflictError(
            f"{version} is {version.get_state_display().lower()}. Train on a frozen one: only those stay.",
            state=version.state,
        )
    if run.status in ENDED_RUN_STATUSES and not by.has_perm(CHANGE_RUN):
        raise ConflictError(f"{run} has ended. Ask an engineer to note its dataset.", status=run.status)
    run.dataset_version, run.train_splits, run.validation_splits = version, train, validation
    save_audited(run, by=by, reason=f"Trains on {version}")
    scenes = Scene.objects.filter(dataset_items__version=version, dataset_items__split__in=train)
    record_training_use(scenes=scenes)
    return run


def _splits(names: Iterable[str], field: str) -> list[str]:
    wanted = list(dict.fromkeys(names))
    unknown = sorted(set(wanted) - set(Split.values))
    if unknown:
        known = ", ".join(Split.values)
        raise RefusedError(f"{field}: there is no split {sayable(unknown[0])!r}. Use {known}.", field=field)
    return wanted
