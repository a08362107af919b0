"""Prefixes of an S3 bucket whose files LAMM registers in place. Imported only where a root is one."""

from typing import Any

from storages.backends.s3 import S3Storage


class S3RootStorage(S3Storage):
    """A prefix of a bucket: read, never written or removed."""

    def _save(self, name: str, content: Any) -> str:
        raise PermissionError(f"{self.bucket_name}/{self.location} is a registered root: LAMM does not write there.")

    def delete(self, name: str) -> None:
        raise PermissionError(f"{self.bucket_name}/{self.location} is a registered root: LAMM does not remove files.")
