"""Figures of dataset versions as pictures want them: bars of splits, and numbers by split. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from datasets.models import Split

UNPLACED = ""
SPLITS = (*Split.values, UNPLACED)
LABELS = {**dict(Split.choices), UNPLACED: "In no split yet"}
# What a row of numbers tells, with the filter that writes it.
MEASURES = (
    ("scenes", "Scenes", "count"),
    ("frames", "Frames", "count"),
    ("points", "Points", "count"),
    ("bytes", "Size", "bytes"),
    ("seconds", "Duration", "seconds"),
    ("drives", "Drives", "count"),
)


@dataclass(frozen=True)
class Segment:
    """A split's part of a bar, in per cent of its width."""

    split: str
    label: str
    count: int
    begin: float
    width: float


def segments(counts: Mapping[str, int]) -> list[Segment]:
    """The parts of a bar for counts by split, in the order train, val, test, none; empty ones are left out."""
    total, begin, found = sum(counts.get(split, 0) for split in SPLITS), 0.0, []
    for split in SPLITS:
        count = counts.get(split, 0)
        if count:
            width = 100 * count / total
            found.append(Segment(split or "none", str(LABELS[split]), count, round(begin, 3), round(width, 3)))
            begin += width
    return found


@dataclass(frozen=True)
class SplitFigures:
    """What one split holds, and the share asked and achieved in per cent of `balance["unit"]`."""

    name: str
    label: str
    counts: Mapping[str, float]
    asked: int | None
    achieved: float | None

    @property
    def missed(self) -> bool:
        """Whether the share differs from the asked one by more than 5 points."""
        return self.asked is not None and self.achieved is not None and abs(self.achieved - self.asked) > 5


def by_split(statistics: Mapping[str, Any]) -> list[SplitFigures]:
    """The splits with their numbers; scenes in no split come last and only where there are some."""
    balance = statistics["balance"]
    found = [
        SplitFigures(name, str(LABELS[name]), statistics["splits"][name], balance["asked"][name], achieved)
        for name, achieved in ((name, balance["achieved"][name]) for name in Split.values)
    ]
    rest = statistics["splits"][UNPLACED]
    return [*found, SplitFigures("none", LABELS[UNPLACED], rest, None, None)] if rest["scenes"] else found


@dataclass(frozen=True)
class Bar:
    """A class or a tag: its count in total, and its shares by split as parts of a bar of `width` per cent."""

    label: str
    colour: str
    total: int
    width: float
    parts: list[Segment]
    note: str = ""

    @property
    def missing(self) -> list[str]:
        """The splits that should hold some of it and hold none."""
        held = {part.split for part in self.parts}
        return [split for split in Split.values if split not in held] if held - {"none"} else []


def class_bars(statistics: Mapping[str, Any]) -> list[Bar]:
    """Points of each class that has any, by split; the bars are in proportion to the largest."""
    rows = [one for one in statistics["classes"] if one["points"]["total"]]
    largest = max((one["points"]["total"] for one in rows), default=1)
    return [
        Bar(
            label=one["name"],
            colour=one["colour"],
            total=one["points"]["total"],
            width=round(max(0.4, 100 * one["points"]["total"] / largest), 3),
            parts=segments(one["points"]),
            note="ignored" if one["ignored"] else "",
        )
        for one in rows
    ]


def tag_bars(statistics: Mapping[str, Any], most: int = 30) -> list[Bar]:
    """Scenes of the most used tags, by split."""
    rows: Sequence[Any] = statistics["tags"][:most]
    largest = max((one["scenes"]["total"] for one in rows), default=1)
    return [
        Bar(
            label=one["name"],
            colour="",
            total=one["scenes"]["total"],
            width=round(100 * one["scenes"]["total"] / largest, 3),
            parts=segments(one["scenes"]),
        )
        for one in rows
    ]
