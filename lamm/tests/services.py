"""Pytest plugin: the tests run against real servers of their own, below `.lamm/test`.

Loaded by `-p lamm.tests.services`, which comes before pytest-django reads the settings. Only the process
that was started by hand holds the servers; the parallel workers are its children and end before it.
A second run beside the first gets a data folder of its own, `.lamm/test-2`, and so on.
"""

from __future__ import annotations

import fcntl
import itertools
import os
from pathlib import Path
from typing import IO

from lamm.local.services import CHECKOUT, hold_for_process


def take_folder(first: Path) -> tuple[Path, IO[str]]:
    """The first data folder no other run uses, and the lock that keeps it ours until this process ends."""
    first.parent.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        folder = first if number == 1 else first.with_name(f"{first.name}-{number}")
        lock = folder.with_name(folder.name + ".lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        return folder, lock
    raise AssertionError("counting does not end")


os.environ.setdefault("LAMM_ENV", "test")
if "LAMM_DATA" not in os.environ:
    _folder, _lock = take_folder(CHECKOUT / ".lamm" / "test")
    os.environ["LAMM_DATA"] = str(_folder)
if "PYTEST_XDIST_WORKER" not in os.environ:
    hold_for_process(Path(os.environ["LAMM_DATA"]))
