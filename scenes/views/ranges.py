"""Single byte ranges of bytes that never change (RFC 9110, section 14), so that a cut download goes on."""

import re
from collections.abc import Iterator
from typing import IO

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

ONE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
BLOCK_BYTES = 1 << 18


def asked_range(request: HttpRequest, etag: str, size: int) -> range | None:
    """The bytes that a request wants; None: all of them; an empty range: what it wants lies beyond the end.

    Several ranges, other units, and a range that is to hold for other bytes (If-Range) are answered with all bytes,
    as the standard allows or demands.
    """
    found = ONE_RANGE.fullmatch(request.headers.get("Range", "").strip())
    if found is None or request.method != "GET" or request.headers.get("If-Range", f'"{etag}"') != f'"{etag}"':
        return None
    first, last = found.groups()
    if first:
        end = int(last) + 1 if last else size
        return range(int(first), min(size, end)) if not last or end > int(first) else None
    return range(max(0, size - int(last)), size) if last else None


def part(file: IO[bytes], wanted: range, size: int, media_type: str) -> HttpResponseBase:
    """A part of an open file, which is closed with the answer; 416 where the range is empty."""
    if not wanted:
        file.close()
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    file.seek(wanted.start)
    response = StreamingHttpResponse(_Piece(file, len(wanted)), status=206, content_type=media_type)
    response["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{size}"
    response["Content-Length"] = str(len(wanted))
    return response


class _Piece:
    """Blocks of a file until enough were read. An object, not a generator: it is closed also when nobody iterates."""

    def __init__(self, file: IO[bytes], length: int) -> None:
        self._file, self._left = file, length

    def __iter__(self) -> Iterator[bytes]:
        while self._left and (block := self._file.read(min(BLOCK_BYTES, self._left))):
            self._left -= len(block)
            yield block

    def close(self) -> None:
        self._file.close()
