"""All history tables as one: found by one statement, page by page, and told in sentences.

The tables are united by UNION ALL, each branch walks its own index (scenes.audit.AuditedRecords) and stops at the
page's size. Pages are keyed by (time, table, row), so that each costs the same however far back it lies.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection, models
from django.db.models import OuterRef, Subquery
from django.urls import reverse

from lamm.history_words import DOORS, Change, Names, changes, names_of
from scenes.models import Comment, IngestJob, LabelSet, Scene, SceneTag, Tag

OUR_APPS = frozenset({"scenes", "datasets", "experiments", "registry", "uncertainty"})
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
Key = tuple[int, int, int]
# Objects that are found by the name of the scene they belong to: the column that holds it.
OF_A_SCENE: dict[type[models.Model], str] = {
    SceneTag: "content_object_id",
    LabelSet: "scene_id",
    IngestJob: "scene_id",
    Comment: "scene_id",
}


def audited_models() -> list[type[models.Model]]:
    """Every model with a history, in a fixed order: the place is the table's number in keys."""
    found = [model for model in apps.get_models() if model._meta.app_label in OUR_APPS and hasattr(model, "history")]
    return sorted(found, key=lambda model: model._meta.label)


@dataclass(frozen=True)
class AuditFilter:
    """What is looked for; empty means all. `person` None with `nobody` finds what the machine itself did."""

    kind: str = ""
    person: User | None = None
    nobody: bool = False
    door: str = ""
    since: datetime | None = None
    until: datetime | None = None
    about: str = ""
    reason: str = ""
    bulk: int | None = None


@dataclass(frozen=True)
class AuditRow:
    """One change of one object, in words. `key` is its place among all."""

    key: Key
    when: datetime
    kind: str
    object_name: str
    object_id: int
    url: str
    what: str
    person: str
    door: str
    reason: str
    request_id: str
    bulk: int | None
    changes: Sequence[Change] = field(default_factory=tuple)

    @property
    def why(self) -> str:
        """The reason without what the sentence says already."""
        return self.reason.removeprefix(self.what).removeprefix(": ")

    @property
    def by(self) -> str:
        who = f"by {self.person}" if self.person else ""
        return ", ".join(filter(None, [who, DOORS.get(self.door, self.door)]))


def find(wanted: AuditFilter, *, rows: int, before: Key | None = None, after: Key | None = None) -> list[AuditRow]:
    """Up to `rows` rows older than `before`, or the nearest ones newer than `after`, newest first."""
    keys = _keys(wanted, rows, before, after)
    return list(_told(keys))


def _keys(wanted: AuditFilter, rows: int, before: Key | None, after: Key | None) -> list[Key]:
    branches: list[str] = []
    parameters: list[Any] = []
    for place, model in enumerate(audited_models()):
        if wanted.kind and wanted.kind != model._meta.model_name:
            continue
        table = model.history.model._meta.db_table  # type: ignore[attr-defined]
        conditions, given = _conditions(wanted, model)
        edge, edges = _beyond(place, before, after)
        direction = "ASC" if after else "DESC"
        where = " AND ".join([*conditions, *edge]) or "true"
        branches.append(
            f"(SELECT history_date, {place} AS place, history_id FROM {table} h WHERE {where} "  # noqa: S608 - our names
            f"ORDER BY history_date {direction}, history_id {direction} LIMIT %s)"
        )
        parameters += [*given, *edges, rows]
    if not branches:
        return []
    united = " UNION ALL ".join(branches)
    order = ", ".join(f"{name} {direction}" for name in ("history_date", "place", "history_id"))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM ({united}) AS found ORDER BY {order} LIMIT %s", [*parameters, rows])  # noqa: S608
        keys = [((when - EPOCH) // MICROSECOND, place, pk) for when, place, pk in cursor.fetchall()]
    return keys[::-1] if after else keys


def _beyond(place: int, before: Key | None, after: Key | None) -> tuple[list[str], list[Any]]:
    """The condition of a branch that keeps what lies beyond the key; equal times are apart by table, then by row."""
    key = after or before
    if key is None:
        return [], []
    when = EPOCH + key[0] * MICROSECOND
    sign = ">" if after else "<"
    if place == key[1]:
        return [f"(history_date, history_id) {sign} (%s, %s)"], [when, key[2]]
    same = (place > key[1]) if after else (place < key[1])
    return [f"history_date {sign}{'=' if same else ''} %s"], [when]


def _conditions(wanted: AuditFilter, model: type[models.Model]) -> tuple[list[str], list[Any]]:
    simple = [
        ("history_user_id = %s", wanted.person and wanted.person.pk),
        ("door = %s", wanted.door),
        ("history_date >= %s", wanted.since),
        ("history_date < %s", wanted.until),
        ("history_change_reason ILIKE %s", wanted.reason and f"%{_literal(wanted.reason)}%"),
        ("bulk = %s", wanted.bulk),
    ]
    conditions = [(words, [value]) for words, value in simple if value not in (None, "")]
    if wanted.nobody:
        conditions.append(("history_user_id IS NULL", []))
    if wanted.about:
        conditions.append(_about(wanted.about, model))
    return [words for words, _ in conditions], [value for _, values in conditions for value in values]


def _about(about: str, model: type[models.Model]) -> tuple[str, list[Any]]:
    """Objects whose name contains the words now, or was exactly them then, or whose number it is."""
    column, named = OF_A_SCENE.get(model, "id"), Scene if model in OF_A_SCENE else model
    name = "scene_name" if model._meta.model_name == "upload" else "name"
    found: list[str] = []
    given: list[Any] = []
    if any(one.name == name for one in named._meta.fields):
        table, past = named._meta.db_table, named.history.model._meta.db_table  # type: ignore[attr-defined]
        found.append(f"{column} IN (SELECT id FROM {table} WHERE upper({name}::text) LIKE upper(%s))")  # noqa: S608
        found.append(f"{column} IN (SELECT id FROM {past} WHERE {name} = %s)")  # noqa: S608
        given += [f"%{_literal(about)}%", about]
    if about.isascii() and about.isdigit() and len(about) < 19:
        found.append("id = %s")
        given.append(int(about))
    return (f"({' OR '.join(found)})" if found else "false"), given


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _told(keys: list[Key]) -> Iterator[AuditRow]:
    """The rows in the order of the keys: two queries for each kind among them, one for each kind they point at."""
    places = audited_models()
    found: dict[tuple[int, int], Any] = {}
    older: dict[tuple[int, int], Any] = {}
    for place in sorted({place for _, place, _ in keys}):
        rows = _with_previous(places[place], [pk for _, at, pk in keys if at == place])
        found |= {(place, row.pk): row for row, _ in rows}
        older |= {(place, row.pk): previous for row, previous in rows if previous is not None}
    names = names_of([*found.values(), *older.values()])
    for key in keys:
        row = found.get(key[1:])
        if row is not None:
            yield _row(key, places[key[1]], row, older.get(key[1:]), names)


def _with_previous(model: type[models.Model], pks: list[int]) -> list[tuple[Any, Any]]:
    """History rows, each with the one before it of the same object."""
    history: Any = model.history  # type: ignore[attr-defined]
    earlier = history.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id")).order_by("-history_id")
    rows = list(
        history.filter(history_id__in=pks)
        .annotate(previous=Subquery(earlier.values("history_id")[:1]))
        .select_related("history_user")
    )
    previous = {row.pk: row for row in history.filter(history_id__in={row.previous for row in rows} - {None})}
    return [(row, previous.get(row.previous)) for row in rows]


def _row(key: Key, model: type[models.Model], row: Any, older: Any, names: Names) -> AuditRow:
    told = changes(older, row, names) if older is not None and row.history_type == "~" else []
    scene_id = getattr(row, OF_A_SCENE[model]) if model in OF_A_SCENE else row.id if model is Scene else None
    return AuditRow(
        key=key,
        when=row.history_date,
        kind=str(model._meta.verbose_name),
        object_name=_name(model, row, scene_id, names),
        object_id=row.id,
        url=reverse("scene", args=[scene_id]) if (scene_id and (Scene, scene_id) in names) or model is Scene else "",
        what=_what(model, row, told, names),
        person=row.history_user.get_username() if row.history_user else "",
        door=row.door,
        reason=row.history_change_reason or "",
        request_id=row.request_id,
        bulk=row.bulk,
        changes=told,
    )


def _name(model: type[models.Model], row: Any, scene_id: int | None, names: Names) -> str:
    if scene_id is not None and model is not Scene:
        return names.get((Scene, scene_id), f"scene {scene_id}, since removed")
    return str(getattr(row, "name", "") or getattr(row, "scene_name", "") or f"{model._meta.verbose_name} {row.id}")


VERBS = {"+": "created", "~": "changed", "-": "deleted"}


def _what(model: type[models.Model], row: Any, told: list[Change], names: Names) -> str:
    """The change as a sentence without its subject: Assigned to bea; Tag night added."""
    if model is SceneTag:
        tag = names.get((Tag, row.tag_id), "since deleted")
        return f"Tag {tag} {'removed' if row.history_type == '-' else 'added'}"
    if model is LabelSet:
        return f"Labels v{row.version} {VERBS[row.history_type]}"
    if model is IngestJob and row.history_type == "+":
        return f"Job {row.id} queued: {row.get_kind_display().lower()}"
    kind = str(model._meta.verbose_name)
    if row.history_type != "~":
        return f"{kind[:1].upper()}{kind[1:]} {VERBS[row.history_type]}"
    return _changed(told)


def _changed(told: list[Change]) -> str:
    by_label = {change.label: change for change in told}
    labeler = by_label.get("Labeler")
    status = by_label.get("Labeling status")
    if status:
        return f"Status {status.before} → {status.after}"
    if labeler:
        nobody = labeler.after == "\N{EN DASH}"
        return f"Taken from {labeler.before}" if nobody else f"Assigned to {labeler.after}"
    if len(told) == 1:
        return f"{told[0].label} {told[0].before} → {told[0].after}"
    return f"{len(told)} facts changed" if told else "Saved without a change that is told"
