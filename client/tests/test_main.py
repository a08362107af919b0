"""The command line: replaying and working, and what its exit code says."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from lamm_client import runs
from lamm_client.__main__ import main
from lamm_client.transport import Transport
from tests.recording_server import RecordingServer


@pytest.fixture(autouse=True)
def there(recorder: RecordingServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Server and token in the environment."""
    monkeypatch.setenv("LAMM_URL", recorder.url)
    monkeypatch.setenv("LAMM_TOKEN", "lamm_none")
    caplog.set_level(logging.INFO, "lamm_client")


def leave_a_run_behind(recorder: RecordingServer) -> None:
    recorder.away = True
    with runs.start_run(Transport(recorder.url, "lamm_none", attempts=1), capture=False) as run:
        run.log({"loss": 1.0})
    recorder.away = False


def test_replay_sends_what_waits(recorder: RecordingServer, spool: Path, caplog: pytest.LogCaptureFixture) -> None:
    leave_a_run_behind(recorder)
    assert main(["replay"]) == 0
    assert recorder.values("loss") == [1.0]
    assert list(spool.iterdir()) == []
    assert "1 runs' entries have arrived, 0 wait on" in caplog.text


def test_replay_says_when_something_still_waits(recorder: RecordingServer, spool: Path) -> None:
    leave_a_run_behind(recorder)
    recorder.refusal = lambda method, path, body: (403, {"detail": "Not yours."}) if method == "POST" else None
    assert main(["replay"]) == 1
    assert len(list(spool.iterdir())) == 1


def test_a_worker_runs_commands_until_the_queue_is_empty(recorder: RecordingServer) -> None:
    facts = {"id": 7, "claim": "c", "name": "", "experiment": "night", "attempts": 1, "parameters": {"lr": 0.5}}
    recorder.queue += [facts, {**facts, "id": 8}]
    words = ["worker", "--experiment", "night", "--once", "--command", "echo", "--lr", "{params.lr}"]
    assert main(words) == 0
    assert [end["status"] for end in recorder.of("/finish/")] == ["completed", "completed"]
    assert recorder.artifacts["worker/attempt-1.txt"] == b"--lr 0.5\n"
    assert recorder.of("/claim/")[0]["experiment"] == "night"


def test_a_refusal_is_told_in_the_servers_words(recorder: RecordingServer, caplog: pytest.LogCaptureFixture) -> None:
    recorder.refusal = lambda *told: (401, {"detail": "The token is not valid."})
    assert main(["replay"]) == 2
    assert "The token is not valid" in caplog.text


def test_a_worker_without_a_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["worker"])
    assert "--command" in capsys.readouterr().err
