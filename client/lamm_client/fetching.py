"""Files of the server into the cache: in pieces, going on after a cut, checked by their digest."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import httpx

from lamm_client.cache import Cache, Download
from lamm_client.errors import AnswerError, DamagedError, UnreachableError
from lamm_client.transport import PASSING, Transport

BEYOND_THE_END = 416
SHA256 = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]+):")
# Bytes are stored as they are: nothing between is to compress them, or ranges would count others.
AS_IT_IS = {"Accept-Encoding": "identity"}
Opened = Callable[[httpx.Response], Any]


def original(transport: Transport, address: str, digest: str) -> Download:
    """A download of a file that the server keeps under its sha256, for `Cache.get`."""

    def download(file: BinaryIO, offset: int) -> None:
        _persistently(transport, address, f'"{digest}"', file)

    return download


def decoded(cache: Cache, transport: Transport, address: str, name: str) -> Path:
    """A file that the server makes, and whose sha256 it tells with it; the cache notes which `name` had.

    Raises DamagedError, and what a request raises.
    """
    for attempt in range(transport.attempts):
        try:
            with transport.stream(address, headers=AS_IT_IS) as answer:
                digest = told_digest(answer, name)
                path = cache.get(digest, _begun(transport, address, answer))
            cache.note(name, digest)
            return path
        except (UnreachableError, AnswerError) as error:
            _wait(transport, attempt, error)
    raise AssertionError("the last attempt returns or raises")


def told_digest(answer: httpx.Response, name: str) -> str:
    """The sha256, in hexadecimal digits, that an answer tells of its whole file (RFC 9530). Raises DamagedError."""
    found = SHA256.search(answer.headers.get("Repr-Digest", ""))
    try:
        digest = base64.b64decode(found[1], validate=True).hex() if found else ""
    except binascii.Error:
        digest = ""
    if len(digest) != 64:
        raise DamagedError(f"The server sent {name} without its sha256, so it can't be checked.")
    return digest


def _begun(transport: Transport, address: str, answer: httpx.Response) -> Download:
    """A download whose first answer is there already; it is read if nothing of the file is."""
    begun = [answer]

    def download(file: BinaryIO, offset: int) -> None:
        if begun and not offset:
            _write(begun.pop(), file)
        else:
            _persistently(transport, address, answer.headers.get("ETag", ""), file)

    return download


def _persistently(transport: Transport, address: str, etag: str, file: BinaryIO) -> None:
    """Append what is missing of a file; a cut is followed by another attempt from there, some without gain end it."""
    attempt, before = 0, file.tell()
    while True:
        try:
            return _append(transport, address, etag, file)
        except (UnreachableError, AnswerError) as error:
            attempt = attempt if file.tell() == before else 0
            _wait(transport, attempt, error)
            attempt, before = attempt + 1, file.tell()


def _append(transport: Transport, address: str, etag: str, file: BinaryIO) -> None:
    offset = file.tell()
    headers = {**AS_IT_IS, "Range": f"bytes={offset}-", "If-Range": etag} if offset else AS_IT_IS
    try:
        with transport.stream(address, headers=headers) as answer:
            if offset and answer.status_code != httpx.codes.PARTIAL_CONTENT:
                file.truncate(0)
            _write(answer, file)
    except AnswerError as error:
        if error.status != BEYOND_THE_END:  # else all of it is there: its digest is looked at next
            raise


def _write(answer: httpx.Response, file: BinaryIO) -> None:
    for piece in answer.iter_raw():  # as it comes: pieces of a given size would be copied once more
        file.write(piece)


def _wait(transport: Transport, attempt: int, error: UnreachableError | AnswerError) -> None:
    """Wait before another attempt. Raises the error when none may help, or none is left."""
    passing = isinstance(error, UnreachableError) or error.status in PASSING
    if not passing or transport.offline or attempt + 1 >= transport.attempts:
        raise error
    transport.pause(attempt, error)
