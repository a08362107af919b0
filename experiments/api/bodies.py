"""Bodies of requests, decoded straight into typed structures: limits first, then every fault with its place."""

import re
from typing import Any, TypeVar

import msgspec
from rest_framework.request import Request

from scenes.errors import RefusedError, TooLargeError

Body = TypeVar("Body")
PLACE = re.compile(r"^(?P<words>.*?)(?: - at `\$?\.?(?P<place>.*)`)?$", re.DOTALL)


def body_length(request: Request) -> int:
    """The length of the body in bytes. Raises RefusedError when it is not told."""
    given = request.META.get("CONTENT_LENGTH") or ("" if "HTTP_TRANSFER_ENCODING" in request.META else "0")
    if not re.fullmatch("[0-9]{1,18}", given):
        raise RefusedError("The length of the body is not known. Send it with Content-Length.")
    return int(given)


def decode(request: Request, kind: type[Body], *, most: int) -> Body:
    """The body of a view with the parser RawBody as this structure.

    Raises TooLargeError above `most` bytes, and RefusedError that names the place of what is wrong, as in
    "metrics[3].step".
    """
    length = body_length(request)
    if length > most:
        raise TooLargeError(f"The body has {length:,} bytes, {most:,} are allowed. Send it in several.")
    stream: Any = request.data
    data = stream.read(length) if length else b"{}"
    if len(data) < length:
        raise RefusedError("The body ended early. Send it again.")
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise _refusal(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError(f"The body is no JSON: {error}.") from error


def _refusal(said: str) -> RefusedError:
    match = PLACE.match(said)
    words, place = (match["words"], match["place"]) if match else (said, None)
    facts: dict[str, Any] = {"field": place} if place else {}
    return RefusedError(f"{place}: {words}." if place else f"{words}.", **facts)
