"""What can be known of the code and the machine of a run without asking: git, packages, host, command line.

Nothing here fails: what can't be found out is left out.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

GIT_SECONDS = 10.0
# One character more than the server keeps: it then marks the patch as cut.
MOST_DIFF = 1_000_001
MOST_COMMAND, MOST_UNTRACKED = 50_000, 100
SECRET = re.compile(r"(?i)(token|passw|secret|api[-_]?key|credential)")
NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
TOLD_VARIABLES = ("CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID", "SLURM_NODELIST", "RANK", "WORLD_SIZE", "CONDA_DEFAULT_ENV")


def captured() -> dict[str, Any]:
    """The fields of a run's environment, as `POST /api/runs/` takes them."""
    return {
        **git_facts(script_folder()),
        "packages": packages(),
        "environment": environment(),
        "command": command_line(sys.orig_argv),
        "host": socket.gethostname()[:255],
    }


def script_folder() -> Path:
    """The folder of the script that runs, which need not be the working folder; that one in a notebook."""
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    return Path(script).resolve().parent if script else Path.cwd()


def git_facts(folder: Path) -> dict[str, Any]:
    """`repository`, `commit`, `dirty` and `diff` (against the commit, bounded) of the checkout that holds a folder;
    nothing when it is none.
    """
    commit = git(folder, "rev-parse", "HEAD").strip()
    if not commit:
        return {}
    top = git(folder, "rev-parse", "--show-toplevel").strip()
    remote = git(folder, "remote", "get-url", "origin").strip()
    diff = git(folder, "diff", "--no-ext-diff", "--no-textconv", "--no-color", "HEAD", "--", top or ".")
    repository = without_password(remote) or top
    return {"repository": repository[:500], "commit": commit[:64], "dirty": bool(diff), "diff": diff}


def git(folder: Path, *words: str, most: int = MOST_DIFF) -> str:
    """What git says, up to so many characters; "" when there is no git, no checkout, or no answer in time."""
    command = ["git", "-C", str(folder), *words]
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    try:
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        ) as process:
            assert process.stdout is not None
            said = _read_in_time(process, most)
            cut = len(said) >= most
            if cut:
                process.kill()
            return readable(said.decode(errors="replace")) if cut or process.wait(GIT_SECONDS) == 0 else ""
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _read_in_time(process: subprocess.Popen[bytes], most: int) -> bytes:
    """At most so many bytes; a process that takes too long is ended, and has then said nothing."""
    assert process.stdout is not None
    watchdog = threading.Timer(GIT_SECONDS, process.kill)
    watchdog.daemon = True
    watchdog.start()
    try:
        return process.stdout.read(most)
    finally:
        watchdog.cancel()


def without_password(address: str) -> str:
    """An address without the user and password that may stand in it."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or "@" not in parts.netloc:
        return address
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def packages() -> dict[str, str]:
    """Version by name of every installed distribution."""
    found = {}
    for distribution in importlib.metadata.distributions():
        try:
            found[str(distribution.metadata["Name"])] = str(distribution.version)
        except (KeyError, ValueError, OSError):
            continue  # a half-removed distribution has no metadata
    return {name: found[name] for name in sorted(found, key=str.lower) if name != "None"}


def environment() -> dict[str, Any]:
    """Python, system, processors and the variables that say which part of a machine a job was given."""
    facts: dict[str, Any] = {
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "working_folder": readable(os.fsencode(os.getcwd()).decode(errors="replace")),
    }
    branch = git(script_folder(), "rev-parse", "--abbrev-ref", "HEAD").strip()
    untracked = git(script_folder(), "ls-files", "--others", "--exclude-standard").splitlines()
    facts |= {"branch": branch} if branch else {}
    facts |= {"untracked": untracked[:MOST_UNTRACKED]} if untracked else {}
    variables = {name: readable(os.environ[name]) for name in TOLD_VARIABLES if name in os.environ}
    return {**facts, "variables": variables} if variables else facts


def command_line(words: Sequence[str]) -> str:
    """The command line as a shell takes it, without the values of options that sound like secrets."""
    told, hide = [], False
    for word in words:
        name, equals, _ = word.partition("=")
        secret = bool(SECRET.search(name)) and name.startswith("-")
        told.append("***" if hide else f"{name}=***" if secret and equals else word)
        hide = secret and not equals
    return readable(shlex.join(told))[:MOST_COMMAND]


def readable(text: str) -> str:
    """Text that a database can hold: control characters and halves of surrogate pairs become the replacement sign."""
    return NOT_TEXT.sub("\ufffd", text)
