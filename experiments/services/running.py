"""The life of a run: started, heard of, ended, resumed, archived. Each step checks, locks and writes.

queued -> running -> completed, failed, killed -> running (resumed)
running -> stalled (silence) -> running (a sign of life)
running, claimed -> queued (its worker fell silent, or gave it back)
"""

from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from experiments.models import ENDED_RUN_STATUSES, Run, RunStatus
from experiments.services.access import check_claim, locked_run, open_run
from experiments.services.evaluating import evaluate_when_finished
from experiments.wishes import MOST_TEXT, clean_text
from scenes.audit import save_audited
from scenes.errors import ConflictError, RefusedError


@transaction.atomic
def start_run(*, run: Run, by: User) -> Run:
    """Start a queued run without a worker's claim, as a script does that was told its number. Twice is once."""
    run = open_run(run, by=by)
    if run.status == RunStatus.QUEUED:
        run.status = RunStatus.RUNNING
        run.started_at = run.heartbeat_at = timezone.now()
        save_audited(run, by=by, reason="Started")
    elif run.ended:
        raise ConflictError(f"{run} is {run.status}. Resume it to go on with it.", status=run.status)
    return run


@transaction.atomic
def beat(*, run: Run, by: User, claim: str = "", steps_done: int | None = None, steps_total: int | None = None) -> Run:
    """A sign of life, with the progress if it is told. A stalled run is running again.

    An ended run stays as it is: its status tells the script to stop. Raises ConflictError for a queued one.
    """
    run = locked_run(run, by=by, claim=claim)
    if run.status == RunStatus.QUEUED:
        raise ConflictError(f"{run} is queued. Start or claim it first.", status=run.status)
    if run.ended:
        return run
    if steps_done is not None:
        run.steps_done = steps_done
    if steps_total is not None:
        run.steps_total = steps_total
    Run.objects.filter(pk=run.pk).update(steps_done=run.steps_done, steps_total=run.steps_total)
    note_life(run)
    return run


def note_life(run: Run) -> None:
    """Something came from the script of a locked run; what was stalled runs again."""
    run.heartbeat_at = timezone.now()
    if run.status == RunStatus.STALLED:
        run.status = RunStatus.RUNNING
        save_audited(run, by=None, reason="Heard of again")
    elif run.status == RunStatus.RUNNING:
        Run.objects.filter(pk=run.pk).update(heartbeat_at=run.heartbeat_at)


@transaction.atomic
def finish_run(
    *,
    run: Run,
    by: User,
    status: str,
    failure: str = "",
    finished_at: datetime | None = None,
    claim: str = "",
) -> Run:
    """End a run as completed, failed (with the traceback) or killed. The same again changes nothing.

    A completed run that has predictions for its validation splits is evaluated (settings.EVALUATE_FINISHED_RUNS).
    Raises ConflictError when it ended otherwise, or was never started and is said to be completed.
    """
    if status not in ENDED_RUN_STATUSES:
        raise RefusedError(f"status: {status!r} is no end. Use {', '.join(ENDED_RUN_STATUSES)}.", field="status")
    failure = clean_text(failure[-MOST_TEXT:], what="failure", most=MOST_TEXT)
    if failure and status == RunStatus.COMPLETED:
        raise RefusedError("failure: a completed run has none. Say failed, or leave it out.", field="failure")
    run = open_run(run, by=by)
    if run.ended:
        # Its claim ended with it: a worker whose answer was lost says the same again.
        if run.status != status:
            raise ConflictError(f"{run} is {run.status} already. Resume it first.", status=run.status)
        return run
    check_claim(run, claim)
    if run.status == RunStatus.QUEUED and status != RunStatus.KILLED:
        raise ConflictError(f"{run} was never started. Start it, or kill it.", status=run.status)
    _end(run, status, failure, _finish(run, finished_at))
    save_audited(run, by=by, reason=RunStatus(status).label)
    if status == RunStatus.COMPLETED and settings.EVALUATE_FINISHED_RUNS:
        evaluate_when_finished(run=run)
    return run


def _finish(run: Run, given: datetime | None) -> datetime:
    """When a run ended: as told, but never before its start and never in the future."""
    now = timezone.now()
    if given is None:
        return now
    aware = given if given.tzinfo else given.replace(tzinfo=now.tzinfo)
    return min(max(aware, run.started_at or aware), now)


def _end(run: Run, status: str, failure: str, at: datetime) -> None:
    run.status, run.failure, run.finished_at = status, failure, at
    run.claim = ""


@transaction.atomic
def resume_run(*, run: Run, by: User) -> Run:
    """Go on with an ended run; its points and parameters stay. What runs already is left as it is.

    Raises ConflictError for a queued or archived run.
    """
    run = open_run(run, by=by)
    if run.status == RunStatus.QUEUED:
        raise ConflictError(f"{run} is queued. Start or claim it.", status=run.status)
    if run.status == RunStatus.RUNNING:
        return run
    run.status, run.finished_at, run.failure = RunStatus.RUNNING, None, ""
    run.heartbeat_at = timezone.now()
    run.started_at = run.started_at or run.heartbeat_at
    save_audited(run, by=by, reason="Resumed")
    return run


DESCRIBED = {"name": 500, "notes": MOST_TEXT, "architecture": 200}


@transaction.atomic
def describe_run(*, run: Run, by: User, **texts: str) -> Run:
    """Change name, notes or architecture; what is not given stays."""
    run = locked_run(run, by=by)
    changed = {name: clean_text(text, what=name, most=DESCRIBED[name]) for name, text in texts.items()}
    if any(getattr(run, name) != text for name, text in changed.items()):
        for name, text in changed.items():
            setattr(run, name, text)
        save_audited(run, by=by, reason="Described")
    return run


def archive_run(*, run: Run, by: User) -> Run:
    """Hide a run from lists. It takes nothing any more until it is restored.

    Raises ConflictError while it is active.
    """
    return _set_archived(run, timezone.now(), by, "Archived")


def restore_run(*, run: Run, by: User) -> Run:
    return _set_archived(run, None, by, "Restored")


@transaction.atomic
def _set_archived(run: Run, at: datetime | None, by: User, reason: str) -> Run:
    run = locked_run(run, by=by)
    if at is not None and not run.ended:
        raise ConflictError(f"{run} is {run.status}. Finish or kill it before archiving it.", status=run.status)
    if run.archived != (at is not None):
        run.archived_at = at
        save_audited(run, by=by, reason=reason)
    return run
