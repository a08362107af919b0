"""Statistics of a version, put together from what the database counted. Pure.

Every number is told for each split and in total; "" stands for scenes that are in no split yet.
"""

from collections.abc import Iterable, Mapping
from typing import Any

SPLITS = ("train", "val", "test", "")
COUNTED = (
    "scenes", "frames", "points", "bytes", "seconds", "drives", "unlabelled", "without_position", "without_frames",
    "quarantined_frames",
)  # fmt: skip
MOST_TAGS = 200


def together(
    *,
    splits: Iterable[tuple[Any, ...]],
    classes: Iterable[tuple[str, int, str, str, bool, str, int]],
    tags: Iterable[tuple[str, str, int]],
    asked: Mapping[str, int],
    unit: str,
) -> dict[str, Any]:
    """The statistics as they are stored and shown.

    `splits`: (split, *COUNTED) of each split and ("total", *COUNTED). `classes`: (ontology, index, name, colour,
    ignored, split, points). `tags`: (name, split, scenes). `asked`: percent by split; `unit`: scenes or frames.
    """
    counted = {split: dict.fromkeys(COUNTED, 0) for split in (*SPLITS, "total")}
    for split, *numbers in splits:
        counted[split] = dict(zip(COUNTED, numbers, strict=True))
    return {
        "total": counted.pop("total"),
        "splits": counted,
        "classes": _classes(classes),
        "tags": _tags(tags),
        "balance": balance(counted, asked, unit),
    }


def balance(counted: Mapping[str, Mapping[str, float]], asked: Mapping[str, int], unit: str) -> dict[str, Any]:
    """Percent of the scenes or frames that are in a split, asked and achieved, and the largest gap between the two."""
    placed = {split: counted[split][unit] for split in asked}
    total = sum(placed.values())
    achieved = {split: round(100 * count / total, 2) if total else 0.0 for split, count in placed.items()}
    worst = max((abs(achieved[split] - asked[split]) for split in asked), default=0.0) if total else 0.0
    return {"unit": unit, "asked": dict(asked), "achieved": achieved, "largest_gap": round(worst, 2)}


def _classes(rows: Iterable[tuple[str, int, str, str, bool, str, int]]) -> list[dict[str, Any]]:
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for ontology, index, name, colour, ignored, split, points in rows:
        told = {"ontology": ontology, "index": index, "name": name, "colour": colour, "ignored": ignored}
        entry = found.setdefault((ontology, index), {**told, "points": dict.fromkeys((*SPLITS, "total"), 0)})
        entry["points"][split] += int(points)
        entry["points"]["total"] += int(points)
    return [found[key] for key in sorted(found)]


def _tags(rows: Iterable[tuple[str, str, int]]) -> list[dict[str, Any]]:
    """The most used tags first."""
    found: dict[str, dict[str, int]] = {}
    for name, split, scenes in rows:
        entry = found.setdefault(name, dict.fromkeys((*SPLITS, "total"), 0))
        entry[split] += scenes
        entry["total"] += scenes
    ordered = sorted(found.items(), key=lambda pair: (-pair[1]["total"], pair[0]))
    return [{"name": name, "scenes": scenes} for name, scenes in ordered[:MOST_TAGS]]
