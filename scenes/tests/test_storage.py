"""Files are kept once, under the sha256 of their bytes, completely or not at all."""

import hashlib
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from hypothesis import given
from hypothesis import strategies as st

from scenes import storage


@given(data=st.binary(max_size=5000))
def test_kept_bytes_come_back_and_are_named_by_their_hash(data):
    kept = storage.save_bytes(data, storage=storage.ORIGINALS)
    assert kept.digest == hashlib.sha256(data).hexdigest()
    assert kept.size == len(data)
    assert storage.read_bytes(kept.digest, storage=storage.ORIGINALS) == data


def test_the_same_bytes_are_written_once():
    kept = storage.save_bytes(b"once", storage=storage.ORIGINALS)
    path = Path(storages["originals"].path(storage.key(kept.digest)))
    before = path.stat().st_ino
    storage.save_bytes(b"once", storage=storage.ORIGINALS)
    assert path.stat().st_ino == before, "another file would have another number"


def test_a_damaged_file_is_written_anew():
    kept = storage.save_bytes(b"whole", storage=storage.ORIGINALS)
    path = Path(storages["originals"].path(storage.key(kept.digest)))
    path.chmod(0o600)
    path.write_bytes(b"wh")
    storage.save_bytes(b"whole", storage=storage.ORIGINALS)
    assert storage.read_bytes(kept.digest, storage=storage.ORIGINALS) == b"whole"


def test_originals_and_derived_files_lie_apart():
    kept = storage.save_bytes(b"only derived", storage=storage.DERIVED)
    with pytest.raises(FileNotFoundError):
        storage.read_bytes(kept.digest, storage=storage.ORIGINALS)


class Breaks(ContentFile):
    def chunks(self, chunk_size=None):
        yield b"half of the by"
        raise ConnectionError("the sender went away")


def test_a_write_that_breaks_leaves_nothing_behind(tmp_path):
    place = storage.AtomicFileSystemStorage(location=tmp_path)
    with pytest.raises(ConnectionError):
        place.save("ab/cd/name", Breaks(b""))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
