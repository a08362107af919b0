"""One way to the server: pooled connections, the token, retries with backoff, and errors with the server's words."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from lamm_client.errors import AnswerError, LammError, UnreachableError, error_of

# What may pass by itself: too many requests, and a server that restarts or is overloaded.
PASSING = frozenset({429, 502, 503, 504})
REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 30.0
TIME_OUT = httpx.Timeout(60.0, connect=10.0)


class Transport:
    """Requests to one server with one token.

    May be shared by threads. A process that was forked gets connections of its own: two processes on one connection
    would read each other's answers.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        attempts: int = 6,
        sleep: Callable[[float], None] = time.sleep,
        offline: bool = False,
    ) -> None:
        self.url = httpx.URL(url.rstrip("/") + "/")
        if self.url.scheme not in ("http", "https") or not self.url.host:
            raise LammError(f"{url!r} is no address of a server. Give one like https://lamm.example.com")
        self.attempts = attempts
        self.offline = offline
        self._token = token
        self._sleep = sleep
        self._lock = threading.Lock()
        self._http: httpx.Client | None = None
        self._process = 0

    def __getstate__(self) -> dict[str, Any]:
        kept = {"attempts": self.attempts, "sleep": self._sleep, "offline": self.offline}
        return {"url": str(self.url), "token": self._token, **kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def get(self, address: str, **options: Any) -> Any:
        """The decoded JSON of an answer to GET."""
        return self.request("GET", address, **options).json()

    def post(self, address: str, body: Any = None, *, repeatable: bool = False, **options: Any) -> Any:
        """The decoded JSON of an answer to POST, None when it is empty.

        `repeatable` says that the server takes the same request twice without doing it twice.
        """
        answer = self.request("POST", address, repeatable=repeatable, json={} if body is None else body, **options)
        return answer.json() if answer.content else None

    def request(self, method: str, address: str, *, repeatable: bool = False, **options: Any) -> httpx.Response:
        """A whole answer. Raises LammError: UnreachableError, or the AnswerError of the status."""
        self._refuse_offline(f"{method} {address}")
        again = repeatable or method in REPEATABLE
        for attempt in range(self.attempts):
            last = attempt == self.attempts - 1 or not again
            try:
                answer = self._connections().request(method, self.address(address), **options)
            except httpx.TransportError as error:
                if last:
                    raise UnreachableError(f"{self.url.host} did not answer: {error!r} ({method} {address})") from error
                self._sleep(pause(attempt))
                continue
            if answer.status_code < 400:
                return answer
            if last or answer.status_code not in PASSING:
                raise error_of(answer)
            self._sleep(pause(attempt, answer))
        raise AssertionError("the last attempt returns or raises")

    @contextmanager
    def stream(self, address: str, **options: Any) -> Iterator[httpx.Response]:
        """An answer to GET whose body the caller reads piece by piece. One attempt; the caller resumes.

        Raises the AnswerError of the status, or UnreachableError, also for a connection that breaks inside the block.
        """
        self._refuse_offline(f"GET {address}")
        try:
            with self._connections().stream("GET", self.address(address), **options) as answer:
                if answer.status_code >= 400:
                    answer.read()
                    refused = error_of(answer)
                    refused.retry_after = retry_after(answer.headers.get("Retry-After", ""))
                    raise refused
                yield answer
        except httpx.TransportError as error:
            raise UnreachableError(f"{self.url.host} did not answer: {error!r} (GET {address})") from error

    def pages(self, address: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Every row of a list, page by page; the next page is fetched when it is needed."""
        next_page: str | None = address
        query: dict[str, Any] | None = {"page_size": 1000, **parameters}
        while next_page:
            page = self.get(next_page, params=query)
            yield from page["results"]
            next_page, query = page["next"], None

    def address(self, address: str) -> httpx.URL:
        """The absolute address; one of another server is refused, so that the token goes nowhere else."""
        whole = self.url.join(address)
        if (whole.scheme, whole.host, whole.port) != (self.url.scheme, self.url.host, self.url.port):
            raise LammError(f"{address} is not on {self.url}")
        return whole

    def pause(self, attempt: int, error: Exception | None = None) -> None:
        """Wait before attempt `attempt` + 1 of something that this class does not repeat by itself.

        As long as the server asked for with the `error` that ended the attempt before, when it did.
        """
        asked = error.retry_after if isinstance(error, AnswerError) else None
        self._sleep(pause(attempt) if asked is None else asked)

    def close(self) -> None:
        """Close the connections of this process."""
        with self._lock:
            if self._http is not None and self._process == os.getpid():
                self._http.close()
            self._http = None

    def _refuse_offline(self, asked: str) -> None:
        if self.offline:
            raise UnreachableError(f"This connection is offline: only what was downloaded can be used ({asked}).")

    def _connections(self) -> httpx.Client:
        with self._lock:
            if self._http is None or self._process != os.getpid():
                self._process = os.getpid()
                headers = {"Authorization": f"Bearer {self._token}", "User-Agent": "lamm-client"}
                self._http = httpx.Client(headers=headers, timeout=TIME_OUT)
            return self._http


def pause(attempt: int, answer: httpx.Response | None = None) -> float:
    """Seconds to wait after a failed attempt: what the answer's Retry-After asks for, else a random share of a
    span that doubles each time, so that many clients do not come back together.
    """
    asked = retry_after(answer.headers.get("Retry-After", "")) if answer is not None else None
    if asked is not None:
        return asked
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt) * (0.5 + random.random() / 2)  # noqa: S311


def retry_after(value: str) -> float | None:
    """Seconds that a Retry-After header asks for, given as seconds or as a date; None when it says neither."""
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        then = parsedate_to_datetime(value)
    except ValueError:
        return None
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return max(0.0, (then - datetime.now(UTC)).total_seconds())
