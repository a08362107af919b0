"""Workers against a server that keeps what arrives: commands and functions, endings, signals."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import lamm_client as lamm
from lamm_client import worker
from lamm_client.transport import Transport
from lamm_client.worker import Worker, filled
from tests.recording_server import RecordingServer

FACTS = {
    "id": 7,
    "claim": "c1",
    "name": "baseline",
    "experiment": "night",
    "dataset": "Urban@v2",
    "architecture": "RandLA-Net",
    "attempts": 1,
    "parameters": {"lr": 0.01, "layers": [1, 2]},
}


@pytest.fixture
def queued(recorder: RecordingServer, monkeypatch: pytest.MonkeyPatch) -> RecordingServer:
    """A server with one queued run, and processes that find this package."""
    monkeypatch.setenv("PYTHONPATH", str(Path(lamm.__file__).parents[1]))
    monkeypatch.setattr(worker, "GRACE_SECONDS", 60)
    recorder.queue.append(FACTS)
    return recorder


def a_worker(server: RecordingServer, work: Any, **wishes: Any) -> Worker:
    return Worker(Transport(server.url, "lamm_none", attempts=2), work, name="node-1", **wishes)


def python(script: str) -> list[str]:
    return [sys.executable, "-c", script]


class TestCommands:
    def test_one_that_ends_with_0_has_completed_and_its_output_is_kept(self, queued: RecordingServer) -> None:
        work = ["sh", "-c", "echo training $0 with $1", "{run}", "{params.lr}"]
        assert a_worker(queued, work).forever(once=True) == 1
        assert queued.artifacts == {"worker/attempt-1.txt": b"training 7 with 0.01\n"}
        assert [end["status"] for end in queued.of("/finish/")] == ["completed"]
        assert queued.of("/claim/")[0] == {"worker": "node-1", "experiment": ""}
        assert {claim for (_, path), claim in zip(queued.asked, queued.claims, strict=True) if "/7/" in path} == {"c1"}

    def test_one_that_ends_otherwise_has_failed_with_its_last_words(self, queued: RecordingServer) -> None:
        a_worker(queued, ["sh", "-c", "echo out of memory >&2; exit 3"]).forever(once=True)
        end = queued.of("/finish/")[0]
        assert end["status"] == "failed"
        assert end["failure"] == "The command ended with 3.\n\nout of memory\n"

    def test_one_that_was_killed_says_by_what(self, queued: RecordingServer) -> None:
        a_worker(queued, ["sh", "-c", "kill -9 $$"]).forever(once=True)
        assert "SIGKILL" in queued.of("/finish/")[0]["failure"]

    @pytest.mark.parametrize(
        ("words", "why"),
        [(["no-such-program"], "no-such-program"), (["echo", "{params.depth}"], "no parameter 'depth'")],
    )
    def test_one_that_can_not_start_has_failed(self, queued: RecordingServer, words: list[str], why: str) -> None:
        a_worker(queued, words).forever(once=True)
        assert why in queued.of("/finish/")[0]["failure"]

    def test_its_script_goes_on_with_the_run_of_the_worker(self, queued: RecordingServer) -> None:
        script = """
import lamm_client as lamm
with lamm.run(params={"lr": 5, "seed": 3}, capture=False) as run:
    run.log({"lr": run.params["lr"]})
"""
        a_worker(queued, python(script)).forever(once=True)
        assert queued.artifacts["worker/attempt-1.txt"] == b""
        assert queued.runs == {}
        assert queued.values("lr") == [0.01]
        assert queued.of("/parameters/") == [{"parameters": {"seed": 3}}]
        assert [end["status"] for end in queued.of("/finish/")] == ["completed"]

    def test_a_run_that_is_killed_elsewhere_ends_the_command(self, queued: RecordingServer) -> None:
        queued.status = "killed"
        a_worker(queued, ["sleep", "600"], heartbeat_seconds=0.01).forever(once=True)
        assert queued.of("/finish/") == []

    def test_a_worker_that_is_told_to_stop_gives_the_run_back(self, queued: RecordingServer) -> None:
        mine = a_worker(queued, ["sleep", "600"], heartbeat_seconds=0.01)
        thread = threading.Thread(target=mine.forever)
        thread.start()
        queued.wait_for(lambda: bool(queued.of("/heartbeat/")))
        mine.stop()
        thread.join(60)
        assert not thread.is_alive()
        assert queued.asked[-1] == ("POST", "/api/runs/7/give-back/")
        assert queued.claims[-1] == "c1"
        assert queued.of("/finish/") == []

    def test_placeholders_are_facts_and_all_else_stays_as_it_is(self) -> None:
        words = ["{experiment}/{name}", "{dataset}", "{params.layers}", "{unknown}", "{}", "{run.__class__}"]
        told = ["night/baseline", "Urban@v2", "[1, 2]", "{unknown}", "{}", "{run.__class__}"]
        assert filled(words, FACTS) == told


class TestFunctions:
    def test_one_that_returns_has_completed(self, queued: RecordingServer) -> None:
        def train(run: lamm.Run) -> None:
            run.log({"loss": run.params["lr"]})

        a_worker(queued, train).forever(once=True)
        assert queued.values("loss") == [0.01]
        assert queued.status == "completed"

    def test_one_that_raises_has_failed_and_the_worker_goes_on(self, queued: RecordingServer) -> None:
        queued.queue.append({**FACTS, "id": 8})

        def train(run: lamm.Run) -> None:
            raise ValueError(f"{run.number} has no data")

        assert a_worker(queued, train).forever(once=True) == 2
        assert ["run-7 has no data" in end["failure"] for end in queued.of("/finish/")] == [True, False]

    def test_sigterm_gives_the_run_back(self, queued: RecordingServer) -> None:
        def train(run: lamm.Run) -> None:
            run.log({"loss": 1.0})
            os.kill(os.getpid(), signal.SIGTERM)
            while True:
                signal.pause()

        connection = lamm.Connection(Transport(queued.url, "lamm_none", attempts=2), {})
        before = signal.getsignal(signal.SIGTERM)
        assert worker.work(train, connection=connection) == 1
        assert queued.values("loss") == [1.0]
        assert queued.asked[-1] == ("POST", "/api/runs/7/give-back/")
        assert signal.getsignal(signal.SIGTERM) == before


def test_a_server_that_is_away_is_asked_again(recorder: RecordingServer) -> None:
    recorder.away = True
    mine = a_worker(recorder, ["true"])
    assert mine.claim() is None
    recorder.away = False
    recorder.queue.append(FACTS)
    assert mine.claim() == FACTS
