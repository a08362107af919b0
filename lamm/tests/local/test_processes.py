"""Web, worker and beat as one: ports, ends, and no orphan."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lamm.local.errors import LocalServiceError
from lamm.local.processes import HOST, require_free, wanted_port
from lamm.local.services import CHECKOUT

RUN_TWO = """
import os, sys
from lamm.local.processes import run_together
second = sys.argv[2]
long = f"import os, time; print('up', os.getpid(), flush=True); time.sleep(600)"
processes = {"first": [sys.executable, "-c", long], "second": [sys.executable, "-c", second or long]}
sys.exit(run_together(processes, environment=os.environ, alongside=lambda: None))
"""


def start(second: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", RUN_TWO, "run", second]
    return subprocess.Popen(
        command,
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def pids_of(running: subprocess.Popen[str], count: int) -> list[int]:
    """The process ids that `count` of the programs have printed."""
    assert running.stdout is not None
    found: list[int] = []
    while len(found) < count:
        words = running.stdout.readline().split()
        assert words, "it ended before all were up"
        if "up" in words:
            found.append(int(words[-1]))
    return found


def is_alive(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    if Path("/proc/self").exists():
        return state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_of_them_and_counts_as_success(number: signal.Signals) -> None:
    running = start()
    pids = pids_of(running, 2)
    running.send_signal(number)
    running.communicate(timeout=60)
    assert running.returncode == 0
    assert [pid for pid in pids if is_alive(pid)] == []


def test_when_one_ends_the_others_do_and_its_status_is_kept() -> None:
    running = start("import sys; sys.exit(7)")
    output, _ = running.communicate(timeout=60)
    assert running.returncode == 7
    assert "second stopped (rc=7)" in output
    assert "first stopped" in output


def test_a_taken_port_is_named_with_the_way_out() -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(LocalServiceError, match=rf"Port {port} is taken by another program\. .*PORT=\d+ make"):
            require_free(port)
    require_free(port)


@pytest.mark.parametrize("text", ["eighty", "0", "65536", "-1", "80.5", "٨٠"])
def test_a_port_that_is_none_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", text)
    with pytest.raises(LocalServiceError, match="is no port number"):
        wanted_port()


def test_the_port_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PORT", raising=False)
    assert wanted_port() == 8000
    monkeypatch.setenv("PORT", "8123")
    assert wanted_port() == 8123
