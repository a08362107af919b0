"""The audit rows of a scene in words: what changed, from what to what, when, by whom, through which door."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lamm.history_words import DOORS, Change, Names, names_of, written
from scenes.models import LabelSet, Scene, SceneTag, Tag

LIMIT = 50
TOLD_FIELDS = {
    "name": "Scene ID",
    "status": "Labeling status",
    "labeler": "Labeler",
    "reviewer": "Reviewer",
    "due_on": "Due",
    "priority": "Priority",
    "drive": "Drive",
    "captured_at": "Date captured",
    "notes": "Notes",
    "frame_count": "Frames",
    "quarantined_count": "Quarantined frames",
    "point_count": "Points",
    "size_bytes": "Size",
    "duration_seconds": "Duration (s)",
    "position_state": "GPS",
    "position_problem": "Problem with GPS",
}


@dataclass(frozen=True)
class Entry:
    """One line of the history. `by` names the person, if one was logged in, and the change's door."""

    when: datetime
    what: str
    by: str
    reason: str
    changes: Sequence[Change] = field(default_factory=tuple)


def scene_history(scene: Scene, *, limit: int = LIMIT) -> tuple[list[Entry], bool]:
    """The newest entries about a scene, its tags and its label sets, newest first, and whether there are older ones."""
    rows = _newest(scene.history.all(), limit)
    links = _newest(SceneTag.history.filter(content_object_id=scene.pk), limit)
    labels = _newest(LabelSet.history.filter(scene_id=scene.pk), limit)
    entries = [*_scene_entries(rows), *_tag_entries(links), *_label_entries(labels)]
    entries.sort(key=lambda entry: entry.when, reverse=True)
    return entries[:limit], max(len(rows), len(links), len(labels), len(entries)) > limit


def _newest(history: Any, limit: int) -> list[Any]:
    """One row more than shown: the oldest shown one is compared with it."""
    return list(history.select_related("history_user").order_by("-history_date", "-history_id")[: limit + 1])


def _scene_entries(rows: list[Any]) -> Iterable[Entry]:
    names = names_of(rows)
    for row, older in zip(rows, [*rows[1:], None], strict=True):
        if row.history_type == "+":
            yield _entry(row, "Scene created")
        elif older is not None:
            changes = tuple(_changes(older, row, names))
            picture = row.thumbnail_id != older.thumbnail_id
            yield _entry(row, _headline(changes, picture=picture), changes)


def _headline(changes: Sequence[Change], *, picture: bool) -> str:
    if len(changes) == 1:
        return f"{changes[0].label} changed"
    if changes:
        return f"{len(changes)} facts changed"
    return "Picture rendered" if picture else "Saved without a change"


def _entry(row: Any, what: str, changes: Sequence[Change] = ()) -> Entry:
    who = f"by {row.history_user.get_username()}" if row.history_user else ""
    by = ", ".join(filter(None, [who, DOORS.get(row.door, row.door)]))
    return Entry(row.history_date, what, by, row.history_change_reason or "", changes)


def _changes(older: Any, newer: Any, names: Names) -> Iterable[Change]:
    for name, label in TOLD_FIELDS.items():
        model_field: Any = Scene._meta.get_field(name)
        before, after = getattr(older, model_field.attname), getattr(newer, model_field.attname)
        if before != after:
            yield Change(label, written(model_field, before, names), written(model_field, after, names))


def _tag_entries(links: list[Any]) -> Iterable[Entry]:
    names = Tag.objects.in_bulk({link.tag_id for link in links})
    for link in links:
        tag = names.get(link.tag_id)
        verb = "removed" if link.history_type == "-" else "added"
        yield _entry(link, f"Tag “{tag.name if tag else 'since deleted'}” {verb}")


def _label_entries(labels: list[Any]) -> Iterable[Entry]:
    verbs = {"+": "added", "~": "described anew", "-": "removed"}
    for row in labels:
        yield _entry(row, f"Labels v{row.version} {verbs[row.history_type]}")
