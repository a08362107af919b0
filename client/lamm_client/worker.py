"""`lamm.worker.work(...)`: take queued runs, one after the other, and run a command or a function for each.

A run is taken by one worker only. While it works the server hears from it; when it dies, the server puts the run back
into the queue, and when it is told to stop (SIGTERM) it does so itself.
"""

from __future__ import annotations

import copy
import logging
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from lamm_client.connection import Connection, connect
from lamm_client.errors import LammError, ServerError, UnreachableError
from lamm_client.runs import ALL_ENDS, CLAIM_VARIABLE, COMPLETED, FAILED, RUN_VARIABLE, Run, joining, quick
from lamm_client.sending import ask
from lamm_client.transport import Transport

log = logging.getLogger("lamm_client")
PLACEHOLDER = re.compile(r"\{(run|name|experiment|dataset|architecture|params\.[^{}]+)\}")
POLL_SECONDS, HEARTBEAT_SECONDS, LOOK_SECONDS, GRACE_SECONDS = 5.0, 15.0, 0.2, 30.0
TAIL_LINES = 100
Work = Sequence[str] | Callable[[Run], object]


class Stopped(BaseException):
    """The worker was told to stop; not an Exception, so that a function does not take it for a failure of its own."""


class Worker:
    """Takes queued runs and works on them.

    Attributes:
        stopping: whether SIGTERM or SIGINT came.
    """

    def __init__(
        self,
        transport: Transport,
        work: Work,
        *,
        experiment: str = "",
        name: str = "",
        poll_seconds: float = POLL_SECONDS,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self.transport = quick(transport)
        self.work = work
        self.experiment = experiment
        self.name = name or f"{socket.gethostname()}-{os.getpid()}"
        self.poll_seconds = poll_seconds
        self.heartbeat_seconds = heartbeat_seconds
        self.stopping = threading.Event()
        self._interruptible = False

    def stop(self) -> None:
        """End the command, give its run back, and leave. A function goes on to its end."""
        self.stopping.set()

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """The same for a signal, which interrupts a function, too: both are in the main thread."""
        self.stop()
        if self._interruptible:
            raise Stopped

    def claim(self) -> dict[str, Any] | None:
        """The queued run that has waited longest, now this worker's; None when none waits or the server is away."""
        body = {"worker": self.name, "experiment": self.experiment}
        try:
            facts: dict[str, Any] | None = self.transport.post("api/runs/claim/", body)
        except (UnreachableError, ServerError) as error:
            log.warning("No run can be taken now: %s", error)
            return None
        return facts

    def forever(self, *, once: bool = False) -> int:
        """Work until told to stop, or with `once` until no run waits; how many runs were worked on."""
        done = 0
        while not self.stopping.is_set():
            facts = self.claim()
            if facts is not None:
                self.one(facts)
                done += 1
            elif once:
                break
            else:
                self.stopping.wait(self.poll_seconds)
        return done

    def one(self, facts: dict[str, Any]) -> None:
        """Work on a run that was claimed, and tell how it ended."""
        header = joining(self.transport, facts["id"], facts["claim"])
        wishes: dict[str, Any] = {"params": facts["parameters"], "heartbeat_seconds": self.heartbeat_seconds}
        run = Run(copy.copy(self.transport), header, ends=ALL_ENDS, **wishes)
        run._pipeline.on_exit = run.close
        run._pipeline.start()
        log.info("%s: %s", run.number, facts["name"] or facts["experiment"])
        try:
            if callable(self.work):
                self._call(run, self.work)
            else:
                self._command(run, self.work, facts)
        except Stopped:
            self._give_back(run)

    def _call(self, run: Run, work: Callable[[Run], object]) -> None:
        try:
            self._interruptible = True
            if self.stopping.is_set():
                raise Stopped
            work(run)
            self._interruptible = False
            run._end(None)
        except Stopped:
            raise
        except BaseException as fault:
            self._interruptible = False
            run._end(fault)
            if not isinstance(fault, (Exception, SystemExit)):
                raise
            log.warning("%s failed: %r", run.number, fault)
        finally:
            self._interruptible = False

    def _command(self, run: Run, words: Sequence[str], facts: dict[str, Any]) -> None:
        """Run a command in a process group of its own; what it writes becomes an artifact of the run."""
        with tempfile.TemporaryDirectory(prefix="lamm-worker-") as folder:
            output = Path(folder) / "output.txt"
            try:
                command = filled(words, facts)
                with output.open("wb") as file, _process(command, file, self._environment(facts)) as process:
                    self._watch(process, run)
            except (LammError, OSError) as error:
                run.finish(FAILED, f"The command could not be started: {error}")
                return
            if run.stopped:
                log.warning("%s. Its command was ended.", run.stopped)
                run.close()
                return
            run.log_artifact(output, to=f"worker/attempt-{facts['attempts']}.txt")
            if process.returncode == 0:
                run.finish(COMPLETED)
            else:
                run.finish(FAILED, f"{ending(process.returncode)}\n\n{tail(output)}")

    def _watch(self, process: subprocess.Popen[bytes], run: Run) -> None:
        """Wait for the end of a command; end it when the run was killed, or raise Stopped when the worker has to."""
        while process.poll() is None:
            if self.stopping.is_set():
                end_group(process)
                raise Stopped
            if run.stopped:
                end_group(process)
                return
            try:
                process.wait(LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                continue

    def _environment(self, facts: dict[str, Any]) -> dict[str, str]:
        """What makes `lamm.run` in a script go on with this run."""
        url, token = str(self.transport.url), self.transport.__getstate__()["token"]
        told = {"LAMM_URL": url, "LAMM_TOKEN": token, RUN_VARIABLE: str(facts["id"]), CLAIM_VARIABLE: facts["claim"]}
        return {**os.environ, **told}

    def _give_back(self, run: Run) -> None:
        run.close()
        headers = {"Run-Claim": run._pipeline.header["claim"]}
        try:
            ask(self.transport, "POST", f"api/runs/{run.id}/give-back/", json={}, headers=headers)
            log.info("%s is back in the queue.", run.number)
        except LammError as error:
            log.warning("%s could not be given back; the server notices by itself: %s", run.number, error)


def work(
    what: Work,
    *,
    connection: Connection | None = None,
    experiment: str = "",
    name: str = "",
    once: bool = False,
    poll_seconds: float = POLL_SECONDS,
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
) -> int:
    """Take queued runs until SIGTERM or Ctrl-C, or with `once` until none waits; how many there were.

    `what` is a function that is called with the Run, or the words of a command in which {run}, {name}, {experiment},
    {dataset}, {architecture} and {params.KEY} stand for facts of the run. The run has completed when the function
    returns or the command ends with 0; else it has failed, with the traceback or the last lines of its output. Raises
    AnswerError when the account may not take runs. Server and token come from LAMM_URL and LAMM_TOKEN without
    `connection`.
    """
    wishes: dict[str, Any] = {"poll_seconds": poll_seconds, "heartbeat_seconds": heartbeat_seconds}
    transport = (connection or connect()).transport
    worker = Worker(transport, what, experiment=experiment, name=name, **wishes)
    with stopped_by_signals(worker):
        return worker.forever(once=once)


@contextmanager
def stopped_by_signals(worker: Worker) -> Iterator[None]:
    """SIGTERM and SIGINT stop the worker, where signals arrive: in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, worker.on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def filled(words: Sequence[str], facts: dict[str, Any]) -> list[str]:
    """The command for a run. Raises LammError for a parameter that the run does not have."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name == "run":
            return str(facts["id"])
        if not name.startswith("params."):
            return str(facts[name] or "")
        key = name.removeprefix("params.")
        if key not in facts["parameters"]:
            raise LammError(f"run-{facts['id']} has no parameter {key!r}, which the command asks for.")
        return str(facts["parameters"][key])

    return [PLACEHOLDER.sub(value, word) for word in words]


def _process(command: list[str], output: Any, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=environment,
        start_new_session=True,
    )


def end_group(process: subprocess.Popen[bytes], seconds: float = GRACE_SECONDS) -> None:
    """End a command and what it started: asked first, then forced."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(seconds)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def ending(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"The command ended with {code}."
    try:
        return f"The command was ended by {signal.Signals(-code).name}."
    except ValueError:
        return f"The command was ended by signal {-code}."


def tail(output: Path) -> str:
    """The last lines that a command wrote."""
    with output.open(errors="replace") as file:
        return "".join(deque(file, TAIL_LINES))
