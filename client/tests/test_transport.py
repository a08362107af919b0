"""The transport against a server that answers as it is told to: retries, pauses, refusals, foreign addresses."""

from __future__ import annotations

import json
import os
import pickle
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from lamm_client import errors
from lamm_client.transport import Transport, pause, retry_after


class Scripted(ThreadingHTTPServer):
    """Answers each request with the next of `answers`: (status, headers, body); the last one again and again."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.answers: list[tuple[int, dict[str, str], Any]] = []
        self.asked: list[tuple[str, str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answering(BaseHTTPRequestHandler):
    server: Scripted
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        self.server.asked.append((self.command, self.path, body))
        answers = self.server.answers
        status, headers, said = answers.pop(0) if len(answers) > 1 else answers[0]
        if status == 0:
            self.close_connection = True  # nothing at all: the connection breaks
            return
        data = json.dumps(said).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = _answer  # noqa: N815 - the names that http.server looks for

    def log_message(self, *words: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[Scripted]:
    scripted = Scripted()
    threading.Thread(target=scripted.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield scripted
    scripted.shutdown()
    scripted.server_close()


Hasty = Callable[[str], tuple[Transport, list[float]]]


def test_a_server_that_comes_back_is_asked_again_with_growing_pauses(server: Scripted, hasty: Hasty) -> None:
    transport, pauses = hasty(server.url)
    server.answers = [(503, {}, {}), (502, {}, {}), (0, {}, {}), (200, {}, {"count": 3})]
    assert transport.get("api/scenes/") == {"count": 3}
    assert len(pauses) == 3
    assert 0.125 <= pauses[0] <= 0.25 < 0.5 <= pauses[2] <= 1.0


def test_the_pause_is_the_one_that_the_server_asks_for(server: Scripted, hasty: Hasty) -> None:
    transport, pauses = hasty(server.url)
    server.answers = [(429, {"Retry-After": "7"}, {}), (200, {}, {})]
    transport.get("api/scenes/")
    assert pauses == [7.0]


def test_a_server_that_stays_away_is_an_error_after_all_attempts(server: Scripted, hasty: Hasty) -> None:
    transport, pauses = hasty(server.url)
    server.answers = [(503, {}, {"detail": "Down for the night."})]
    with pytest.raises(errors.ServerError, match="Down for the night"):
        transport.get("api/scenes/")
    assert len(server.asked) == transport.attempts == len(pauses) + 1


def test_nobody_there_is_an_error_that_names_the_host(hasty: Hasty) -> None:
    transport, _ = hasty("http://127.0.0.1:9")
    with pytest.raises(errors.UnreachableError, match=r"127\.0\.0\.1"):
        transport.get("api/scenes/")


def test_a_post_is_repeated_only_when_the_server_takes_it_twice(server: Scripted, hasty: Hasty) -> None:
    transport, _ = hasty(server.url)
    server.answers = [(503, {}, {}), (200, {}, {})]
    with pytest.raises(errors.ServerError):
        transport.post("api/runs/", {"name": "a"})
    server.answers = [(503, {}, {}), (200, {}, {"id": 1})]
    assert transport.post("api/runs/", {"name": "a"}, repeatable=True) == {"id": 1}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.RefusedError),
        (401, errors.NotLoggedInError),
        (403, errors.NotAllowedError),
        (404, errors.NotFoundError),
        (409, errors.ConflictError),
        (413, errors.RefusedError),
        (500, errors.ServerError),
    ],
)
def test_a_refusal_is_told_in_the_servers_words_and_not_repeated(
    server: Scripted, hasty: Hasty, status: int, kind: type[errors.AnswerError]
) -> None:
    transport, pauses = hasty(server.url)
    server.answers = [(status, {}, {"detail": "Frame 7 has 5 points, 6 labels came.", "frame": 7})]
    with pytest.raises(kind, match="Frame 7 has 5 points") as caught:
        transport.get("api/scenes/")
    assert (caught.value.status, caught.value.facts, pauses) == (status, {"frame": 7}, [])


def test_the_token_goes_to_no_other_server(server: Scripted, hasty: Hasty) -> None:
    transport, _ = hasty(server.url)
    server.answers = [(200, {}, {"results": [{"id": 1}], "next": "https://elsewhere.example.com/api/scenes/"})]
    rows = transport.pages("api/scenes/")
    assert next(rows) == {"id": 1}
    with pytest.raises(errors.LammError, match="is not on"):
        next(rows)


def test_pages_are_fetched_when_they_are_needed(server: Scripted, hasty: Hasty) -> None:
    transport, _ = hasty(server.url)
    second = f"{server.url}/api/scenes/?cursor=b&tag=night"
    server.answers = [
        (200, {}, {"results": [{"id": 1}], "next": second}),
        (200, {}, {"results": [{"id": 2}], "next": None}),
    ]
    rows = transport.pages("api/scenes/", tag="night")
    assert next(rows) == {"id": 1}
    assert len(server.asked) == 1
    assert [row["id"] for row in rows] == [2]
    assert server.asked[1][1] == "/api/scenes/?cursor=b&tag=night"


def test_a_forked_process_gets_connections_of_its_own(server: Scripted, hasty: Hasty) -> None:
    transport, _ = hasty(server.url)
    server.answers = [(200, {}, {})]
    transport.get("api/scenes/")
    mine = transport._connections()
    transport._process = os.getpid() + 1  # as in a child that inherited the object
    assert transport._connections() is not mine


def test_it_travels_to_other_processes(server: Scripted) -> None:
    server.answers = [(200, {}, {"count": 1})]
    copy = pickle.loads(pickle.dumps(Transport(server.url, "lamm_none")))  # noqa: S301 - as data loaders send it
    assert copy.get("api/scenes/") == {"count": 1}


@pytest.mark.parametrize("url", ["lamm.example.com", "ftp://lamm.example.com", "https://", ""])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(errors.LammError, match="no address of a server"):
        Transport(url, "lamm_none")


def test_retry_after_may_be_a_date() -> None:
    later = datetime.now(UTC) + timedelta(seconds=60)
    assert 50 < (retry_after(format_datetime(later, usegmt=True)) or 0) <= 60
    assert retry_after("soon") is None


def test_pauses_end_growing() -> None:
    assert pause(40) <= 30
