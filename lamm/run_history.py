"""What happened to a run, from the audit trail: its states, facts, tags and artifacts, newest first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from experiments.models import Artifact, Run, RunStatus, RunTag
from lamm.history_words import DOORS, Change, changes, names_of

LIMIT = 100
LONGEST = 200


@dataclass(frozen=True)
class Event:
    """One line: when, what, by whom and through which door, why, which state it led to, and what changed."""

    when: datetime
    what: str
    by: str
    status: str = ""
    changes: Sequence[Change] = field(default_factory=tuple)


def run_events(run: Run, *, limit: int = LIMIT) -> tuple[list[Event], bool]:
    """The newest events of a run, its tags and its artifacts, and whether there are older ones; constant queries."""
    rows = _newest(Run.history.filter(id=run.pk), limit)
    tags = _newest(RunTag.history.filter(run_id=run.pk), limit)
    files = _newest(Artifact.history.filter(run_id=run.pk), limit)
    events = [*_run_events(rows), *_tag_events(tags), *_file_events(files)]
    events.sort(key=lambda event: event.when, reverse=True)
    return events[:limit], max(len(rows), len(tags), len(files), len(events)) > limit


def _newest(history: Any, limit: int) -> list[Any]:
    return list(history.select_related("history_user").order_by("-history_date", "-history_id")[: limit + 1])


def _run_events(rows: list[Any]) -> Iterable[Event]:
    names = names_of(rows)
    for row, older in zip(rows, [*rows[1:], None], strict=True):
        status = row.status if older is None or older.status != row.status else ""
        what = row.history_change_reason or (RunStatus(row.status).label if status else "Changed")
        if older is None:
            if row.history_type == "+":
                yield _event(row, what, status)
            continue
        found = [_short(one) for one in changes(older, row, names) if one.label not in ("Status", "Archived at")]
        yield _event(row, what, status, found)


def _short(change: Change) -> Change:
    cut = (text if len(text) <= LONGEST else f"{text[:LONGEST]}…" for text in (change.before, change.after))
    return Change(change.label, *cut)


def _tag_events(rows: list[Any]) -> Iterable[Event]:
    verbs = {"+": "set", "~": "changed", "-": "removed"}
    for row in rows:
        words = f"{row.key} = {row.value[:LONGEST]}" if row.value else row.key
        yield _event(row, f"Tag “{words}” {verbs[row.history_type]}")


def _file_events(rows: list[Any]) -> Iterable[Event]:
    verbs = {"+": "uploaded", "~": "replaced", "-": "removed"}
    for row in rows:
        yield _event(row, f"Artifact {row.path} {verbs[row.history_type]}")


def _event(row: Any, what: str, status: str = "", found: Sequence[Change] = ()) -> Event:
    who = f"by {row.history_user.get_username()}" if row.history_user else ""
    return Event(row.history_date, what, ", ".join(filter(None, [who, DOORS.get(row.door, row.door)])), status, found)


@dataclass(frozen=True)
class Phase:
    """A state that a run was in, from when to when (None: still)."""

    status: str
    label: str
    since: datetime
    until: datetime | None

    @property
    def seconds(self) -> float | None:
        return None if self.until is None else (self.until - self.since).total_seconds()


def phases(run: Run, *, most: int = 50) -> list[Phase]:
    """The states of a run one after the other, the newest `most`; one query."""
    rows = Run.history.filter(id=run.pk).order_by("-history_date", "-history_id")
    told = list(rows.values_list("status", "history_date")[:500])[::-1]
    firsts = [one for one, before in zip(told, [("", None), *told], strict=False) if one[0] != before[0]]
    ends = [*(when for _, when in firsts[1:]), None]
    found = []
    for (status, since), until in zip(firsts, ends, strict=True):
        found.append(Phase(status, RunStatus(status).label, since, None if until is None else until))
    return found[-most:]
