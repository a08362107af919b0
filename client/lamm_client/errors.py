"""What can go wrong, each with the server's own words."""

from __future__ import annotations

from typing import Any

import httpx


class LammError(Exception):
    """Every error of this package."""


class UnreachableError(LammError):
    """The server could not be reached, or did not answer in time, in all attempts."""


class IncompatibleError(LammError):
    """This client and the server are too far apart; the message says which of them to upgrade."""


class DamagedError(LammError):
    """What arrived is not what the server has: its digest differs, in all attempts."""


class RunStoppedError(LammError):
    """Somebody killed the run, or it was given to another worker: the script should stop."""


class AnswerError(LammError):
    """The server refused.

    Attributes:
        status: the HTTP status.
        facts: what the server said beside its sentence, such as `fields` or `received`.
        retry_after: seconds that it asks to wait for, when it does.
    """

    retry_after: float | None = None

    def __init__(self, status: int, words: str, facts: dict[str, Any] | None = None) -> None:
        super().__init__(words)
        self.status = status
        self.facts = facts or {}


class RefusedError(AnswerError):
    """400, 413, 415: what was asked for is wrong, or too large."""


class NotLoggedInError(AnswerError):
    """401: no token, or one that is revoked, expired or mistyped."""


class NotAllowedError(AnswerError):
    """403: the account of the token may not do this."""


class NotFoundError(AnswerError):
    """404: there is no such thing, or the account may not know of it."""


class ConflictError(AnswerError):
    """409: it does not fit the present state; the message says what that is."""


class ServerError(AnswerError):
    """5xx or 429, in all attempts."""


KINDS: dict[int, type[AnswerError]] = {
    401: NotLoggedInError,
    403: NotAllowedError,
    404: NotFoundError,
    409: ConflictError,
    429: ServerError,
}


def error_of(answer: httpx.Response) -> AnswerError:
    """The error that an answer with a status of 400 or more stands for. The body must have been read."""
    try:
        body = answer.json()
    except ValueError:
        body = {}
    facts = dict(body) if isinstance(body, dict) else {}
    words = str(facts.pop("detail", "") or f"{answer.status_code} {answer.reason_phrase}")
    request = answer.request
    kind = KINDS.get(answer.status_code, ServerError if answer.status_code >= 500 else RefusedError)
    return kind(answer.status_code, f"{words} ({request.method} {request.url.path})", facts)
