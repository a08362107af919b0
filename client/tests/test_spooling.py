"""Journals: whole entries in order, whatever a crash left of the file."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamm_client import spooling
from lamm_client.spooling import Journal

HEADER = {"url": "https://lamm.example.com/", "run": 7, "create": None, "key": "", "claim": ""}
VALUES = st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3), max_leaves=6)
ENTRIES = st.lists(st.dictionaries(st.sampled_from(["metrics", "tags", "notes"]), VALUES, min_size=1), max_size=6)


def written(folder: Path, *entries: dict[str, Any]) -> Path:
    """The journal of a process that is gone."""
    journal = Journal.create(HEADER, folder)
    for entry in entries:
        journal.append(entry)
    journal.close()
    return journal.path


def found(path: Path) -> list[dict[str, Any]]:
    journal = Journal.take_over(path)
    assert journal is not None
    entries = [entry for entry, _ in journal.entries(journal.start)]
    journal.close()
    return entries


@settings(max_examples=60, deadline=None)
@given(entries=ENTRIES, share=st.floats(0, 1))
def test_a_file_cut_anywhere_keeps_all_entries_before_the_cut(
    tmp_path_factory: pytest.TempPathFactory, entries: list[dict[str, Any]], share: float
) -> None:
    path = written(tmp_path_factory.mktemp("spool"), *entries)
    lines = path.read_bytes().splitlines(keepends=True)
    first = len(lines[0])
    cut = first + int(share * (path.stat().st_size - first))
    os.truncate(path, cut)
    whole = sum(1 for place in range(1, len(lines)) if sum(map(len, lines[: place + 1])) <= cut)
    assert found(path) == entries[:whole]


def test_what_is_appended_behind_a_torn_line_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, {"notes": "a"}, {"notes": "b"})
    os.truncate(path, path.stat().st_size - 3)
    journal = Journal.take_over(path)
    assert journal is not None
    journal.append({"notes": "c"})
    journal.close()
    assert found(path) == [{"notes": "a"}, {"notes": "c"}]


def test_a_damaged_line_costs_no_other(tmp_path: Path) -> None:
    path = written(tmp_path, {"notes": "first"}, {"notes": "second"}, {"notes": "third"})
    path.write_bytes(path.read_bytes().replace(b"second", b"sec0nd"))
    assert found(path) == [{"notes": "first"}, {"notes": "third"}]


def test_entries_larger_than_a_block_are_read_whole(tmp_path: Path) -> None:
    entries = [{"notes": "x" * (spooling.BLOCK * 2 + place)} for place in range(3)]
    assert found(written(tmp_path, *entries)) == entries


def test_the_journal_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    journal = Journal.create(HEADER, tmp_path)
    assert Journal.take_over(journal.path) is None
    journal.close()
    taken = Journal.take_over(journal.path)
    assert taken is not None
    taken.remove()
    assert Journal.take_over(journal.path) is None
    assert list(tmp_path.iterdir()) == []


def test_it_remembers_how_far_it_was_sent_and_which_run_it_became(tmp_path: Path) -> None:
    path = written(tmp_path, {"notes": "a"}, {"sent": 200, "run": 9}, {"notes": "b"})
    journal = Journal.take_over(path)
    assert journal is not None
    assert journal.state() == (200, 9)
    journal.close()


def test_a_file_that_is_no_journal_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / f"strange{spooling.SUFFIX}"
    path.write_bytes(b"something else\n")
    assert Journal.take_over(path) is None
    assert path.read_bytes() == b"something else\n"


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.create(HEADER, tmp_path)
    journal.append({"notes": "a"})

    def full(descriptor: int, data: bytes) -> None:
        os.write(descriptor, data[:5])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(spooling, "write_all", full)
        with pytest.raises(OSError, match="No space"):
            journal.append({"notes": "b"})
    journal.append({"notes": "c"})
    journal.close()
    assert found(journal.path) == [{"notes": "a"}, {"notes": "c"}]


def test_a_large_file_begins_anew_only_when_all_of_it_has_arrived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spooling, "RESTART_BYTES", 500)
    journal = Journal.create(HEADER, tmp_path)
    journal.append({"notes": "a" * 1000})
    assert journal.restart(journal.start, 7) == journal.start
    end = journal.end
    assert journal.restart(end, 7) == journal.end < end
    journal.append({"notes": "b"})
    journal.close()
    assert found(journal.path) == [{"sent": journal.start, "run": 7}, {"notes": "b"}]
    assert journal.path.stat().st_size < 500


def test_only_the_owner_reads_the_spool(tmp_path: Path) -> None:
    path = written(tmp_path, {"notes": "a"})
    assert path.stat().st_mode & 0o077 == 0


def test_without_a_writable_home_it_is_kept_among_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("LAMM_SPOOL", str(blocked / "spool"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert spooling.spool_folder() == tmp_path / f"lamm-spool-{os.getuid()}"
