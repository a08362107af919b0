"""Where servers are placed, and whom they run as."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lamm.local import places
from lamm.local.accounts import Account, account_of, can_reach, postgres_account
from lamm.local.errors import LocalServiceError

STRANGER = Account("stranger", 54321, 54321)


def test_a_private_folder_above_closes_everything_below(open_folder: Path) -> None:
    inner = open_folder / "private" / "inner"
    inner.mkdir(parents=True)
    assert can_reach(inner, STRANGER)
    inner.parent.chmod(0o700)
    assert not can_reach(inner, STRANGER)
    assert can_reach(inner, account_of(os.geteuid()))


def test_a_folder_of_a_group_is_open_to_its_members(open_folder: Path) -> None:
    folder = open_folder / "group"
    folder.mkdir()
    folder.chmod(0o750)
    member = Account("member", 54321, folder.stat().st_gid)
    assert can_reach(folder, member)
    assert not can_reach(folder, STRANGER)


def test_a_private_folder_of_somebody_else_is_never_used(open_folder: Path) -> None:
    folder = open_folder / "sockets"
    folder.mkdir()
    folder.chmod(0o755)
    with pytest.raises(LocalServiceError, match=r"sockets must be a folder that belongs to .* alone"):
        places.make_private(folder, account_of(os.geteuid()))
    folder.chmod(0o700)
    places.make_private(folder, account_of(os.geteuid()))
    (open_folder / "link").symlink_to(folder)
    with pytest.raises(LocalServiceError, match="link must be a folder"):
        places.make_private(open_folder / "link", account_of(os.geteuid()))


def test_folders_that_exist_keep_their_permissions(open_folder: Path) -> None:
    kept = open_folder / "kept"
    kept.mkdir()
    kept.chmod(0o710)
    places.make_traversable(kept / "new")
    assert kept.stat().st_mode & 0o777 == 0o710


def test_sockets_of_different_data_folders_never_meet() -> None:
    long = Path("/data") / ("x" * 120)
    assert places.valkey_socket(long / "a") != places.valkey_socket(long / "b")
    assert places.valkey_socket(long / "a") == places.valkey_socket(long / "a")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another account for PostgreSQL")
def test_root_runs_postgres_as_somebody_else(tmp_path: Path) -> None:
    assert postgres_account().uid != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another place for PostgreSQL")
def test_a_data_folder_only_root_can_enter_gets_its_cluster_elsewhere(open_folder: Path) -> None:
    data = open_folder / "closed" / "data"
    data.mkdir(parents=True)
    assert places.cluster_folder(data) == data / "postgres"
    data.parent.chmod(0o700)
    assert places.cluster_folder(data).is_relative_to(places.SHARED_STATE_PARENT)
    assert can_reach(places.cluster_folder(data), postgres_account())
