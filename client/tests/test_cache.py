"""The local cache: content by digest, downloads that break, limits, and many processes at once."""

from __future__ import annotations

import fcntl
import hashlib
import multiprocessing
import os
import pickle
import signal
from pathlib import Path
from typing import BinaryIO

import pytest

import lamm_client as lamm
from lamm_client.cache import Cache


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Source:
    """Something to download `content` from; may break after some bytes, or send damage first."""

    def __init__(self, content: bytes, *, breaks_at: list[int] | None = None, damaged: int = 0) -> None:
        self.content, self.breaks_at, self.damaged = content, breaks_at or [], damaged
        self.offsets: list[int] = []

    def __call__(self, file: BinaryIO, offset: int) -> None:
        self.offsets.append(offset)
        if self.damaged:
            self.damaged -= 1
            file.write(b"?" * (len(self.content) - offset))
        elif self.breaks_at:
            file.write(self.content[offset : self.breaks_at.pop(0)])
            raise lamm.UnreachableError("The connection broke.")
        else:
            file.write(self.content[offset:])


def test_content_is_downloaded_once(tmp_path: Path) -> None:
    cache, source = Cache(tmp_path), Source(b"points")
    for _ in range(3):
        assert cache.get(digest_of(b"points"), source).read_bytes() == b"points"
    assert source.offsets == [0]


def test_a_download_that_broke_goes_on_where_it_was(tmp_path: Path) -> None:
    cache, source = Cache(tmp_path), Source(b"many points", breaks_at=[4, 7])
    for _ in range(2):
        with pytest.raises(lamm.UnreachableError):
            cache.get(digest_of(b"many points"), source)
    assert cache.find(digest_of(b"many points")) is None
    assert cache.get(digest_of(b"many points"), source).read_bytes() == b"many points"
    assert source.offsets == [0, 4, 7]


def test_damaged_content_is_fetched_again_and_never_kept(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert cache.get(digest_of(b"points"), Source(b"points", damaged=2)).read_bytes() == b"points"
    with pytest.raises(lamm.DamagedError, match="arrived damaged"):
        cache.get(digest_of(b"others"), Source(b"others", damaged=99))
    assert cache.find(digest_of(b"others")) is None


def test_a_flipped_byte_on_disk_is_found_and_removed(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    kept = [cache.get(digest_of(content), Source(content)) for content in (b"one", b"two")]
    kept[0].write_bytes(b"onf")
    assert cache.verify() == [digest_of(b"one")]
    assert cache.verify() == []
    assert cache.find(digest_of(b"two")) == kept[1]


def test_what_was_unused_for_longest_goes_first(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit=1000)
    contents = [bytes([number]) * 300 for number in range(3)]
    paths = [cache.get(digest_of(content), Source(content)) for content in contents]
    for age, path in zip((100, 50, 10), paths, strict=True):
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - age))
    cache.find(digest_of(contents[0]))  # used again just now
    newest = cache.get(digest_of(b"n" * 300), Source(b"n" * 300))
    assert cache.size() <= 1000
    assert not paths[1].exists()
    assert paths[0].exists()
    assert newest.exists()


def test_names_that_are_no_digest_never_become_paths(tmp_path: Path) -> None:
    for name in ("../../etc/passwd", "abc", "G" * 64, ""):
        with pytest.raises(lamm.LammError, match="no sha256"):
            Cache(tmp_path).path(name)


def _get(folder: Path, log: Path) -> None:
    def download(file: BinaryIO, offset: int) -> None:
        with log.open("a") as lines:
            lines.write("downloaded\n")
        file.write(b"points")

    assert Cache(folder).get(digest_of(b"points"), download).read_bytes() == b"points"


def test_processes_that_want_the_same_download_it_once(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=_get, args=(tmp_path / "cache", log)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    assert log.read_text() == "downloaded\n"


def test_a_process_that_was_forked_during_a_download_keeps_no_lock(tmp_path: Path) -> None:
    children: list[int] = []

    def download(file: BinaryIO, offset: int) -> None:
        child = os.fork()
        if not child:
            signal.pause()
        children.append(child)
        file.write(b"points")

    try:
        Cache(tmp_path).get(digest_of(b"points"), download)
        with (tmp_path / "locks" / digest_of(b"points")[:2]).open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def test_it_travels_to_other_processes(tmp_path: Path) -> None:
    copy = pickle.loads(pickle.dumps(Cache(tmp_path, limit=7)))  # noqa: S301 - as data loaders send it
    assert (copy.folder, copy.limit) == (tmp_path, 7)
