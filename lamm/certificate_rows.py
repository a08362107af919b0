"""A certificate as people read it: each check with what it found. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SPLITS = ("train", "val", "test")
# Which warnings belong to which check.
WARNINGS_OF = {
    "drives": ("shared-drives", "group-straddles"),
    "files": ("identical-files",),
    "time": ("time-gap",),
    "gps": ("gps-gap",),
    "shares": ("share-missed", "empty-split"),
    "balance": ("class-balance", "tag-balance"),
    "labels": ("unlabelled-scenes",),
    "positions": ("missing-gps",),
    "frames": ("scenes-without-frames", "quarantined-frames"),
}
TITLES = {
    "drives": "Drives in one split only",
    "files": "No file in two splits",
    "time": "Time between splits",
    "gps": "Distance between splits",
    "shares": "Shares as asked",
    "balance": "Classes and tags in every split",
    "labels": "Every scene has labels",
    "positions": "Every scene has a GPS position",
    "frames": "Every frame is there",
}


@dataclass(frozen=True)
class Warned:
    """A warning: its name, its words, and who acknowledged it, "" as long as nobody did."""

    name: str
    words: str
    person: str


@dataclass(frozen=True)
class Check:
    """What was looked at, what was found, and the warnings that came of it."""

    name: str
    title: str
    found: str
    warnings: list[Warned] = field(default_factory=list)
    details: list[str] = field(default_factory=list)


def checks(certificate: Mapping[str, Any]) -> list[Check]:
    """Every check of a certificate, also those that found nothing wrong; warnings of later releases come last."""
    people = {one["warning"]: one["person"] or "somebody" for one in certificate.get("acknowledged", [])}
    warned = {
        one["name"]: Warned(one["name"], one["words"], people.get(one["name"], "")) for one in certificate["warnings"]
    }
    found = []
    for name, title in TITLES.items():
        here = [warned.pop(one) for one in WARNINGS_OF[name] if one in warned]
        found.append(Check(name, title, _found(name, certificate), here, _details(name, certificate)))
    if warned:
        found.append(Check("others", "Other warnings", "", list(warned.values())))
    return found


def _found(name: str, told: Mapping[str, Any]) -> str:
    match name:
        case "drives":
            count, shared = told["drives"]["count"], len(told["drives"]["shared"])
            return f"{count:,} drives, {shared:,} in more than one split"
        case "files":
            count = told["identical_files"]["count"]
            return f"{count:,} files in more than one split" if count else "every file is in one split only"
        case "time":
            return _gap(told["time_gap"], "seconds", "s", told["time_gap"]["without_time"], "without a time")
        case "gps":
            return _gap(told["gps_gap"], "metres", "m", told["gps_gap"]["without_position"], "without a position")
        case "shares":
            asked, achieved = told["balance"]["asked"], told["balance"]["achieved"]
            parts = [f"{split} {achieved[split]:.1f} % of {asked[split]} %" for split in SPLITS]
            return f"{', '.join(parts)} of the {told['balance']['unit']}"
        case _:
            return ""


def _gap(gap: Mapping[str, Any], key: str, unit: str, unknown: int, words: str) -> str:
    left_out = f", {unknown:,} scenes {words} left out" if unknown else ""
    if gap[key] is None:
        return f"fewer than two splits to compare{left_out}"
    return f"{gap[key]:,.1f} {unit} at the least: {' and '.join(gap['scenes'])}{left_out}"


def _details(name: str, told: Mapping[str, Any]) -> list[str]:
    if name == "drives":
        return [f"{one['drive']}: {', '.join(one['splits'])}" for one in told["drives"]["shared"][:50]]
    if name == "files":
        return [
            f"{one['sha256'][:12]}: {', '.join('{scene} {frame} ({split})'.format(**use) for use in one['frames'])}"
            for one in told["identical_files"]["some"]
        ]
    return []
