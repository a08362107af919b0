"""From journals to the server: in order, again and again until it has arrived, and never twice.

A point is known to the server by run, key, step, timestamp and value, making a run by its idempotency key, artifacts,
parameters, tags and the end by what they are: an entry of which the answer was lost may be sent again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

from lamm_client.errors import (
    AnswerError,
    ConflictError,
    LammError,
    NotAllowedError,
    NotLoggedInError,
    RefusedError,
    ServerError,
    UnreachableError,
)
from lamm_client.predictions import BatchBody, not_there, too_many
from lamm_client.spooling import BLOCK, Entry, Journal, journals
from lamm_client.transport import Transport
from lamm_client.values import joined

log = logging.getLogger("lamm_client")
POINTS_A_CALL, KEYS_A_CALL = 5000, 1000
ENDED = ("completed", "failed", "killed")
# Nothing is wrong with what was sent: keep it, and try again later or with another token. Also what no LAMM answers.
AWAY = (UnreachableError, ServerError, NotLoggedInError, NotAllowedError, httpx.HTTPError, OSError, ValueError)


class Delivery:
    """Sends the entries of one journal.

    Attributes:
        run: the number of the run; None until the server has made it.
        refused: why the server will not make it; "" while it may.
        position: up to where everything has arrived.
    """

    def __init__(self, transport: Transport, journal: Journal) -> None:
        self.transport = transport
        self.journal = journal
        self.refused = ""
        self.claim: str = journal.header.get("claim") or ""
        self.position, self.run = journal.state()

    def create(self) -> dict[str, Any]:
        """Make the run, or find that it was made by this very request before. Raises LammError."""
        header = self.journal.header
        answer = self._ask("POST", "api/runs/", json=header["create"], headers={"Idempotency-Key": header["key"]})
        made = answer.json()
        if not isinstance(made, dict) or not isinstance(made.get("id"), int):
            raise UnreachableError(f"What answers at {self.transport.url} is no LAMM. Check the address.")
        self.run = made["id"]
        self._note_sent(self.position)
        return made

    def deliver(self) -> None:
        """Send everything that is there. Raises one of AWAY when that is not possible now.

        What the server refuses for good is put aside with its words; the rest goes on.
        """
        if self.run is None and not self.refused:
            self._create_or_learn_why_not()
        while not self.arrived():
            before, end = self.position, self.journal.end
            for entry, position in self._batches():
                self._send_or_put_aside(entry)
                self._note_sent(position)
                self._drop_copy(entry)
                self.position = position
            if self.position == before:
                self.position = end  # nothing that can be read is left before it
        self.position = self.journal.restart(self.position, self.run)

    def _note_sent(self, position: int) -> None:
        self.journal.append({"sent": position, "run": self.run})

    def arrived(self) -> bool:
        return self.position >= self.journal.end

    def _create_or_learn_why_not(self) -> None:
        try:
            self.create()
        except AWAY:
            raise
        except LammError as error:
            self.refused = str(error)
            self._put_aside({"create": self.journal.header["create"]}, error)

    def _send_or_put_aside(self, entry: Entry) -> None:
        if self.run is None:
            self.journal.put_aside(entry, f"Its run could not be made: {self.refused}")
            return
        try:
            self._send(entry)
        except AWAY:
            raise
        except LammError as error:
            self._put_aside(entry, error)

    def _batches(self) -> Iterator[tuple[Entry, int]]:
        """Entries that are not sent yet; metrics that follow each other as one, and so predictions."""
        held: list[Entry] = []
        held_to = self.position
        for entry, position in self.journal.entries(self.position):
            if "sent" in entry:
                if not held:
                    self.position = position
                continue
            if held and (_joins(entry) != _joins(held[0]) or _too_many([*held, entry])):
                yield _one(held), held_to
                held = []
            if _joins(entry):
                held, held_to = [*held, entry], position
            else:
                yield entry, position
        if held:
            yield _one(held), held_to

    def _send(self, entry: Entry) -> None:
        senders: dict[str, Callable[[Any], None]] = {
            "metrics": self._send_metrics,
            "artifact": self._send_artifact,
            "declaration": lambda declaration: self._tell("PUT", "predictions/", declaration),
            "predictions": self._send_predictions,
            "finish": self._finish,
            "notes": lambda notes: self._tell("PATCH", "", {"notes": notes}),
            "parameters": lambda parameters: self._tell("POST", "parameters/", {"parameters": parameters}),
            "progress": lambda progress: self._tell("POST", "heartbeat/", progress),
            "tags": lambda tags: self._tell("POST", "tags/", tags),
            "environment": lambda environment: self._tell("POST", "environment/", environment),
        }
        for kind, body in entry.items():
            if kind in senders:
                senders[kind](body)

    def _send_metrics(self, series: list[dict[str, Any]]) -> None:
        """Points by columns. When a batch is refused, each key is sent alone: one bad key costs its own points only."""
        for first in range(0, len(series), KEYS_A_CALL):
            batch = series[first : first + KEYS_A_CALL]
            try:
                self._tell("POST", "metrics/", {"series": batch})
            except RefusedError as error:
                self._send_one_by_one(batch, error)

    def _send_one_by_one(self, batch: list[dict[str, Any]], refusal: RefusedError) -> None:
        for one in batch:
            try:
                if len(batch) == 1:
                    raise refusal
                self._tell("POST", "metrics/", {"series": [one]})
            except RefusedError as error:
                self._put_aside({"metrics": [one]}, error)

    def _send_artifact(self, facts: dict[str, Any]) -> None:
        source = self.journal.copy_path(facts["copy"])
        if not source.exists():
            return  # sent before, and the note of it was lost
        headers = {
            "Content-Length": str(facts["size"]),
            "Content-SHA256": facts["sha256"],
            "Content-Type": facts.get("media_type") or "application/octet-stream",
        }
        self._tell("PUT", "artifacts/" + facts["path"], None, content=Blocks(source), headers=headers)

    def _send_predictions(self, predictions: list[dict[str, Any]]) -> None:
        """Frames that the server has not yet; what it refuses of them is put aside, and the others go on."""
        frames = [facts["frame"] for facts in predictions]
        known = self._ask("POST", f"api/runs/{self.run}/predictions/known/", json={"frames": frames}).json()["frames"]
        for replace in (False, True):
            asked = [facts for facts in predictions if facts["replace"] is replace]
            left = [facts for facts in not_there(asked, known) if self.journal.copy_path(facts["copy"]).exists()]
            while left:
                try:
                    self._send_frames(left, replace=replace)
                    break
                except AWAY:
                    raise
                except LammError as error:
                    left = self._without_refused(left, error)

    def _send_frames(self, predictions: list[dict[str, Any]], *, replace: bool) -> None:
        body = BatchBody([(facts, self.journal.copy_path(facts["copy"])) for facts in predictions], replace=replace)
        headers = {"Content-Length": str(body.length), "Content-Type": "application/octet-stream"}
        self._tell("POST", "predictions/frames/", None, content=body, headers=headers)

    def _without_refused(self, predictions: list[dict[str, Any]], error: LammError) -> list[dict[str, Any]]:
        """Put aside the frame that a refusal names, or all if it names none; what is left to send."""
        named = getattr(error, "facts", {}).get("frame")
        refused = [facts for facts in predictions if facts["frame"] == named] or predictions
        for facts in refused:
            self._put_aside({"predictions": [facts]}, error)
        return [facts for facts in predictions if facts not in refused]

    def _finish(self, end: dict[str, Any]) -> None:
        try:
            self._tell("POST", "finish/", end)
        except ConflictError as error:
            status = error.facts.get("status")
            if status not in ENDED:
                raise
            if status != end["status"]:
                log.warning("run-%s is %s already; it stays so.", self.run, status)

    def _tell(self, method: str, address: str, body: Any, **options: Any) -> None:
        """A request about the run. The claim of a worker ends with the run; then its account still may write."""
        headers = dict(options.pop("headers", {}))
        where = f"api/runs/{self.run}/{address}"
        options |= {} if body is None else {"json": body}
        try:
            self._ask(method, where, headers=headers | ({"Run-Claim": self.claim} if self.claim else {}), **options)
        except ConflictError as error:
            if not self.claim or error.facts.get("status") not in ENDED:
                raise
            self._ask(method, where, headers=headers, **options)

    def _ask(self, method: str, address: str, **options: Any) -> httpx.Response:
        return ask(self.transport, method, address, **options)

    def _put_aside(self, entry: Entry, error: LammError) -> None:
        aside = self.journal.put_aside(entry, str(error))
        log.warning("%s was refused: %s It is kept in %s.", " and ".join(entry), error, aside)

    def _drop_copy(self, entry: Entry) -> None:
        for facts in [*entry.get("predictions", []), entry.get("artifact")]:
            if facts:
                self.journal.copy_path(facts["copy"]).unlink(missing_ok=True)


class Blocks:
    """The bytes of a file, from its beginning whenever they are asked for: a request may be repeated."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __iter__(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            while block := file.read(BLOCK):
                yield block


def ask(transport: Transport, method: str, address: str, **options: Any) -> httpx.Response:
    """An answer of the API to a request that may be repeated. Raises LammError, also for a redirection: what was sent
    has then not arrived anywhere.
    """
    answer = transport.request(method, address, repeatable=True, **options)
    if answer.status_code >= 300:
        to = answer.headers.get("Location", "elsewhere")
        raise UnreachableError(f"{transport.url} sends to {to}. Give the address that it has now.")
    return answer


def _joins(entry: Entry) -> str:
    """What an entry may be sent together with; empty for one that goes alone."""
    return next((kind for kind in ("metrics", "predictions") if kind in entry), "")


def _one(entries: list[Entry]) -> Entry:
    if len(entries) == 1:
        return entries[0]
    if _joins(entries[0]) == "predictions":
        return {"predictions": [facts for entry in entries for facts in entry["predictions"]]}
    return {"metrics": joined(entry["metrics"] for entry in entries)}


def _too_many(entries: list[Entry]) -> bool:
    if _joins(entries[0]) == "predictions":
        return too_many([facts for entry in entries for facts in entry["predictions"]])
    series = [one for entry in entries for one in entry["metrics"]]
    keys = {one["key"] for one in series}
    return len(keys) > KEYS_A_CALL or sum(len(one["values"]) for one in series) > POINTS_A_CALL


def replay(transport: Transport, folder: Path | None = None) -> tuple[int, int]:
    """Send what dead processes left in the spool for this server: journals that arrived, and those that wait on.

    Raises nothing for a server that is away: the journals wait for the next time.
    """
    arrived = waiting = 0
    for path in journals(folder):
        journal = Journal.take_over(path)
        if journal is None:
            continue
        try:
            if journal.header["url"] != str(transport.url):
                continue
            Delivery(transport, journal).deliver()
            journal.remove()
            arrived += 1
        except AWAY as error:
            waiting += 1
            log.warning("%s waits on: %s", path, error)
        finally:
            journal.close()
    return arrived, waiting


def replay_in_background(transport: Transport) -> None:
    """The same in a thread that holds nothing up; what it does not manage is left for the next time."""

    def work() -> None:
        arrived, _ = replay(transport)
        if arrived:
            log.info("What %s earlier processes left in the spool has arrived.", arrived)

    if journals():
        threading.Thread(target=work, name="lamm-replay", daemon=True).start()


def is_ended(error: AnswerError) -> bool:
    """Whether a refusal says that the run has ended."""
    return error.facts.get("status") in ENDED
