"""Holding the local servers: they run while at least one process needs them.

Each user keeps a shared lock on `users.lock`; the kernel drops it when the process ends, however it ends.
Who leaves and can turn the lock into an exclusive one without waiting was the last, and stops the servers.
Servers whose last user was killed run on and are found by the next.
"""

from __future__ import annotations

import atexit
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from lamm.local import places
from lamm.local.errors import LocalServiceError
from lamm.local.postgres import PostgresServer
from lamm.local.valkey import ValkeyServer

CHECKOUT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Services:
    """Addresses of the servers: for Django, for redis-py and for Celery."""

    database_url: str
    redis_url: str
    broker_url: str


def default_data_folder() -> Path:
    """LAMM_DATA, or `.lamm` in the checkout."""
    return Path(os.environ.get("LAMM_DATA") or CHECKOUT / ".lamm").resolve()


def database_url(data_folder: Path) -> str:
    """The URL of the local database; starts nothing."""
    return PostgresServer(data_folder).url


def redis_url(data_folder: Path) -> str:
    """The URL of the local Valkey for redis-py; starts nothing."""
    return ValkeyServer(data_folder).url


def broker_url(data_folder: Path) -> str:
    """The URL of the local Valkey for Celery; starts nothing."""
    return ValkeyServer(data_folder).broker_url


@contextmanager
def hold(data_folder: Path, *, postgres: bool = True, valkey: bool = True, fsync: bool = True) -> Iterator[Services]:
    """Keep the servers of `data_folder` running inside the block; the last user to leave stops them.

    Args:
        data_folder: where they keep everything; made when missing.
        postgres: whether PostgreSQL is needed.
        valkey: whether Valkey is needed.
        fsync: False for tests, see `PostgresServer`.

    Raises:
        LocalServiceError: a server cannot be found, placed or started, or the folder is another user's.
    """
    release = _take(data_folder, postgres=postgres, valkey=valkey, fsync=fsync)
    try:
        yield Services(database_url(data_folder), redis_url(data_folder), broker_url(data_folder))
    finally:
        release()


def hold_for_process(
    data_folder: Path | None = None,
    *,
    postgres: bool | None = None,
    valkey: bool | None = None,
    fsync: bool | None = None,
) -> None:
    """Like `hold`, until this process ends; a server that cannot start ends the process with the reason.

    Args:
        data_folder: by default LAMM_DATA, or `.lamm` in the checkout.
        postgres: by default unless DATABASE_URL names another or LAMM_ENV is production.
        valkey: by default unless REDIS_URL names another or LAMM_ENV is production.
        fsync: by default unless LAMM_ENV is test.
    """
    environment = os.environ.get("LAMM_ENV")
    wanted = environment != "production"
    if postgres is None:
        postgres = wanted and not os.environ.get("DATABASE_URL")
    if valkey is None:
        valkey = wanted and not os.environ.get("REDIS_URL")
    if fsync is None:
        fsync = environment != "test"
    if not (postgres or valkey):
        return
    try:
        release = _take(data_folder or default_data_folder(), postgres=postgres, valkey=valkey, fsync=fsync)
    except LocalServiceError as error:
        raise SystemExit(str(error)) from error
    atexit.register(release)


class _Release:
    """Gives up one shared lock, once, and only in the process that took it."""

    def __init__(self, data_folder: Path, lock: IO[str]) -> None:
        self.data_folder = data_folder
        self.lock = lock
        self.process = os.getpid()

    def __call__(self) -> None:
        if os.getpid() != self.process or self.lock.closed:
            return  # a forked child that leaves is not the user that came
        with self.lock:
            if _try_exclusive(self.lock):
                ValkeyServer(self.data_folder).stop()
                PostgresServer(self.data_folder).stop()


def _take(data_folder: Path, *, postgres: bool, valkey: bool, fsync: bool) -> _Release:
    places.make_traversable(data_folder)
    lock = _open_lock(data_folder / "users.lock")
    fcntl.flock(lock, fcntl.LOCK_SH)  # waits only while a last user stops the servers
    release = _Release(data_folder, lock)
    try:
        with _open_lock(data_folder / "start.lock") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            if postgres:
                PostgresServer(data_folder, fsync=fsync).start()
            if valkey:
                ValkeyServer(data_folder).start()
    except BaseException:
        release()
        raise
    return release


def _open_lock(path: Path) -> IO[str]:
    try:
        return path.open("a")
    except PermissionError as error:
        raise LocalServiceError(
            f"{path} cannot be written: the data folder was made by another user. Run as that user, remove "
            f"{path.parent}, or choose another folder by LAMM_DATA."
        ) from error


def _try_exclusive(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
