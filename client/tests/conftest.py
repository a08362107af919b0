"""Tests of the client against the real server, with tokens of real accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User

import lamm_client as lamm
from lamm_client import runs
from lamm_client.connection import Connection
from lamm_client.transport import Transport
from scenes.models import TokenScope
from scenes.services.roles import sync_roles
from scenes.services.tokens import make_token
from tests.recording_server import RecordingServer, Starting, hurried, recording


@pytest.fixture
def token_of(live_server: Any) -> Callable[..., str]:
    """`token_of("trainer")`: the value of a new token of an account with that role."""

    def make(role: str, scope: TokenScope = TokenScope.WRITE) -> str:
        sync_roles()
        person, _ = User.objects.get_or_create(username=f"{role}-of-tests")
        person.groups.set(Group.objects.filter(name=role))
        return make_token(by=person, name=f"tests {scope}", days=7, scope=scope)[1]

    return make


@pytest.fixture
def connection(live_server: Any, token_of: Callable[..., str]) -> Connection:
    return lamm.connect(live_server.url, token_of("trainer"))


@pytest.fixture
def hasty() -> Callable[[str], tuple[Transport, list[float]]]:
    """`hasty(url)`: a transport that does not wait, and the pauses it would have made."""

    def make(url: str) -> tuple[Transport, list[float]]:
        pauses: list[float] = []
        return Transport(url, "lamm_none", sleep=pauses.append), pauses

    return make


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for journals."""
    folder = tmp_path / "spool"
    monkeypatch.setenv("LAMM_SPOOL", str(folder))
    return folder


@pytest.fixture
def recorder(spool: Path) -> Iterator[RecordingServer]:
    """A server that keeps what runs send."""
    with recording() as server:
        yield server


@pytest.fixture
def starting(recorder: RecordingServer) -> Iterator[Starting]:
    """`starting(name="a")`: a run that is closed when the test ends."""
    made: list[lamm.Run] = []

    def start(**wishes: Any) -> lamm.Run:
        made.append(runs.start_run(hurried(recorder), **{"capture": False, **wishes}))
        return made[-1]

    yield start
    for run in made:
        run.close()
