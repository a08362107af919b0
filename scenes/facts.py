"""Facts that follow from other rows, held against these: the links' copies, the search texts, the classes present.

Triggers keep them in step; this is for the day when somebody switched these off, or restored half a backup.
"""

from dataclasses import dataclass

from django.db import connection, transaction

BATCH = 20_000


@dataclass(frozen=True)
class DerivedFact:
    """A derived column: the scenes of an id range where it is wrong, and the statement that mends such scenes."""

    name: str
    wrong: str
    mend: str


DERIVED = [
    DerivedFact(
        "tag links",
        """
        SELECT DISTINCT s.id FROM scenes_scene s JOIN scenes_scenetag l ON l.content_object_id = s.id
        WHERE s.id BETWEEN %s AND %s
            AND (l.status <> s.status OR l.max_uncertainty IS DISTINCT FROM s.max_frame_uncertainty)
        """,
        "SELECT scenes_write_links(%s::bigint[])",
    ),
    DerivedFact(
        "search texts",
        """
        SELECT line.scene_id FROM scenes_search_lines(array(SELECT id FROM scenes_scene WHERE id BETWEEN %s AND %s))
            AS line LEFT JOIN scenes_searchtext t USING (scene_id) WHERE t.text IS DISTINCT FROM line.line
        """,
        "SELECT scenes_write_search_text(%s::bigint[])",
    ),
    DerivedFact(
        "classes present",
        """
        SELECT line.scene_id FROM scenes_class_lines(array(SELECT id FROM scenes_scene WHERE id BETWEEN %s AND %s))
            AS line JOIN scenes_scene s ON s.id = line.scene_id WHERE s.class_ids <> line.class_ids
        """,
        "SELECT scenes_write_class_ids(%s::bigint[])",
    ),
]


def scene_id_ranges(batch: int = BATCH) -> list[tuple[int, int]]:
    """Ranges of ids, both ends included, that cover all scenes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(id), max(id) FROM scenes_scene")
        low, high = cursor.fetchone()
    return [] if low is None else [(start, start + batch - 1) for start in range(low, high + 1, batch)]


def wrong_scenes(fact: DerivedFact, first: int, last: int) -> list[int]:
    """The scenes with ids from first to last of which the fact is wrong."""
    with connection.cursor() as cursor:
        cursor.execute(fact.wrong, [first, last])
        return sorted(pk for (pk,) in cursor.fetchall())


@transaction.atomic
def mend(fact: DerivedFact, scenes: list[int]) -> None:
    """Derive the fact of these scenes again."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM scenes_scene WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [scenes])
        cursor.execute(fact.mend, [scenes])
