"""What happens beside the training loop: points go from memory to the journal, from there to the server, and the server
hears that the script lives. Three threads, because a slow server must hold up neither the journal nor the heartbeat.
"""

from __future__ import annotations

import atexit
import copy
import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from multiprocessing import util
from typing import Any

from lamm_client.errors import ConflictError, LammError
from lamm_client.sending import AWAY, Delivery, ask, is_ended
from lamm_client.spooling import Entry, Journal
from lamm_client.transport import Transport, pause
from lamm_client.values import Point, series_of

log = logging.getLogger("lamm_client")
RECORD_SECONDS, LOOK_SECONDS = 0.5, 1.0
# Encoding holds up the training loop, so that it is done in small pieces.
VALUES_AN_ENTRY = 1000
LIVE: weakref.WeakSet[Pipeline] = weakref.WeakSet()


class Pipeline:
    """The way of one run's entries from this process to the server.

    A forked child begins with nothing: its own journal and threads come with the first thing it logs, and what its
    parent had not sent is sent by the parent alone.

    Attributes:
        points: what was logged, points and entries, and is not in the journal yet; the training loop appends to it,
            and does no more.
        lost: why the script should stop, as "run-7 was killed"; "" while it should not.
        run: the number of the run, None until the server has made it.
    """

    def __init__(self, transport: Transport, header: Mapping[str, Any], *, heartbeat_seconds: float) -> None:
        self.transport = transport
        self.header = dict(header)
        self.heartbeat_seconds = heartbeat_seconds
        self.progress: dict[str, int] = {}
        self.lost = ""
        self.closed = False
        self.on_exit: Callable[[], object] = self.close
        self.run: int | None = self.header["run"]
        self._reset()
        LIVE.add(self)

    def _reset(self) -> None:
        self.points: deque[Point | Entry] = deque()
        self._delivery: Delivery | None = None
        self._recording = threading.Lock()
        self._opening = threading.Lock()
        self._stop, self._due = threading.Event(), threading.Event()
        self._work, self._now = threading.Event(), threading.Event()
        self._news = threading.Condition()
        self._begun = self._failed = 0
        self._threads: list[threading.Thread] = []

    def after_fork(self) -> None:
        """In the child: threads, locks, connections and the journal are the parent's."""
        if self._delivery is not None:
            self._delivery.journal.abandon()
        self.transport = copy.copy(self.transport)
        self.header = joining(self.header, self.run)
        self.on_exit = self.close
        self._reset()

    def open(self) -> Delivery:
        """The journal of this process and what sends it, made when they are first needed."""
        with self._opening:
            if self._delivery is None:
                journal = Journal.create({**self.header, "pid": os.getpid()})
                self._delivery = Delivery(self.transport, journal)
                self._at_exit()
            return self._delivery

    def start(self) -> None:
        """Start the threads of this process; once."""
        self.open()
        with self._opening:
            if self._threads:
                return
            for work in (self._record_on, self._send_on, self._beat_on):
                self._threads.append(threading.Thread(target=work, name=f"lamm{work.__name__}", daemon=True))
        for thread in self._threads:
            thread.start()

    @property
    def started(self) -> bool:
        return bool(self._threads)

    def discard(self) -> None:
        """The server does not want this run: leave nothing behind."""
        self.closed = True
        self.open().journal.remove()

    def offline(self) -> None:
        """The server is away already when the run starts: try again soon."""
        self._work.set()

    def put(self, entry: Entry) -> None:
        """Write an entry to the journal, behind all that was logged before it; soon, if the disk is full just now."""
        self.points.append(entry)
        self.start()
        try:
            self.record()
        except OSError as error:
            log.warning("The spool can't be written; %s stays in memory until it can: %s", " and ".join(entry), error)
        self._work.set()

    def record(self) -> None:
        """All from memory to the journal. Raises OSError when it can't be written; it then stays in memory."""
        with self._recording:
            while self.points:
                taken = self._taken()
                entry = taken[0] if isinstance(taken[0], dict) else {"metrics": series_of(taken)}  # type: ignore[arg-type]
                try:
                    self.open().journal.append(entry)
                except OSError:
                    self.points.extendleft(reversed(taken))
                    raise

    def _taken(self) -> list[Point | Entry]:
        """The next entry, or the points before the next entry, as many as are encoded at once."""
        taken, values = [self.points.popleft()], 0
        while not isinstance(taken[-1], dict):
            values += len(taken[-1][0])
            if values >= VALUES_AN_ENTRY or not self.points or isinstance(self.points[0], dict):
                break
            taken.append(self.points.popleft())
        return taken

    def flush(self, seconds: float | None = None) -> bool:
        """Wait until everything has arrived; False when the server is away, or after so many seconds."""
        if self._delivery is None and not self.points:
            return True
        self.start()
        self.record()
        delivery = self.open()
        target, limit = delivery.journal.end, None if seconds is None else time.monotonic() + seconds
        with self._news:
            begun = self._begun
            self._work.set()
            self._now.set()
            while not (delivery.position >= target or delivery.arrived()):
                left = LOOK_SECONDS if limit is None else limit - time.monotonic()
                if self._failed > begun or left <= 0 or not self._threads[1].is_alive():
                    return False
                self._news.wait(min(left, LOOK_SECONDS))
        return True

    def close(self, end: Entry | None = None, seconds: float | None = None) -> bool:
        """Send all that is left, `end` at last, and stop. False when something stays in the spool."""
        if self.closed:
            return True
        self.closed = True
        if end is not None:
            self.put(end)
        try:
            arrived = self.flush(seconds)
        except OSError as error:
            log.warning("The spool can't be written, so that what was logged last is lost: %s", error)
            arrived = False
        self._stop_threads()
        if self._delivery is not None:
            self._leave(self._delivery, arrived)
        return arrived

    def _leave(self, delivery: Delivery, arrived: bool) -> None:
        if arrived:
            delivery.journal.remove()
            return
        log.warning(
            "The server could not be reached, so that a part of %s waits in %s. It is sent when the next run starts "
            "on this machine, or by: python -m lamm_client replay",
            "a new run" if self.run is None else f"run-{self.run}",
            delivery.journal.path,
        )
        sender = self._threads[1:2]
        if not any(thread.is_alive() for thread in sender):  # else it may be writing still; the exit closes the file
            delivery.journal.close()

    def _stop_threads(self) -> None:
        self._stop.set()
        for event in (self._due, self._work, self._now):
            event.set()
        for thread in self._threads:
            thread.join(1.0)

    def _at_exit(self) -> None:
        """Send the rest when the process ends, as children of multiprocessing do, too, in a way of their own."""
        here, me = os.getpid(), weakref.ref(self)

        def leave() -> None:
            pipeline = me()
            if pipeline is not None and os.getpid() == here and not pipeline.closed:
                pipeline.on_exit()

        atexit.register(leave)
        util.Finalize(None, leave, exitpriority=10)

    def _record_on(self) -> None:
        complained = False
        stop, due = self._stop, self._due
        while not stop.is_set():
            due.wait(RECORD_SECONDS)
            try:
                if self.points:
                    self.record()
                    self._work.set()
                complained = False
            except OSError as error:
                if not complained:
                    log.warning("The spool can't be written; points stay in memory until it can: %s", error)
                complained = True

    def _send_on(self) -> None:
        delivery, failures = self.open(), 0
        while not self._stop.is_set():
            if failures:
                self._now.wait(pause(failures - 1))
            else:
                self._work.wait()
            if self._stop.is_set():
                return
            self._work.clear()
            self._now.clear()
            failures = self._try(delivery, failures)

    def _try(self, delivery: Delivery, failures: int) -> int:
        """Send what is there; the number of failures in a row."""
        self._begun += 1
        try:
            delivery.deliver()
        except AWAY as error:
            self.run, failures = delivery.run, failures + 1
            if failures == 1:
                log.warning("What is logged is kept on this machine until the server takes it: %s", error)
            with self._news:
                self._failed = self._begun
                self._news.notify_all()
            return failures
        self.run = delivery.run
        if failures:
            log.warning("The server is back; what was kept has arrived.")
        with self._news:
            self._news.notify_all()
        return 0

    def _beat_on(self) -> None:
        while not self._stop.wait(self.heartbeat_seconds):
            if self.run is not None:
                self.beat()

    def beat(self) -> None:
        """Tell the server that the script lives, and hear whether it should stop."""
        headers = {"Run-Claim": self.header["claim"]} if self.header.get("claim") else {}
        try:
            answer = ask(self.transport, "POST", f"api/runs/{self.run}/heartbeat/", json=self.progress, headers=headers)
            facts = answer.json()
            status = facts.get("status") if isinstance(facts, dict) else None
        except ConflictError as error:
            status = error.facts.get("status") if is_ended(error) else "given to another worker"
        except (LammError, *AWAY) as error:
            log.debug("No heartbeat: %s", error)
            return
        if status in ("killed", "given to another worker"):
            self.lost = f"run-{self.run} was {status}"


def joining(header: Mapping[str, Any], run: int | None) -> dict[str, Any]:
    """The header for another process of the same run. One that the server has not made yet is made by the same
    request, whichever process is the first to reach it.
    """
    return {**header, "run": run} if run is None else {**header, "run": run, "create": None, "key": ""}


def after_fork() -> None:
    for pipeline in list(LIVE):
        pipeline.after_fork()


os.register_at_fork(after_in_child=after_fork)
