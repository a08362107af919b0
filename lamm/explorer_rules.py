"""The rules behind the explorer's advanced door: what the builder offers, and a rule in words."""

import json
from collections.abc import Iterable
from typing import Any

from scenes.filters.conditions import INGEST_CHOICES
from scenes.filters.rule_conditions import COLUMNS
from scenes.models import LabelingStatus, PositionState
from scenes.rules import OPERATORS, Kind

LABELS = {
    "name": "Scene ID",
    "status": "Labeling status",
    "tag": "Tags",
    "max_uncertainty": "Max frame uncertainty",
    "mean_uncertainty": "Avg. frame uncertainty",
    "source_model": "Uncertainty source model",
    "captured": "Date captured",
    "drive": "Drive",
    "labeler": "Labeler",
    "class": "Classes present",
    "used_in_training": "Used in training",
    "position": "GPS position",
    "duration": "Duration (s)",
    "points": "Points",
    "frames": "Frames",
    "size": "Size (bytes)",
    "priority": "Priority (1 low to 4 urgent)",
    "due": "Due",
    "overdue": "Overdue",
    "ingest": "Ingest",
    "thumbnail": "Has a picture",
    "created": "Added",
    "notes": "Notes",
}
WORDS = {
    "is": "is",
    "contains": "contains",
    "above": "above",
    "below": "below",
    "between": "between",
    "empty": "is empty",
}
DAY_WORDS = {**WORDS, "above": "after", "below": "before"}
NEGATED = {"is": "is not", "contains": "does not contain", "empty": "is not empty"}
YES_NO = [["true", "Yes"], ["false", "No"]]
MOST_CHARACTERS = 300


def _labels(choices: Iterable[tuple[Any, Any]]) -> list[list[str]]:
    return [[str(value), str(label)] for value, label in choices]


CHOICES = {
    "status": _labels(LabelingStatus.choices),
    "position": _labels(PositionState.choices),
    "ingest": _labels(INGEST_CHOICES),
}
KINDS = {Kind.NUMBER: "number", Kind.DAY: "day", Kind.CHOICE: "choice", Kind.FLAG: "flag"}


def builder() -> list[dict[str, Any]]:
    """What static/js/explorer/rules.js builds its conditions from: every column that rules know."""
    names = sorted(COLUMNS, key=lambda name: list(LABELS).index(name) if name in LABELS else len(LABELS))
    return [_column(name) for name in names]


def _column(name: str) -> dict[str, Any]:
    column = COLUMNS[name]
    operators = []
    for operator in (*OPERATORS[column.kind], *(["empty"] if column.empties else [])):
        operators.append([operator, _words(name)[operator]])
        if operator in NEGATED and column.kind is not Kind.FLAG:
            operators.append([f"not-{operator}", NEGATED[operator]])
    choices = YES_NO if column.kind is Kind.FLAG else CHOICES.get(name, [])
    label, kind = LABELS.get(name, name), KINDS.get(column.kind, "text")
    return {"name": name, "label": label, "kind": kind, "choices": choices, "operators": operators}


def rules_in_words(text: str) -> str:
    """Rules as a short sentence: "Points above 5000 and (Tags is empty or not Scene ID contains night)"."""
    try:
        words = _said(json.loads(text))
    except (ValueError, TypeError, KeyError, IndexError, RecursionError, StopIteration):
        return "not readable"
    return words if len(words) <= MOST_CHARACTERS else words[: MOST_CHARACTERS - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _said(rule: Any, inner: bool = False) -> str:
    if "not" in rule:
        return f"not {_said(rule['not'], inner=True)}"
    for group, word in (("all", " and "), ("any", " or ")):
        if group in rule:
            words = word.join(_said(part, inner=True) for part in rule[group])
            return f"({words})" if inner and len(rule[group]) > 1 else words
    return _leaf(rule)


def _leaf(rule: dict[str, Any]) -> str:
    column = rule["column"]
    operator = next(iter(set(rule) & set(WORDS)))
    label, words, value = LABELS.get(column, column), _words(column)[operator], rule[operator]
    if operator == "empty":
        return f"{label} is {'' if value else 'not '}empty"
    said = [_value(column, one) for one in (value if isinstance(value, list) else [value])]
    return f"{label} {words} {(' and ' if operator == 'between' else ' or ').join(said)}"


def _value(column: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        labels = {choice: label for choice, label in CHOICES.get(column, [])}  # noqa: C416 - pairs are lists here
        return labels.get(value, value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def _words(column: str) -> dict[str, str]:
    return DAY_WORDS if column in COLUMNS and COLUMNS[column].kind is Kind.DAY else WORDS
