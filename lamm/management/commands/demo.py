"""`manage.py demo`: LAMM with everything it needs and a simulated drive, until Ctrl-C."""

from __future__ import annotations

import fcntl
import http.client
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from lamm.local.errors import LocalServiceError
from lamm.local.processes import HOST, commands, require_free, run_together, wanted_port
from scenes import services
from scenes.models import ApiToken, IngestJob, IngestState, TokenScope
from scenes.roles import ROLES
from scenes.simulator.drive import DEFAULT_START

# Accounts of a server that answers on the loopback address only, printed for whoever runs it.
PEOPLE = {name: f"lamm-{name}" for name in ("admin", *ROLES)}
TOKEN_NAME, TOKEN_DAYS = "demo", 7
DRIVE = "demo-city-drive"
SECONDS_TO_ANSWER = 60


class Command(BaseCommand):
    help = "Run LAMM with a simulated drive: web server, worker and beat, until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--frames", type=int, default=60, help="frames of the simulated drive (default 60)")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("The demo makes accounts with known passwords: it runs with LAMM_DEBUG only.")
        signal.signal(signal.SIGTERM, _leave)  # until the processes run: unwinding stops the database, too
        try:
            status = self._run(options["frames"])
        except LocalServiceError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            status = 0
        # What remains is stopping the database; a second Ctrl-C must not cut that short.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if status:
            raise CommandError(f"A process ended with status {status}; its last words are above.")

    def _run(self, frames: int) -> int:
        port = wanted_port()
        folder = Path(settings.DATA_DIR) / "demo"
        folder.mkdir(parents=True, exist_ok=True)
        with only_one(folder / "demo.lock"):
            require_free(port)
            call_command("migrate", verbosity=0)
            make_people()
            tokens = make_tokens()
            drive = simulate(folder / "drives" / DRIVE, frames)
            address = f"http://{HOST}:{port}"
            follow = Follower(None if is_ingested() else drive, address, self.stdout.write, tokens)
            connections.close_all()  # the processes are forked from here and need their own
            environment = {**os.environ, "LAMM_DATA": str(settings.DATA_DIR)}
            environment.pop("LAMM_DOOR", None)  # each process says itself through which door it acts
            try:
                return run_together(
                    commands(port, folder / "beat-schedule"), environment=environment, alongside=follow.run
                )
            finally:
                follow.stop()


def _leave(signal_number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Let one demo at a time use the data folder; the lock goes with its processes."""
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LocalServiceError(
                f"A demo already runs on {path.parent.parent}; once up, demo.json there names its address. "
                "Stop it with Ctrl-C, or run a second one: LAMM_DATA=.lamm/second PORT=8001 make demo"
            ) from error
        yield


def make_people() -> None:
    """Make the demo's accounts, and give them back the passwords that are printed."""
    for name, password in PEOPLE.items():
        staff = name == "admin"
        user, _ = User.objects.get_or_create(username=name, defaults={"email": f"{name}@example.com"})
        user.is_staff = user.is_superuser = staff
        if not user.check_password(password):
            user.set_password(password)
        user.save()
        if not staff:
            user.groups.set([Group.objects.get(name=name)])  # roles are groups that migrations make


def make_tokens() -> dict[str, str]:
    """By name: a new API token of each of the demo's people that reads and writes; those of earlier runs end."""
    values = {}
    for user in User.objects.filter(username__in=PEOPLE):
        for old in ApiToken.objects.filter(user=user, name=TOKEN_NAME):
            services.revoke_token(token=old, by=user)
        _, values[user.username] = services.make_token(
            by=user, name=TOKEN_NAME, days=TOKEN_DAYS, scope=TokenScope.WRITE
        )
    return values


def simulate(folder: Path, frames: int) -> Path:
    """Simulate the demo drive into `folder`, unless it is there."""
    if not folder.exists():
        partial = folder.with_name(folder.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.parent.mkdir(parents=True, exist_ok=True)
        sys.stderr.write(f"Simulating a drive of {frames} frames:\n")
        call_command("simulate_drive", str(partial), frames=frames, stdout=io.StringIO())
        partial.rename(folder)
    return folder


def is_ingested() -> bool:
    """Whether an earlier run brought the whole drive in; a job that was cut short is taken up again."""
    return IngestJob.objects.filter(scene__name=DRIVE, state=IngestState.DONE).exists()


def write_answers(path: Path, address: str, tokens: dict[str, str]) -> None:
    """Write what scripts and tests need to speak to this demo, readable by its owner only."""
    users = {role: {"name": role, "password": password, "token": tokens[role]} for role, password in PEOPLE.items()}
    partial = path.with_suffix(".partial")
    partial.touch(mode=0o600)
    partial.write_text(json.dumps({"url": address, "users": users}, indent=2) + "\n")
    partial.rename(path)


class Follower:
    """Waits for the web server, ingests `drive` (None: it is in), then says where to look."""

    def __init__(self, drive: Path | None, address: str, say: Callable[[str], None], tokens: dict[str, str]) -> None:
        self.drive = drive
        self.address = address
        self.say = say
        self.tokens = tokens
        self.answers = Path(settings.DATA_DIR) / "demo.json"
        self.stopping = threading.Event()
        self.ingest: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """The whole story; returns early when `stop` is called."""
        if self._web_answers() and self._drive_is_in():
            write_answers(self.answers, self.address, self.tokens)
            self.say(closing_words(self.address))

    def _drive_is_in(self) -> bool:
        """Ingest the drive if that is wanted; False when stopped meanwhile."""
        if self.drive is None:
            return True
        command = [sys.executable, "manage.py", "ingest", str(self.drive)]
        options = ["--drive", DRIVE, "--tag", "urban", "--tag", "simulated", "--labels-in", "SemanticKITTI"]
        date = ["--captured-at", DEFAULT_START.isoformat(), "--wait"]
        self.ingest = subprocess.Popen(
            [*command, *options, *date], cwd=settings.BASE_DIR, stdin=subprocess.DEVNULL, start_new_session=True
        )
        status = self.ingest.wait()
        if status and not self.stopping.is_set():
            self.say("The demo drive did not go in; the reason is above. The rest works.")
        return not self.stopping.is_set()

    def stop(self) -> None:
        """End an ingest that still waits; nobody shall find the address of what has ended."""
        self.stopping.set()
        self.answers.unlink(missing_ok=True)
        if self.ingest is not None and self.ingest.poll() is None:
            self.ingest.terminate()
            self.ingest.wait()

    def _web_answers(self) -> bool:
        deadline = time.monotonic() + SECONDS_TO_ANSWER
        while time.monotonic() < deadline and not self.stopping.wait(0.1):
            connection = http.client.HTTPConnection(self.address.removeprefix("http://"), timeout=10)
            try:
                connection.request("HEAD", "/")
                connection.getresponse()  # an error page is an answer, too: the log above tells more
            except OSError:
                continue
            finally:
                connection.close()
            return True
        return False


def closing_words(address: str) -> str:
    """What a visitor needs to know."""
    people = "\n".join(f"      {name:8} password {password}" for name, password in PEOPLE.items())
    return f"""
  ----------------------------------------------------------------------
    LAMM runs at   {address}
    Log in as
{people}

    Then: Scenes       find '{DRIVE}', filter it, sort it
          Admin        {address}/admin/  scenes, drives, frames, jobs
    Your own frames    .venv/bin/python manage.py ingest FOLDER --wait
    Stop               Ctrl-C (everything is kept for the next time)
  ----------------------------------------------------------------------
"""
