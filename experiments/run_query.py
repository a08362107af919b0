"""The language of the tracker's query box: text in, a checked tree out. Pure: knows no runs and no database.

    metrics.val_iou > 0.7 and (params.lr < 0.01 or tag = "night")
    not status in (failed, killed) and metrics."val/iou obstacle".max >= 0.8 and started > -7d

A metric is its last value unless `.min`, `.max` or `.last` follows. Keys and texts with other characters stand in
quotes or backticks. `x != y` asks that there is an x, `not x = y` takes runs without one in, too. Times are days
(2026-05-04), moments (2026-05-04T12:00) or spans back from now (-7d); spans are written 90s, 15m, 2h, 7d, 1w.
"""

import difflib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as column
from datetime import datetime
from functools import cache
from typing import Any, NoReturn

from lark import Lark, Token, UnexpectedInput
from lark.exceptions import UnexpectedCharacters, UnexpectedToken

from experiments.run_fields import (
    ATTRIBUTE,
    ATTRIBUTES,
    METRIC,
    OPERATORS,
    ORDERED,
    PARAMETER,
    QUOTED,
    STATUSES,
    TAG,
    Field,
    Kind,
    QueryError,
    escaped,
    read_field,
)  # fmt: skip

LONGEST, DEEPEST, MOST_COMPARISONS, MOST_VALUES, LONGEST_VALUE = 4000, 20, 50, 50, 500
EXACT = 1e15  # whole numbers below it are the same as text and as double
LONGEST_SPAN = 100 * 365 * 86_400.0
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True)
class Span:
    """A length of time in seconds; of a time it is counted back from now when negative."""

    seconds: float


Value = str | float | Span


@dataclass(frozen=True)
class Comparison:
    """A field held against values. `place` is its first character, which two equal comparisons need not share."""

    field: Field
    operator: str
    values: tuple[Value, ...] = ()
    place: int = column(default=0, compare=False)


@dataclass(frozen=True)
class Group:
    """Parts of which all (`every`) or any must hold; two at least."""

    every: bool
    parts: tuple["Query", ...]


@dataclass(frozen=True)
class Not:
    """The runs for which the part does not hold, those without a value included."""

    part: "Query"


Query = Comparison | Group | Not
_GRAMMAR = rf"""
start: either
?either: every (_OR every)*
?every: factor (_AND factor)*
?factor: _NOT factor -> negated
    | "(" either ")"
    | comparison
comparison: NAME SIGN value -> compared
    | NAME IN "(" value ("," value)* ")" -> listed
    | NAME _NOT IN "(" value ("," value)* ")" -> unlisted
    | NAME IS EMPTY -> empty
    | NAME IS _NOT EMPTY -> filled
value: STRING | SPAN | MOMENT | NUMBER | WORD
SIGN: ">=" | "<=" | "!=" | "==" | "=" | "<" | ">" | "~" | /contains\b/i
_AND.3: /and\b/i
_OR.3: /or\b/i
_NOT.3: /not\b/i
IN.3: /in\b(?=\s*\()/i
IS.3: /is\b(?=\s+(not|empty))/i
EMPTY.3: /empty\b/i
STRING: /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/
MOMENT.2: /\d{{4}}-\d{{2}}-\d{{2}}(?:T\d{{2}}:\d{{2}}(?::\d{{2}})?(?:Z|[+-]\d{{2}}:\d{{2}})?)?(?![\w@.:\/\-])/
SPAN.2: /-?\d+(?:\.\d+)?[smhdw](?![\w@.:\/\-])/
NUMBER.1: /[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w@.:\/\-])|[+-]?(?:inf|nan)(?![\w@.:\/\-])/i
NAME: /[A-Za-z_]\w*(?:\.(?:[\w\-\/:]+|{QUOTED}))*/
WORD.-1: /[\w][\w\-.:\/@+]*/
%ignore /\s+/
"""
_WORDS = {
    "NAME": "a name such as status or metrics.KEY", "SIGN": "a comparison (= != < <= > >= contains)", "IN": "in (…)",
    "IS": "is empty", "EMPTY": "empty", "STRING": "a text in quotes", "NUMBER": "a number", "LPAR": "(", "RPAR": ")",
    "COMMA": "a comma", "_AND": "and", "_OR": "or", "_NOT": "not", "$END": "the end",
}  # fmt: skip
_HINTS = {"&": "Write and.", "|": "Write or.", "!": "Write not, or != to compare.", ";": "Write and.",
          "{": "Use round brackets.", "[": "Use round brackets."}  # fmt: skip


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", lexer="contextual", maybe_placeholders=False, propagate_positions=False)


def parse(text: str) -> Query:
    """The tree of a query.

    Raises QueryError with the place of what can't be read, of a name that nobody knows, of an operator or value that
    does not fit, and for what is too long or too deep.
    """
    if len(text) > LONGEST:
        words = f"{len(text):,} characters are too many, {LONGEST:,} can be read"
        raise QueryError(words, text, LONGEST, remedy="Save a part of it as a tag.")
    _check_depth(text)
    try:
        tree = _parser().parse(text)
    except UnexpectedInput as error:
        raise _unreadable(error, text) from None
    builder = _Builder(text)
    found: Query = builder.build(tree)
    if builder.comparisons > MOST_COMPARISONS:
        raise QueryError(
            f"{builder.comparisons} comparisons are too many, {MOST_COMPARISONS} can be asked at once", text, 0
        )
    return found


def _check_depth(text: str) -> None:
    """Before anything recurses: brackets and chains of `not` outside of quotes."""
    depth = chain = 0
    for match in re.finditer(rf"{QUOTED}|'(?:[^'\\\n]|\\.)*'|not\b|[^\s\w]|\w+", text, re.IGNORECASE):
        part = match[0].lower()
        chain = chain + 1 if part == "not" else chain if part == "(" else 0
        depth += (part == "(") - (part == ")")
        if depth > DEEPEST or chain > DEEPEST:
            raise QueryError(f"Nested deeper than {DEEPEST} levels", text, match.start())


def _unreadable(error: UnexpectedInput, text: str) -> QueryError:
    position = error.pos_in_stream if isinstance(error.pos_in_stream, int) and error.pos_in_stream >= 0 else len(text)
    if isinstance(error, UnexpectedToken):
        token, names = error.token, error.accepts or error.expected
        if token.type == "$END":
            position, length, words = len(text.rstrip()), 1, "The query ends too early" if text.strip() else "No query"
        else:
            length, words = len(token), f"“{token}” does not fit here"
        return QueryError(words, text, position, length=length, expected=_expected(names), remedy=_fit(text, position))
    character = text[position] if position < len(text) else ""
    if character in "\"'`":
        remedy = f"Close the text with another {character}."
        return QueryError("A quotation mark is not closed", text, position, length=len(text) - position, remedy=remedy)
    names = set(error.allowed or ()) if isinstance(error, UnexpectedCharacters) else set()
    return QueryError(
        f"“{character}” does not fit here", text, position, expected=_expected(names), remedy=_HINTS.get(character, "")
    )


def _expected(names: Any) -> tuple[str, ...]:
    """What could stand there in words, in the order of _WORDS; a value is said once."""
    if {"STRING", "NUMBER"} <= set(names):
        return ("a text in quotes", "a number", "a word")
    return tuple(words for name, words in _WORDS.items() if name in names)


def _fit(text: str, position: int) -> str:
    """A remedy for words that follow one another without a word between them."""
    rest = text[position:].lstrip().lower()
    if rest.startswith(("like", "matches")):
        return "Write contains."
    if position and text[:position].rstrip().endswith(("=", "<", ">", "~")):
        return "Say what to compare with."
    return ""


class _Builder:
    """Turns the grammar's tree into ours; each step checks what it reads."""

    def __init__(self, text: str) -> None:
        self.text, self.comparisons = text, 0

    def build(self, tree: Any) -> Query:
        match tree.data:
            case "start":
                return self.build(tree.children[0])
            case "negated":
                return Not(self.build(tree.children[0]))
            case "either" | "every":
                return Group(tree.data == "every", tuple(self.build(part) for part in tree.children))
        return self._comparison(tree)

    def _comparison(self, tree: Any) -> Comparison:
        self.comparisons += 1
        name, *rest = tree.children
        found = read_field(str(name), text=self.text, position=name.start_pos)
        tokens = [value.children[0] for value in rest if not isinstance(value, Token)]
        sign = next((token for token in rest if isinstance(token, Token)), name)
        operator = _operator(tree.data, sign)
        if len(tokens) > MOST_VALUES:
            self._refuse(f"{len(tokens)} values are too many, {MOST_VALUES} can be asked at once", tokens[MOST_VALUES])
        self._check_operator(found, operator, sign)
        values = tuple(self._value(found, operator, token) for token in tokens)
        return Comparison(found, operator, values, name.start_pos)

    def _check_operator(self, asked: Field, operator: str, sign: Token) -> None:
        kind = ATTRIBUTES.get(asked.key) if asked.kind == ATTRIBUTE else None
        if asked.kind == METRIC and operator == "contains":
            self._refuse("A metric is a number", sign, remedy="Compare it with = != < <= > or >=.")
        if kind is not None and operator not in OPERATORS[kind]:
            signs = tuple(_SAID.get(one, one) for one in OPERATORS[kind])
            self._refuse(f"{asked.key} is {kind.value}", sign, expected=signs)

    def _value(self, asked: Field, operator: str, token: Token) -> Value:
        value = self._literal(token)
        if isinstance(value, str) and len(value) > LONGEST_VALUE:
            self._refuse(f"{len(value)} characters are too many, {LONGEST_VALUE} can be compared", token)
        if isinstance(value, str) and "\0" in value:
            self._refuse("A NUL character is in no text", token)
        if asked.kind == ATTRIBUTE:
            return self._attribute_value(asked.key, ATTRIBUTES[asked.key], value, token)
        number = isinstance(value, float)
        if asked.kind == METRIC and not number:
            self._refuse("A metric is compared with a number", token, remedy="Write a number, nan or inf.")
        if operator in ORDERED and (not number or math.isnan(float(value))):  # type: ignore[arg-type]
            self._refuse(f"{operator} compares numbers", token, remedy="Use = or !=, or write a number.")
        if asked.kind == TAG or operator == "contains" or isinstance(value, Span):
            return _said(token, value)
        if asked.kind == PARAMETER and number and not math.isfinite(value):  # type: ignore[arg-type]
            return str(token)
        return value

    def _attribute_value(self, name: str, kind: Kind, value: Value, token: Token) -> Value:
        match kind:
            case Kind.CHOICE:
                return self._choice(str(value).lower(), STATUSES, token)
            case Kind.FLAG:
                word = str(value).lower()
                return self._choice({"yes": "true", "no": "false"}.get(word, word), ("true", "false"), token)
            case Kind.RUN:
                return self._run(_said(token, value), token)
            case Kind.NUMBER if not isinstance(value, float) or not math.isfinite(value):
                self._refuse(f"{name} is a number", token)
            case Kind.NUMBER:
                return value
            case Kind.SPAN:
                return self._span(name, Span(value) if isinstance(value, float) else value, token)
            case Kind.TIME:
                return self._time(name, value, token)
        return _said(token, value)

    def _run(self, text: str, token: Token) -> float:
        digits = text.lower().removeprefix("run-")
        if not (digits.isascii() and digits.isdigit() and len(digits) < 16):
            self._refuse(f"“{digits[:40]}” is no number of a run", token, remedy="Write it as 7 or run-7.")
        return float(digits)

    def _span(self, name: str, value: Value, token: Token) -> Span:
        if not isinstance(value, Span) or not 0 <= value.seconds <= LONGEST_SPAN:
            self._refuse(f"{name} is a span", token, remedy="Write it as 90s, 15m, 2h or 1d.")
        return value

    def _time(self, name: str, value: Value, token: Token) -> Value:
        if isinstance(value, Span) and -LONGEST_SPAN <= value.seconds <= 0:
            return value
        text = _said(token, value)
        try:
            datetime.fromisoformat(text)
        except ValueError:
            self._refuse(
                f"{name} is a time", token, remedy="Write 2026-05-04, 2026-05-04T12:00, or -7d for a week ago."
            )
        return text

    def _choice(self, word: str, known: tuple[str, ...], token: Token) -> str:
        if word not in known:
            near = difflib.get_close_matches(word, known, 1)
            remedy = f"Did you mean {near[0]}?" if near else ""
            self._refuse(f"“{word[:40]}” is none of {', '.join(known)}", token, remedy=remedy)
        return word

    def _literal(self, token: Token) -> Value:
        match token.type:
            case "STRING":
                return re.sub(r"\\(.)", r"\1", token[1:-1])
            case "NUMBER":
                number = float(token)
                return math.nan if math.isnan(number) else number  # the one NaN that equals itself in a tuple
            case "SPAN":
                return Span(round(float(token[:-1]) * SECONDS[token[-1]], 3))
        return str(token)

    def _refuse(self, words: str, token: Token, *, expected: tuple[str, ...] = (), remedy: str = "") -> NoReturn:
        place = token.start_pos or 0
        raise QueryError(words, self.text, place, length=len(token), expected=expected, remedy=remedy)


_SAID = {"empty": "is empty", "filled": "is not empty", "in": "in (…)", "not in": "not in (…)"}


def _said(token: Token, value: Value) -> str:
    """A value as the text that was written: 007 stays 007 where texts are compared."""
    return value if isinstance(value, str) else str(token)


def _operator(form: str, sign: Token) -> str:
    if form != "compared":
        return {"listed": "in", "unlisted": "not in"}.get(form, form)
    word = sign.lower()
    return {"==": "=", "~": "contains"}.get(word, word)


def printed(query: Query) -> str:
    """The query as text that reads as the same tree."""
    match query:
        case Not(part):
            return f"not {_inner(part)}"
        case Group(every, parts):
            return (" and " if every else " or ").join(_inner(part) for part in parts)
    said = [_value_printed(value) for value in query.values]
    match query.operator:
        case "in" | "not in":
            return f"{query.field} {query.operator} ({', '.join(said)})"
        case "empty" | "filled":
            return f"{query.field} {_SAID[query.operator]}"
    return f"{query.field} {query.operator} {said[0]}"


def _inner(query: Query) -> str:
    return f"({printed(query)})" if isinstance(query, Group) else printed(query)


def _value_printed(value: Value) -> str:
    if isinstance(value, Span):
        return f"{value.seconds:.3f}".rstrip("0").rstrip(".") + "s"
    if isinstance(value, str):
        return f'"{escaped(value)}"'
    return f"{value:.0f}" if value.is_integer() and abs(value) < EXACT else repr(value)


def comparisons(query: Query) -> Iterator[Comparison]:
    """Every comparison of the tree, from left to right."""
    match query:
        case Comparison():
            yield query
        case Not(part):
            yield from comparisons(part)
        case Group(_, parts):
            for one in parts:
                yield from comparisons(one)
