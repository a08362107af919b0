"""What a bench says: figures beside the limit that was measured in the same run."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figure:
    """One line of a report: a value, the limit measured beside it, their ratio, and the target for the ratio."""

    name: str
    value: float
    unit: str
    limit: float
    ratio: float
    target: float
    ok: bool


def at_least(name: str, value: float, unit: str, limit: float, target: float) -> Figure:
    """A speed that should reach `target` times the limit."""
    return Figure(name, value, unit, limit, value / limit, target, value / limit >= target)


def at_most(name: str, value: float, unit: str, limit: float, target: float) -> Figure:
    """A time or size that should stay within `target` times the limit."""
    return Figure(name, value, unit, limit, value / limit, target, value / limit <= target)


def arguments(description: str | None) -> argparse.ArgumentParser:
    """The options that every bench has."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON line per figure")
    return parser


def report(figures: Iterable[Figure], *, as_json: bool) -> None:
    """Print the figures: a table for people, or one JSON line each."""
    if as_json:
        for figure in figures:
            print(json.dumps(asdict(figure)))
        return
    print(f"{'':32} {'value':>14} {'limit':>14} {'ratio':>7} {'target':>7}")
    for one in figures:
        mark = "ok" if one.ok else "MISSED"
        numbers = f"{one.value:14,.1f} {one.limit:14,.1f} {one.ratio:7.2f} {one.target:7.2f}"
        print(f"{one.name:32} {numbers} {mark} ({one.unit})")
