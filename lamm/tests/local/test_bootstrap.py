"""The bootstrap says what is wrong with a machine, and does nothing twice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lamm.local.services import CHECKOUT

OLD_PYTHONS = sorted(Path.home().glob(".pyenv/versions/3.[6-9].*/bin/python"))
NO_PATH = {"PATH": "/nowhere", "HOME": "/nowhere"}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that holds only what the bootstrap reads."""
    names = ("bootstrap.py", "requirements.txt", "requirements-dev.txt", "package.json", "package-lock.json")
    for name in names:
        shutil.copy(CHECKOUT / name, tmp_path)
    return tmp_path


def bootstrap(checkout: Path, python: str | Path, *, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(python), str(checkout / "bootstrap.py")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(not OLD_PYTHONS, reason="no Python older than 3.10 is installed here")
@pytest.mark.parametrize("python", OLD_PYTHONS[:1] + OLD_PYTHONS[-1:], ids=lambda path: path.parent.parent.name)
def test_an_old_python_is_told_which_one_is_needed(checkout: Path, python: Path) -> None:
    outcome = bootstrap(checkout, python, environment=NO_PATH)
    assert outcome.returncode == 1
    assert "LAMM needs Python 3.11 or newer. This is Python 3." in outcome.stderr
    assert "make PYTHON=" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert not (checkout / ".venv").exists()


@pytest.mark.skipif(not OLD_PYTHONS, reason="no Python older than 3.10 is installed here")
def test_an_old_python_hands_over_to_a_newer_one_on_the_path(checkout: Path, tmp_path: Path) -> None:
    newer = tmp_path / "bin" / "python3.12"
    newer.parent.mkdir()
    # Recent enough, and without the venv module: the next thing that can be missing.
    newer.write_text('#!/bin/sh\ncase "$2" in *version_info*) echo 3 12;; *) exit 1;; esac\n')
    newer.chmod(0o755)
    outcome = bootstrap(checkout, OLD_PYTHONS[-1], environment={"PATH": f"{newer.parent}:/bin:/usr/bin"})
    assert outcome.returncode == 1
    assert f"is too old; using {newer}" in outcome.stdout
    assert "comes without venv or ensurepip" in outcome.stderr
    assert "apt-get install python3.12-venv" in outcome.stderr


def installed(checkout: Path) -> None:
    """Make the checkout look as after a bootstrap, without a gigabyte of packages."""
    binaries = checkout / ".venv" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "python").symlink_to(sys.executable)
    (binaries / "pip").touch()
    (checkout / "node_modules").mkdir()
    program = (
        "import bootstrap as b;"
        "d = b.digest_of(b.path_of('requirements.txt'), b.path_of('requirements-dev.txt'));"
        "b.write(b.PACKAGES_STAMP, 'run ' + d + b.CHECKOUT);"
        "b.write(b.NODE_STAMP, b.digest_of(b.path_of('package.json'), b.path_of('package-lock.json')))"
    )
    subprocess.run([sys.executable, "-c", program], cwd=checkout, check=True)


def test_nothing_is_done_when_nothing_changed(checkout: Path) -> None:
    installed(checkout)
    outcome = bootstrap(checkout, sys.executable, environment=NO_PATH)
    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (0, "", "")


def test_a_changed_requirement_is_noticed(checkout: Path) -> None:
    installed(checkout)
    with (checkout / "requirements.txt").open("a") as file:
        file.write("# changed\n")
    (checkout / "requirements-dev.txt").write_text("")  # stops before anything is downloaded
    outcome = bootstrap(checkout, sys.executable, environment=NO_PATH)
    assert outcome.returncode == 1
    assert "installing the Python packages" in outcome.stdout
    assert "requirements-dev.txt does not name uv with hashes" in outcome.stderr


def test_the_installers_keep_their_caches_inside_the_checkout(checkout: Path) -> None:
    program = "import bootstrap, json; print(json.dumps(bootstrap.environment()))"
    answer = subprocess.check_output([sys.executable, "-c", program], cwd=checkout, text=True)
    for variable in ("UV_CACHE_DIR", "PIP_CACHE_DIR", "npm_config_cache"):
        assert f'"{variable}": "{checkout}{os.sep}.lamm{os.sep}cache{os.sep}' in answer


def test_uv_is_taken_with_its_version_and_every_hash(checkout: Path) -> None:
    program = "import bootstrap as b; print(b.pinned_uv(b.read(b.path_of('requirements-dev.txt'))), end='')"
    answer = subprocess.check_output([sys.executable, "-c", program], cwd=checkout, text=True)
    first, *hashes = answer.splitlines()
    assert first.startswith("uv==")
    assert len(hashes) > 5
    assert all(line.strip().startswith("--hash=sha256:") for line in hashes)
