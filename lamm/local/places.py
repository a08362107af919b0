"""Where the servers keep their files and sockets.

Everything is below the data folder, with two exceptions that the operating system forces:
a unix socket's path is limited to about 107 bytes, and the account that runs PostgreSQL for root cannot
enter a private folder such as /root. The answers depend only on what lies on the disk, so every process of
a checkout comes to the same ones without anything running.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
from pathlib import Path

from lamm.local.accounts import Account, can_reach, postgres_account
from lamm.local.errors import LocalServiceError

# sun_path holds 108 bytes on Linux and 104 on macOS, the closing zero included.
LONGEST_SOCKET_PATH = 103
PLAIN_PATH = re.compile(r"[A-Za-z0-9_./-]+")
POSTGRES_SOCKET_NAME = ".s.PGSQL.5432"
# Not TMPDIR: it may differ from process to process, and is long on macOS. `make_private` guards the place.
SHORT_SOCKET_PARENT = Path("/tmp")  # noqa: S108
SHARED_STATE_PARENT = Path("/var/lib")


def key_of(data_folder: Path) -> str:
    """A short name for the data folder, the same in every process."""
    return hashlib.sha256(os.fsencode(data_folder.resolve())).hexdigest()[:12]


def postgres_home(data_folder: Path) -> Path:
    """The folder that holds the cluster and log of PostgreSQL.

    The data folder itself, or, when its account cannot enter that, a folder of its own below /var/lib.
    """
    data_folder = data_folder.resolve()
    outside = SHARED_STATE_PARENT / f"lamm-{key_of(data_folder)}"
    if os.geteuid() != 0 or (data_folder / "postgres").exists():
        return data_folder
    if outside.exists() or not can_reach(data_folder / "postgres", postgres_account()):
        return outside
    return data_folder


def cluster_folder(data_folder: Path) -> Path:
    """The PostgreSQL data directory."""
    return postgres_home(data_folder) / "postgres"


def postgres_socket_folder(data_folder: Path) -> Path:
    """The folder of PostgreSQL's socket."""
    account = postgres_account(cluster_folder(data_folder))
    return _socket_folder(postgres_home(data_folder) / "run" / "postgres", POSTGRES_SOCKET_NAME, account.uid)


def valkey_socket(data_folder: Path) -> Path:
    """The path of Valkey's socket."""
    name = "valkey.sock"
    return _socket_folder(data_folder.resolve() / "run" / "valkey", name, os.geteuid()) / name


def _socket_folder(wanted: Path, name: str, uid: int) -> Path:
    """`wanted`, unless its path is too long or holds a character that an address would have to escape.

    (A comma, for one, separates hosts in PostgreSQL's URLs, escaped or not.)
    """
    fits = len(os.fsencode(wanted / name)) <= LONGEST_SOCKET_PATH
    if fits and PLAIN_PATH.fullmatch(str(wanted)):
        return wanted
    return SHORT_SOCKET_PARENT / f"lamm-{uid}-{key_of(wanted)}"


def discard_short_folder(sockets: Path) -> None:
    """Remove the folder of a stopped server's socket if it is one outside the data folder."""
    if sockets.parent == SHORT_SOCKET_PARENT:
        with contextlib.suppress(OSError):  # missing, or another server's socket is in it
            sockets.rmdir()


def make_traversable(folder: Path) -> None:
    """Create `folder` and its parents so that another account can pass; what exists stays as it is."""
    for missing in [path for path in reversed([folder, *folder.parents]) if not path.exists()]:
        missing.mkdir(exist_ok=True)
        if os.geteuid() == 0:
            missing.chmod(0o755)


def make_private(folder: Path, account: Account) -> None:
    """Create `folder` with mode 0700 for `account`, or check that it is so already.

    Raises:
        LocalServiceError: the folder belongs to somebody else or lets others in (it may lie below /tmp).
    """
    make_traversable(folder.parent)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        _require_private(folder, account)
        return
    if not account.is_current:
        os.chown(folder, account.uid, account.gid)


def _require_private(folder: Path, account: Account) -> None:
    status = folder.lstat()
    if stat.S_ISDIR(status.st_mode) and status.st_uid == account.uid and not status.st_mode & 0o077:
        return
    raise LocalServiceError(
        f"{folder} must be a folder that belongs to '{account.name}' alone (mode 0700), and it is not. "
        f"Remove it, or choose another data folder by LAMM_DATA."
    )
