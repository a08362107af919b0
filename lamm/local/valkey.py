"""A Valkey (or Redis) server of the checkout's own, reached by a unix socket only."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path

from lamm.local import places
from lamm.local.accounts import account_of
from lamm.local.binaries import find_valkey
from lamm.local.errors import LocalServiceError

SECONDS_TO_START = 30
SECONDS_TO_STOP = 10


class ValkeyServer:
    """The broker of one data folder.

    Args:
        data_folder: the folder below which its append-only file is kept; made when missing.
    """

    def __init__(self, data_folder: Path) -> None:
        self.data_folder = data_folder.resolve()

    @property
    def socket(self) -> Path:
        """The path of the unix socket."""
        return places.valkey_socket(self.data_folder)

    @property
    def url(self) -> str:
        """The URL as redis-py reads it."""
        return f"unix://{self.socket}?db=0"

    @property
    def broker_url(self) -> str:
        """The same server as Celery reads it."""
        return f"redis+socket://{self.socket}?virtual_host=0"

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self.data_folder / "logs" / "valkey.log"

    def start(self) -> None:
        """Make sure that the server answers.

        Raises:
            LocalServiceError: no program found, or it does not come up; the log's end is quoted.
        """
        if self.answers():
            return
        folder = self.data_folder / "valkey"
        owner = account_of(os.geteuid())
        for private in (folder, self.socket.parent):
            places.make_private(private, owner)
        places.make_traversable(self.log.parent)
        self._launch(find_valkey(), folder)
        self._wait_until_it_answers()

    def stop(self) -> None:
        """Stop the server cleanly; does nothing when it does not run."""
        if not self.answers():
            return
        self._ask("SHUTDOWN")
        deadline = time.monotonic() + SECONDS_TO_STOP
        while self.answers():
            if time.monotonic() > deadline:
                raise LocalServiceError(f"Valkey does not stop; see {self.log}.")
            time.sleep(0.01)
        places.discard_short_folder(self.socket.parent)

    def answers(self) -> bool:
        """Whether the server answers PING."""
        return self._ask("PING").startswith(b"+PONG")

    def _launch(self, program: Path, folder: Path) -> None:
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "daemonize": "yes",
            "logfile": str(self.log),
            "pidfile": str(folder / "valkey.pid"),
        }
        options = [word for name, value in settings.items() for word in (f"--{name}", value)]
        outcome = subprocess.run(
            [str(program), *options], cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        if outcome.returncode != 0:
            raise LocalServiceError(f"{program} failed: {outcome.stdout.strip()}{outcome.stderr.strip()}")

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + SECONDS_TO_START
        while not self.answers():
            if time.monotonic() > deadline:
                raise LocalServiceError(
                    f"Valkey does not answer; see {self.log}. If its files were written by a newer version, "
                    f"remove {self.data_folder / 'valkey'}: pending work is kept in the database."
                )
            time.sleep(0.01)

    def _ask(self, command: str) -> bytes:
        """Send one inline command; an empty answer stands for a server that is not there."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(5)
            try:
                connection.connect(str(self.socket))
                connection.sendall(f"{command}\r\n".encode())
                return connection.recv(256)
            except OSError:
                return b""
