"""Bytes of an upload pass through the process without gathering in it."""

import hashlib
import tracemalloc

import pytest

from scenes import services
from scenes.models import UploadedFile
from scenes.tests.senders import an_uploader

SIZE = 200 * 1024**2
MOST_HELD = 64 * 1024**2


class Zeros:
    """A stream of zeros that is nowhere as a whole."""

    def __init__(self, left: int) -> None:
        self.left = left

    def read(self, length: int) -> bytes:
        length = min(length, self.left)
        self.left -= length
        return bytes(length)


@pytest.mark.django_db
def test_two_hundred_megabytes_take_a_small_part_of_that_in_memory():
    digest = hashlib.sha256()
    for _ in range(200):
        digest.update(bytes(1024**2))
    uploader = an_uploader()
    upload = services.open_upload(scene_name="big", by=uploader)
    declared = services.DeclaredFile("big.pcd", SIZE, digest.hexdigest())
    (file,) = services.declare_files(upload=upload, files=[declared], by=uploader)
    tracemalloc.start()
    try:
        file = services.append(file=file, offset=0, stream=Zeros(SIZE), length=SIZE)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert file.complete
    assert peak < MOST_HELD
    assert UploadedFile.objects.get().file.size == SIZE
