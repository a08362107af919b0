"""What people write about models: its length, its names."""

import re
from collections.abc import Iterable

from scenes.errors import RefusedError, TooLargeError

MOST_TEXT, MOST_REASON = 50_000, 2_000
MOST_TAGS, MOST_TAG = 30, 60


def clean(text: str, *, what: str, most: int = MOST_TEXT) -> str:
    """The text without blanks around it. Raises RefusedError, TooLargeError."""
    text = text.strip()
    if "\0" in text:
        raise RefusedError(f"{what}: a NUL character can't be kept.", field=what)
    if len(text) > most:
        raise TooLargeError(f"{what}: {len(text):,} characters, {most:,} are allowed.", field=what)
    return text


def required(text: str, *, what: str, why: str) -> str:
    """A reason that has to be given. Raises RefusedError when it is empty."""
    text = clean(text, what=what, most=MOST_REASON)
    if not text:
        raise RefusedError(why, field=what)
    return text


def named(name: str, pattern: str, *, what: str, words: str, most: int) -> str:
    """A name of a pattern. Raises RefusedError."""
    name = clean(name, what=what, most=most)
    if not re.fullmatch(pattern, name):
        raise RefusedError(f"{what}: {name!r} can't be used. {words}", field=what)
    return name


def clean_tags(tags: Iterable[str]) -> list[str]:
    """Each tag once, in order of the alphabet. Raises RefusedError, TooLargeError."""
    found = sorted({clean(tag, what="tags", most=MOST_TAG) for tag in tags} - {""})
    if len(found) > MOST_TAGS:
        raise TooLargeError(f"tags: {len(found)} tags, {MOST_TAGS} are allowed.", field="tags")
    return found
