"""What scripts may say of a run, as typed structures that refuse what nobody knows; and the rules for their texts."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from scenes.errors import RefusedError, TooLargeError

Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
RowId = Annotated[int, Meta(ge=1, le=2**63 - 1)]
# Steps and times: whole numbers that every client can read, JavaScript and double precision included.
MOST_WHOLE = 2**53 - 1
KEY = re.compile(r"[\w\-. :/]{1,250}")
KEY_RULE = "1 to 250 letters, digits, and _ - . : / or blank"
MOST_PARAMETERS, MOST_TAGS, MOST_INPUTS = 1000, 200, 100
MOST_PARAMETER, MOST_TAG = 6000, 8000
MOST_TEXT, MOST_DIFF, MOST_DOCUMENT = 100_000, 1_000_000, 1_000_000
SCALARS = (str, int, float, bool, type(None))


class InputWishes(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Data that a run read, in the script's words. `context` says what for, such as "training"."""

    name: str
    digest: str = ""
    context: str = ""
    source_type: str = ""
    source: str = ""
    schema: str = ""
    profile: str = ""
    tags: dict[str, str] = {}


class RunWishes(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A run to be made. `dataset` is "Urban_Night_Scenes@v2"; `queued` leaves the start to a worker.

    `diff` is the patch of uncommitted changes; `packages` maps name to version; `environment` holds other facts.
    """

    experiment: str = "Default"
    name: str = ""
    queued: bool = False
    architecture: str = ""
    dataset: str = ""
    train_splits: tuple[str, ...] = ("train",)
    validation_splits: tuple[str, ...] = ("val",)
    parameters: dict[str, Any] = {}
    tags: dict[str, str] = {}
    inputs: list[InputWishes] = []
    notes: str = ""
    repository: str = ""
    commit: str = ""
    dirty: bool = False
    diff: str = ""
    packages: dict[str, str] = {}
    environment: dict[str, Any] = {}
    command: str = ""
    host: str = ""
    seed: Int64 | None = None
    parent: RowId | None = None
    resumed_from: RowId | None = None
    started_at: datetime | None = None


class EnvironmentWishes(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Where a run runs, told after it was made, as by a worker; what is left out stays as it is."""

    repository: str | UnsetType = UNSET
    commit: str | UnsetType = UNSET
    dirty: bool | UnsetType = UNSET
    diff: str | UnsetType = UNSET
    packages: dict[str, str] | UnsetType = UNSET
    environment: dict[str, Any] | UnsetType = UNSET
    command: str | UnsetType = UNSET
    host: str | UnsetType = UNSET
    seed: Int64 | UnsetType | None = UNSET


def clean_text(text: str, *, what: str, most: int) -> str:
    """The text itself. Raises RefusedError or TooLargeError for what no database text can be."""
    if len(text) > most:
        raise TooLargeError(f"{what} has {len(text):,} characters, {most:,} are allowed.", field=what)
    if "\0" in text:
        raise RefusedError(f"{what} contains a NUL character. Leave it out.", field=what)
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise RefusedError(f"{what} contains half of a surrogate pair. Send valid Unicode.", field=what)
    return text


def clean_key(key: str, *, what: str) -> str:
    """The key itself. Raises RefusedError unless it follows the rule of keys (the one that MLflow has, too)."""
    if not KEY.fullmatch(key):
        raise RefusedError(f"{what}: {sayable(key)!r} is no key. Use {KEY_RULE}.", field=what)
    return key


def clean_document(document: Mapping[str, Any], *, what: str) -> dict[str, Any]:
    """A JSON object whose texts the database can hold. Raises RefusedError or TooLargeError."""
    encoded = msgspec.json.encode(document)
    if len(encoded) > MOST_DOCUMENT:
        raise TooLargeError(f"{what} has {len(encoded):,} bytes as JSON, {MOST_DOCUMENT:,} are allowed.", field=what)
    if b"\\u0000" in encoded:
        raise RefusedError(f"{what} contains a NUL character. Leave it out.", field=what)
    return dict(document)


def clean_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags that can be kept. Raises RefusedError or TooLargeError naming the tag."""
    if len(tags) > MOST_TAGS:
        raise TooLargeError(f"{len(tags):,} tags, {MOST_TAGS} a call are allowed.", field="tags")
    for key, value in tags.items():
        clean_text(value, what=f"tags.{clean_key(key, what='tags')}", most=MOST_TAG)
    return dict(tags)


def sayable(text: str, most: int = 80) -> str:
    """The beginning of a text, without halves of characters, which no answer can carry."""
    return text[:most].encode(errors="replace").decode()
