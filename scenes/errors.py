"""Refusals that say what is wrong and what to do; lamm/errors.py gives each its status, for pages and API alike."""

from typing import Any


class DomainError(Exception):
    """What is wrong, in words with the remedy; `facts` go beside them into an answer of the API."""

    def __init__(self, words: str, **facts: Any) -> None:
        super().__init__(words)
        self.facts = facts


class RefusedError(DomainError):
    """What was asked for can't be taken as it is."""


class ConflictError(DomainError):
    """What was asked for does not fit the present state; `facts` say what that is."""


class TooLargeError(DomainError):
    """What was asked for goes beyond a limit."""


class NotAllowedError(DomainError):
    """This person may not do it; the words say who may."""


class MissingError(DomainError):
    """What was asked for is not there; the words say why, and what brings it."""
