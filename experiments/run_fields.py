"""What queries and columns of the tracker are made of: metrics, parameters, tags and attributes of runs, by name. Pure.

A metric is its last value unless `.min`, `.max` or `.last` follows; keys with other characters stand in quotes.
"""

import difflib
import re
from dataclasses import dataclass
from enum import Enum

LONGEST_KEY = 500
AGGREGATES = ("last", "min", "max")
METRIC, PARAMETER, TAG, ATTRIBUTE = "metrics", "params", "tags", "attribute"
KINDS_OF_KEYS = (METRIC, PARAMETER, TAG)


class Kind(Enum):
    """What an attribute holds, and so which operators and values it takes."""

    TEXT = "a text"
    CHOICE = "one of its choices"
    FLAG = "true or false"
    NUMBER = "a number"
    RUN = "the number of a run"
    TIME = "a day, a moment or a span"
    SPAN = "a span such as 90s, 15m or 2h"
    DATASET = "a dataset, as Name or Name@v2"
    SET = "a tag"


STATUSES = ("queued", "running", "stalled", "completed", "failed", "killed")
ATTRIBUTES: dict[str, Kind] = {
    "status": Kind.CHOICE, "architecture": Kind.TEXT, "name": Kind.TEXT, "experiment": Kind.TEXT, "user": Kind.TEXT,
    "notes": Kind.TEXT, "commit": Kind.TEXT, "host": Kind.TEXT, "worker": Kind.TEXT, "repository": Kind.TEXT,
    "command": Kind.TEXT, "created": Kind.TIME, "started": Kind.TIME, "finished": Kind.TIME, "duration": Kind.SPAN,
    "id": Kind.RUN, "parent": Kind.RUN, "seed": Kind.NUMBER, "archived": Kind.FLAG, "stalled": Kind.FLAG,
    "dirty": Kind.FLAG, "dataset": Kind.DATASET, "tag": Kind.SET,
}  # fmt: skip
ALIASES = {"started_by": "user", "run": "id", "ended": "finished", "metric": METRIC, "param": PARAMETER,
           "parameters": PARAMETER, "parameter": PARAMETER}  # fmt: skip
ORDERED = ("<", "<=", ">", ">=")
TEXTUAL = ("=", "!=", "contains", "in", "not in", "empty", "filled")
OPERATORS: dict[Kind, tuple[str, ...]] = {
    Kind.TEXT: TEXTUAL,
    Kind.DATASET: TEXTUAL,
    Kind.SET: TEXTUAL,
    Kind.CHOICE: ("=", "!=", "in", "not in"),
    Kind.FLAG: ("=", "!="),
    Kind.RUN: ("=", "!=", *ORDERED, "in", "not in", "empty", "filled"),
    Kind.NUMBER: ("=", "!=", *ORDERED, "in", "not in", "empty", "filled"),
    Kind.TIME: (*ORDERED, "=", "!=", "empty", "filled"),
    Kind.SPAN: (*ORDERED, "empty", "filled"),
}


class QueryError(ValueError):
    """What is wrong with a query and where: `position` counts characters from 0, `line` and `column` from 1.

    `length` is how many characters are meant; `expected` says what could stand there; `remedy` what to do.
    """

    def __init__(
        self, words: str, text: str, position: int, *, length: int = 1, expected: tuple[str, ...] = (), remedy: str = ""
    ) -> None:
        super().__init__(words)
        self.position = max(0, min(position, len(text)))
        before = text[: self.position]
        self.line, self.column = before.count("\n") + 1, self.position - (before.rfind("\n") + 1) + 1
        self.words, self.length, self.expected, self.remedy = words, max(1, length), expected, remedy

    def __str__(self) -> str:
        place = f"line {self.line}, column {self.column}" if self.line > 1 else f"column {self.column}"
        expected = f" Expected {either(self.expected)}." if self.expected else ""
        return f"{self.words} ({place}).{expected}{f' {self.remedy}' if self.remedy else ''}"


def either(words: tuple[str, ...]) -> str:
    """A choice in words: "a, b or c"."""
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else "".join(words)


BARE_KEY = r"[\w\-/:]+(?:\.[\w\-/:]+)*"
QUOTED = r'"(?:[^"\\\n]|\\.)*"|`[^`\n]*`'


@dataclass(frozen=True)
class Field:
    """What is compared: a metric, parameter or tag by its key, or an attribute by its name."""

    kind: str
    key: str
    aggregate: str = "last"

    def __str__(self) -> str:
        if self.kind == ATTRIBUTE:
            return self.key
        quoted = not re.fullmatch(BARE_KEY, self.key) or self.key.rpartition(".")[2] in AGGREGATES
        key = f'"{escaped(self.key)}"' if quoted else self.key
        return f"{self.kind}.{key}" + (f".{self.aggregate}" if self.aggregate != "last" else "")


def read_field(name: str, *, text: str = "", position: int = 0) -> Field:
    """The field of a name such as `status` or `metrics."val iou".max`. Raises QueryError for one that nobody knows."""
    text = text or name
    first, dot, key = name.partition(".")
    first = ALIASES.get(first.lower(), first.lower() if first.lower() in ATTRIBUTES else first)
    if first in KINDS_OF_KEYS and dot:
        return _keyed(first, key, name, text, position)
    if first in ATTRIBUTES and not dot:
        return Field(ATTRIBUTE, first)
    if first in KINDS_OF_KEYS:
        words, remedy = f"{first} needs a key", f"Write {first}.KEY."
        raise QueryError(words, text, position, length=len(name), remedy=remedy)
    near = difflib.get_close_matches(first, [*ATTRIBUTES, *KINDS_OF_KEYS], 1)
    remedy = (
        f"Did you mean {near[0]}?" if near else "Metrics, parameters and tags are metrics.KEY, params.KEY, tags.KEY."
    )
    raise QueryError(f"There is no {name[:60]}", text, position, length=len(name), remedy=remedy)


def _keyed(kind: str, key: str, name: str, text: str, position: int) -> Field:
    parts = [match[0] for match in re.finditer(rf"{QUOTED}|[^.]+", key)]
    aggregate = "last"
    if kind == METRIC and len(parts) > 1 and parts[-1] in AGGREGATES:
        aggregate = parts.pop()
    joined = ".".join(unquoted(part) for part in parts)
    if not joined or len(joined) > LONGEST_KEY or "\0" in joined:
        raise QueryError(f"{kind} needs a key", text, position, length=len(name), remedy=f"Write {kind}.KEY.")
    return Field(kind, joined, aggregate)


def unquoted(part: str) -> str:
    """A part of a key without its quotation marks."""
    return part[1:-1] if part[0] == "`" else re.sub(r"\\(.)", r"\1", part[1:-1]) if part[0] == '"' else part


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
