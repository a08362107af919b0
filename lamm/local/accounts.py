"""Which account runs PostgreSQL, and what that account can reach.

PostgreSQL refuses to run as root. Started by root (a bare container), it runs as an unprivileged account that
already exists; no account is made and no permission of an existing folder is changed.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lamm.local.errors import LocalServiceError

UNPRIVILEGED_NAMES = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """A system account: `uid` and `gid` are numeric ids."""

    name: str
    uid: int
    gid: int

    @property
    def is_current(self) -> bool:
        """Whether this process already runs as the account."""
        return self.uid == os.geteuid()

    def process_options(self) -> Mapping[str, Any]:
        """Keyword arguments for `subprocess` that make the child run as this account."""
        if self.is_current:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def account_of(uid: int) -> Account:
    """The account with this uid; containers often run under a uid that has no name."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return Account(str(uid), uid, os.getegid())
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def postgres_account(existing: Path | None = None) -> Account:
    """The account that runs PostgreSQL: the caller's, or as root an unprivileged one.

    A cluster that exists keeps its owner, also when a better-named account appears later.

    Raises:
        LocalServiceError: run by root and the system has no unprivileged account.
    """
    if os.geteuid() != 0:
        return Account(account_of(os.geteuid()).name, os.geteuid(), os.getegid())
    if existing is not None and existing.exists() and existing.stat().st_uid != 0:
        return account_of(existing.stat().st_uid)
    for name in UNPRIVILEGED_NAMES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise LocalServiceError(
        "PostgreSQL does not run as root, and this system has neither an account 'postgres' nor 'nobody' "
        "to run it as. Run the same command as an ordinary user, or set DATABASE_URL."
    )


def can_reach(path: Path, account: Account) -> bool:
    """Whether `account` can traverse every folder above `path` and, if it exists, open `path` itself."""
    resolved = path.resolve()
    folders = [folder for folder in resolved.parents if folder.exists()]
    if not all(_allows(folder, account, execute_only=True) for folder in folders):
        return False
    return not resolved.exists() or _allows(resolved, account, execute_only=resolved.is_dir())


def _allows(path: Path, account: Account, *, execute_only: bool) -> bool:
    status = path.stat()
    needed = stat.S_IXOTH if execute_only else stat.S_IROTH | stat.S_IXOTH
    if account.uid == 0:
        return True
    if status.st_uid == account.uid:
        needed <<= 6
    elif status.st_gid == account.gid:
        needed <<= 3
    return status.st_mode & needed == needed
