"""How bytes are answered: immutable under the hash in their address, with a strong ETag."""

from base64 import b64encode
from collections.abc import Callable
from typing import IO, Any

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase

from scenes.errors import MissingError
from scenes.models import StoredFile
from scenes.point_files import PointsFile
from scenes.views.ranges import BLOCK_BYTES, asked_range, part

IMMUTABLE = "private, max-age=31536000, immutable"
BYTES = "application/octet-stream"
VERIFY = "Verify the scene's files: manage.py verify_files."
CHANGED = "Load the scene again: its files were replaced since."


def stored(
    request: HttpRequest, file: StoredFile | None, digest: str, media_type: str = BYTES, filename: str = ""
) -> HttpResponseBase:
    """A stored file, or a range of it. Raises MissingError when the row has no such file any more, or no bytes."""
    current(file, digest)
    if matches(request, digest):
        return unchanged(digest)
    if file is None:
        raise MissingError("There is no such file.", remedy=CHANGED)
    try:
        opened = file.open()
    except FileNotFoundError as error:
        raise gone(file) from error
    return _opened(request, opened, digest, file.size, media_type, filename)


def written(request: HttpRequest, etag: str, work: Callable[[], PointsFile], filename: str) -> HttpResponseBase:
    """A temporary file that follows from immutable bytes, or a range of it, with the sha256 of all of it."""
    if matches(request, etag):
        return unchanged(etag)
    try:
        made = work()
    except FileNotFoundError as error:
        raise MissingError("The stored bytes are gone.", remedy=VERIFY) from error
    response = _opened(request, made.file, etag, made.size, BYTES, filename)
    response["Repr-Digest"] = f"sha-256=:{b64encode(made.sha256).decode()}:"
    return response


def _opened(
    request: HttpRequest, file: IO[bytes], etag: str, size: int, media_type: str, filename: str
) -> HttpResponseBase:
    """An open file, or the one range of it that was asked for. The file is closed with the answer."""
    wanted = asked_range(request, etag, size)
    response: HttpResponseBase
    if wanted is None:
        response = _Blocks(file, content_type=media_type, filename=filename, as_attachment=bool(filename))
    else:
        response = part(file, wanted, size, media_type)
    response["Accept-Ranges"] = "bytes"
    return _immutable(response, etag)


class _Blocks(FileResponse):
    """Django hands files over in pieces of 4 KiB, which costs more than reading them."""

    block_size = BLOCK_BYTES


def computed(request: HttpRequest, etag: str, work: Callable[[], Any]) -> HttpResponseBase:
    """Bytes that follow from immutable ones; they are not computed for who has them already."""
    if matches(request, etag):
        return unchanged(etag)
    try:
        body = work()
    except FileNotFoundError as error:
        raise MissingError("The stored bytes are gone.", remedy=VERIFY) from error
    return _immutable(HttpResponse(bytes(body), content_type=BYTES), etag)


def current(file: StoredFile | None, digest: str) -> None:
    """Raises MissingError unless the row refers to the bytes with this digest."""
    if file is None or file.digest != digest:
        raise MissingError("These bytes are not here, or no longer belong to this row.", remedy=CHANGED)


def gone(file: StoredFile) -> MissingError:
    remedy = "Build the display files again." if file.storage == "derived" else "Restore it from a backup."
    return MissingError(f"The stored file {file} is gone.", remedy=remedy)


def matches(request: HttpRequest, etag: str) -> bool:
    return request.headers.get("If-None-Match") == f'"{etag}"'


def unchanged(etag: str) -> HttpResponseBase:
    return _immutable(HttpResponseNotModified(), etag)


def _immutable(response: HttpResponseBase, etag: str) -> HttpResponseBase:
    response["Cache-Control"] = IMMUTABLE
    response["ETag"] = f'"{etag}"'
    return response
