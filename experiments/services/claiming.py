"""Queued runs and the workers that take them; runs whose scripts fell silent."""

import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from experiments.models import Run, RunStatus
from experiments.services.access import ADD_RUN, locked_run
from experiments.wishes import clean_text
from scenes.audit import save_audited
from scenes.errors import ConflictError, NotAllowedError

SWEPT_AT_ONCE = 500
GIVEN_UP = "{attempts} workers claimed this run and fell silent, the last one being {worker}."


@transaction.atomic
def claim_run(*, worker: str, by: User, experiment: str = "") -> Run | None:
    """Give the queued run that has waited longest to a worker; None when none waits. Two at once get two.

    The run carries `claim`, which the worker sends with what it says of the run. It must be heard of every
    settings.RUN_LEASE_SECONDS, or the run goes back to the queue.
    """
    if not by.has_perm(ADD_RUN):
        raise NotAllowedError("You may not run anything. Ask for the role trainer or engineer.")
    waiting = Run.objects.filter(status=RunStatus.QUEUED, archived_at=None).order_by("pk")
    if experiment:
        waiting = waiting.filter(experiment__name=clean_text(experiment, what="experiment", most=500))
    run = waiting.select_for_update(of=("self",), skip_locked=True, no_key=True).first()
    if run is None:
        return None
    run.status, run.claim, run.claimed_by = RunStatus.RUNNING, secrets.token_hex(16), by
    run.worker = clean_text(worker, what="worker", most=200)
    run.started_at = run.heartbeat_at = timezone.now()
    run.attempts += 1
    save_audited(run, by=by, reason=f"Claimed by {run.worker}")
    return run


@transaction.atomic
def give_back(*, run: Run, by: User, claim: str) -> Run:
    """A worker that has to stop puts its run back into the queue. Raises ConflictError when it is not its run."""
    run = locked_run(run, by=by, claim=claim)
    if not claim or run.claim != claim:
        raise ConflictError(f"{run} is not claimed by this worker.", status=run.status)
    run.attempts -= 1
    _requeue(run)
    save_audited(run, by=by, reason="Given back")
    return run


def sweep_silent_runs() -> int:
    """Mark runs stalled that fell silent; put those of dead workers back into the queue. Returns how many.

    A run that was claimed settings.RUN_MAX_ATTEMPTS times has failed: something in it kills its workers.
    """
    now, swept = timezone.now(), 0
    while batch := _sweep(now):
        swept += batch
        if batch < SWEPT_AT_ONCE:
            break
    return swept


@transaction.atomic
def _sweep(now: datetime) -> int:
    silent = Q(claim="", heartbeat_at__lt=now - timedelta(seconds=settings.RUN_STALL_SECONDS))
    dead = ~Q(claim="") & Q(heartbeat_at__lt=now - timedelta(seconds=settings.RUN_LEASE_SECONDS))
    found = Run.objects.filter(silent | dead, status=RunStatus.RUNNING).order_by("heartbeat_at")
    runs = list(found.select_for_update(of=("self",), skip_locked=True, no_key=True)[:SWEPT_AT_ONCE])
    for run in runs:
        save_audited(run, by=None, reason=_silenced(run, now))
    return len(runs)


def _silenced(run: Run, now: datetime) -> str:
    """Change the run as its silence asks for; the reason in words."""
    if not run.claim:
        run.status = RunStatus.STALLED
        return "No sign of life"
    if run.attempts < settings.RUN_MAX_ATTEMPTS:
        _requeue(run)
        return "Its worker fell silent"
    run.failure = GIVEN_UP.format(attempts=run.attempts, worker=run.worker)
    run.status, run.finished_at, run.claim = RunStatus.FAILED, now, ""
    return "Its workers fell silent"


def _requeue(run: Run) -> None:
    run.status, run.claim, run.worker, run.claimed_by = RunStatus.QUEUED, "", "", None
    run.started_at = run.heartbeat_at = None
