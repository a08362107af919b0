"""The certificate of a version: what can be said of its splits, and what should worry a reader. Pure NumPy.

A warning has a name, by which somebody acknowledges it, and words. Nothing here hides one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
SPLITS = ("train", "val", "test")
EARTH_METRES = 6_371_008.8
CLOSE_SECONDS, CLOSE_METRES = 60.0, 50.0
MISSED_POINTS = 5.0
PAIRS_AT_ONCE = 4096
NAMED = 5


@dataclass(frozen=True)
class Gap:
    """The two scenes of different splits that are closest, by place in the input, and how far apart they are."""

    size: float
    one: int
    other: int


@dataclass(frozen=True)
class Facts:
    """What was found out about a version. `statistics` as datasets.statistics puts it together; lists name a few,
    counts say how many. `straddling`: groups in more than one split, as (drive, splits)."""

    statistics: Mapping[str, Any]
    drive_count: int
    straddling: Sequence[tuple[str, Sequence[str]]]
    identical_count: int
    identical: Sequence[tuple[str, Sequence[tuple[str, str, str]]]]
    time_gap: tuple[float, str, str] | None
    gps_gap: tuple[float, str, str] | None
    untimed: int
    drawn: Sequence[Mapping[str, str]]


def smallest_time_gap(starts: Floats, ends: Floats, splits: Sequence[str]) -> Gap | None:
    """Seconds between the closest recordings of different splits; 0 where they overlap. None: fewer than two splits.

    starts, ends: (n,) seconds. One pass in the order of the starts remembers, for each split, what ended last.
    """
    best: Gap | None = None
    last: dict[str, int] = {}
    for place in np.lexsort((ends, starts)).tolist():
        for split, before in last.items():
            if split == splits[place]:
                continue
            gap = Gap(max(0.0, float(starts[place] - ends[before])), before, place)
            best = gap if best is None or gap.size < best.size else best
        latest = last.get(splits[place])
        if latest is None or ends[place] > ends[latest]:
            last[splits[place]] = place
    return best


def smallest_distance(latitudes: Floats, longitudes: Floats, splits: Sequence[str]) -> Gap | None:
    """Metres along a great circle between the closest positions of different splits. None: fewer than two splits.

    WGS 84 degrees, (n,), on a sphere of the mean radius. Exact: pairs of sets are halved along their widest axis and
    left out when their boxes are farther apart than the best pair so far.
    """
    points = _on_unit_sphere(latitudes, longitudes)
    codes = np.array(splits)
    found = (np.inf, -1, -1)
    for first, second in ((0, 1), (0, 2), (1, 2)):
        one, other = (np.flatnonzero(codes == SPLITS[which]) for which in (first, second))
        if len(one) and len(other):
            found = _closest(points, one, other, found)
    chord, one_place, other_place = found
    if one_place < 0:
        return None
    return Gap(2 * EARTH_METRES * float(np.arcsin(min(1.0, chord / 2))), one_place, other_place)


def _on_unit_sphere(latitudes: Floats, longitudes: Floats) -> Floats:
    latitude, longitude = np.radians(latitudes), np.radians(longitudes)
    return np.column_stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)]
    )


def _closest(
    points: Floats, one: npt.NDArray[np.intp], other: npt.NDArray[np.intp], best: tuple[float, int, int]
) -> tuple[float, int, int]:
    """The closest pair of two sets of indices, or `best` when that is closer."""
    waiting = [(one, other)]
    while waiting:
        one, other = waiting.pop()
        if best[0] == 0 or _box_distance(points[one], points[other]) >= best[0]:
            continue
        if len(one) * len(other) <= PAIRS_AT_ONCE:
            between = np.linalg.norm(points[one][:, None] - points[other][None], axis=2)
            place = int(between.argmin())
            if between.flat[place] < best[0]:
                row, column = divmod(place, len(other))
                best = (float(between.flat[place]), int(one[row]), int(other[column]))
            continue
        pairs = (
            [(half, other) for half in _halves(points, one)]
            if len(one) >= len(other)
            else [(one, half) for half in _halves(points, other)]
        )
        # The nearer pair is looked at first: its best leaves out more of the rest.
        waiting += sorted(pairs, key=lambda pair: -_box_distance(points[pair[0]], points[pair[1]]))
    return best


def _halves(points: Floats, chosen: npt.NDArray[np.intp]) -> list[npt.NDArray[np.intp]]:
    here = points[chosen]
    axis = int(np.ptp(here, axis=0).argmax())
    order = np.argsort(here[:, axis], kind="stable")
    middle = len(order) // 2
    return [chosen[order[:middle]], chosen[order[middle:]]]


def _box_distance(one: Floats, other: Floats) -> float:
    apart = np.maximum(one.min(axis=0) - other.max(axis=0), other.min(axis=0) - one.max(axis=0))
    return float(np.linalg.norm(np.maximum(apart, 0)))


def written(facts: Facts) -> dict[str, Any]:
    """The certificate as it is stored and shown: facts, warnings, and whether the splits are clean.

    Clean: no drive and no file is in two splits.
    """
    return {
        "clean": not facts.straddling and not facts.identical_count,
        "drives": {
            "count": facts.drive_count,
            "shared": [{"drive": name, "splits": list(splits)} for name, splits in facts.straddling],
        },
        "identical_files": {
            "count": facts.identical_count,
            "some": [
                {"sha256": digest, "frames": [dict(zip(("scene", "frame", "split"), one, strict=True)) for one in uses]}
                for digest, uses in facts.identical
            ],
        },
        "time_gap": _gap(facts.time_gap, "seconds") | {"without_time": facts.untimed},
        "gps_gap": _gap(facts.gps_gap, "metres") | {"without_position": facts.statistics["total"]["without_position"]},
        "balance": facts.statistics["balance"],
        "drawn": [dict(one) for one in facts.drawn],
        "warnings": [{"name": name, "words": words} for name, words in _warnings(facts)],
    }


def _gap(found: tuple[float, str, str] | None, unit: str) -> dict[str, Any]:
    return {unit: round(found[0], 3), "scenes": list(found[1:])} if found else {unit: None, "scenes": []}


def _warnings(facts: Facts) -> list[tuple[str, str]]:
    found = [*_leaks(facts), *_gaps_in_data(facts.statistics), *_imbalances(facts.statistics)]
    found += [(one["name"], one["words"]) for one in facts.drawn if one["name"] == "group-straddles"]
    return found


def _leaks(facts: Facts) -> list[tuple[str, str]]:
    found = []
    if facts.straddling:
        names = _some([name for name, _ in facts.straddling])
        found.append(("shared-drives", f"{_drives(len(facts.straddling))} in more than one split: {names}."))
    if facts.identical_count:
        where = "; ".join(", ".join(f"{scene} {frame}" for scene, frame, _ in uses) for _, uses in facts.identical[:2])
        words = f"{facts.identical_count:,} files are in more than one split, byte by byte: {where}."
        found.append(("identical-files", words))
    if facts.time_gap is not None and facts.time_gap[0] < CLOSE_SECONDS:
        seconds, one, other = facts.time_gap
        found.append(("time-gap", f"{one} and {other} are in different splits and {seconds:.1f} s apart."))
    if facts.gps_gap is not None and facts.gps_gap[0] < CLOSE_METRES:
        metres, one, other = facts.gps_gap
        found.append(("gps-gap", f"{one} and {other} are in different splits and {metres:.0f} m apart."))
    return found


def _drives(count: int) -> str:
    return "1 drive is" if count == 1 else f"{count:,} drives are"


def _gaps_in_data(statistics: Mapping[str, Any]) -> list[tuple[str, str]]:
    total = statistics["total"]
    told = (
        ("unlabelled-scenes", total["unlabelled"], "have no labels of the dataset's ontology"),
        ("missing-gps", total["without_position"], "have no usable GPS position, so distances leave them out"),
        ("scenes-without-frames", total["without_frames"], "have no frames"),
    )
    found = [(name, f"{count:,} of {total['scenes']:,} scenes {words}.") for name, count, words in told if count]
    if total["quarantined_frames"]:
        found.append(("quarantined-frames", f"{total['quarantined_frames']:,} quarantined frames are left out."))
    return found


def _imbalances(statistics: Mapping[str, Any]) -> list[tuple[str, str]]:
    balance, used = statistics["balance"], [s for s in SPLITS if statistics["splits"][s]["scenes"]]
    found = []
    empty = [split for split in SPLITS if balance["asked"][split] and split not in used]
    if empty:
        found.append(("empty-split", f"{' and '.join(empty)} should hold scenes and hold none."))
    if balance["largest_gap"] > MISSED_POINTS:
        shares = ", ".join(f"{s} {balance['achieved'][s]:.0f} % (asked {balance['asked'][s]} %)" for s in SPLITS)
        found.append(("share-missed", f"The shares of {balance['unit']} are not those asked for: {shares}."))
    classes = [(one["name"], one["points"]) for one in statistics["classes"] if not one["ignored"]]
    tags = [(one["name"], one["scenes"]) for one in statistics["tags"]]
    for name, kind, counted in (("class-balance", "classes", classes), ("tag-balance", "tags", tags)):
        missing = [word for word, by in counted if by["total"] and any(not by[split] for split in used)]
        if missing and len(used) > 1:
            found.append((name, f"{len(missing):,} {kind} are missing from a split: {_some(missing)}."))
    return found


def _some(names: Sequence[str]) -> str:
    told = ", ".join(names[:NAMED])
    return told + (f" and {len(names) - NAMED:,} more" if len(names) > NAMED else "")
