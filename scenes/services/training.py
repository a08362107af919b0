"""Pushing down which scenes trained a model."""

from collections.abc import Iterable

from django.db import connection, transaction
from django.db.models import QuerySet

from scenes.models import Scene


@transaction.atomic
def record_training_use(*, scenes: QuerySet[Scene] | Iterable[int], used: bool = True) -> int:
    """Say of scenes, by ids or as a queryset, whether a training run used them; returns how many changed.

    Set-based: three statements for any number; scenes that are gone are left out. The runs are the source and have the
    history; the scene only says that there is one.
    """
    ids = list(scenes.order_by().values_list("pk", flat=True)) if isinstance(scenes, QuerySet) else list(scenes)
    with connection.cursor() as cursor:
        # In the order of ids, so that two records of the same scenes wait for each other.
        cursor.execute("SELECT 1 FROM scenes_scene WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [ids])
        cursor.execute(
            "UPDATE scenes_scene SET used_in_training = %s WHERE id = ANY(%s) AND used_in_training <> %s",
            [used, ids, used],
        )
        return int(cursor.rowcount)
