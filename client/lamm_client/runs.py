"""`with lamm.run(...) as run:`: a training run, told to the server as it happens.

Logging costs the training loop an append to a list. All else happens beside it, survives an absent server and a killed
process, and never makes a training script fail.
"""

from __future__ import annotations

import copy
import logging
import mimetypes
import os
import sys
import time
import traceback
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from lamm_client import background
from lamm_client.background import Pipeline
from lamm_client.capture import captured, readable
from lamm_client.errors import LammError, RunStoppedError
from lamm_client.evaluations import Evaluates
from lamm_client.predicting import Predicts
from lamm_client.sending import AWAY, ask, replay_in_background
from lamm_client.spooling import Entry
from lamm_client.transport import Transport
from lamm_client.values import MOST_WHOLE, checked_key, epoch_value, metric_value, parameters_of, plain, tags_of, whole

log = logging.getLogger("lamm_client")
HEARTBEAT_SECONDS = 15.0
ATTEMPTS = 3
MOST_FAILURE = 100_000
RUN_VARIABLE, CLAIM_VARIABLE = "LAMM_RUN", "LAMM_RUN_CLAIM"
COMPLETED, FAILED, KILLED = "completed", "failed", "killed"
ALL_ENDS = frozenset({COMPLETED, FAILED, KILLED})
Tags = Mapping[str, Any] | Iterable[str] | None


class Run(Predicts, Evaluates):
    """A run of this script. Several threads may use it; a forked or spawned process that gets it joins the run.

    Attributes:
        params: the parameters that the server and this process know.
    """

    def __init__(
        self,
        transport: Transport,
        header: Mapping[str, Any],
        *,
        params: Mapping[str, Any] | None = None,
        ends: frozenset[str] = frozenset(),
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self.params = dict(params or {})
        self._pipeline = Pipeline(transport, header, heartbeat_seconds=heartbeat_seconds)
        self._ends = ends
        self._owner = os.getpid()
        self._keys: set[str] = set()
        self._next_step = 0

    def __getstate__(self) -> dict[str, Any]:
        header = background.joining(self._pipeline.header, self.id)
        wishes = {"params": self.params, "heartbeat_seconds": self._pipeline.heartbeat_seconds}
        return {"transport": self._pipeline.transport, "header": header, **wishes}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def __repr__(self) -> str:
        return f"<{self.number}>"

    @property
    def id(self) -> int | None:
        """The number of the run; None until the server could be asked for one."""
        return self._pipeline.run

    @property
    def number(self) -> str:
        """What people call it: run-124."""
        return "a run that waits for its number" if self.id is None else f"run-{self.id}"

    @property
    def stopped(self) -> str:
        """Why the script should stop, as "run-7 was killed"; "" while it should go on."""
        return self._pipeline.lost

    def log(self, metrics: Mapping[str, Any], step: int | None = None, epoch: float | None = None) -> None:
        """Log a number for each key at a step; without one, at the step behind the last.

        NaN and infinities are kept as they are. Raises LammError for what is no key, number or step, and
        RunStoppedError when the run was killed meanwhile.
        """
        timestamp = time.time_ns() // 1_000_000
        pipeline = self._pipeline
        if pipeline.closed or pipeline.lost:
            self._raise_stopped()
        if step is None:
            step = self._next_step
        elif step.__class__ is not int or not -MOST_WHOLE <= step <= MOST_WHOLE:
            step = whole("step", step)
        pairs = []
        for key, value in metrics.items():
            if key not in self._keys:
                self._keys.add(checked_key(key))
            pairs.append((key, value if value.__class__ is float else metric_value(key, value)))
        if epoch is not None and epoch.__class__ is not int:
            epoch = epoch_value(epoch)
        pipeline.points.append((pairs, step, timestamp, epoch))
        self._next_step = step + 1
        if not pipeline.started:
            pipeline.start()

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Note parameters. Each is written once: the server refuses another value for a key, with a warning here."""
        found = parameters_of(params)
        self.params |= found
        self._put({"parameters": found})

    def log_artifact(self, path: Path | str, to: str = "", media_type: str = "") -> None:
        """Keep a file, or all files of a folder, as they are now, under the name `to` (its own name when left out).

        The file is copied to the spool at once and sent in the background, so that it may change afterwards.
        """
        source = Path(path)
        name = to or source.resolve().name
        if not source.is_dir():
            self._log_file(source, name, media_type)
            return
        for file in sorted(file for file in source.rglob("*") if file.is_file()):
            self._log_file(file, f"{name}/{file.relative_to(source).as_posix()}", media_type)

    def _log_file(self, source: Path, name: str, media_type: str) -> None:
        if not source.is_file():
            raise LammError(f"{source} is not a file.")
        self._check_open()
        facts = self._pipeline.open().journal.keep_copy(source)
        kind = media_type or mimetypes.guess_type(name, strict=False)[0] or ""
        self._put({"artifact": {**facts, "path": name, "media_type": kind}})

    def set_tags(self, tags: Tags, remove: Iterable[str] = ()) -> None:
        """Set tags, given as words or as a dictionary, and remove others by key."""
        self._put({"tags": {"set": tags_of(tags), "remove": list(remove)}})

    def note(self, text: str) -> None:
        """Write the notes of the run, instead of those that were there."""
        self._put({"notes": readable(text)[:100_000]})

    def progress(self, done: int, total: int | None = None) -> None:
        """Say how far the run is, in steps; it goes with the next heartbeat."""
        told = {"steps_done": whole("done", done)}
        self._pipeline.progress = told if total is None else {**told, "steps_total": whole("total", total)}

    def flush(self, seconds: float | None = None) -> bool:
        """Wait until everything has arrived; False when the server is away, or after so many seconds."""
        return self._pipeline.flush(seconds)

    def finish(self, status: str = COMPLETED, failure: str = "") -> bool:
        """End the run as completed, failed or killed when everything has arrived; once.

        False when the server is away: the rest waits in the spool, and a warning says so.
        """
        if status not in ALL_ENDS:
            raise LammError(f"{status!r} is no end. Use {', '.join(sorted(ALL_ENDS))}.")
        end = {"status": status, "failure": readable(failure)[-MOST_FAILURE:]}
        if self._pipeline.progress and not self._pipeline.closed:
            self._pipeline.put({"progress": self._pipeline.progress})
        return self._pipeline.close({"finish": {**end, "finished_at": datetime.now(UTC).isoformat()}})

    def close(self) -> bool:
        """Send everything and leave the run as it is, as a process that joined it does."""
        return self._pipeline.close()

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(fault)

    def _end(self, fault: BaseException | None) -> None:
        """Completed, killed by a key or failed, where it is for this process to say; a run that was killed is."""
        status, failure = end_of(fault)
        if self._owner == os.getpid() and status in self._ends and not self.stopped:
            self.finish(status, failure)
        else:
            self.close()

    def _put(self, entry: Entry) -> None:
        self._check_open()
        self._pipeline.put(entry)

    def _check_open(self) -> None:
        if self._pipeline.closed or self._pipeline.lost:
            self._raise_stopped()

    def _raise_stopped(self) -> None:
        if self._pipeline.lost:
            raise RunStoppedError(f"{self._pipeline.lost}. This script should stop.")
        raise LammError(f"{self.number} has ended in this process. Start another, or go on with it by resume_run.")

    def _leave_unfinished(self) -> None:
        """The process ends and nobody has said how the run did: failed with what stopped Python, else unknown."""
        fault = getattr(sys, "last_value", None)
        interactive = hasattr(sys, "ps1") or "ipykernel" in sys.modules  # there it may be any error of the session
        if isinstance(fault, BaseException) and not interactive:
            self._end(fault)
            return
        if COMPLETED in self._ends:
            log.warning("%s was never finished. Use `with lamm.run(...)`, or call run.finish().", self.number)
        self.close()


def end_of(fault: BaseException | None) -> tuple[str, str]:
    """The status and the traceback that what left a `with` block stands for."""
    match fault:
        case None | GeneratorExit() | SystemExit(code=None | 0):
            return COMPLETED, ""
        case KeyboardInterrupt():
            return KILLED, ""
    return FAILED, "".join(traceback.format_exception(fault))


def start_run(
    transport: Transport,
    *,
    experiment: str = "Default",
    name: str = "",
    params: Mapping[str, Any] | None = None,
    dataset: str = "",
    tags: Tags = None,
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
    capture: bool = True,
    **wishes: Any,
) -> Run:
    """Make a run and start it; see `run` in this package for the wishes.

    A script that a worker started goes on with the run of its worker. Raises an AnswerError when the server refuses;
    a server that is away is made up for later.
    """
    replay_in_background(quick(transport))
    given = os.environ.pop(RUN_VARIABLE, "")
    if given:
        claim = os.environ.pop(CLAIM_VARIABLE, "")
        return run_of_worker(transport, int(given), claim, {"parameters": params or {}, "tags": tags}, capture)
    transport = quick(transport)
    told = captured() if capture else {}
    body = wishes_of(experiment=experiment, name=name, params=params, dataset=dataset, tags=tags, **wishes)
    body = {**told, **body, "started_at": datetime.now(UTC).isoformat()}
    header = {"url": str(transport.url), "run": None, "create": body, "key": uuid.uuid4().hex, "claim": ""}
    run = Run(transport, header, params=body["parameters"], ends=ALL_ENDS, heartbeat_seconds=heartbeat_seconds)
    create(run)
    run._pipeline.on_exit = run._leave_unfinished
    run._pipeline.start()
    return run


def queue_run(transport: Transport, **wishes: Any) -> dict[str, Any]:
    """Put a run into the queue, for a worker to take; the run as it is. Raises LammError."""
    body = {**wishes_of(**wishes), "queued": True}
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    made: dict[str, Any] = ask(transport, "POST", "api/runs/", json=body, headers=headers).json()
    return made


def wishes_of(
    *,
    experiment: str = "Default",
    name: str = "",
    params: Mapping[str, Any] | None = None,
    dataset: str = "",
    tags: Tags = None,
    **others: Any,
) -> dict[str, Any]:
    """The request that makes a run. Raises LammError naming a bad key."""
    body = {"experiment": experiment, "name": name, "dataset": dataset, **plain(others)}
    return {**body, "parameters": parameters_of(params or {}), "tags": tags_of(tags)}


def create(run: Run) -> None:
    """Ask the server for the run. Raises AnswerError when it refuses; when it is away, that waits."""
    delivery = run._pipeline.open()
    try:
        delivery.create()
    except AWAY as error:
        if getattr(error, "status", 500) in (401, 403):
            run._pipeline.discard()
            raise
        log.warning("The run starts without the server, and is kept on this machine until it is back: %s", error)
        run._pipeline.offline()
    except LammError:
        run._pipeline.discard()
        raise
    run._pipeline.run = delivery.run


def run_of_worker(transport: Transport, number: int, claim: str, wishes: Mapping[str, Any], capture: bool) -> Run:
    """The run that a worker claimed for this script. Its parameters stand; those it does not have are added.

    A failure is told with its traceback; that all went well is for the worker to say, when the process has ended.
    """
    facts = ask(transport, "GET", f"api/runs/{number}/").json()
    run = Run(quick(transport), joining(transport, number, claim), params=facts["parameters"], ends=frozenset({FAILED}))
    run._pipeline.on_exit = run._leave_unfinished
    new = {key: value for key, value in wishes["parameters"].items() if key not in run.params}
    if new:
        run.log_params(new)
    if wishes["tags"]:
        run.set_tags(wishes["tags"])
    if capture:
        run._put({"environment": captured()})
    run._pipeline.start()
    return run


def join_run(transport: Transport, number: int, *, heartbeat_seconds: float = HEARTBEAT_SECONDS) -> Run:
    """Log to a run that another process made; that one ends it. Raises LammError for one that does not run yet."""
    transport = quick(transport)
    facts = ask(transport, "GET", f"api/runs/{number}/").json()
    if facts["status"] == "queued":
        raise LammError(f"run-{number} is queued. Start it: resume_run({number}).")
    run = Run(transport, joining(transport, number), params=facts["parameters"], heartbeat_seconds=heartbeat_seconds)
    run._pipeline.start()
    return run


def resume_run(transport: Transport, number: int, *, heartbeat_seconds: float = HEARTBEAT_SECONDS) -> Run:
    """Go on with a run, and end it: a queued one is started, one that has ended is resumed.

    Raises NotFoundError, NotAllowedError, ConflictError for an archived one.
    """
    transport = quick(transport)
    facts = ask(transport, "GET", f"api/runs/{number}/").json()
    ask(transport, "POST", f"api/runs/{number}/{'start' if facts['status'] == 'queued' else 'resume'}/", json={})
    header = joining(transport, number)
    run = Run(transport, header, params=facts["parameters"], ends=ALL_ENDS, heartbeat_seconds=heartbeat_seconds)
    run._pipeline.on_exit = run._leave_unfinished
    run._pipeline.start()
    return run


def joining(transport: Transport, number: int, claim: str = "") -> dict[str, Any]:
    """The header of the journal of a run that is there already."""
    return {"url": str(transport.url), "run": number, "create": None, "key": "", "claim": claim}


def quick(transport: Transport) -> Transport:
    """A transport of its own that gives up sooner: what it can't send is kept and tried again anyway."""
    found = copy.copy(transport)
    found.attempts = min(found.attempts, ATTEMPTS)
    return found
