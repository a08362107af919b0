"""What a script logs, as the API takes it; what it does not take is refused where it is logged."""

from __future__ import annotations

import json
import math
import operator
import re
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

import numpy as np

from lamm_client.errors import LammError

KEY = re.compile(r"[\w\-. :/]{1,250}")
MOST_WHOLE = 2**53 - 1
# Points of one key, step by step: (key, value) pairs, step, milliseconds since 1970, epoch.
Point = tuple[list[tuple[str, float]], int, int, float | None]


def checked_key(key: Any) -> str:
    """A key of a metric, parameter or tag. Raises LammError."""
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise LammError(f"{key!r} is no key. Use 1 to 250 letters, digits, and _ - . : / or blank.")
    return key


def metric_value(key: str, value: Any) -> float:
    """A number: of Python, NumPy, or anything with one element that turns into a float. Raises LammError."""
    try:
        return float(value.item() if isinstance(value, np.ndarray) else value)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise LammError(f"{key}: {value!r:.80} is no number. Log one number for each key.") from error


def whole(name: str, value: Any) -> int:
    """A step of up to 53 bits. Raises LammError."""
    try:
        number = operator.index(value)
    except TypeError as error:
        raise LammError(f"{name}: {value!r:.80} is no whole number.") from error
    if abs(number) > MOST_WHOLE:
        raise LammError(f"{name}: {number} has more than 53 bits.")
    return number


def epoch_value(epoch: Any) -> float | None:
    """A finite number, or None."""
    if epoch is None:
        return None
    number = metric_value("epoch", epoch)
    return number if math.isfinite(number) else None


def json_number(value: float) -> float | str:
    """JSON has no word for NaN and infinities; the API takes them as "NaN", "Infinity" and "-Infinity"."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def series_of(points: Iterable[Point]) -> list[dict[str, Any]]:
    """Points by columns, one series for each key, as `POST /api/runs/7/metrics/` takes them."""
    found: dict[str, dict[str, Any]] = {}
    for pairs, step, timestamp, epoch in points:
        for key, value in pairs:
            one = found.get(key)
            if one is None:
                one = found[key] = {"key": key, "values": [], "steps": [], "timestamps": [], "epochs": []}
            one["values"].append(json_number(value))
            one["steps"].append(step)
            one["timestamps"].append(timestamp)
            one["epochs"].append(epoch)
    return list(found.values())


def joined(batches: Iterable[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Series of several batches as one batch, the columns of a key behind each other."""
    found: dict[str, dict[str, Any]] = {}
    for batch in batches:
        for series in batch:
            one = found.setdefault(series["key"], {"key": series["key"]})
            for name in ("values", "steps", "timestamps", "epochs"):
                one.setdefault(name, []).extend(series[name])
    return list(found.values())


def plain(value: Any) -> Any:
    """A parameter as JSON has it: NumPy numbers and arrays as Python's, paths and unknown objects as their text,
    numbers that JSON has no word for as "NaN", "Infinity" and "-Infinity".
    """
    match value:
        case None | bool() | str() | int():
            return value
        case float():
            return json_number(float(value))
        case np.generic() | np.ndarray():
            return plain(value.tolist())
        case Mapping():
            return {str(name): plain(one) for name, one in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(one) for one in value]
        case PurePath():
            return str(value)
    return str(value)


def parameters_of(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters by key as JSON has them. Raises LammError naming a bad key, or a parameter that is too long."""
    found = {checked_key(key): plain(value) for key, value in parameters.items()}
    for key, value in found.items():
        length = len(value) if isinstance(value, str) else len(json.dumps(value))
        if length > 6000:
            raise LammError(f"The parameter {key} has {length:,} characters, 6,000 are allowed. Log it as an artifact.")
    return found


def tags_of(tags: Mapping[str, Any] | Iterable[str] | None) -> dict[str, str]:
    """Tags by key; plain words have an empty value. Raises LammError naming a bad key."""
    if tags is None:
        return {}
    if isinstance(tags, str):
        raise LammError(f"tags: {tags!r} is one text. Give a list of tags, or a dictionary.")
    pairs = tags.items() if isinstance(tags, Mapping) else ((tag, "") for tag in tags)
    return {checked_key(key): str(value) for key, value in pairs}
