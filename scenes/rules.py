"""Rule groups of the explorer's advanced door: JSON in, a checked tree out. Pure: knows no scenes and no database.

    {"all": [RULE, ...]}   {"any": [RULE, ...]}   {"not": RULE}
    {"column": "points", "above": 1000000}     {"column": "labeler", "empty": true}
    {"column": "tag", "is": "rain"}            {"column": "duration", "between": [10, 60]}

`above` and `below` leave the value itself out, `between` takes both ends in, `is` takes one value or a list, any of it.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any

LONGEST_TEXT, MOST_RULES, MOST_VALUES, LONGEST_VALUE, DEEPEST = 8000, 60, 50, 200, 8
GROUPS = ("all", "any")
Value = str | float | bool | date


class RuleError(ValueError):
    """What is wrong with the rules; the words begin with the place, such as `rules.all[1].points`."""


class Kind(Enum):
    """What a column holds, and so which operators it takes."""

    TEXT = "a text"
    NAME = "a name"
    CHOICE = "a choice"
    NUMBER = "a number"
    DAY = "a day"
    FLAG = "true or false"


@dataclass(frozen=True)
class Column:
    """A column as rules see it: its kind, whether it can be empty, and the values of a choice."""

    kind: Kind
    empties: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Leaf:
    """One column held against values: (value,) of above and below, (low, high) of between, (True,) of empty."""

    column: str
    operator: str
    values: tuple[Value, ...]
    place: str


@dataclass(frozen=True)
class Group:
    """Rules of which all or any must hold."""

    every: bool
    rules: tuple["Rule", ...]


@dataclass(frozen=True)
class Not:
    """The scenes for which the rule does not hold, those whose value is missing included."""

    rule: "Rule"


Rule = Leaf | Group | Not
OPERATORS: dict[Kind, tuple[str, ...]] = {
    Kind.TEXT: ("is", "contains"),
    Kind.NAME: ("is", "contains"),
    Kind.CHOICE: ("is",),
    Kind.NUMBER: ("is", "above", "below", "between"),
    Kind.DAY: ("is", "above", "below", "between"),
    Kind.FLAG: ("is",),
}


def parse(text: str, columns: Mapping[str, Column]) -> Rule:
    """The rules of a JSON text.

    Raises RuleError that names the place when it is no JSON, too long or deep, or asks for what no column can answer.
    """
    if len(text) > LONGEST_TEXT:
        raise RuleError(f"rules: {len(text):,} characters are too many, {LONGEST_TEXT:,} can be read.")
    try:
        given = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except RecursionError:
        raise RuleError(f"rules: nested deeper than {DEEPEST} levels.") from None
    except json.JSONDecodeError as error:
        raise RuleError(f"rules: no JSON at character {error.pos}: {error.msg}.") from None
    except RuleError:
        raise
    except ValueError:  # an integer of thousands of digits
        raise RuleError("rules: a number is too long.") from None
    rule = _rule(given, "rules", columns, 1)
    count = sum(1 for _ in leaves(rule))
    if count > MOST_RULES:
        raise RuleError(f"rules: {count} rules are too many, {MOST_RULES} can be asked at once.")
    return rule


def leaves(rule: Rule) -> Iterator[Leaf]:
    """Every comparison of the tree, from left to right."""
    match rule:
        case Leaf():
            yield rule
        case Not():
            yield from leaves(rule.rule)
        case Group():
            for part in rule.rules:
                yield from leaves(part)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise RuleError(f"rules: “{twice[:50]}” stands twice in one object.")
    return dict(pairs)


def _no_number(name: str) -> None:
    raise RuleError(f"rules: {name} is no number to compare with.")


def _rule(given: Any, place: str, columns: Mapping[str, Column], depth: int) -> Rule:
    if depth > DEEPEST:
        raise RuleError(f"{place}: nested deeper than {DEEPEST} levels.")
    if not isinstance(given, dict) or not given:
        raise RuleError(
            f'{place}: expected {{"all": […]}}, {{"any": […]}}, {{"not": …}} or a column, not {_said(given)}.'
        )
    if "column" in given:
        return _leaf(given, place, columns)
    if len(given) != 1:
        raise RuleError(f"{place}: one of all, any, not or column, not {', '.join(sorted(given))[:100]} together.")
    name, inner = next(iter(given.items()))
    if name == "not":
        return Not(_rule(inner, f"{place}.not", columns, depth + 1))
    if name not in GROUPS:
        raise RuleError(f"{place}: “{name[:50]}” is unknown. Use all, any, not or column.")
    if not isinstance(inner, list) or not inner:
        raise RuleError(f"{place}.{name}: expected a list with at least one rule, not {_said(inner)}.")
    if len(inner) > MOST_RULES:
        raise RuleError(f"{place}.{name}: {len(inner)} rules are too many, {MOST_RULES} can be asked at once.")
    parts = (_rule(part, f"{place}.{name}[{index}]", columns, depth + 1) for index, part in enumerate(inner))
    return Group(name == "all", tuple(parts))


def _leaf(given: dict[str, Any], place: str, columns: Mapping[str, Column]) -> Leaf:
    name = given["column"]
    if not isinstance(name, str) or name not in columns:
        raise RuleError(f"{place}: there is no column {_said(name)}. Known: {', '.join(sorted(columns))}.")
    column, place = columns[name], f"{place}.{name}"
    operators = [*OPERATORS[column.kind], *(["empty"] if column.empties else [])]
    asked = sorted(set(given) - {"column"})
    if len(asked) != 1 or asked[0] not in operators:
        raise RuleError(f"{place}: takes one of {', '.join(operators)}, not {', '.join(asked)[:100] or 'nothing'}.")
    operator = asked[0]
    place = f"{place}.{operator}"
    return Leaf(name, operator, _values(column, operator, given[operator], place), place)


def _values(column: Column, operator: str, given: Any, place: str) -> tuple[Value, ...]:
    if operator == "empty":
        return (_flag(given, place),)
    if operator == "contains":
        return (_text(given, place),)
    read = _READERS[column.kind]
    if operator == "between":
        if not isinstance(given, list) or len(given) != 2:
            raise RuleError(f"{place}: expected two values, the lowest and the highest, not {_said(given)}.")
        low, high = read(given[0], place), read(given[1], place)
        if low > high:  # type: ignore[operator]
            raise RuleError(f"{place}: the lowest, {low}, is above the highest, {high}.")
        return low, high
    wanted = given if isinstance(given, list) and operator == "is" else [given]
    if not 0 < len(wanted) <= MOST_VALUES:
        raise RuleError(f"{place}: {len(wanted)} values are given, 1 to {MOST_VALUES} can be asked at once.")
    values = tuple(read(value, place) for value in wanted)
    strange = [value for value in values if column.choices and value not in column.choices]
    if strange:
        raise RuleError(f"{place}: “{strange[0]}” is none of {', '.join(column.choices)}.")
    return values


def _text(given: Any, place: str) -> str:
    if not isinstance(given, str) or not given.strip() or "\x00" in given:
        raise RuleError(f"{place}: expected a text, not {_said(given)}.")
    if len(given) > LONGEST_VALUE:
        raise RuleError(f"{place}: {len(given)} characters are too many, {LONGEST_VALUE} can be compared.")
    return given.strip()


def _number(given: Any, place: str) -> float:
    try:
        if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
            raise RuleError(f"{place}: expected a number, not {_said(given)}.")
    except OverflowError:
        raise RuleError(f"{place}: the number {_said(given)} is too large.") from None
    return float(given)


def _day(given: Any, place: str) -> date:
    try:
        return date.fromisoformat(given)
    except (TypeError, ValueError):
        raise RuleError(f"{place}: expected a day such as 2026-05-04, not {_said(given)}.") from None


def _flag(given: Any, place: str) -> bool:
    if not isinstance(given, bool):
        raise RuleError(f"{place}: expected true or false, not {_said(given)}.")
    return given


def _said(given: Any) -> str:
    try:
        text = json.dumps(given, ensure_ascii=False)
    except (RecursionError, ValueError):
        return "that"
    return text if len(text) <= 60 else f"{text[:57]}…"


_READERS: dict[Kind, Callable[[Any, str], Value]] = {
    Kind.TEXT: _text,
    Kind.NAME: _text,
    Kind.CHOICE: _text,
    Kind.NUMBER: _number,
    Kind.DAY: _day,
    Kind.FLAG: _flag,
}
