"""Undoing a batch of a bulk change: back to how its history says it was, where nobody has changed it since.

`bulk + 0` keeps the planner from walking all rows of a large change for each of its batches: the ids are few.
"""

from django.db import connection
from django.utils import timezone

from scenes.history_sets import record_history
from scenes.models import BulkChange, BulkKind, Scene, SceneTag
from scenes.services.bulk_sets import Outcome, by_ids, delete_links, locked

TOUCHED = "was changed since"
# What a kind of change sets, and what else has to be as it was for the old values to make sense.
RESTORED = {BulkKind.ASSIGN: ["labeler_id", "reviewer_id", "due_on", "priority"], BulkKind.SET_DRIVE: ["drive_id"]}
COMPARED = {BulkKind.ASSIGN: ["status", "status_since"], BulkKind.SET_DRIVE: []}


def undo(change: BulkChange, ids: list[int]) -> Outcome:
    """Scenes that the undone change left alone are not mentioned. `change` is the undo itself."""
    done = change.undo_of
    assert done is not None
    outcome = Outcome()
    found = locked(ids, outcome)
    if done.kind in (BulkKind.ADD_TAGS, BulkKind.REMOVE_TAGS):
        return _undo_tags(change, done, found, outcome)
    return _undo_facts(change, done, found, outcome)


def _undo_tags(change: BulkChange, done: BulkChange, ids: list[int], outcome: Outcome) -> Outcome:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT h.history_type, h.id, h.tag_id, h.content_object_id, EXISTS (
                SELECT FROM scenes_historicalscenetag later WHERE later.history_id > h.history_id
                AND later.tag_id = h.tag_id AND later.content_object_id = h.content_object_id)
                OR NOT EXISTS (SELECT FROM scenes_tag WHERE id = h.tag_id) AS touched
            FROM scenes_historicalscenetag h WHERE h.bulk + 0 = %s AND h.content_object_id = ANY(%s)
            ORDER BY h.content_object_id, h.tag_id
            """,
            [done.pk, ids],
        )
        rows = cursor.fetchall()
    outcome.skip(TOUCHED, sorted({scene for *_, scene, touched in rows if touched}))
    kept = [row[:4] for row in rows if not row[4]]
    _take_away(change, [link for kind, link, _, _ in kept if kind == "+"])
    _give_back(change, [(tag, scene) for kind, _, tag, scene in kept if kind == "-"])
    outcome.changed = len({scene for *_, scene in kept})
    return outcome


def _take_away(change: BulkChange, links: list[int]) -> None:
    if links:
        record_history(by_ids(SceneTag, links), by=change.actor, reason=change.reason, kind="-")
        delete_links(links)


def _give_back(change: BulkChange, pairs: list[tuple[int, int]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO scenes_scenetag (tag_id, content_object_id)
            SELECT * FROM unnest(%s::bigint[], %s::bigint[]) ON CONFLICT DO NOTHING RETURNING id
            """,
            [[tag for tag, _ in pairs], [scene for _, scene in pairs]],
        )
        links = [link for (link,) in cursor.fetchall()]
    if links:
        record_history(by_ids(SceneTag, links), by=change.actor, reason=change.reason, kind="+")


def _undo_facts(change: BulkChange, done: BulkChange, ids: list[int], outcome: Outcome) -> Outcome:
    """One UPDATE from the history rows just before those of the bulk change."""
    kind = BulkKind(done.kind)
    values = ", ".join(f"{name} = before.{name}" for name in RESTORED[kind])
    names = [*RESTORED[kind], *COMPARED[kind]]
    same = " AND ".join(f"s.{name} IS NOT DISTINCT FROM h.{name}" for name in names)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE scenes_scene s SET {values}, updated_at = %s
            FROM scenes_historicalscene h CROSS JOIN LATERAL (
                SELECT * FROM scenes_historicalscene earlier
                WHERE earlier.id = h.id AND earlier.history_id < h.history_id
                ORDER BY earlier.history_id DESC LIMIT 1) AS before
            WHERE s.id = h.id AND h.bulk + 0 = %s AND h.id = ANY(%s) AND {same} RETURNING s.id
            """,  # noqa: S608 - names from the tables above only
            [timezone.now(), done.pk, ids],
        )
        restored = {pk for (pk,) in cursor.fetchall()}
        cursor.execute("SELECT id FROM scenes_historicalscene WHERE bulk + 0 = %s AND id = ANY(%s)", [done.pk, ids])
        changed = {pk for (pk,) in cursor.fetchall()}
    if restored:
        record_history(by_ids(Scene, sorted(restored)), by=change.actor, reason=change.reason)
    outcome.skip(TOUCHED, sorted(changed - restored))
    outcome.changed = len(restored)
    return outcome
