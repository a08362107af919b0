"""A server that keeps what runs send by the rules of the API, and is away, slow to answer or refusing when told to."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import lamm_client as lamm
from lamm_client.transport import Transport

Answer = tuple[int, Any]
Starting = Callable[..., lamm.Run]
Refusal = Callable[[str, str, Any], Answer | None]


class RecordingServer(ThreadingHTTPServer):
    """What arrived, by kind.

    Attributes:
        away: answers 503 to everything while it is true.
        losing: so many of the next requests are carried out, and their answers lost.
        refusal: called with method, path and body; an answer of its own, or None to go on.
        points: how often each point (run, key, step, timestamp, value) came.
        asked: method and path of each request that was carried out.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Recording)
        self.away = False
        self.losing = 0
        self.refusal: Refusal | None = None
        self.status = "running"
        self.queue: list[dict[str, Any]] = []
        self.runs: dict[str, dict[str, Any]] = {}
        self.points: Counter[tuple[Any, ...]] = Counter()
        self.artifacts: dict[str, bytes] = {}
        self.told: list[tuple[str, Any]] = []
        self.asked: list[tuple[str, str]] = []
        self.claims: list[str] = []
        self.news = threading.Condition()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def values(self, key: str) -> list[Any]:
        """The values of a key by step."""
        found = sorted((point[2], point[4]) for point in self.points if point[1] == key)
        return [value for _, value in found]

    def of(self, address: str) -> list[Any]:
        """The bodies that came to addresses that end so."""
        return [body for path, body in self.told if path.endswith(address)]

    def wait_for(self, true: Callable[[], bool], seconds: float = 30) -> None:
        with self.news:
            assert self.news.wait_for(true, seconds), self.asked

    def handle(self, method: str, path: str, headers: Any, body: bytes) -> Answer:
        with self.news:
            if self.away:
                return 503, {"detail": "Down for the night."}
            told = body if "/artifacts/" in path else json.loads(body or b"{}")
            refused = self.refusal(method, path, told) if self.refusal else None
            if refused is not None:
                return refused
            self.asked.append((method, path))
            self.claims.append(headers.get("Run-Claim", ""))
            self.told.append((path, told))
            answer = self.carry_out(method, path, headers, told)
            self.news.notify_all()
            return answer

    def carry_out(self, method: str, path: str, headers: Any, told: Any) -> Answer:
        if path == "/api/version/":
            return 200, {"version": lamm.__version__, "oldest_client": "0.0.1"}
        if path == "/api/runs/":
            return 201, self.runs.setdefault(headers["Idempotency-Key"], {"id": 7 + len(self.runs)})
        if path == "/api/runs/claim/":
            return (200, self.queue.pop(0)) if self.queue else (204, None)
        run = path.split("/")[3]
        if path.endswith("/metrics/"):
            self.keep_points(run, told["series"])
        elif method == "PUT":
            self.artifacts[path.partition("/artifacts/")[2]] = told
        elif path.endswith("/finish/"):
            self.status = told["status"]
        return 200, {"id": int(run), "status": self.status, "parameters": {"lr": 0.01}}

    def keep_points(self, run: str, series: list[dict[str, Any]]) -> None:
        for one in series:
            columns = zip(one["steps"], one["timestamps"], one["values"], strict=True)
            self.points.update((run, one["key"], *point) for point in columns)


class Recording(BaseHTTPRequestHandler):
    server: RecordingServer
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, said = self.server.handle(self.command, self.path, self.headers, body)
        if self.server.losing and status < 400:
            self.server.losing -= 1
            self.close_connection = True
            return
        data = b"" if said is None else json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = _answer  # noqa: N815 - the names that http.server looks for

    def log_message(self, *words: object) -> None:
        """Quiet."""


@contextmanager
def recording() -> Iterator[RecordingServer]:
    server = RecordingServer()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def hurried(server: RecordingServer) -> Transport:
    """A transport that does not wait between attempts."""
    return Transport(server.url, "lamm_none", attempts=2, sleep=no_pause)


def no_pause(seconds: float) -> None:
    """No time to wait."""


def left(spool: Path) -> list[str]:
    """The kinds of files in the spool."""
    return sorted(path.suffix for path in spool.iterdir())
