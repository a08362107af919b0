"""Running web server, worker and beat as one: they start together, and when one ends, all do."""

from __future__ import annotations

import errno
import os
import shlex
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from honcho.compat import ProcessManager
from honcho.manager import Manager

from lamm.local.errors import LocalServiceError

HOST = "127.0.0.1"
STOPPED_BY_USER = (130, 143)


class GentleProcessManager(ProcessManager):
    """Asks the first process of each group to end, not the whole group.

    Celery and granian end their own children, and let them finish what they do; `kill` still reaches all.
    """

    def terminate(self, pid: int) -> None:
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            return


def wanted_port() -> int:
    """PORT, or 8000.

    Raises:
        LocalServiceError: PORT is no port number.
    """
    text = os.environ.get("PORT") or "8000"
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise LocalServiceError(f"PORT={text!r} is no port number. Choose one, for example: PORT=8001 make demo")
    return int(text)


def require_free(port: int) -> None:
    """Check that the web server will be able to listen on `port` of the loopback address.

    Raises:
        LocalServiceError: something else listens there, or the port is reserved.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            reason = "is taken by another program" if error.errno == errno.EADDRINUSE else f"cannot be used ({error})"
            other = port + 1 if port < 65535 else 8000
            raise LocalServiceError(
                f"Port {port} {reason}. Stop that program, or choose another port: PORT={other} make demo"
            ) from error


def commands(port: int, beat_schedule: Path) -> dict[str, list[str]]:
    """The command line of each process, all run by this interpreter."""
    # In a container everything runs as root; what celery warns of there, pickled messages, LAMM never sends.
    quiet = ["-W", "ignore:You're running the worker with superuser"]
    celery = [sys.executable, *quiet, "-m", "celery", "--quiet", "-A", "lamm"]
    return {
        "web": [
            *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", HOST, "--port", str(port)),
            *("--workers", "2", "--blocking-threads", "4", "--no-ws", "--log-level", "warning"),
            "lamm.wsgi:application",
        ],
        "worker": [
            *(*celery, "worker", "--concurrency", "2", "--loglevel", "WARNING"),
            *("--without-gossip", "--without-mingle"),
        ],
        "beat": [*celery, "beat", "--schedule", str(beat_schedule), "--pidfile=", "--loglevel", "WARNING"],
    }


def run_together(
    processes: Mapping[str, Sequence[str]], *, environment: Mapping[str, str], alongside: Callable[[], None]
) -> int:
    """Run the processes until one ends or SIGINT or SIGTERM arrives, then end all of them.

    Args:
        processes: name -> command line.
        environment: what the processes see as their environment.
        alongside: runs in a thread of its own once they are being started; must return soon after they end.

    Returns:
        0 when a signal asked for the end, else the status of the process that ended first.
    """
    manager = Manager()
    manager._procmgr = GentleProcessManager()
    for name, command in processes.items():
        # exec: the signal must reach the program, not the shell that honcho puts around it.
        manager.add_process(name, "exec " + shlex.join(command), env=dict(environment))
    threading.Thread(target=alongside, daemon=True).start()
    manager.loop()
    return 0 if manager.returncode in STOPPED_BY_USER else int(manager.returncode or 0)
