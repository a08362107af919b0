"""What is found out about code and machine: of a real repository, bounded, without secrets."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lamm_client import capture


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A checkout with one commit and a remote that has a password in its address."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "train.py").write_text("lr = 0.01\n")
    for words in (
        ("init", "-q"),
        ("config", "user.email", "tara@example.com"),
        ("config", "user.name", "Tara"),
        ("remote", "add", "origin", "https://tara:secret@example.com/lidar.git"),
        ("add", "."),
        ("commit", "-qm", "first"),
    ):
        subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)
    return folder


def test_a_clean_checkout_tells_its_commit(repository: Path) -> None:
    facts = capture.git_facts(repository)
    head = subprocess.run(
        ["git", "-C", str(repository), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    assert facts == {
        "repository": "https://example.com/lidar.git",
        "commit": head.stdout.strip(),
        "dirty": False,
        "diff": "",
    }


def test_uncommitted_changes_anywhere_in_the_checkout_are_a_patch(repository: Path) -> None:
    (repository / "train.py").write_text("lr = 0.1\n")
    (repository / "models").mkdir()
    facts = capture.git_facts(repository / "models")
    assert facts["dirty"] is True
    assert "-lr = 0.01\n+lr = 0.1\n" in facts["diff"]


def test_a_huge_patch_is_cut(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "MOST_DIFF", 1000)
    (repository / "train.py").write_text("x = 1\n" * 500_000)
    diff = capture.git(repository, "diff", "HEAD", most=1000)
    assert len(diff) == 1000
    assert diff.startswith("diff --git")


def test_what_no_database_can_hold_is_replaced(repository: Path) -> None:
    (repository / "train.py").write_bytes(b"lr = '\x1b \xff'\n")
    assert "lr = '\ufffd \ufffd'" in capture.git_facts(repository)["diff"]


@pytest.mark.parametrize("path", ["", "/nowhere"])
def test_no_checkout_and_no_git_tell_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    if path:
        monkeypatch.setenv("PATH", path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert capture.git_facts(tmp_path) == {}


def test_secrets_of_the_command_line_are_hidden() -> None:
    words = ["python", "train.py", "--lr", "0.1", "--api-key", "abc", "--token=def", "-v", "a b"]
    assert capture.command_line(words) == "python train.py --lr 0.1 --api-key '***' '--token=***' -v 'a b'"


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("git@example.com:lidar.git", "git@example.com:lidar.git"),
        ("ssh://git@example.com/lidar.git", "ssh://git@example.com/lidar.git"),
        ("https://example.com/lidar.git", "https://example.com/lidar.git"),
        ("https://token@example.com:8443/lidar.git", "https://example.com:8443/lidar.git"),
    ],
)
def test_addresses_lose_passwords_only(address: str, told: str) -> None:
    assert capture.without_password(address) == told


def test_everything_together_is_what_the_api_takes() -> None:
    told = capture.captured()
    assert set(told) <= {"repository", "commit", "dirty", "diff", "packages", "environment", "command", "host"}
    assert told["packages"]["numpy"]
    assert told["environment"]["python"].count(".") == 2
    assert told["host"]
