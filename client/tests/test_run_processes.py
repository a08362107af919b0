"""A run of several processes: forked, spawned, joined, resumed, killed."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import lamm_client as lamm
from lamm_client import runs
from lamm_client.sending import replay
from tests.recording_server import RecordingServer, Starting, hurried, left


def log_five(run: lamm.Run, key: str) -> None:
    for step in range(5):
        run.log({key: float(step)}, step=step)


class TestSeveralProcesses:
    @pytest.mark.parametrize("method", ["fork", "spawn"])
    def test_each_sends_its_own_and_the_first_one_ends_the_run(
        self, recorder: RecordingServer, starting: Starting, spool: Path, method: Any
    ) -> None:
        with starting() as run:
            run.log({"parent": 1.0}, step=1)
            context: Any = multiprocessing.get_context(method)
            children = [context.Process(target=log_five, args=(run, f"child/{number}")) for number in range(2)]
            for child in children:
                child.start()
            for child in children:
                child.join(60)
            assert [child.exitcode for child in children] == [0, 0]
            assert recorder.of("/finish/") == []
        assert recorder.values("parent") == [1.0]
        assert recorder.values("child/0") == recorder.values("child/1") == [0.0, 1.0, 2.0, 3.0, 4.0]
        assert {point[0] for point in recorder.points} == {"7"}
        assert set(recorder.points.values()) == {1}
        assert left(spool) == []

    def test_a_run_that_has_ended_does_not_disturb_the_children_of_the_next(
        self, recorder: RecordingServer, starting: Starting
    ) -> None:
        with starting():
            pass
        with starting() as run:
            child = multiprocessing.get_context("fork").Process(target=log_five, args=(run, "child"))
            child.start()
            child.join(60)
        assert recorder.values("child") == [0.0, 1.0, 2.0, 3.0, 4.0]

    def test_a_joined_run_is_not_ended(self, recorder: RecordingServer, spool: Path) -> None:
        with runs.join_run(hurried(recorder), 7) as run:
            run.log({"loss": 1.0})
            assert run.params == {"lr": 0.01}
        assert recorder.values("loss") == [1.0]
        assert recorder.of("/finish/") == []

    def test_a_resumed_run_is_ended(self, recorder: RecordingServer, spool: Path) -> None:
        with runs.resume_run(hurried(recorder), 7):
            pass
        assert ("POST", "/api/runs/7/resume/") in recorder.asked
        assert recorder.status == "completed"

    def test_what_a_killed_process_had_logged_is_sent_by_the_next(self, recorder: RecordingServer, spool: Path) -> None:
        script = """
import os, signal, time
import lamm_client as lamm
from lamm_client import background, runs
from lamm_client.transport import Transport
background.Pipeline._send_on = lambda self: None
run = runs.start_run(Transport(os.environ["URL"], "lamm_none"), capture=False)
for step in range(10):
    run.log({"loss": float(step)}, step=step)
run._pipeline.record()
os.kill(os.getpid(), signal.SIGKILL)
"""
        there = {**os.environ, "URL": recorder.url, "PYTHONPATH": str(Path(lamm.__file__).parents[1])}
        done = subprocess.run([sys.executable, "-c", script], env=there, timeout=120, check=False)
        assert done.returncode == -9
        assert recorder.values("loss") == []
        assert replay(hurried(recorder)) == (1, 0)
        assert recorder.values("loss") == [float(step) for step in range(10)]
        assert len(recorder.runs) == 1

    def test_a_script_that_never_ends_its_run_fails_by_what_stopped_it(
        self, recorder: RecordingServer, spool: Path
    ) -> None:
        script = """
import os
import lamm_client as lamm
from lamm_client import runs
from lamm_client.transport import Transport
run = runs.start_run(Transport(os.environ["URL"], "lamm_none"), capture=False)
run.log({"loss": 1.0})
raise ValueError("no such scene")
"""
        there = {**os.environ, "URL": recorder.url, "PYTHONPATH": str(Path(lamm.__file__).parents[1])}
        subprocess.run([sys.executable, "-c", script], env=there, timeout=120, check=False, capture_output=True)
        assert recorder.values("loss") == [1.0]
        assert "no such scene" in recorder.of("/finish/")[0]["failure"]
