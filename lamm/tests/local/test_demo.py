"""The demo as a person meets it: it starts, is reachable, stops, and is there again."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from lamm.local.errors import LocalServiceError
from lamm.local.postgres import PostgresServer
from lamm.local.services import CHECKOUT
from lamm.local.valkey import ValkeyServer
from lamm.management.commands import demo
from scenes.models import ApiToken
from scenes.roles import ROLES


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RunningDemo:
    """`manage.py demo` on a data folder of its own, read up to its last word."""

    def __init__(self, data: Path, port: int) -> None:
        mine = {key: value for key, value in os.environ.items() if not key.startswith(("LAMM_", "DJANGO_"))}
        self.data = data
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "demo", "--frames", "2"],
            cwd=CHECKOUT,
            env={**mine, "LAMM_DATA": str(data), "PORT": str(port)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.words = self._read_until("Ctrl-C (everything is kept")

    def _read_until(self, last: str) -> str:
        assert self.process.stdout is not None
        lines: list[str] = []
        for line in self.process.stdout:
            lines.append(line)
            if last in line:
                return "".join(lines)
        pytest.fail("the demo ended before it was up:\n" + "".join(lines))

    def stop(self, number: signal.Signals) -> None:
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=120)
        assert self.process.returncode == 0, rest


@pytest.fixture
def data(open_folder: Path) -> Iterator[Path]:
    yield open_folder / "demo-data"
    PostgresServer(open_folder / "demo-data").stop()
    ValkeyServer(open_folder / "demo-data").stop()


def commands_naming(word: str) -> list[str]:
    found = subprocess.run(["ps", "-eww", "-o", "args="], capture_output=True, text=True, check=True).stdout
    return [line for line in found.splitlines() if word in line]


@pytest.mark.worker
def test_it_starts_tells_where_stops_without_orphans_and_keeps_its_data(data: Path, port: int) -> None:
    first = RunningDemo(data, port)
    assert "2 frames" in first.words
    assert f"http://127.0.0.1:{port}" in first.words
    told = json.loads((data / "demo.json").read_text())
    assert told["url"] == f"http://127.0.0.1:{port}"
    assert (data / "demo.json").stat().st_mode & 0o077 == 0
    assert told["users"]["admin"]["password"] in first.words
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/login/")
    answer = connection.getresponse()
    assert answer.status == 200
    assert b"password" in answer.read()
    connection.request("GET", "/api/scenes/", headers={"Authorization": f"Bearer {told['users']['viewer']['token']}"})
    answer = connection.getresponse()
    assert answer.status == 200
    assert json.load(answer)["results"]
    connection.close()
    first.stop(signal.SIGINT)
    assert commands_naming(str(data)) == []
    assert not (data / "demo.json").exists()

    second = RunningDemo(data, port)
    assert "queued" not in second.words  # the drive is in already
    second.stop(signal.SIGTERM)
    assert commands_naming(str(data)) == []


@pytest.mark.django_db
def test_the_demos_people_can_log_in_and_only_one_may_change_things() -> None:
    demo.make_people()
    demo.make_people()
    admin, viewer = User.objects.get(username="admin"), User.objects.get(username="viewer")
    assert admin.check_password(demo.PEOPLE["admin"])
    assert viewer.check_password(demo.PEOPLE["viewer"])
    assert admin.has_perm("scenes.change_scene")
    assert viewer.has_perm("scenes.view_scene")
    assert not viewer.has_perm("scenes.change_scene")


@pytest.mark.django_db
def test_each_of_the_demos_people_has_its_role_and_a_token_that_replaces_the_last_one() -> None:
    demo.make_people()
    first, second = demo.make_tokens(), demo.make_tokens()
    assert set(first) == set(second) == set(demo.PEOPLE)
    assert not set(first.values()) & set(second.values())
    assert ApiToken.objects.count() == len(demo.PEOPLE)
    for role in ROLES:
        assert [group.name for group in User.objects.get(username=role).groups.all()] == [role]


def test_the_file_for_scripts_holds_a_token_for_each_person(tmp_path: Path) -> None:
    tokens = {name: f"lamm_{name}" for name in demo.PEOPLE}
    demo.write_answers(tmp_path / "demo.json", "http://127.0.0.1:1", tokens)
    told = json.loads((tmp_path / "demo.json").read_text())
    assert {name: user["token"] for name, user in told["users"].items()} == tokens


def test_it_refuses_to_run_where_visitors_may_come() -> None:
    with pytest.raises(CommandError, match="accounts with known passwords"):
        call_command("demo")


def test_only_one_runs_on_a_data_folder(tmp_path: Path) -> None:
    lock = tmp_path / "demo.lock"
    with demo.only_one(lock), pytest.raises(LocalServiceError, match="already runs"), demo.only_one(lock):
        pytest.fail("two demos run on one data folder")
    with demo.only_one(lock):
        assert lock.exists()


def test_a_simulation_that_was_cut_short_is_made_anew(tmp_path: Path) -> None:
    cut_short = tmp_path / "drives" / "city.partial"
    cut_short.mkdir(parents=True)
    (cut_short / "000000.pcd").write_text("half a fra")
    drive = demo.simulate(tmp_path / "drives" / "city", 1)
    assert not cut_short.exists()
    frames = sorted(drive.rglob("*.pcd"))
    assert len(frames) == 1
    before = frames[0].stat().st_mtime_ns
    assert demo.simulate(drive, 1) == drive
    assert frames[0].stat().st_mtime_ns == before
