"""Bytes kept under their sha256."""

from collections.abc import Iterable
from pathlib import Path
from typing import IO

from django.db import models

from scenes.storage import StoredBytes, local_path, open_bytes, read_range


class StoredFileQuerySet(models.QuerySet["StoredFile"]):
    def rows_for(self, stored: Iterable[StoredBytes]) -> dict[StoredBytes, "StoredFile"]:
        """The rows of kept bytes, made where they are missing, in two queries."""
        wanted = set(stored)
        rows = [StoredFile(digest=s.digest, size=s.size, storage=s.storage, path=s.path) for s in wanted]
        StoredFile.objects.bulk_create(rows, ignore_conflicts=True)
        found = {row.as_bytes(): row for row in self.filter(digest__in={s.digest for s in wanted})}
        return {s: found[s] for s in wanted}

    def row_for(self, stored: StoredBytes) -> "StoredFile":
        return self.rows_for([stored])[stored]


class StoredFile(models.Model):
    """Bytes and their sha256. Files are referenced from here only, and the bytes never change.

    `storage` is an alias of STORAGES. In `originals` and `derived` the bytes are named by their digest; a file
    that was registered in place stays where it is, at `path` below the root that the alias `root-NAME` stands for.
    `problem` says what the last verification found wrong.
    """

    digest = models.CharField("sha256", max_length=64)
    size = models.BigIntegerField("size in bytes")
    storage = models.CharField(max_length=64)
    path = models.TextField("path below its root", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True)

    objects = StoredFileQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["digest", "storage", "path"], name="stored_file_once_per_storage"),
            models.CheckConstraint(condition=models.Q(size__gte=0), name="stored_file_size_not_negative"),
            models.CheckConstraint(
                condition=models.Q(digest__regex=r"^[0-9a-f]{64}$"), name="stored_file_digest_is_sha256"
            ),
        ]

    def __str__(self) -> str:
        return f"sha256:{self.digest}"

    def as_bytes(self) -> StoredBytes:
        return StoredBytes(self.digest, self.size, self.storage, self.path)

    def open(self) -> IO[bytes]:
        """The bytes, to read as a stream. Raises FileNotFoundError when they are gone."""
        return open_bytes(self.digest, storage=self.storage, path=self.path)

    def read_range(self, offset: int, length: int) -> bytes:
        """`length` bytes from `offset`, fewer where the file ends. Raises FileNotFoundError when it is gone."""
        return read_range(self.digest, offset, length, storage=self.storage, path=self.path)

    def local_path(self) -> Path | None:
        """Where the bytes lie on this machine; None when they are in a remote storage."""
        return local_path(self.digest, storage=self.storage, path=self.path)

    def read(self) -> bytes:
        with self.open() as file:
            return file.read()
