"""Places of files that operators name in settings: shares and prefixes of buckets, to read or to write. Pure."""

from pathlib import Path


def folder_storage(folder: Path, *, fsync: bool) -> dict[str, object]:
    """A folder of LAMM's own, in which a file has all its bytes or no name."""
    return {
        "BACKEND": "scenes.storage.AtomicFileSystemStorage",
        "OPTIONS": {"location": str(folder), "fsync": fsync},
    }


def bucket_storage(bucket: str, prefix: str, endpoint: str | None) -> dict[str, object]:
    """A prefix of a bucket of LAMM's own, answered by signed addresses."""
    options = {"bucket_name": bucket, "location": prefix, "endpoint_url": endpoint, "querystring_auth": True}
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": {**options, "file_overwrite": True}}


def root_storage(place: str, endpoint: str | None) -> dict[str, object]:
    """A place whose files may be registered where they are: a mounted share, or s3://bucket/prefix."""
    if not place.startswith("s3://"):
        return {"BACKEND": "scenes.storage.RootStorage", "OPTIONS": {"location": place}}
    options = _prefix(place, endpoint) | {"querystring_auth": True}
    return {"BACKEND": "scenes.s3_roots.S3RootStorage", "OPTIONS": options}


def export_storage(place: str, endpoint: str | None) -> dict[str, object]:
    """A place that exports of datasets are written to: a folder, or s3://bucket/prefix."""
    if not place.startswith("s3://"):
        return {"BACKEND": "scenes.storage.AtomicFileSystemStorage", "OPTIONS": {"location": place}}
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": _prefix(place, endpoint) | {"file_overwrite": True}}


def _prefix(place: str, endpoint: str | None) -> dict[str, object]:
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    return {"bucket_name": bucket, "location": prefix, "endpoint_url": endpoint}
